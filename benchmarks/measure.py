"""One measurement: the ratio of two speeds, which are measured in turn."""

import re
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REPEATS = 5  # of each of the two, at least


@dataclass(frozen=True)
class Measured:
    """The result of a measurement.

    Attributes:
        ratios: ours to the other's, one per turn.
        ours: in words.
        other: in words.
    """

    ratios: list[float]
    ours: str
    other: str

    @property
    def median(self) -> float:
        return statistics.median(self.ratios)

    @property
    def spread(self) -> str:
        """Returns the median and the range, or the one value."""
        if len(self.ratios) == 1:
            return f"{self.median:.2f}"
        return f"{self.median:.2f} ({min(self.ratios):.2f}–{max(self.ratios):.2f})"


def alternate(
    ours: Callable[[], float], other: Callable[[], float], unit: str, repeats: int
) -> Measured:
    """Returns the ratios of two speeds, measured in turn after one run of each to warm up.

    Args:
        ours: does the work and returns its speed, units per second.
        other: does the same work in the other way, as `ours`.
        unit: of the work, such as faces.
        repeats: of each.
    """
    ours(), other()
    pairs = [(ours(), other()) for _ in range(repeats)]
    speeds = [statistics.median(values) for values in zip(*pairs, strict=True)]
    return Measured([a / b for a, b in pairs], *(f"{speed:,.4g} {unit}/s" for speed in speeds))


def speed_of(work: Callable[[], object], units: float) -> Callable[[], float]:
    """Returns a function that does the work and returns its speed, units per second."""

    def timed() -> float:
        start = time.perf_counter()
        work()
        return units / (time.perf_counter() - start)

    return timed


def peak_memory() -> int:
    """Returns the largest resident memory of this process so far, bytes.

    On Linux from /proc, where getrusage includes the memory of the parent process.
    """
    if sys.platform == "linux":
        return 1024 * int(
            re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0]
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
