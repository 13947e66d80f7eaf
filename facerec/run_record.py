"""What the last run of each stage took, and on what: `.runs/<stage>.json`.

The records are no outputs of the pipeline: they differ from run to run, and its outputs do not.
"""

import json
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import psutil

from facerec.files import write_bytes
from facerec.parallel import num_workers

RUNS = Path(".runs")
INTERVAL = 0.2  # seconds between two measurements of memory
MIB = 2**20
WRITTEN = (":!docs/results", ":!docs/timings.md", ":!metrics", ":!dvc.lock")  # by runs, not read

_faces: int | None = None


@contextmanager
def recorded(stage: str | None) -> Iterator[None]:
    """Writes the record of a stage when what is inside has ended without an error.

    An earlier record is deleted first, so that none tells of a run whose outputs are gone.

    Args:
        stage: its name, such as `crop` or `train_recognizer@ce`; with None nothing is written.
    """
    if stage is None:
        yield
        return
    path = RUNS / f"{stage}.json"
    with suppress(OSError):
        path.unlink()
    count_faces(None)
    machine = f"{platform.system()} {platform.machine()}, {num_workers()} cores"
    memory = PeakMemory()
    try:
        yield
    finally:
        memory.stop()
    values: dict[str, object] = {
        "stage": stage,
        "seconds": round(time.time() - psutil.Process().create_time(), 2),
        "peak_mib": round(memory.peak / MIB, 1),
        "machine": machine,
        "processor": processor(),
        "gpu": gpu(),
        "commit": commit(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if _faces is not None:
        values["faces"] = _faces
    try:
        write_bytes(path, (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())
    except OSError as error:  # the stage itself has succeeded
        print(f"no record of what this stage took: {error}", file=sys.stderr)


def count_faces(count: int | None) -> None:
    """Notes how many faces, or photographs, the running stage handles; None notes nothing."""
    global _faces
    _faces = count


class PeakMemory:
    """Measures the memory of this process and its workers, again and again, until it is stopped.

    Attributes:
        peak: the largest, bytes.
    """

    def __init__(self) -> None:
        self.peak = 0
        self._process = psutil.Process()
        self._stopped = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Measures a last time."""
        self._stopped.set()
        self._thread.join()
        self.peak = max(self.peak, memory_of(self._process))

    def _watch(self) -> None:
        while not self._stopped.wait(INTERVAL):
            self.peak = max(self.peak, memory_of(self._process))


def memory_of(process: psutil.Process) -> int:
    """Returns the bytes that a process and its children hold; shared memory counts once (Linux)."""
    total = 0
    with suppress(psutil.Error):  # it has ended meanwhile
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.Error):
                memory = each.memory_full_info()
                total += getattr(memory, "pss", memory.uss)
    return total


def processor() -> str:
    """Returns the processor's name, as the system says it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )


def gpu() -> str:
    """Returns the name of the GPU that torch uses; `none` if it has none or is not imported."""
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch and torch.cuda.is_available() else "none"


def commit() -> str:
    """Returns the commit of the working folder, with -dirty if more than WRITTEN has changed."""
    changed = _git("status", "--porcelain", "--untracked-files=no", *WRITTEN)
    return (_git("rev-parse", "--short", "HEAD") or "none") + ("-dirty" if changed else "")


def _git(*words: str) -> str:
    """Returns what Git says; nothing if it is not installed, or this is no repository."""
    command = ["git", "--no-optional-locks", *words]  # DVC may be writing the index
    with suppress(OSError):
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return ""
