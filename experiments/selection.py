"""Which selection makes the better recogniser: strategies with equal numbers of photographs.

All are tested on the same photographs.

python -m experiments.selection --epochs 30 --seeds 3 --openset-seed 2

Needs the collection that params.yaml names, its measures, and a trained hourglass, which aligns all
faces alike. Each finished training is a row of the CSV and is not repeated, so that an interrupted
comparison goes on.
"""

import time
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
from pydantic import ConfigDict
from typer import Option, run

from benchmarks.common import machine
from experiments.finished_trainings import run_missing
from facerec import geometry, tables
from facerec.alignment.params import CropParams
from facerec.alignment.points import find_points
from facerec.data.celeba import Collection, read_collection, read_image_ids
from facerec.files import write_bytes
from facerec.imaging import warp
from facerec.imaging.io import read_image
from facerec.landmarks import hourglass
from facerec.metrics.intervals import difference_interval, share_interval
from facerec.networks.devices import device
from facerec.parallel import in_batches, parallel_map
from facerec.params import Params
from facerec.recognition import training as recognizer_training
from facerec.recognition.datasets import AlignedFaces
from facerec.recognition.params import RecognizerEntry, RecognizerParams
from facerec.recognition.recognizer import Recognizer
from facerec.recognition.scoring import top_k_hits
from facerec.selection.choice import choose, divide, read_measures
from facerec.selection.params import SelectParams
from facerec.training.loop import delete_checkpoints, fingerprint

BASES = ["random", "frontal"]  # strategies that the others are compared with
BATCH_SIZE = 64


class DatasetParams(Params):
    model_config = ConfigDict(strict=False)  # strings are paths

    images: Path
    identity: Path
    boxes: Path
    landmarks: Path
    attributes: Path


class Chooser:
    """Chooses by each strategy among the same people, with the same test sets.

    They are the people that the last of BASES chooses.

    Attributes:
        params: of the selection; rejected photographs are allowed, so that none are missing.
        excluded: image_ids to leave out.
        collection: these people and the open set's.
        measures: a row for each photograph.
    """

    def __init__(self, params: SelectParams, collection: Collection, measures: Path) -> None:
        self.params = params.model_copy(update={"allow_rejected": True})
        self.excluded = read_image_ids(Path(params.exclude))
        self.collection = collection
        self.measures = read_measures(measures, collection.frame)
        chosen = self.choose(BASES[-1], params.seed)
        people = {*chosen["selected"].person_id, *chosen["openset"].person_id}
        frame = collection.frame[collection.frame.person_id.isin(people)]
        self.collection = Collection(frame, collection.attributes, {})

    def choose(self, strategy: str, seed: int) -> dict[str, pd.DataFrame]:
        """Returns `selected`, `train`, `val`, `wild` and `openset` of a strategy."""
        params = self.params.model_copy(update={"strategy": strategy, "seed": seed})
        choice = choose(self.collection, self.measures, self.excluded, params)
        train, val, _ = divide(choice, self.measures, params)
        return {
            "selected": choice.selected,
            "train": train.sort_values("image_id"),
            "val": val,
            "wild": choice.wild,
            "openset": choice.openset,
        }


def main(
    epochs: Annotated[int, Option(help="of each training")] = 30,
    seeds: Annotated[int, Option(help="selections and trainings by each strategy")] = 3,
    strategies: Annotated[
        str, Option(help="names in select.strategies, with commas")
    ] = "random,frontal,quality",
    recognizer: Annotated[str, Option(help="entry of recognizers in params.yaml")] = "arcface",
    model: Annotated[
        Path, Option(help="the hourglass that aligns all faces; a folder: by annotated points")
    ] = Path("models/hourglass.pt"),
    image_size: Annotated[int, Option(help="side of the aligned faces")] = 48,
    measures: Annotated[Path, Option(help="what `dvc repro measure` wrote")] = Path(
        "data/measures.csv"
    ),
    openset_seed: Annotated[
        int | None, Option(help="draws other test sets than select.openset.seed")
    ] = None,
    cells: Annotated[Path, Option(help="table of finished trainings, read and added to")] = Path(
        "experiments/selection.csv"
    ),
    report: Annotated[Path, Option(help="output: the table in words")] = Path(
        "docs/results/selection.md"
    ),
) -> None:
    """Trains what is missing, and writes the table."""
    paths = DatasetParams.load("dataset")
    params = SelectParams.load("select")
    if openset_seed is not None:
        openset = params.openset.model_copy(update={"seed": openset_seed})
        params = params.model_copy(update={"openset": openset})
    names = strategies.split(",")
    collection = read_collection(paths.identity, paths.landmarks, paths.boxes, paths.attributes)
    chooser = Chooser(params, collection, measures)
    drawn = {
        (name, seed): chooser.choose(name, seed) for name in names for seed in range(1, seeds + 1)
    }
    faces = _lazily_aligned(
        drawn,
        paths.images,
        model,
        RecognizerEntry.load(f"recognizers.{recognizer}").alignment,
        image_size,
    )
    trainings = [
        {
            "run": _key(drawn[name, seed], recognizer, model, epochs, image_size),
            "strategy": name,
            "seed": seed,
        }
        for seed in range(1, seeds + 1)
        for name in names
    ]
    finished = run_missing(
        cells,
        trainings,
        lambda key: train_and_test(
            drawn[key["strategy"], key["seed"]], faces(), epochs, key["seed"], recognizer
        ),
    )
    points = "one hourglass" if model.is_file() else "the annotated points"
    alignment = f"all faces aligned by {points}, {image_size} px"
    text = markdown(finished, drawn, f"{epochs} epochs", alignment)
    write_bytes(report, text.encode())
    print(text)


def _key(
    chosen: dict[str, pd.DataFrame], recognizer: str, model: Path, epochs: int, image_size: int
) -> str:
    """Returns a name that changes with the photographs, recipe, alignment and library's code."""
    params = RecognizerParams.load("recognizer").model_copy(update={"epochs": epochs, "seeds": [1]})
    parts = [
        RecognizerEntry.load(f"recognizers.{recognizer}").model_dump_json().encode(),
        str(image_size).encode(),
    ]
    parts += [model.read_bytes()] if model.is_file() else []
    photographs = (" ".join(chosen[name].image_id).encode() for name in ("train", "val", "wild"))
    return fingerprint("selection", params, *parts, *photographs)


def _lazily_aligned(drawn: dict, images: Path, model: Path, count: int, image_size: int):
    """Returns a function that aligns all faces of all strategies when it is first called."""
    used = pd.concat(
        [frame for chosen in drawn.values() for frame in (chosen["selected"], chosen["wild"])]
    )
    return cache(lambda: align(used.drop_duplicates("image_id"), images, model, count, image_size))


def align(
    frame: pd.DataFrame, images: Path, model: Path, count: int, image_size: int
) -> dict[str, tuple[np.ndarray, bool]]:
    """Returns, by image_id, each face aligned by `count` points, and whether it could be."""
    network = hourglass.load(model, device()) if model.is_file() else None
    squares = geometry.crop_squares(
        frame[tables.BOX].to_numpy(float), CropParams.load("crop").box_scale
    )
    image_ids = frame.image_id.tolist()
    annotated = tables.points(frame)
    faces = {}
    for rows in in_batches(range(len(image_ids)), BATCH_SIZE, "align"):
        paths = [images / image_ids[row] for row in rows]
        photographs = list(parallel_map(read_image, paths, None))
        points = annotated[rows.start : rows.stop]
        if network:
            points = find_points(network, photographs, squares[rows.start : rows.stop])
        matrices = geometry.alignment_matrices(points, image_size)[count]
        for photograph, row, matrix in zip(photographs, rows, matrices, strict=True):
            face = warp.warp(photograph, matrix, image_size)
            faces[image_ids[row]] = face, bool(np.isfinite(matrix).all())
    return faces


def train_and_test(
    chosen: dict[str, pd.DataFrame],
    faces: dict[str, tuple[np.ndarray, bool]],
    epochs: int,
    seed: int,
    recognizer: str,
) -> dict[str, Any]:
    """Returns the seconds, and the hits on val and wild as strings of 0 and 1 by image_id."""
    params = RecognizerParams.load("recognizer").model_copy(
        update={"epochs": epochs, "seeds": [seed]}
    )
    train_set, val, wild = (_aligned(chosen[name], faces) for name in ("train", "val", "wild"))
    torch.manual_seed(seed)
    person_ids = train_set.frame.drop_duplicates("label").sort_values("label").person_id.tolist()
    network = recognizer_training.build(
        params,
        RecognizerEntry.load(f"recognizers.{recognizer}"),
        person_ids,
        train_set.faces.shape[1],
        Path(),
    )
    name = fingerprint("benchmark_selection", params, train_set.faces)
    start = time.perf_counter()
    nothing = AlignedFaces(val.frame[:1], val.faces[:1], val.usable[:1])  # to try after each epoch
    recognizer_training.train(network, train_set, nothing, params, seed, name)
    seconds = time.perf_counter() - start
    delete_checkpoints(name)
    return {
        "photographs": len(train_set.frame),
        "seconds": round(seconds, 1),
        "val": _hits(network, val),
        "wild": _hits(network, wild),
    }


def _aligned(frame: pd.DataFrame, faces: dict[str, tuple[np.ndarray, bool]]) -> AlignedFaces:
    pictures, usable = zip(*(faces[image_id] for image_id in frame.image_id), strict=True)
    return AlignedFaces(frame, np.stack(pictures), np.array(usable))


def _hits(network: Recognizer, val_set: AlignedFaces) -> str:
    scores = network.head.scores(val_set.embed(network).to(device())).cpu()
    return "h" + "".join(
        str(int(hit)) for hit in top_k_hits(scores, val_set.labels, 1).numpy() & val_set.usable
    )


def markdown(finished: pd.DataFrame, drawn: dict, length: str, faces: str) -> str:
    """Returns the table: a row for each strategy.

    Intervals are over people. A photograph's hits are the mean over the seeds.

    Args:
        finished: a row for each strategy and seed, as train_and_test returns it.
        drawn: the tables of each strategy and seed.
        length: of each training, in words.
        faces: how they were aligned, in words.
    """
    names = list(dict.fromkeys(finished.strategy))
    wild = next(iter(drawn.values()))["wild"]
    people = wild.label.to_numpy()
    hits = {name: _mean_hits(finished.wild[finished.strategy == name]) for name in names}
    lines = [
        f"{wild.label.nunique()} people, {finished.photographs.iloc[0]} photographs to train on by "
        f"each strategy, {finished.seed.nunique()} selections and trainings of {length} by each; "
        f"the same {len(wild)} photographs in wild. Top-1 in %, 95 % intervals over "
        f"people, ± the standard deviation over the seeds; {finished.seconds.mean():.0f} s a "
        f"training on {machine()}, {faces}.",
        "",
        f"| strategy | own val | wild | ± | {' | '.join(f'less {base}' for base in BASES)} | "
        f"val less wild |",
        f"|---|---|---|---|{'---|' * len(BASES)}---|",
    ]
    for name in names:
        rows = finished[finished.strategy == name]
        val_people = np.concatenate([drawn[name, seed]["val"].label for seed in rows.seed])
        val_hits = np.concatenate([_hits_of(text) for text in rows.val])
        top1 = [_hits_of(text).mean() for text in rows.wild]
        deviation = np.std(top1, ddof=1) if len(rows) > 1 else np.nan
        differences = [
            _with_interval(hits[name] - hits[base], people, "+")
            if base in hits and base != name
            else ""
            for base in BASES
        ]
        cells = [
            name,
            _with_interval(val_hits, val_people),
            _with_interval(hits[name], people),
            f"{100 * deviation:.1f}",
            *differences,
            f"{100 * (val_hits.mean() - hits[name].mean()):.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _hits_of(text: str) -> np.ndarray:
    return np.array([character == "1" for character in text[1:]], float)


def _mean_hits(texts: pd.Series) -> np.ndarray:
    return np.mean([_hits_of(text) for text in texts], axis=0)


def _with_interval(hits: np.ndarray, people: np.ndarray, sign: str = "") -> str:
    low, high = (difference_interval if sign else share_interval)(hits, people)
    return f"{100 * hits.mean():{sign}.1f} ({100 * low:{sign}.1f} to {100 * high:{sign}.1f})"


if __name__ == "__main__":
    run(main)
