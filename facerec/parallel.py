"""Functions mapped over many items, on all cores."""

import ctypes
import faulthandler
import math
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain
from threading import Event, Thread, Timer, current_thread, local, main_thread
from typing import Any, TypeVar

import numpy as np

from facerec import progress

Item = TypeVar("Item")
Items = TypeVar("Items", Sequence, np.ndarray)
Result = TypeVar("Result")
RUN = (
    4  # photographs that a thread is given at once: handing over one costs a tenth of a millisecond
)
RUN_APART = 128  # that a process is given at once, fewer where there are few: handing a run over costs half a ms

_of_thread = local()


def parallel_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    title: str | None,
    ahead: int = 0,
    processes: bool = False,
    run: int = 0,
) -> Generator[Result]:
    """Yields `function(item)` in the items' order, on every core, and tells how far it is if it has a title.

    Threads share memory: for results that are pictures. OpenCV's decoding, warping and encoding release the
    interpreter's lock, but what lies between them waits for it: processes are faster for results that are small.

    Args:
        function: of one item; for processes a module's, or a `partial` of one.
        items: in order.
        title: of the task, as in `progress.over`.
        ahead: how many items at least are begun before their turn; a few a core in any case.
        processes: whether to work in processes, not in threads; unless `run` is given, a few items, and all on one
            core, are left to threads.
        run: items that a worker is given at once, for those that take long; 0: as many as pay for photographs.
    """
    items, cores = list(items), num_workers()
    apart = processes and (run > 0 or (cores > 1 and len(items) > RUN))
    length = run or (min(RUN_APART, math.ceil(len(items) / (RUN * cores))) if apart else RUN)
    runs = [slice(start, start + length) for start in range(0, len(items), length)]
    window = max(math.ceil(ahead / length), 2 * cores)
    stop = Event()
    with (
        process_pool(min(cores, len(runs)) or 1, (function, items))
        if apart
        else thread_pool(cores) as pool
    ):
        each = each_given if apart else partial(_each, function, items, stop)
        results = chain.from_iterable(_ahead(pool, each, runs, window))
        try:
            yield from progress.over(results, title, len(items))
        finally:
            stop.set()


def _each(
    function: Callable[[Item], Result], items: Sequence[Item], stop: Event, run: slice
) -> list[Result]:
    """Returns the results of a run of the items, of which nobody reads those after `stop`."""
    _of_thread.stop = stop
    return [function(item) for item in items[run] if not stop.is_set()]


class Stopped(Exception):
    """Nobody waits for the item that a thread is at."""


def go_on() -> None:
    """Raises `Stopped` in a thread of `parallel_map` whose item nobody waits for any more: for items that take long."""
    if (stop := getattr(_of_thread, "stop", None)) and stop.is_set():
        raise Stopped


def _ahead(
    pool: Executor, function: Callable[[Item], Result], items: Sequence[Item], window: int
) -> Iterator[Result]:
    """Submits at most `window` items ahead of the reader, so that results do not pile up."""
    futures = [pool.submit(function, item) for item in items[:window]]
    for index in range(len(items)):
        result = futures[index].result()
        futures[index] = None  # type: ignore[call-overload]  # frees the result
        if index + window < len(items):
            futures.append(pool.submit(function, items[index + window]))
        yield result


def in_batches(items: Items, batch: int, title: str | None) -> Iterator[Items]:
    """Yields runs of at most `batch` items, of a sequence or an array, and tells how far it is if it has a title."""
    with progress.Progress(title, len(items)) as bar:
        for start in range(0, len(items), batch):
            yield items[start : start + batch]
            bar.advance(len(items[start : start + batch]))


def num_workers() -> int:
    """Returns how many cores to use: FACEREC_WORKERS, or all that this process may run on."""
    if wanted := os.environ.get("FACEREC_WORKERS"):
        if not wanted.isdecimal() or int(wanted) < 1:
            raise ValueError(
                f"FACEREC_WORKERS: expected a whole number of at least 1, got {wanted!r}"
            )
        return int(wanted)
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1


GRACE = 5  # seconds that a process has to end by itself
FINISH = (
    0.2  # seconds that it has for what is no work: a message between the two is not to be cut off
)
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
LARGE_BLOCK = (
    2**25
)  # bytes beyond which a block is given back when it is freed: the most that older glibcs grant
KEPT = 2**30  # bytes of freed memory that may stay at the end of the heap
CRASHES = [
    one
    for one in signal.Signals
    if one.name in {"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL"}
]

# In a process that works for another: what it was given, whether it is at work on it, and whether it was told to end.
_given: list[Any] = []
_working = False
_ending = False


@contextmanager
def thread_pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Yields a pool of threads; whoever leaves does not wait for what had not begun."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def process_pool(
    workers: int, gift: tuple[Callable, Sequence] | None = None
) -> Iterator[ProcessPoolExecutor]:
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
    if (
        current_thread() is not main_thread() or before is None
    ):  # where nothing is raised, or not by Python
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
    if mallopt and mallopt(
        M_MMAP_THRESHOLD, LARGE_BLOCK
    ):  # without which the other one would do harm
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
    signal.signal(
        signal.SIGTERM, _terminate
    )  # at last: until then it may end at once, there is nothing to remove


def _terminate(*_: object) -> None:
    global _ending
    _ending = True
    signal.signal(
        signal.SIGTERM, signal.SIG_IGN
    )  # a broken pool sends it again, and must not stop the removing
    last = Timer(
        GRACE if _working else FINISH, os._exit, [1]
    )  # GRACE: what is raised may get lost, as in a finaliser
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
