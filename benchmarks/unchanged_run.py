"""`dvc repro` with nothing changed against `dvc status`, in a repository of its own with this DAG's folders."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from benchmarks.measure import Measured, alternate, speed_of

# The stages that read and write folders of photographs, and what their commands stand for: a copy.
FOLDERS = {"select": "raw", "crop": "selected", "align": "cropped", "train": "aligned"}
OUTPUTS = {"select": "selected", "crop": "cropped", "align": "aligned", "train": "model"}
CONFIG = "[core]\n    no_scm = True\n[cache]\n    type = reflink,hardlink,copy\n"
COPY = "python -c \"import shutil; shutil.copytree('{source}', '{target}')\""


def unchanged(photographs: int, repeats: int) -> Measured:
    """Returns the time of `dvc status` over that of `dvc repro`, turned over: repro takes so many times as long.

    Args:
        photographs: in each of four folders.
        repeats: of each.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_repository(root, photographs)
        _dvc(root, "repro", "--quiet")
        status, repro = (speed_of(lambda name=name: _dvc(root, name, "--quiet"), 1) for name in ("status", "repro"))
        found = alternate(status, repro, "runs", repeats, first=False)
    return Measured(found.ratios, f"repro {_seconds(found.other)}", f"status {_seconds(found.ours)}")


def make_repository(root: Path, photographs: int) -> None:
    """Writes a DVC repository whose stages copy a folder of so many small files from one to the next."""
    (root / "raw").mkdir()
    for number in range(photographs):
        (root / "raw" / f"{number:06d}.jpg").write_bytes(b"\xff\xd8" + number.to_bytes(4, "big") * 500)
    stages = {
        name: {
            "cmd": COPY.format(source=FOLDERS[name], target=OUTPUTS[name]),
            "deps": [FOLDERS[name]],
            "outs": [OUTPUTS[name]],
        }
        for name in FOLDERS
    }
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text(CONFIG)


def _dvc(root: Path, *words: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1"}
    subprocess.run([sys.executable, "-m", "dvc", *words], cwd=root, env=environment, check=True, capture_output=True)


def _seconds(speed: str) -> str:
    return f"{1 / float(speed.split()[0].replace(',', '')):.2f} s"
