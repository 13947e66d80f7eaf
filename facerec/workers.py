"""Threads and processes that work for this process and end with it."""

import ctypes
import faulthandler
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread, Timer, current_thread, main_thread
from typing import Any

GRACE = 5  # seconds that a process has to end by itself
FINISH = 0.2  # seconds that it has for what is no work: a message between the two is not to be cut off
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
LARGE_BLOCK = 2**25  # bytes beyond which a block is given back when it is freed: the most that older glibcs grant
KEPT = 2**30  # bytes of freed memory that may stay at the end of the heap
CRASHES = [one for one in signal.Signals if one.name in {"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL"}]

# In a process that works for another: what it was given, whether it is at work on it, and whether it was told to end.
_given: list[Any] = []
_working = False
_ending = False


@contextmanager
def threads(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Yields a pool of threads; whoever leaves does not wait for what had not begun."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def processes(workers: int, gift: tuple[Callable, Sequence] | None = None) -> Iterator[ProcessPoolExecutor]:
    """Yields a pool of processes that end at an error or at Ctrl-C, whatever they are at, or when this one is killed.

    On Linux they are forked, in milliseconds and without importing anything again. Elsewhere, where a fork may hang in
    the system's own libraries, they are spawned. Torch computes with one thread in each: those of before a fork do not
    survive it, and would be waited for without end.

    Args:
        workers: how many.
        gift: a function and items, for `each_given` in them: these come with the fork, while what is submitted is sent.
    """
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_serve, initargs=(gift,))
    try:
        with _ctrl_c_later():
            pool.submit(os.getpid)  # which starts them all
        yield pool
    except BaseException as error:
        started = list(pool._processes.values())
        for worker in started:
            worker.terminate()
        if isinstance(error, BrokenExecutor):
            pool.shutdown(cancel_futures=True)  # waits until each has ended
            codes = {worker.exitcode for worker in started}
            crash = next((one for one in CRASHES if -one in codes), None)
            if crash:
                raise Crashed(f"a worker process crashed: {crash.name}") from error
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """Holds Ctrl-C back: raised in what Python does around a fork it would get lost, or lose sight of a process.

    It is not masked: a mask is one thread's, and the system hands the signal to another, as of a library that computes.
    Nothing is raised in other threads than the main one.
    """
    before = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or before is None:  # where nothing is raised, or not by Python
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        for number in came[:1]:
            signal.raise_signal(number)


def keep_freed_memory() -> None:
    """Has glibc keep what is freed, in this process and those that are forked from it.

    For a network on a CPU: what its layers need and free each time, malloc would give back to the system and ask for
    again, which takes an eighth of the time of forward passes; in training, in some epochs, a fifteenth of a step.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt and mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK):  # without which the other one would do harm
        mallopt(M_TRIM_THRESHOLD, KEPT)


class Crashed(BrokenExecutor):
    """A process did what its system does not allow, by a fault of a library; it was not killed by others."""


class Terminated(SystemExit):
    """Ends a process that works for another, once it has removed what it had half written."""


def each_given(run: slice) -> list:
    """Returns the results of a run, of the function and the items that this process was given when it began."""
    global _working
    function, items = _given[0]
    try:
        _working = True
        if _ending:
            os._exit(1)
        results = [function(item) for item in items[run]]
        _working = False
    except Terminated:  # the pool would take it for a result, and give this process the next run
        os._exit(1)
    except BaseException:
        _working = False
        raise
    return results


def _serve(gift: object) -> None:
    _given[:] = [gift]
    faulthandler.disable()  # how this process ended is its exit code
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that they work for
    Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGTERM, _terminate)  # at last: until then it may end at once, there is nothing to remove


def _terminate(*_: object) -> None:
    global _ending
    _ending = True
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a broken pool sends it again, and must not stop the removing
    last = Timer(GRACE if _working else FINISH, os._exit, [1])  # GRACE: what is raised may get lost, as in a finaliser
    last.daemon = True
    last.start()
    if _working:
        raise Terminated(1)


def _end_with_parent() -> None:
    """Waits for the end of the process that this one works for: if that was killed, nobody else would tell."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)
