"""The record of what each stage took."""

import json
import subprocess
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from facerec import run_record
from facerec.parallel import parallel_map
from facerec.run_record import MIB, count_faces, recorded
from stages.cli import run


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_record, "INTERVAL", 0.01)
    return tmp_path


def record(stage="crop"):
    return json.loads(Path(f".runs/{stage}.json").read_text())


def hold_memory(mib):
    held = np.ones(mib * MIB, np.uint8)
    time.sleep(0.2)  # so that it is seen
    return len(held)


def test_it_says_what_ran_where_and_how_many_faces():
    with recorded("crop"):
        count_faces(7)
    values = record()
    assert (values["stage"], values["faces"], values["commit"]) == ("crop", 7, "none")
    assert values["seconds"] > 0 and values["peak_mib"] > 0
    assert values["machine"].endswith("cores") and values["processor"] and values["gpu"]
    assert datetime.fromisoformat(values["finished"]).tzinfo is not None
    with recorded("publish"):
        pass
    assert "faces" not in record("publish")  # not those of the stage before


def test_memory_is_the_peak_and_counts_worker_processes(monkeypatch):
    with recorded("before"):
        pass
    with recorded("alone"):
        hold_memory(300)
    monkeypatch.setenv("FACEREC_WORKERS", "2")
    with recorded("workers"):
        list(parallel_map(hold_memory, [300, 300], None, processes=True))
    before, alone, workers = (record(name)["peak_mib"] for name in ("before", "alone", "workers"))
    assert 200 < alone - before < 400
    assert workers - before > 200  # its workers hold it, not it


def test_a_stage_that_fails_leaves_no_record_of_itself_or_of_an_earlier_run():
    with recorded("crop"):
        pass
    assert record()
    with pytest.raises(ValueError, match="bad"), recorded("crop"):
        raise ValueError("bad")
    assert not Path(".runs/crop.json").exists()


def test_a_record_that_cannot_be_written_does_not_fail_the_stage(capsys):
    Path(".runs").write_text("a file in the folder's place")
    with recorded("crop"):
        pass
    assert capsys.readouterr().err.startswith("no record of what this stage took: ")


def test_a_stage_has_a_record_only_when_dvc_runs_it(monkeypatch):
    def main() -> None:
        pass

    monkeypatch.delenv("DVC_STAGE", raising=False)
    with pytest.raises(SystemExit):
        run(main, [])
    assert not Path(".runs").exists()
    monkeypatch.setenv("DVC_STAGE", "dvc.yaml:train_recognizer@ce")
    with pytest.raises(SystemExit):
        run(main, [])
    assert record("train_recognizer@ce")["stage"] == "train_recognizer@ce"


def test_the_commit_is_dirty_by_what_the_run_reads_and_not_by_what_it_writes(folder):
    names = ["params.yaml", "dvc.lock", "metrics/a.json"]
    for name in names:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("1")
    commands = "git init -q && git add . && git -c user.name=t -c user.email=t@t commit -qm a"
    subprocess.run(commands, shell=True, check=True)
    clean = run_record.commit()
    assert len(clean) >= 7 and "dirty" not in clean
    for name in names[1:]:
        Path(name).write_text("2")
    assert run_record.commit() == clean
    Path(names[0]).write_text("2")
    assert run_record.commit() == f"{clean}-dirty"
