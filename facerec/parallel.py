"""A function mapped over many items, on all cores or on any executor."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain
from threading import Thread
from typing import Any, TypeVar

import numpy as np

from facerec import progress

Item = TypeVar("Item")
Items = TypeVar("Items", Sequence, np.ndarray)
Result = TypeVar("Result")

CHUNKS_AHEAD = 2  # chunks per core that are submitted before their turn

_task: Callable[[Any], Any]  # the function that a worker process of ours was started with


def parallel_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    title: str | None,
    *,
    processes: bool = False,
    chunk_size: int = 1,
    executor: Executor | None = None,
) -> Generator[Result]:
    """Yields `function(item)` for each item, in the items' order, and reports progress.

    The work runs on one worker per core. Threads share memory, so they suit results that are
    images: OpenCV releases the interpreter's lock. Processes suit Python code and small results.
    If the caller stops early or an item fails, the chunks that have not begun are cancelled.

    Args:
        function: of one item. For processes and executors it must be picklable.
        items: the work; for processes and executors they must be picklable.
        title: of the task, for the progress report; None reports nothing.
        processes: whether to start processes instead of threads.
        chunk_size: items that a worker is given at once. More make small items cheaper.
        executor: runs the chunks instead of our own workers, such as a cluster's. It stays open.

    Raises:
        BrokenExecutor: a worker process died.
    """
    items = list(items)
    chunks = [items[start : start + chunk_size] for start in range(0, len(items), chunk_size)]
    workers = max(1, min(num_workers(), len(chunks)))
    with _workers(function, workers, processes, executor) as (pool, run):
        results = chain.from_iterable(_results_in_order(pool, run, chunks))
        yield from progress.over(results, title, len(items))


@contextmanager
def _workers(
    function: Callable, workers: int, processes: bool, executor: Executor | None
) -> Iterator[tuple[Executor, Callable[[list], list]]]:
    """Yields an executor, and what it must run on each chunk to map the function over it."""
    if executor is not None:
        yield executor, partial(run_chunk, function)
        return
    pool: Executor
    if processes:
        pool = ProcessPoolExecutor(
            workers, _start_method(), initializer=_start_worker, initargs=(function,)
        )
        run: Callable[[list], list] = _run_task
    else:
        pool, run = ThreadPoolExecutor(workers), partial(run_chunk, function)
    try:
        yield pool, run
    finally:
        pool.shutdown(cancel_futures=True)


def _results_in_order(
    pool: Executor, run: Callable[[list], list], chunks: list[list]
) -> Iterator[list]:
    """Yields each chunk's results. Few chunks are submitted ahead, so results do not pile up."""
    window = CHUNKS_AHEAD * num_workers()
    waiting: list[Future] = []
    try:
        for chunk in chunks:
            waiting.append(pool.submit(run, chunk))
            if len(waiting) > window:
                yield waiting.pop(0).result()
        while waiting:
            yield waiting.pop(0).result()
    finally:
        for future in waiting:
            future.cancel()


def run_chunk(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Returns the results of a chunk of items."""
    return [function(item) for item in items]


def _run_task(items: Sequence) -> list:
    """Returns the results of a chunk, of the function that this process was started with."""
    return run_chunk(_task, items)


def _start_method() -> multiprocessing.context.BaseContext:
    """Returns fork on Linux, which imports nothing again; elsewhere spawn, since forks may hang."""
    return multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")


def _start_worker(function: Callable) -> None:
    """Prepares a worker process. A forked one gets the function without pickling it."""
    global _task
    _task = function
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)  # OpenMP's threads do not survive a fork
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this worker process when its parent has ended, even if that was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)


def in_batches(items: Items, batch_size: int, title: str | None) -> Iterator[Items]:
    """Yields slices of at most `batch_size` items of a sequence or array, and reports progress."""
    with progress.Progress(title, len(items)) as bar:
        for start in range(0, len(items), batch_size):
            batch = items[start : start + batch_size]
            yield batch
            bar.advance(len(batch))


def num_workers() -> int:
    """Returns how many cores to use: FACEREC_WORKERS, or all that this process may run on.

    Raises:
        ValueError: FACEREC_WORKERS is not a positive whole number.
    """
    if wanted := os.environ.get("FACEREC_WORKERS"):
        if not wanted.isdecimal() or int(wanted) < 1:
            raise ValueError(
                f"FACEREC_WORKERS: expected a whole number of at least 1, got {wanted!r}"
            )
        return int(wanted)
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1
