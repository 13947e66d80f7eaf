"""`make timings`, on a pipeline of two stages with known time and memory."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tools.timings import MIB, Run, Stage, copy_tree, markdown, timed

ROOT = Path(__file__).parents[2]
HOLDS = "import time; held = bytearray(%d * 2**20); time.sleep(%s); open('%s', 'w').write('x')"


@pytest.fixture
def repository(tmp_path):
    stages = {
        "small": {"cmd": f'python -c "{HOLDS % (1, 0.5, "a")}"', "outs": ["a"]},
        "large": {"cmd": f'python -c "{HOLDS % (300, 1, "b")}"', "deps": ["a"], "outs": ["b"]},
    }
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["dvc", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


def test_timed_measures_each_stage_and_dvc_itself(repository):
    run = timed(repository)
    assert list(run.stages) == ["small", "large"] and (repository / "b").read_text() == "x"
    small, large = run.stages.values()
    assert large.peak - small.peak > 200 * MIB
    assert large.seconds > 0.9 and small.seconds > 0.4  # they sleep a little longer
    assert run.overhead > 0 and run.seconds > large.seconds + small.seconds


def test_a_failed_run_is_an_error(repository):
    (repository / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"bad": {"cmd": "false"}}}))
    with pytest.raises(ValueError, match="dvc repro"):
        timed(repository)


def test_copy_has_tracked_and_new_files_but_no_results(tmp_path):
    source, copy = tmp_path / "a", tmp_path / "b"
    for name in ("kept.py", "new.py", "gone.py", "dvc.lock", "data/drawn.jpg", "models/other.pt"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    (source / ".gitignore").write_text("/data/\n/models/\n")
    params = {"dataset": {"images": "data"}, "recognizer": {"weights_file": "models/other.pt"}}
    (source / "params.yaml").write_text(
        yaml.safe_dump({**params, "synthesize": {"runs": ["synthetic"]}})
    )
    command = "git init -q && git add kept.py gone.py dvc.lock && rm gone.py"
    subprocess.run(command, cwd=source, shell=True, check=True)
    copy.mkdir()
    copy_tree(source, copy)
    files = {
        str(path.relative_to(copy))
        for path in copy.rglob("*")
        if path.is_file() and ".git/" not in str(path)
    }
    assert files == {".gitignore", "kept.py", "new.py", "params.yaml", "models/other.pt"}
    (source / "params.yaml").write_text(yaml.safe_dump({**params, "synthesize": {"runs": []}}))
    (real := tmp_path / "c").mkdir()
    copy_tree(source, real)
    assert (real / "data/drawn.jpg").read_text() == "data/drawn.jpg"


def test_table_has_the_median_and_range_of_several_runs():
    runs = [
        Run(seconds, {"select": Stage(seconds - 1, int(seconds) * MIB)})
        for seconds in (4.0, 9.0, 5.0)
    ]
    table = markdown(runs, ["processor: a"])
    assert "| select | 4.0 (3.0–8.0) | 5 (4–9) |" in table
    assert "| DVC itself | 1.0 (1.0–1.0) |  |" in table
    assert "| **all** | 5.0 (4.0–9.0) | 5 (4–9) |" in table
    assert "- processor: a" in table and "| select | 3.0 | 4 |" in markdown(runs[:1], [])
