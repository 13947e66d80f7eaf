"""Functions mapped over items: order, errors, executors, interruption, and workers that die."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import torch

from facerec.parallel import in_batches, num_workers, parallel_map

ROOT = Path(__file__).parents[1]
SLEEPING_STAGE = """
import os, time
from facerec.parallel import parallel_map
from stages.cli import run
def work(item):
    os.write(1, f"{os.getpid()}\\n".encode())  # at once: two processes write there
    time.sleep(60)
def main() -> None:
    list(parallel_map(work, range(200), None, processes=True))
if __name__ == "__main__":
    run(main)
"""


@pytest.fixture(autouse=True)
def two_workers(monkeypatch):
    monkeypatch.setenv("FACEREC_WORKERS", "2")


def square(number: int) -> tuple[int, int]:
    if number < 0:
        raise ValueError(f"{number}: no number to square")
    return number**2, os.getpid()


@pytest.mark.parametrize("processes", [True, False])
@pytest.mark.parametrize("chunk_size", [1, 7, 1000])
def test_results_come_in_order(processes, chunk_size):
    results = parallel_map(square, range(500), None, processes=processes, chunk_size=chunk_size)
    values, process_ids = zip(*results, strict=True)
    assert list(values) == [number**2 for number in range(500)]
    assert (os.getpid() in process_ids) == (not processes)


def test_no_items_give_no_results():
    assert list(parallel_map(square, [], None, processes=True)) == []


def test_a_given_executor_runs_the_work_and_stays_open():
    with ProcessPoolExecutor(1) as executor:
        results = list(parallel_map(square, range(50), None, chunk_size=8, executor=executor))
        again = executor.submit(square, 3).result()
    assert [value for value, _ in results] == [number**2 for number in range(50)]
    assert {process_id for _, process_id in results} == {again[1]} != {os.getpid()}


class SlowestExecutor(Executor):
    """Runs a chunk only when its result is asked for, as a cluster with a long queue would."""

    def __init__(self) -> None:
        self.submitted = 0

    def submit(self, function, /, *args, **kwargs):
        self.submitted += 1
        future: Future = Future()
        future.result = lambda timeout=None: function(*args, **kwargs)  # type: ignore[method-assign]
        return future


def test_few_chunks_are_submitted_ahead_to_an_executor():
    executor = SlowestExecutor()
    results = parallel_map(square, range(500), None, executor=executor)
    assert next(results)[0] == 0
    assert executor.submitted <= 5
    assert [value for value, _ in results] == [number**2 for number in range(1, 500)]


def test_few_items_are_begun_ahead(monkeypatch):
    monkeypatch.setenv("FACEREC_WORKERS", "3")
    started, lock = [], threading.Lock()

    def slow_square(number: int) -> int:
        with lock:
            started.append(number)
        time.sleep(0.002 * (number % 3))
        return number**2

    results = parallel_map(slow_square, range(200), None)
    assert next(results) == 0
    assert len(started) <= 10
    assert [0, *results] == [number**2 for number in range(200)]


def test_nothing_begins_after_the_caller_stops():
    started: list[int] = []

    def slow(item: int) -> None:
        started.append(item)
        time.sleep(0.05)

    results = parallel_map(slow, range(400), None)
    next(results)
    results.close()
    before = len(started)
    time.sleep(0.2)
    assert len(started) == before < 10


def convolve(side: int) -> tuple[float, int]:
    sums = torch.nn.functional.conv2d(torch.ones(1, 4, side, side), torch.ones(4, 4, 3, 3))
    return float(sums.sum()), torch.get_num_threads()


def test_torch_uses_one_thread_in_each_process():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert convolve(300)[1] == 2
        results = list(parallel_map(convolve, [300] * 6, None, processes=True))
    finally:
        torch.set_num_threads(before)
    assert results == [(4 * 4 * 9 * 298**2, 1)] * 6


@pytest.mark.parametrize("processes", [True, False])
def test_an_error_in_a_worker_reaches_the_caller(processes):
    with pytest.raises(ValueError, match=r"^-7: no number to square$"):
        list(parallel_map(square, [*range(100), -7], None, processes=processes))


def kill_itself(by: int, _: int) -> None:
    os.kill(os.getpid(), by)


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGSEGV])
def test_a_worker_that_dies_is_an_error(by):
    with pytest.raises(BrokenExecutor):
        list(parallel_map(partial(kill_itself, by), range(100), None, processes=True))


def started_stage() -> tuple[subprocess.Popen, set[int]]:
    """Returns a stage in a session of its own, as a shell starts it, and its workers' ids."""
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPING_STAGE],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    return process, {int(process.stdout.readline()) for _ in range(2)}


def test_ctrl_c_ends_a_stage_and_its_workers_at_once_in_one_line():
    process, workers = started_stage()
    os.killpg(process.pid, signal.SIGINT)  # as the terminal does
    _, errors = process.communicate(timeout=20)  # each of the 200 items would take a minute
    assert (process.returncode, errors) == (130, "interrupted\n")
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_workers_end_with_their_parent():
    process, workers = started_stage()
    assert process.pid not in workers and len(workers) == 2
    process.kill()
    process.communicate(timeout=20)  # the workers hold its output open
    for _ in range(100):
        if not any(Path(f"/proc/{worker}").exists() for worker in workers):
            return
        time.sleep(0.1)
    raise AssertionError("the workers are still running")


def test_batches_cover_everything_once():
    assert [list(batch) for batch in in_batches(range(7), 3, "x")] == [[0, 1, 2], [3, 4, 5], [6]]


@pytest.mark.parametrize("wanted", ["0", "-1", "many"])
def test_an_impossible_number_of_workers_is_named(monkeypatch, wanted):
    monkeypatch.setenv("FACEREC_WORKERS", wanted)
    with pytest.raises(
        ValueError, match=f"FACEREC_WORKERS: expected .* at least 1, got '{wanted}'"
    ):
        num_workers()
