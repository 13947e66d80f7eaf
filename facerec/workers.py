"""Processes that work for this one and end with it."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from threading import Thread


def process_pool(workers: int) -> ProcessPoolExecutor:
    """Returns a pool of processes that Ctrl-C does not reach, for this one stops them, and that do not outlive it.

    On Linux they are forked, in milliseconds and without importing anything again: they must not use torch, whose
    threads do not survive a fork. Elsewhere, where a fork may hang in the system's own libraries, they are spawned.
    """
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_serve)


def _serve() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Waits for the end of the process that this one works for: if that was killed, nobody else would tell."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)
