"""Time the whole pipeline from nothing in a temporary copy, stage by stage: docs/timings.md."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from facerec.files import write_bytes
from facerec.params import PARAMS_FILE, read_yaml
from facerec.run_record import MIB, memory_of
from tools.machine import describe

TABLE = Path("docs/timings.md")
LOCK = "dvc.lock"  # with it, DVC would take results from the cache
INTERVAL = 0.1  # seconds between two measurements


@dataclass
class Stage:
    """The measurements of a stage.

    Attributes:
        seconds: from the start of its process to its end.
        peak: the largest memory of all its processes together, bytes; shared memory counts once.
    """

    seconds: float = 0.0
    peak: int = 0


@dataclass
class Run:
    """The measurements of one run of the pipeline.

    Attributes:
        seconds: of `dvc repro`.
        stages: by name, in the order in which they ran.
    """

    seconds: float = 0.0
    stages: dict[str, Stage] = field(default_factory=dict)

    @property
    def overhead(self) -> float:
        """The seconds of DVC itself: its start, hashing, copying into its cache."""
        return self.seconds - sum(stage.seconds for stage in self.stages.values())


def copy_tree(source: Path, folder: Path) -> None:
    """Makes a repository of the files of a working tree that Git does not ignore.

    The collection that params.yaml names is linked, not copied, unless the pipeline draws it.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    output = subprocess.run(command, cwd=source, capture_output=True, check=True).stdout
    for name in {os.fsdecode(name) for name in output.split(b"\0")} - {LOCK}:
        if (source / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, folder / name)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    content = read_yaml(source / PARAMS_FILE)
    paths = [content["recognizer"]["weights_file"]]
    if not content["synthesize"]["runs"]:
        paths += content["dataset"].values()
    for path in paths:
        if (source / path).exists() and not (folder / path).exists():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).symlink_to((source / path).resolve())


def timed(folder: Path) -> Run:
    """Returns the measurements of `dvc repro` in a repository.

    Raises:
        ValueError: it fails; its own output says why.
    """
    run = Run()
    start = time.monotonic()
    process = subprocess.Popen(["dvc", "repro"], cwd=folder)
    while process.poll() is None:
        _measure(process.pid, run.stages)
        time.sleep(INTERVAL)
    run.seconds = time.monotonic() - start
    if process.returncode:
        raise ValueError(f"`dvc repro` failed in a copy of this repository; {TABLE} is unchanged")
    return run


def _measure(dvc: int, stages: dict[str, Stage]) -> None:
    """Updates the stages that DVC is running; DVC puts the stage's name into their environment."""
    with suppress(psutil.Error):  # the process has ended meanwhile
        for process in psutil.Process(dvc).children():
            name = process.environ().get("DVC_STAGE", "").rpartition(":")[2]
            if name and process.status() != psutil.STATUS_ZOMBIE:
                stage = stages.setdefault(name, Stage())
                stage.seconds = time.time() - process.create_time()
                stage.peak = max(stage.peak, memory_of(process))


def markdown(runs: Sequence[Run], machine: Sequence[str]) -> str:
    """Returns the table of the runs: the median, and the range of several."""
    rows = []
    for name in runs[0].stages:
        stages = [run.stages[name] for run in runs]
        rows.append(_row(name, [s.seconds for s in stages], [s.peak for s in stages]))
    peaks = [max(stage.peak for stage in run.stages.values()) for run in runs]
    rows.append(_row("DVC itself", [run.overhead for run in runs]))
    rows.append(_row("**all**", [run.seconds for run in runs], peaks))
    how = "one run" if len(runs) == 1 else f"the median of {len(runs)} runs (and their range)"
    machine_lines = "\n".join(f"- {line}" for line in machine)
    return f"""# Timings

`make timings`: the pipeline from nothing in a temporary copy, without the installation; {how}.
Memory is the largest memory of a stage with all its processes.

{machine_lines}

| stage | seconds | peak memory, MiB |
|---|---|---|
{chr(10).join(rows)}
"""


def _row(title: str, seconds: list[float], peaks: Sequence[int] = ()) -> str:
    memory = _spread([peak / MIB for peak in peaks], 0) if peaks else ""
    return f"| {title} | {_spread(seconds, 1)} | {memory} |"


def _spread(values: list[float], digits: int) -> str:
    """Returns the median, and the range of several."""
    median = f"{statistics.median(values):,.{digits}f}"
    if len(values) == 1:
        return median
    return f"{median} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def main(times: int) -> None:
    """Measures a number of runs, and writes the table."""
    runs = []
    for number in range(times):
        print(f"run {number + 1} of {times}, from nothing, in a temporary copy", flush=True)
        with tempfile.TemporaryDirectory(prefix="timings-") as folder:
            copy_tree(Path.cwd(), Path(folder))
            runs.append(timed(Path(folder)))
    table = markdown(runs, describe())
    write_bytes(TABLE, table.encode())
    print(f"\n{table}\nwritten to {TABLE}")


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    except ValueError as problem:
        sys.exit(f"error: {problem}")
