"""All measurements of speed and memory, each a ratio to a peer or a ceiling in the same run.

python -m benchmarks.run                    # all; writes docs/results/speed.md
python -m benchmarks.run --only crop        # one or some; replaces their rows in the file

Reads what the stages up to `align` wrote. Every measurement has a process of its own.
"""

import datetime
import importlib.metadata
import json
import multiprocessing
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
from typer import Option
from typer import run as typer_run

from benchmarks import (
    identification_speed,
    identify_speed,
    landmark_training,
    photograph_stages,
    recognizer_speed,
    selection_tables,
    unchanged_run,
)
from benchmarks.common import chosen, machine
from benchmarks.crop_speed import PHOTOGRAPHS
from benchmarks.landmark_run import read_run
from benchmarks.measure import REPEATS, Measured, alternate
from facerec import tables
from facerec.alignment.params import AlignParams, CropParams
from facerec.files import write_bytes
from facerec.landmarks.params import HourglassParams
from facerec.parallel import num_workers
from facerec.recognition.datasets import read_aligned
from facerec.recognition.params import RecognizerEntry, RecognizerParams
from facerec.run_record import commit, processor

VERSIONS = ["dvc", "faiss-cpu", "numpy", "opencv-python-headless", "pandas", "torch"]
ROOT = Path(__file__).parents[1]
GIB = 1024  # MiB
SECONDS = 4.0  # of each measurement of a training, at least; never less than a step


@dataclass(frozen=True)
class Work:
    """How much of everything is measured.

    Attributes:
        data: folder that the stages wrote.
        models: folder of the hourglass.
        photographs: of crop and the growth of measure, select and crop, at most.
        faces: of align and its growth, at most.
        tables: photographs, people, chosen people and images of each, of select's tables.
        identification: queries and distractors.
        search: queries and distractors of the search; fewer, because it is slower.
        folder: photographs a folder of the unchanged run.
        memory: faces of the two trainings.
        seconds: of each measurement of a training.
        repeats: of each.
        identified: photographs of the identification from files, at most.
    """

    data: Path
    models: Path
    photographs: int = PHOTOGRAPHS
    faces: int = 512
    tables: tuple[int, int, int, int] = (202_599, 10_177, 500, 20)
    identification: tuple[int, int] = (5000, 1_000_000)
    search: tuple[int, int] = (5000, 200_000)
    folder: int = 10_000
    memory: tuple[int, int] = (10_000, 100_000)
    seconds: float = SECONDS
    repeats: int = REPEATS
    identified: int = identify_speed.PHOTOGRAPHS


@dataclass(frozen=True)
class Measure:
    """A row of the table: what is measured, against what, and which ratio is wanted."""

    what: str
    against: str
    target: float
    measure: Callable[[Work], Measured]
    at_most: bool = False

    def reached(self, ratio: float) -> bool:
        return ratio <= self.target if self.at_most else ratio >= self.target


def _identify(work: Work, against: identify_speed.Peer) -> Measured:
    photographs = work.data / "photographs"
    sizes = "--count", work.identified, "--repeats", work.repeats
    words = photographs, "--against", against, "--models", work.models, *sizes
    return Measured(**json.loads(_output("benchmarks.identify_speed", *words)))


def _select(work: Work) -> Measured:
    return selection_tables.against_notebook(*work.tables, work.repeats)


def _crop(work: Work, against: str) -> Measured:
    sizes = "--photographs", work.photographs, "--repeats", work.repeats
    return Measured(
        **json.loads(_output("benchmarks.crop_speed", against, "--data", work.data, *sizes))
    )


def _align(work: Work) -> Measured:
    image_size = AlignParams.load("align").image_size
    return photograph_stages.align(work.data, work.models, image_size, work.faces, work.repeats)


def _growth(work: Work, stage: str) -> Measured:
    if stage == "align":
        image_size = AlignParams.load("align").image_size
        count = work.faces
    else:
        image_size = CropParams.load("crop").image_size
        count = work.photographs
    return photograph_stages.growth(work.data, work.models, stage, image_size, count, work.repeats)


def _recognizer(work: Work, against: str) -> Measured:
    params = RecognizerParams.load("recognizer")
    entry = RecognizerEntry.load("recognizers.arcface")
    frame = tables.read(work.data / "train.csv", tables.SELECTED)
    folder = work.data / f"aligned_{entry.alignment}"
    aligned = read_aligned(folder, work.data / "predicted_landmarks.csv", frame, entry.alignment)
    paths = [folder / image_id for image_id in frame.image_id]
    settings = (params, entry, work.seconds, work.repeats)
    if against == "plain":
        return recognizer_speed.against_plain(aligned.faces, paths, aligned.labels, *settings)
    if against == "other":
        return recognizer_speed.against_other_precision(aligned.faces, aligned.labels, *settings)
    return recognizer_speed.against_resident(aligned.faces, aligned.labels, *settings)


def _hourglass(work: Work) -> Measured:
    params = HourglassParams.load("hourglass")
    run_data = read_run(work.data, params)
    steps = (
        landmark_training.our_steps(params, run_data),
        landmark_training.notebook_steps(work.data, params, run_data),
    )
    ours, theirs = (
        partial(landmark_training.faces_per_second, each, work.seconds) for each in steps
    )
    return alternate(ours, theirs, "faces", work.repeats)


def _memory(work: Work) -> Measured:
    pairs = [[_peak(count) for count in work.memory] for _ in range(work.repeats)]
    few, many = (statistics.median(peaks) for peaks in zip(*pairs, strict=True))
    ratios = [after / before for before, after in pairs]
    return Measured(
        ratios, f"{work.memory[1]:,} faces: {many:.0f} MiB", f"{work.memory[0]:,}: {few:.0f} MiB"
    )


def _peak(faces: int) -> float:
    return float(_output("benchmarks.training_memory", faces).split()[-1])


def _select_memory(work: Work) -> Measured:
    rows, people, *_ = work.tables
    outputs = [
        _output("benchmarks.selection_tables", "--rows", rows, "--people", people, "--no-peer")
        for _ in range(work.repeats)
    ]
    numbers = [map(float, re.findall(r"([\d.]+) (?:s|MiB)", output)) for output in outputs]
    seconds, peaks = zip(*numbers, strict=True)
    median = f"{statistics.median(peaks):.0f} MiB, {statistics.median(seconds):.2f} s"
    return Measured([peak / GIB for peak in peaks], median, f"{GIB} MiB")


def _identification_memory(work: Work) -> Measured:
    query, distractors = work.identification
    words = "benchmarks.identification", "--query", query, "--distractors", distractors
    outputs = [_output(*words) for _ in range(work.repeats)]
    peaks = [float(re.findall(r"embeddings: (\d+) MiB", output)[0]) for output in outputs]
    return Measured(
        [peak / (2 * GIB) for peak in peaks],
        f"{statistics.median(peaks):.0f} MiB",
        f"{2 * GIB} MiB",
    )


def _output(module: str, *words: object) -> str:
    """Returns what a module prints in a process of its own."""
    command = [sys.executable, "-m", module, *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return process.stdout


GROWING = {
    "measure_select": "measure and select (pixel measures, copies)",
    "crop": "crop",
    "align": "align",
}

MEASURES = {
    "select": Measure("select, tables of CelebA's size", "the notebook's pandas steps", 5, _select),
    "select_memory": Measure(
        "select, peak memory with the interpreter and its libraries",
        "1 GiB",
        1,
        _select_memory,
        at_most=True,
    ),
    "crop": Measure(
        "crop, photographs/s",
        "the notebook's loop without its row lookups, on one core, times the cores",
        0.75,
        partial(_crop, against="loop"),
    ),
    "crop_lookup": Measure(
        "crop, photographs/s",
        "the notebook's loop with its row lookups, on one core, times the cores",
        0.75,
        partial(_crop, against="lookup"),
    ),
    "crop_processes": Measure(
        "crop, photographs/s",
        "the notebook's loop without its row lookups, in as many processes as cores",
        0.75,
        partial(_crop, against="processes"),
    ),
    "align": Measure("align, faces/s", "the hourglass's forward pass alone", 0.7, _align),
    "recognizer": Measure(
        "recogniser training, faces/s",
        "the same step on a resident random batch, not augmented",
        0.9,
        partial(_recognizer, against="resident"),
    ),
    "recognizer_plain": Measure(
        "recogniser training, faces/s",
        "a plain loop: DataLoader over JPEG files, fp32, NCHW",
        3,
        partial(_recognizer, against="plain"),
    ),
    "precision": Measure(
        "recogniser training, faces/s, in precision auto",
        "in the other one",
        1,
        partial(_recognizer, against="other"),
    ),
    "hourglass": Measure(
        "hourglass training, faces/s", "the notebook's network and loop, same input", 5, _hourglass
    ),
    "identification": Measure(
        "identification rate, 5,000 × 1,000,000",
        "one blocked matrix product over the same data",
        0.5,
        lambda work: identification_speed.against_product(*work.identification, work.repeats),
    ),
    "identification_memory": Measure(
        "identification rate, 5,000 × 1,000,000, peak memory above the embeddings; a subset "
        "equals brute force",
        "2 GiB",
        1,
        _identification_memory,
        at_most=True,
    ),
    "search": Measure(
        "identification (1:N search), 5,000 × 200,000",
        "faiss-cpu, exact inner product",
        1,
        lambda work: identification_speed.against_faiss(*work.search, work.repeats),
    ),
    "identify": Measure(
        "identify, from files to names, photographs/s",
        "the forward passes of its networks alone, on the same faces in the same batches",
        1 / 1.3,
        partial(_identify, against="networks"),
    ),
    "identify_face": Measure(
        "identify, from file to name, a face",
        "40 ms of one core",
        1,
        partial(_identify, against="core"),
    ),
    "unchanged": Measure(
        "dvc repro with nothing changed, seconds",
        "dvc status",
        1.2,
        lambda work: unchanged_run.unchanged(work.folder, work.repeats),
        at_most=True,
    ),
    "memory": Measure(
        "private memory of training, faces mapped",
        "a tenth of the faces",
        1.1,
        _memory,
        at_most=True,
    ),
    **{
        f"growth_{stage}": Measure(
            f"{title}, exponent of its time in the number of photographs",
            "1×, 2×, 4×, 8×",
            1.05,
            partial(_growth, stage=stage),
            at_most=True,
        )
        for stage, title in GROWING.items()
    },
}


def main(
    only: Annotated[list[str] | None, Option(help=f"one or some of {', '.join(MEASURES)}")] = None,
    data: Annotated[Path, Option(help="folder that the stages wrote")] = Path("data"),
    models: Annotated[Path, Option(help="folder of the hourglass")] = Path("models"),
    repeats: Annotated[int, Option(help="measurements of each of the two, in turn")] = REPEATS,
    report: Annotated[
        Path, Option(help="output: the table; its rows in numbers beside it, as .json")
    ] = Path("docs/results/speed.md"),
) -> None:
    """Measures all, or the named ones, and writes the table."""
    measure_all(chosen(only, MEASURES), Work(data, models, repeats=repeats), report)


def measure_all(names: list[str], work: Work, report: Path) -> None:
    """Measures one after the other, and writes each to the report at once."""
    for name in names:
        start = time.perf_counter()
        measured = in_own_process(name, work)
        spent = time.perf_counter() - start
        print(
            f"{name:<18} {measured.spread}  {measured.ours} | {measured.other}  ({spent:.0f} s)",
            flush=True,
        )
        rows = {**_rows(report), name: _row(measured, spent)}
        write_bytes(report.with_suffix(".json"), json.dumps(rows, indent=1).encode())
        write_bytes(report, markdown(rows).encode())


def in_own_process(name: str, work: Work) -> Measured:
    """Returns a measurement from a new process, which inherits no memory and no threads."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, name, work).result()


def measure(name: str, work: Work) -> Measured:
    """Returns a measurement."""
    return MEASURES[name].measure(work)


def _rows(report: Path) -> dict[str, dict]:
    path = report.with_suffix(".json")
    return json.loads(path.read_text()) if path.exists() else {}


def _row(measured: Measured, spent: float) -> dict:
    return {
        "ratios": [round(ratio, 4) for ratio in measured.ratios],
        "ours": measured.ours,
        "other": measured.other,
        "seconds": round(spent),
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "machine": f"{machine()} of {processor()}, {num_workers()} cores, "
        f"temporary files in {tempfile.gettempdir()}",
    }


def markdown(rows: dict[str, dict]) -> str:
    """Returns the table of the rows, in the order of MEASURES, with machine and versions."""
    installed = {package.metadata["Name"] for package in importlib.metadata.distributions()}
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in VERSIONS if name in installed
    )
    machines = sorted({row["machine"] for row in rows.values()})
    lines = [
        "# Speed and memory",
        "",
        "Each row: the median of the ratios, with their range. Ours and the other are measured in "
        "turn. A ratio above 1 means that ours is faster; growth and memory have an upper bound.",
        "",
        f"{'; '.join(machines)}. Python {platform.python_version()}, {versions}. "
        "`python -m benchmarks.run --only NAME` measures one row again.",
        "",
        "| name | measure | against | ratio | target | | ours | theirs | date | commit |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_line(name, rows[name]) for name in MEASURES if name in rows]
    return "\n".join([*lines, ""])


def _line(name: str, row: dict) -> str:
    measure_row = MEASURES[name]
    measured = Measured(row["ratios"], row["ours"], row["other"])
    target = f"{'≤' if measure_row.at_most else '≥'} {measure_row.target:.3g}"
    verdict = "reached" if measure_row.reached(measured.median) else "**missed**"
    cells = [name, measure_row.what, measure_row.against, measured.spread, target, verdict]
    cells += [row[key] for key in ("ours", "other", "date", "commit")]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(f"torch uses {torch.get_num_threads()} threads", flush=True)
    typer_run(main)
