"""One measure: a ratio of two speeds that take turns in one run, with its target."""

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
    """What a measure came to.

    Attributes:
        ratios: one of each turn, ours to the other's.
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
    """Returns the ratios of two speeds (units a second), measured in turn, after each has run once unmeasured.

    Args:
        ours: does the work and returns its speed.
        other: likewise.
        unit: what there is so many of a second.
        repeats: of each.
    """
    ours(), other()
    pairs = [(ours(), other()) for _ in range(repeats)]
    speeds = [statistics.median(values) for values in zip(*pairs, strict=True)]
    return Measured([a / b for a, b in pairs], *(f"{speed:,.4g} {unit}/s" for speed in speeds))


def speed_of(work: Callable[[], object], units: float) -> Callable[[], float]:
    """Returns what does the work and says how many units a second that was."""

    def timed() -> float:
        start = time.perf_counter()
        work()
        return units / (time.perf_counter() - start)

    return timed


def peak_memory() -> int:
    """Returns the largest resident memory of this process so far, bytes.

    On Linux from /proc: what getrusage says there is never less than what the process that started this one held.
    """
    if sys.platform == "linux":
        return 1024 * int(
            re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0]
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
