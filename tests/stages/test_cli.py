import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest
import torch
from commands import as_command

from stages.__main__ import STAGES
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
IMPORTS = """
import time
print("begun", flush=True)
try:
    time.sleep(60)
except BaseException:
    raise ImportError("a bad install")  # as numpy's modules in C say
"""
ENDS = """
import atexit, time
from stages.cli import run
def last() -> None:
    print("begun", flush=True)
    time.sleep(60)
atexit.register(last)
def work(name: str) -> None:
    pass
run(work)
"""
HOLDS = """
import atexit
from stages.cli import run
class Held:
    def __del__(self) -> None:
        print("torn down")
held = Held()
atexit.register(print, "closed")
def work(name: str) -> None:
    print("done")
    if name == "bad":
        raise ValueError("bad")
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
    result = as_command(ROOT, f"stages.{stage}", "--help")
    assert result.returncode == 0 and "output:" in result.stdout and "Usage" in result.stdout


def test_the_stages_are_listed_in_their_order():
    result = python("-m", "stages", "--help")
    places = [result.stdout.index(f" {stage} ") for stage in STAGES]
    assert places == sorted(places)


def stage_of(code: str, folder: Path) -> list[str]:
    """Returns the command of a stage with such code."""
    package = folder / "package"
    package.mkdir()
    (package / "__init__.py").write_text("import stages")
    (package / "stage.py").write_text(code)
    return [sys.executable, "-m", "package.stage"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [(SLEEPS, 130), (IMPORTS, -signal.SIGINT), (ENDS, -signal.SIGINT)],
    ids=["at work", "importing", "ending"],
)
def test_an_interrupted_stage_ends_at_once_with_one_line(tmp_path, code, expected):
    """130 is what a shell makes of the signal too."""
    process = subprocess.Popen(
        [*stage_of(code, tmp_path), "x"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=partial(
            signal.signal, signal.SIGINT, signal.SIG_DFL
        ),  # a test run in the background ignores it
    )
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (expected, "interrupted\n")


@pytest.mark.parametrize(("name", "expected"), [("good", (0, "")), ("bad", (1, "error: bad\n"))])
def test_a_stage_ends_without_being_torn_down_when_ctrl_c_would_end_it_without_a_word(
    tmp_path, name, expected
):
    command, environment = (
        [*stage_of(HOLDS, tmp_path), name],
        {**os.environ, "PYTHONPATH": str(ROOT)},
    )
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == expected
    assert result.stdout == "done\nclosed\n"


def test_bad_input_is_one_line_without_a_traceback_unless_one_asks_for_it(monkeypatch):
    command = ["-m", "stages.crop", "none.csv", "b", "c", "d", "e", "f", "g"]
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
    assert errors.startswith("error: a worker process was killed, most likely for memory")
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "params.yaml"]
    assert not [path for path in files if path.suffix != ".jpg"]  # no table, nothing partial
    assert not [one for one in workers if one.is_running()]


@pytest.mark.parametrize(
    ("work", "code", "said"),
    [
        (
            "os.kill(os.getpid(), 11)",
            -11,
            "the stage crashed: Fatal Python error: Segmentation fault",
        ),
        ("os.abort()", -6, "the stage crashed: Fatal Python error: Aborted"),
        (
            "list(parallel_map(crash, range(99), None, processes=True))",
            1,
            "a worker process crashed: SIGSEGV, in a library, perhaps at a damaged photograph",
        ),
    ],
    ids=["segmentation fault", "abort", "worker"],
)
def test_a_crash_is_not_called_a_want_of_memory(work, code, said, monkeypatch):
    monkeypatch.setenv("FACEREC_WORKERS", "2")
    head = "import os\nfrom facerec.parallel import parallel_map\nfrom stages.cli import run\n"
    head += "def crash(_):\n    os.kill(os.getpid(), 11)\n"
    result = python("-c", f"{head}def main() -> None:\n    {work}\nrun(main)")
    assert (result.returncode, result.stderr) == (code, f"error: {said}\n")


@pytest.mark.parametrize("workers", [0, 3])
def test_a_stage_killed_for_memory_is_reported_as_that_and_its_workers_end_with_it(workers):
    """The kernel kills without a word, and DVC says no more than `exited with -9`.

    A worker that lived on would hold the end of the pipe for which this test waits.
    """
    work = (
        f"with process_pool({workers}) as pool:\n        list(pool.map(abs, range(99)))\n        "
        if workers
        else ""
    )
    code = "import os\nfrom facerec.parallel import process_pool\nfrom stages.cli import run\n"
    result = python(
        "-c", f"{code}def main() -> None:\n    {work}os.kill(os.getpid(), 9)\nrun(main)"
    )
    assert result.returncode == -signal.SIGKILL
    words = "the stage was killed, most likely for memory; a smaller batch or FACEREC_WORKERS=1 takes less"
    assert result.stderr == f"error: {words}\n"
