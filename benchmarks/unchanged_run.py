"""`dvc repro` with nothing changed against `dvc status`, in a repository of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

from dvc.repo import Repo

from benchmarks.measure import Measured, alternate, speed_of

ROOT = Path(__file__).parents[1]
CODE = ["dvc.yaml", "params.yaml", "stages", "facerec", "tools", "profiles"]


def unchanged(photographs: int, repeats: int) -> Measured:
    """Returns the time of `dvc repro` over that of `dvc status`.

    Args:
        photographs: in each of the pipeline's folders of photographs.
        repeats: of each.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_repository(root, photographs)
        status, repro = (
            speed_of(lambda name=name: _dvc(root, name, "--quiet"), 1)
            for name in ("status", "repro")
        )
        measured = alternate(status, repro, "runs", repeats)
    return Measured(
        measured.ratios, f"repro {_seconds(measured.other)}", f"status {_seconds(measured.ours)}"
    )


def make_repository(root: Path, photographs: int) -> None:
    """Writes a repository with this project's stages and recorded outputs; no stage ever ran.

    Each folder below data/ has `photographs` small files. Every other output is one file.
    """
    for name in CODE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, root / name)
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    Repo.init(str(root)).close()
    shutil.copy(ROOT / ".dvc" / "config", root / ".dvc" / "config.local")
    with chdir(root), Repo() as repo:
        outputs = [Path(out.fs_path) for stage in repo.index.stages for out in stage.outs]
        for output in outputs:
            _fill(output, photographs if output.parent.is_relative_to(root / "data") else 1)
        repo.commit(force=True)
        if ran := repo.reproduce():
            raise ValueError(
                f"benchmarks.unchanged_run: expected a repository with nothing to do, ran {ran}"
            )


def _fill(output: Path, photographs: int) -> None:
    """Writes one output: a file, or a folder of different files if its name has no suffix."""
    if output.suffix:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(f"{output}\n")
        return
    output.mkdir(parents=True)
    for number in range(photographs):
        (output / f"{number:06d}.jpg").write_bytes(f"{output} {number} ".encode() * 20)


def _dvc(root: Path, *words: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1"}
    command = [sys.executable, "-m", "dvc", *words]
    subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)


def _seconds(speed: str) -> str:
    return f"{1 / float(speed.split()[0].replace(',', '')):.2f} s"
