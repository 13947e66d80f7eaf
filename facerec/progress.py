"""How far a long task has come: a bar with the remaining time in a terminal, a line now and then in a log file."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

EVERY = 10.0  # seconds between two lines in a log file
BRIEF = 2.0  # seconds: a task that takes less has no line there
SHOW_AFTER = 0.5  # seconds before a bar appears in a terminal

_listeners: list[Callable[[str], None]] = []


class Progress:
    """Tells on standard error how far a task is, from entering the context to leaving it.

    Args:
        title: of the task; None says nothing.
        total: steps.
        done: those that an earlier run did.
    """

    def __init__(self, title: str | None, total: int, done: int = 0) -> None:
        self.title, self.total, self.done = title, total, done
        self._before = done
        self._note = ""
        self._start = self._told = time.monotonic()
        self._bar = None
        if title is not None and sys.stderr.isatty():
            self._bar = tqdm(
                total=total,
                desc=title,
                initial=done,
                delay=SHOW_AFTER,
                dynamic_ncols=True,
                file=sys.stderr,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        elif kind is None and time.monotonic() - self._start >= BRIEF:
            self._tell(time.monotonic())

    def advance(self, steps: int = 1) -> None:
        """Counts steps that are done."""
        self.done += steps
        if self._bar is not None:
            self._bar.update(steps)
        elif (now := time.monotonic()) - self._told >= EVERY and self.done < self.total:
            self._tell(now)

    def note(self, text: str) -> None:
        """Says something beside the count from now on, such as the loss."""
        self._note = text
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)

    def _tell(self, now: float) -> None:
        if self.title is None:
            return
        self._told = now
        seconds = now - self._start
        parts = [
            f"{self.title}: {self.done} of {self.total}",
            *filter(None, [self._note]),
            duration(seconds),
        ]
        if self.done < self.total and self.done > self._before:
            parts.append(
                f"{duration(seconds * (self.total - self.done) / (self.done - self._before))} left"
            )
        print(", ".join(parts), file=sys.stderr, flush=True)


def over(items: Iterable[Item], title: str | None, total: int) -> Iterator[Item]:
    """Yields the items, and tells how many have been dealt with.

    Args:
        items: as many as `total`.
        title: of the task; None says nothing.
        total: items.
    """
    with Progress(title, total) as progress:
        for item in items:
            yield item
            progress.advance()


def kept(where: str) -> None:
    """Says where a later run goes on if this one ends now, such as `after epoch 34 of 80`."""
    for listener in _listeners:
        listener(where)


@contextmanager
def hearing_of_kept(listener: Callable[[str], None]) -> Iterator[None]:
    """Has a function called with what is passed to `kept`, as long as the context lasts."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def duration(seconds: float) -> str:
    """Returns a time in words: `18 s`, `3 min 20 s`, `1 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
