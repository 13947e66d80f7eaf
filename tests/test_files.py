"""Files appear under their final name whole or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from facerec.files import write_bytes

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("fault", [KeyboardInterrupt, SystemExit, OSError(28, "No space left")])
def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch, fault):
    def fail(*_):
        raise fault

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(fault if isinstance(fault, type) else OSError):
        write_bytes(tmp_path / "a.csv", b"a")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_names_the_file(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left", "partial")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match=r"No space left: '.*/new/a\.csv'"):
        write_bytes(tmp_path / "new/a.csv", b"a")


def test_a_process_killed_while_it_writes_leaves_the_former_file(tmp_path):
    path = tmp_path / "a.csv"
    write_bytes(path, b"former")
    script = f"""
import os
from pathlib import Path
from facerec.files import write_bytes
Path.replace = lambda *_: os.kill(os.getpid(), 9)
write_bytes(Path({str(path)!r}), b"new")
"""
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT).returncode == -9
    assert path.read_bytes() == b"former"
    write_bytes(path, b"newer")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"newer"]
