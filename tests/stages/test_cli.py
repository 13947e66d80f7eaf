import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch
from commands import as_command, interrupted, options_of

from facerec.cli import COMMANDS, STAGES
from stages.cli import read_metrics, run, write_metrics

ROOT = Path(__file__).parents[2]
SLEEPS = """
import time
from stages.cli import run
def work(name: str) -> None:
    print("begun", flush=True)
    time.sleep(60)
run(work)
"""


def python(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(
    "content", [b"", b'{"a": 1', b'{"a": "x"}', b"[1]", b"\xff\xfe\xff", b"[" * 100_000]
)
def test_damaged_metrics_are_named(tmp_path, content):
    write_metrics(tmp_path / "m.json", {"a": 1, "b": 0.5})
    assert read_metrics(tmp_path / "m.json") == {"a": 1, "b": 0.5}
    (tmp_path / "m.json").write_bytes(content)
    with pytest.raises(
        ValueError, match=r"m\.json: (not JSON: |expected a flat object of numbers)"
    ):
        read_metrics(tmp_path / "m.json")


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_explains_itself(stage):
    result = as_command(ROOT, "facerec", "stages", stage, "--help")
    assert result.returncode == 0 and "output:" in result.stdout and "Usage" in result.stdout


@pytest.mark.parametrize("command", [["facerec", "stages"], ["stages"]])
def test_the_stages_are_listed_in_their_order(command):
    result = python("-m", *command, "--help")
    places = [result.stdout.index(f" {stage} ") for stage in STAGES]
    assert places == sorted(places)


def test_the_command_forwards_its_arguments_to_a_stage():
    result = python("-m", "facerec", "protocol", "none.txt", "images", "--hourglass", "none.pt")
    assert (result.returncode, result.stderr) == (1, "error: none.txt: No such file or directory\n")
    help_text = python("-m", "facerec", "stages", "crop", "--help").stdout
    assert "facerec stages crop [OPTIONS]" in help_text and "--cropped-landmarks" in help_text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name):
    result = as_command(ROOT, "facerec", name, "--help")
    assert result.returncode == 0, result.stderr
    assert f"facerec {name} [OPTIONS]" in " ".join(result.stdout.split())
    assert "DAG" not in result.stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("facerec ident", ["identify"]),
        ("facerec enroll --sev", ["--several"]),
        ("facerec enroll --several ", ["alike", "largest", "skip"]),
        ("facerec stages cro", ["crop"]),
        ("facerec stages crop --cropped-l", ["--cropped-landmarks"]),
    ],
)
def test_the_shell_completes_commands_and_their_options(words, offered):
    environment = {
        **os.environ,
        "_FACEREC_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    script = "import sys; from facerec.cli import main; sys.argv = ['facerec']; main()"
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.stdout.split() == offered


def test_a_mistyped_command_is_answered_with_the_right_one():
    result = python("-m", "facerec", "identfy", "x")
    assert result.returncode == 2 and "Did you mean 'identify'?" in result.stderr


def test_the_command_imports_no_stage_before_it_runs_one():
    script = """
import sys
from facerec.cli import main
sys.argv = ["facerec", "stages", "--help"]
try:
    main()
except SystemExit:
    print({name for name in sys.modules if name.split(".")[0] in {"stages", "torch"}})
"""
    assert python("-c", script).stdout.endswith("{'stages'}\n")


@pytest.mark.parametrize("name", ["enroll", "identify", "verify", "annotate"])
def test_help_of_a_command_needs_no_library_that_is_slow_to_import(name):
    script = f"""
import sys
from facerec.cli import main
sys.argv = ["facerec", "{name}", "--help"]
try:
    main()
except SystemExit:
    slow = {{"torch", "cv2", "onnxruntime", "pandas", "scipy", "sklearn", "dvc"}}
    print(slow & set(sys.modules))
"""
    assert python("-c", script).stdout.endswith("set()\n")


def test_ctrl_c_ends_a_stage_with_one_line():
    assert interrupted(SLEEPS) == (130, "interrupted\n")


def test_bad_input_is_one_line_without_a_traceback_unless_one_asks_for_it(monkeypatch):
    names = ("wild", "openset", "landmarks_only", "photographs", "cropped", "cropped_landmarks")
    command = [
        "-m",
        "stages.crop",
        *options_of({**dict.fromkeys(names, "x"), "selected": "none.csv"}),
    ]
    result = python(*command)
    assert (result.returncode, result.stderr) == (1, "error: none.csv: no such file\n")
    monkeypatch.setenv("DEBUG", "1")
    result = python(*command)
    assert (
        result.returncode == 1
        and "Traceback" in result.stderr
        and "none.csv: no such file" in result.stderr
    )


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (MemoryError(), "error: out of memory"),
        (torch.OutOfMemoryError("CUDA out of memory"), "error: out of memory; a smaller batch"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "error: out of memory"),
        (OSError(28, "No space left on device"), "error: [Errno 28] No space left on device"),
    ],
)
def test_what_the_machine_lacks_is_said_in_one_line(raised, words, monkeypatch, capfd):
    def main() -> None:
        raise raised

    monkeypatch.setattr(sys, "argv", ["stage"])
    with pytest.raises(SystemExit) as ended:
        run(main)
    errors = capfd.readouterr().err
    assert ended.value.code == 1 and errors.startswith(words) and errors.count("\n") == 1


def test_an_error_of_ours_keeps_its_traceback():
    result = python(
        "-c",
        "from stages.cli import run\ndef main() -> None:\n    raise RuntimeError('bug')\nrun(main)",
    )
    assert result.returncode == 1 and "Traceback" in result.stderr


def test_a_worker_killed_for_memory_is_reported_as_that(tmp_path):
    shutil.copy(ROOT / "profiles/base.yaml", tmp_path / "params.yaml")
    names = ["images", "identity", "boxes", "landmarks", "attributes", "truth"]
    outputs = [word for name in names for word in (f"--{name}", name)]
    process = subprocess.Popen(
        [sys.executable, "-m", "stages.synthesize", *outputs],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "FACEREC_WORKERS": "2"},
        text=True,
        stderr=subprocess.PIPE,
    )
    workers: list[psutil.Process] = []
    while len(workers) < 2:
        assert process.poll() is None
        workers = [
            one
            for one in psutil.Process(process.pid).children()
            if "stages.synthesize" in one.cmdline()
        ]
    workers[0].kill()
    errors = process.communicate()[1]
    assert (process.returncode, errors.count("\n")) == (1, 1)
    assert errors.startswith(
        "error: a worker process died: killed by the system, most likely for memory"
    )
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "params.yaml"]
    assert not [path for path in files if path.suffix != ".jpg"]  # no table, nothing partial
    assert not [one for one in workers if one.is_running()]
