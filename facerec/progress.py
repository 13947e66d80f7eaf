"""Progress of long tasks: a bar in a terminal, a line now and then in a log file.

It also holds where an interrupted training resumes.
"""

import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

LINE_INTERVAL = 10.0  # seconds between two lines in a log file
MIN_DURATION = 2.0  # seconds: a shorter task gets no line in a log file
BAR_DELAY = 0.5  # seconds before a bar appears in a terminal

_resume_point: str | None = None


class Progress:
    """Reports on standard error how far a task is, from entering the context to leaving it.

    Args:
        title: of the task; None reports nothing.
        total: steps of the task.
        done: steps that an earlier run did.
    """

    def __init__(self, title: str | None, total: int, done: int = 0) -> None:
        self.title, self.total, self.done = title, total, done
        self._done_before = done
        self._note = ""
        self._start = self._last_line = time.monotonic()
        self._bar = None
        if title is not None and sys.stderr.isatty():
            self._bar = tqdm(
                total=total, desc=title, initial=done, delay=BAR_DELAY, dynamic_ncols=True
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        elif kind is None and time.monotonic() - self._start >= MIN_DURATION:
            self._print_line(time.monotonic())

    def advance(self, steps: int = 1) -> None:
        """Counts steps as done."""
        self.done += steps
        if self._bar is not None:
            self._bar.update(steps)
        elif (
            now := time.monotonic()
        ) - self._last_line >= LINE_INTERVAL and self.done < self.total:
            self._print_line(now)

    def note(self, text: str) -> None:
        """Shows a text beside the count from now on, such as the loss."""
        self._note = text
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)

    def _print_line(self, now: float) -> None:
        if self.title is None:
            return
        self._last_line = now
        seconds = now - self._start
        parts = [f"{self.title}: {self.done} of {self.total}", self._note, duration(seconds)]
        steps = self.done - self._done_before
        if self.done < self.total and steps:
            remaining = seconds * (self.total - self.done) / steps
            parts.append(f"{duration(remaining)} left")
        print(", ".join(filter(None, parts)), file=sys.stderr, flush=True)


def over(items: Iterable[Item], title: str | None, total: int) -> Iterator[Item]:
    """Yields the items, and reports how many have been processed.

    Args:
        items: as many as `total`.
        title: of the task; None reports nothing.
        total: number of items.
    """
    with Progress(title, total) as progress:
        for item in items:
            yield item
            progress.advance()


def set_resume_point(where: str | None) -> None:
    """Notes where a later run resumes if this one ends now, such as `after epoch 34 of 80`."""
    global _resume_point
    _resume_point = where


def resume_point() -> str | None:
    """Returns where a later run resumes, None if it begins again."""
    return _resume_point


def duration(seconds: float) -> str:
    """Returns a time in words: `18 s`, `3 min 20 s`, `1 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
