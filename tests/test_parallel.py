"""Processes that work for a stage: results, errors, interruption and death."""

import os
import platform
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor
from functools import partial
from pathlib import Path

import pytest
import torch

from facerec import files, parallel
from facerec.parallel import GRACE, Crashed

ROOT = Path(__file__).parents[1]
SLEEPERS = """
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


def test_results_come_in_order_from_two_processes_or_from_this_one(monkeypatch):
    for workers, processes in (("2", True), ("1", True), ("2", False)):
        monkeypatch.setenv("FACEREC_WORKERS", workers)
        found = list(parallel.parallel_map(square, range(500), None, processes=processes))
        assert [value for value, _ in found] == [number**2 for number in range(500)]
        apart = workers == "2" and processes
        assert (os.getpid() not in {process for _, process in found}) == apart


def add_up(side: int) -> tuple[float, int]:
    sums = torch.nn.functional.conv2d(torch.ones(1, 4, side, side), torch.ones(4, 4, 3, 3))
    return float(sums.sum()), torch.get_num_threads()


def test_a_network_computes_in_processes_with_one_thread_each_whatever_threads_this_one_has_had():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert add_up(300)[1] == 2
        found = list(parallel.parallel_map(add_up, [300] * 6, None, processes=True, run=1))
    finally:
        torch.set_num_threads(before)
    assert found == [(4 * 4 * 9 * 298**2, 1)] * 6


FAULTS = """
import resource, sys
from facerec.parallel import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
for turn in range(12):
    blocks = [bytearray(2**20) for _ in range(40)]
    if turn == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc")
def test_freed_memory_is_kept_if_asked_for_and_not_asked_of_the_system_again():
    faults = [
        int(
            subprocess.run(
                [sys.executable, "-c", FAULTS, way], cwd=ROOT, check=True, capture_output=True
            ).stdout
        )
        for way in ("keep", "not")
    ]
    assert faults[0] < 1000 < 50_000 < faults[1]  # ten times 40 MiB are 102,400 pages


def test_an_error_in_a_process_reaches_the_caller_with_its_words():
    with pytest.raises(ValueError, match=r"^-7: no number to square$"):
        list(parallel.parallel_map(square, [*range(100), -7], None, processes=True))


def test_a_killed_process_is_an_error():
    with pytest.raises(BrokenExecutor) as ended:
        list(
            parallel.parallel_map(
                partial(_end_itself, signal.SIGKILL), range(100), None, processes=True
            )
        )
    assert not isinstance(ended.value, Crashed)


@pytest.mark.parametrize("by", [signal.SIGSEGV, signal.SIGABRT])
def test_a_process_that_crashes_is_not_taken_for_one_that_was_killed(by):
    with pytest.raises(Crashed, match=f"^a worker process crashed: {by.name}$"):
        list(parallel.parallel_map(partial(_end_itself, by), range(100), None, processes=True))


def _end_itself(by: int, _: int) -> None:
    os.kill(os.getpid(), by)


def _is_late_to_replace(folder: Path, number: int) -> None:
    if number == 0:
        while not list(folder.iterdir()):
            time.sleep(0.01)
        raise ValueError("the other one has begun to write")
    os.replace = lambda *_: time.sleep(60)  # this process ends, and it with it
    files.write_bytes(folder / "a.jpg", b"a")


def test_a_process_that_is_ended_leaves_nothing_half_written(tmp_path):
    start = time.monotonic()
    items = [0, *[1] * 2 * parallel.RUN_APART]  # whoever has the first waits for the other
    with pytest.raises(ValueError, match="begun to write"):
        list(
            parallel.parallel_map(
                partial(_is_late_to_replace, tmp_path), items, None, processes=True
            )
        )
    assert not list(tmp_path.iterdir())
    assert time.monotonic() - start < GRACE


def begun() -> tuple[subprocess.Popen, set[int]]:
    """Returns a stage in a session of its own, as a shell starts it, and the processes that work for it."""
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPERS],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    return process, {int(process.stdout.readline()) for _ in range(2)}


def test_ctrl_c_which_reaches_all_processes_ends_in_one_line():
    process, _ = begun()
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)  # of a minute that each of 200 items would take
    assert (process.returncode, errors) == (130, "interrupted\n")


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_process_that_is_ended_between_two_runs_finishes_its_message_and_begins_nothing(goes_on):
    script = f"""
import multiprocessing, signal, time
from facerec import parallel as workers
def serve():
    workers._serve((print, ["another run"]))
    signal.raise_signal(signal.SIGTERM)
    print("the message", flush=True)
    {"workers.each_given(slice(1))" if goes_on else ""}
    time.sleep(60)
process = multiprocessing.get_context("fork").Process(target=serve)
process.start()
process.join()
print(process.exitcode)
"""
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=40
    )
    assert (result.stdout, result.stderr) == ("the message\n1\n", "")


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")
def test_ctrl_c_while_the_processes_are_forked_is_not_lost():
    script = """
import os, signal
from facerec.parallel import parallel_map
signal.signal(signal.SIGINT, signal.default_int_handler)
os.register_at_fork(before=lambda: os.kill(os.getpid(), signal.SIGINT))
if __name__ == "__main__":
    try:
        print(sum(parallel_map(abs, range(400), None, processes=True)))
    except KeyboardInterrupt:
        print("interrupted")
"""
    others = {
        name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"
    }  # a thread of NumPy's too
    command = [sys.executable, "-c", script]
    result = subprocess.run(
        command, cwd=ROOT, env=others, capture_output=True, text=True, timeout=60
    )
    assert (result.stdout, result.stderr, result.returncode) == ("interrupted\n", "", 0)


def test_processes_end_with_the_one_that_they_work_for():
    process, workers = begun()
    assert process.pid not in workers and len(workers) == 2
    process.kill()
    process.communicate(timeout=20)  # the workers hold its output open
    for _ in range(100):
        if not any(Path(f"/proc/{worker}").exists() for worker in workers):
            return
        time.sleep(0.1)
    raise AssertionError("still at work")
