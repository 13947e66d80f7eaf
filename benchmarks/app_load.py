"""The page under load: 200 requests in flight, and memory over 2,000.

python -m benchmarks.app_load                     # the photographs and models of the last run
python -m benchmarks.app_load --photographs FOLDER --model models/recognizer.onnx

Each request is one photograph sent to /identify of a `facerec page` in a process of its own. The
model's own time is that of the engine alone on the same photographs, measured in turn: one after
each request, all before and after the 200. What else the machine does changes both.
"""

import http.client
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import numpy as np
import psutil
from typer import Option, run

from facerec.engine.engine import FaceEngine
from facerec.engine.load import load_engine

BOUNDARY = "x" * 16
STEPS = 4  # at which memory is read
WARM = 20  # requests before the clock starts
ALONE = 40  # requests one after another
MIB = 2**20


def main(
    photographs: Annotated[Path, Option(help="folder")] = Path("data/photographs"),
    model: Annotated[Path | None, Option(help="without: the published one")] = None,
    in_flight: Annotated[int, Option(help="requests at once")] = 200,
    requests: Annotated[int, Option(help="over which memory is watched")] = 2000,
) -> None:
    """Print how the page bears load."""
    paths = sorted(path for path in photographs.iterdir() if path.is_file())[:in_flight]
    forms = [_form(path.read_bytes()) for path in paths]
    bodies = [*itertools.islice(itertools.cycle(forms), requests)]
    engine = load_engine(model)
    with tempfile.TemporaryDirectory() as folder, _page(Path(folder), model) as (address, process):
        for body in bodies[:WARM]:
            _ask(address, body)
        alone, single = [], []
        for path, body in zip(paths[:ALONE], forms, strict=False):
            alone.append(_ask(address, body)[1])
            single.append(_own_time(engine, [path]))
        before = _own_time(engine, paths)
        wall = time.perf_counter()
        with ThreadPoolExecutor(in_flight) as pool:
            answers = [*pool.map(lambda body: _ask(address, body), bodies[:in_flight])]
        wall = time.perf_counter() - wall
        own = statistics.mean([before, _own_time(engine, paths)])
        memory = [*_memory(process, address, bodies)]
    one = statistics.median(single)
    lost = sum(status != 200 for status, _ in answers)
    seconds = [took for _, took in answers]
    median, p99 = np.quantile(seconds, [0.5, 0.99])
    total = own * len(answers)
    print(f"the model alone: {1000 * own:.1f} ms a photograph of many, {1000 * one:.1f} of one")
    print(
        f"one request after another: median {1000 * statistics.median(alone):.1f} ms, "
        f"{statistics.median(alone) / one:.2f} × the model's own time"
    )
    print(
        f"{len(answers)} requests in flight: {lost} lost; {wall:.2f} s, {wall / total:.2f} × the "
        f"model's own time for all; median {median:.2f} s ({median / own:.0f} × the model's time "
        f"for one, {median / total:.2f} × that for all), 99 % within {p99:.2f} s "
        f"({p99 / own:.0f} ×, {p99 / total:.2f} ×)"
    )
    sizes = ", ".join(f"{size / MIB:.0f} MiB after {count:,}" for count, size in memory)
    first, last = memory[0][1], memory[-1][1]
    print(f"memory of the page: {sizes}; {(last - first) / first:+.1%} over {requests:,} requests")


def _own_time(engine: FaceEngine, paths: list[Path]) -> float:
    """Returns the seconds that the engine takes for a photograph."""
    began = time.perf_counter()
    for _ in engine.over_files(paths, None):
        pass
    return (time.perf_counter() - began) / len(paths)


@contextmanager
def _page(folder: Path, model: Path | None) -> Iterator[tuple[str, psutil.Process]]:
    """Yields the address of a page with an empty gallery, and its process."""
    command = [sys.executable, "-m", "facerec", "page", str(folder / "gallery"), "--port", "0"]
    command += ["--model", str(model)] if model else []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as page:
        assert page.stdout is not None
        address = page.stdout.readline().strip()
        if not address:
            raise ValueError("the page did not start; `facerec page` says why")
        try:
            yield address, psutil.Process(page.pid)
        finally:
            page.terminate()


def _memory(
    process: psutil.Process, address: str, bodies: list[bytes]
) -> Iterator[tuple[int, int]]:
    """Yields the number of requests so far, and the page's private memory after them, bytes."""
    size = len(bodies) // STEPS
    with ThreadPoolExecutor(8) as pool:
        for step in range(STEPS):
            part = bodies[step * size : (step + 1) * size]
            statuses = [*pool.map(lambda body: _ask(address, body)[0], part)]
            if any(status != 200 for status in statuses):
                raise ValueError(f"{sum(status != 200 for status in statuses)} requests were lost")
            yield (step + 1) * size, process.memory_full_info().uss


def _form(photograph: bytes) -> bytes:
    head = (
        f"--{BOUNDARY}\r\n"
        'Content-Disposition: form-data; name="photograph"; filename="photograph.jpg"\r\n\r\n'
    )
    return head.encode() + photograph + f"\r\n--{BOUNDARY}--\r\n".encode()


def _ask(address: str, body: bytes) -> tuple[int, float]:
    """Returns the status of an answer, 0 if none came, and the seconds until it was there."""
    began = time.perf_counter()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=300)
    try:
        connection.request("POST", "/identify", body, headers)
        answer = connection.getresponse()
        answer.read()
        status = answer.status
    except OSError:
        status = 0
    finally:
        connection.close()
    return status, time.perf_counter() - began


if __name__ == "__main__":
    run(main)
