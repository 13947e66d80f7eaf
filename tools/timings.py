"""Run the whole pipeline from nothing in a temporary copy, and write what each stage took: docs/timings.md."""

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil

from facerec.files import write_bytes
from facerec.parallel import num_workers
from facerec.params import PARAMS_FILE, read_yaml
from tools.profile import current

TABLE = Path("docs/timings.md")
LOCK = "dvc.lock"  # of a run that is none of this copy's business
LOOK_EVERY = 0.05  # seconds
WEIGH_EVERY = 0.25  # seconds: to add up memory takes some milliseconds
MIB = 2**20


@dataclass
class Stage:
    """What a stage took.

    Attributes:
        seconds: from the start of its process to its end, to a tenth.
        peak: the most memory that it and all its processes held together, bytes; what they share counts once.
        started: when it was, in seconds of `time.time`.
        running: whether it was when it was last looked at.
    """

    seconds: float = 0.0
    peak: int = 0
    started: float = 0.0
    running: bool = True


@dataclass
class Run:
    """What one run of the pipeline took.

    Attributes:
        seconds: of `dvc repro`.
        stages: by name, in the order in which they ran.
    """

    seconds: float = 0.0
    stages: dict[str, Stage] = field(default_factory=dict)

    @property
    def overhead(self) -> float:
        """Returns the seconds of DVC itself: its start, hashing, copying into its cache."""
        return self.seconds - sum(stage.seconds for stage in self.stages.values())


def copy_tree(source: Path, folder: Path) -> None:
    """Makes a repository of a working tree's files: those that Git tracks, and new ones that it does not ignore.

    A collection that params.yaml names but Git ignores is linked, not copied, unless it is drawn.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=source,
        capture_output=True,
        check=True,
    )
    for name in {os.fsdecode(name) for name in listed.stdout.split(b"\0") if name} - {LOCK}:
        if (source / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, folder / name)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    content = read_yaml(source / PARAMS_FILE)
    drawn = content["synthesize"]["runs"]
    for path in [
        *([] if drawn else content["dataset"].values()),
        content["recognizer"]["weights_file"],
    ]:
        if (source / path).exists() and not (folder / path).exists():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).symlink_to((source / path).resolve())


def timed(folder: Path) -> Run:
    """Returns what `dvc repro` takes in a repository.

    Raises:
        ValueError: it fails; what it printed says why.
    """
    run, start = Run(), time.monotonic()
    process = subprocess.Popen(["dvc", "repro"], cwd=folder)
    weighed = 0.0
    while process.poll() is None:
        weigh = (now := time.monotonic()) - weighed >= WEIGH_EVERY
        weighed = now if weigh else weighed
        _look(psutil.Process(process.pid), run.stages, weigh)
        time.sleep(LOOK_EVERY)
    run.seconds = time.monotonic() - start
    if process.returncode:
        raise ValueError(
            f"`dvc repro` failed in a copy of this repository; {TABLE} is left as it was"
        )
    return run


def _look(dvc: psutil.Process, stages: dict[str, Stage], weigh: bool) -> None:
    """Adds to the stages what DVC is running now, which has the stage's name in its environment."""
    found: dict[str, psutil.Process] = {}
    children: list[psutil.Process] = []
    with suppress(psutil.Error):  # DVC has just ended
        children = dvc.children()
    for child in children:
        with suppress(psutil.Error):
            name = child.environ().get("DVC_STAGE", "").rpartition(":")[2]
            if name and child.status() != psutil.STATUS_ZOMBIE:
                found[name] = child
                stages.setdefault(name, Stage(started=child.create_time()))
    for name, stage in stages.items():
        if stage.running:
            stage.seconds, stage.running = time.time() - stage.started, name in found
        if stage.running and (weigh or not stage.peak):
            stage.peak = max(stage.peak, _memory(found[name]))


def _memory(process: psutil.Process) -> int:
    """Returns the bytes that a process and all that it started hold; of what is shared, each has its part (Linux)."""
    total = 0
    with suppress(psutil.Error):  # it has just ended
        for one in [process, *process.children(recursive=True)]:
            with suppress(psutil.Error):
                held = one.memory_full_info()
                total += getattr(held, "pss", held.uss)
    return total


def markdown(runs: Sequence[Run], machine: Sequence[str]) -> str:
    """Returns the table of what the runs took: the median, and the range of several."""

    rows = [
        _row(
            name,
            [run.stages[name].seconds for run in runs],
            [run.stages[name].peak for run in runs],
        )
        for name in runs[0].stages
    ]
    peaks = [max(stage.peak for stage in run.stages.values()) for run in runs]
    rows += [
        _row("DVC itself", [run.overhead for run in runs]),
        _row("**all**", [run.seconds for run in runs], peaks),
    ]
    how = "one run" if len(runs) == 1 else f"the median of {len(runs)} runs (and their range)"
    return "\n".join(
        [
            "# Timings",
            "",
            f"`make timings`: the pipeline from nothing in a temporary copy, without the installation; {how}.",
            "Memory is the most that a stage and all its processes held together.",
            "",
            *(f"- {line}" for line in machine),
            "",
            "| stage | seconds | peak memory, MiB |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _row(title: str, seconds: list[float], peaks: Sequence[int] = ()) -> str:
    return f"| {title} | {_spread(seconds, 1)} | {_spread([peak / MIB for peak in peaks], 0) if peaks else ''} |"


def _spread(values: list[float], digits: int) -> str:
    """Returns the median, and the range of several."""
    middle = f"{statistics.median(values):,.{digits}f}"
    return (
        middle
        if len(values) == 1
        else f"{middle} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"
    )


def machine() -> list[str]:
    """Returns on what the runs were: processor, its flags as torch sees them, code, parameters, date."""
    import torch  # seconds to import

    can = torch.cpu.get_capabilities()
    vectors = [name for name in ("avx2", "avx512_f", "avx512_bf16", "amx_bf16") if can.get(name)]
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    describe = ["git", "describe", "--always", "--dirty", "--abbrev=9"]
    commit = subprocess.run(describe, capture_output=True, text=True).stdout.strip() or "none"
    flags = ", ".join([*vectors, *([f"ONEDNN_MAX_CPU_ISA={limit}"] if limit else [])])
    return [
        f"processor: {can.get('cpu_name') or platform.machine()}, {num_workers()} cores; {flags or 'no flags'}",
        f"GPU: {gpu}",
        f"Python {platform.python_version()}, torch {torch.__version__}",
        f"parameters: {current()}, commit {commit}, {datetime.now(UTC):%Y-%m-%d}",
    ]


def main(times: int) -> None:
    """Measures so many runs, and writes the table."""
    runs = []
    for number in range(times):
        print(f"run {number + 1} of {times}, from nothing, in a temporary copy", flush=True)
        with tempfile.TemporaryDirectory(prefix="timings-") as folder:
            copy_tree(Path.cwd(), Path(folder))
            runs.append(timed(Path(folder)))
    table = markdown(runs, machine())
    write_bytes(TABLE, table.encode())
    print(f"\n{table}\nwritten to {TABLE}")


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    except ValueError as problem:
        sys.exit(f"error: {problem}")
