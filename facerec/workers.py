"""Threads and processes that work for this process and end with it."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread, Timer
from typing import Any

GRACE = 5  # seconds that a process has to end by itself
_given: list[Any] = []  # in a process that works for another


@contextmanager
def threads(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Yields a pool of threads; whoever is interrupted does not wait for what had not begun."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def processes(workers: int, gift: object = None) -> Iterator[ProcessPoolExecutor]:
    """Yields a pool of processes that end at an error or at Ctrl-C, whatever they are at, or when this one is killed.

    On Linux they are forked, in milliseconds and without importing anything again: they must not use torch, whose
    threads do not survive a fork. Elsewhere, where a fork may hang in the system's own libraries, they are spawned.

    Args:
        workers: how many.
        gift: what `given` returns in each of them: it comes with the fork, while all that is submitted is sent.
    """
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_serve, initargs=(gift,))
    try:
        yield pool
    except BaseException:
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


class Terminated(SystemExit):
    """Ends a process that works for another, once it has removed what it had half written."""


def given() -> Any:
    """Returns, in a process that works for another, the `gift` of the latter."""
    return _given[0]


def _serve(gift: object) -> None:
    _given[:] = [gift]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that they work for
    signal.signal(signal.SIGTERM, _terminate)
    Thread(target=_end_with_parent, daemon=True).start()


def _terminate(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a broken pool sends it again, and must not stop the removing
    last = Timer(GRACE, os._exit, [1])  # where what is raised here gets lost, as in a finaliser
    last.daemon = True
    last.start()
    raise Terminated(1)


def _end_with_parent() -> None:
    """Waits for the end of the process that this one works for: if that was killed, nobody else would tell."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)
