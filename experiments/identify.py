"""Photographs of `wild` and of strangers, identified as `facerec identify` does.

python -m experiments.identify . ../cfp

Each folder is a repository after `dvc repro`. Its people are enrolled by their photographs of
train, in a gallery; the boxes are those that the detector finds, or for comparison the annotated
ones.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import torch
from typer import Argument, run

from facerec import tables
from facerec.detection.params import load_detector_params
from facerec.engine.calibrate import largest
from facerec.engine.engine import FaceEngine
from facerec.engine.load import load_engine
from facerec.engine.operating_point import OperatingPoint
from facerec.files import write_bytes
from facerec.gallery.records import NewFace
from facerec.gallery.search import Search
from facerec.gallery.store import Gallery
from facerec.imaging.io import read_image
from facerec.metrics.identification import detection_rate, rank1_hits
from facerec.metrics.intervals import difference_interval, share_interval
from facerec.parallel import in_batches
from facerec.params import PARAMS_FILE, read_yaml
from tools.machine import commit, describe

PAGE = Path("docs/results/identify.md")
SPLITS = {"train": tables.SELECTED, "wild": tables.SELECTED, "openset": tables.OPENSET}
BATCH_SIZE = 64  # photographs with annotated boxes that are held at a time
FALSE_ALARMS = (0.1, 0.01)
SCORES = (("best photograph", False), ("mean embedding", True))
MADE_HERE = "experiments.identify"  # instead of a fingerprint


def main(folders: Annotated[list[Path], Argument(help="repositories with a run")]) -> None:
    """Writes docs/results/identify.md."""
    lines = [
        "# Identification with detected boxes",
        "",
        f"`python -m experiments.identify {' '.join(map(str, folders))}` has written this page.",
        "",
        *(f"- {line}" for line in describe() if not line.startswith("parameters")),
        f"- commit {commit()}",
    ]
    for folder in folders:
        lines += ["", *_section(folder)]
    write_bytes(PAGE, "\n".join([*lines, ""]).encode())
    print(f"written to {PAGE}")


def _section(folder: Path) -> list[str]:
    """Returns the lines about one collection."""
    detector = load_detector_params(folder / PARAMS_FILE)
    engine = load_engine(detector=detector, models=folder / "models")
    point = engine.operating_point
    if point is None:
        raise ValueError(f"{folder}: no threshold; `facerec calibrate` measures one")
    frames = {
        split: tables.read(folder / "data" / f"{split}.csv", table)
        for split, table in SPLITS.items()
    }
    photographs = folder / "data/photographs"
    embeddings = {
        "detected": {split: _detected(engine, photographs, frames[split]) for split in SPLITS},
        "annotated": {split: _annotated(engine, photographs, frames[split]) for split in SPLITS},
    }
    rows = [
        f"| {boxes} | {' | '.join(_measure(each, frames, point))} |"
        for boxes, each in embeddings.items()
    ]
    return [
        f"## `{read_yaml(folder / PARAMS_FILE)['dataset']['images']}`",
        "",
        f"{frames['train'].person_id.nunique()} people are enrolled by {len(frames['train'])} "
        f"photographs; {len(frames['wild'])} others of theirs (`wild`) and "
        f"{len(frames['openset'])} of {frames['openset'].person_id.nunique()} strangers are "
        f"searched. Somebody is {point.search_sentence}. A face that was not found is nobody's.",
        "",
        "| boxes | faces found | rank-1 | named, right | named, wrong | strangers refused |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
        "In %, with 95 % intervals by people. The threshold was measured on these strangers, but "
        "in a gallery of their own.",
        "",
        *_scores(embeddings["detected"]["openset"], frames["openset"].person_id.to_numpy()),
    ]


def _scores(embeddings: np.ndarray, people: np.ndarray) -> list[str]:
    """Returns the lines about how a person is scored, measured on strangers (N, E), (N,)."""
    hits = {}
    rows = []
    for name, of_mean in SCORES:
        best_same, best_other = _search_cosines(embeddings, people, of_mean)
        hits[name] = rank1_hits(best_same, best_other).numpy()
        searched = people[best_same.numpy() > -np.inf]
        shares = [detection_rate(best_same, best_other, rate)[0] for rate in FALSE_ALARMS]
        cells = [_share(hits[name], searched), *(f"{100 * share:.1f}" for share in shares)]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    gains = hits["mean embedding"].astype(float) - hits["best photograph"]
    low, high = difference_interval(gains, searched)
    found = " | ".join(f"found at FPIR {rate:g}" for rate in FALSE_ALARMS)
    return [
        "A person's score may be the cosine of the best photograph, or that of the mean of the "
        "person's embeddings. Strangers, each searched among all other photographs of strangers:",
        "",
        f"| score | rank-1 | {found} |",
        "|---|---|" + "---|" * len(FALSE_ALARMS),
        *rows,
        "",
        f"The mean's rank-1 is {100 * gains.mean():+.1f} points off ({100 * low:.1f} to "
        f"{100 * high:.1f}).",
    ]


def _detected(engine: FaceEngine, folder: Path, frame: pd.DataFrame) -> np.ndarray:
    """Returns the embeddings (N, E) of the largest face of each photograph, zeros without one."""
    embeddings = np.zeros((len(frame), engine.embedding_dim), np.float32)
    paths = [folder / name for name in frame.image_id]
    for row, (_, faces) in enumerate(engine.over_files(paths, "identify")):
        if not isinstance(faces, ValueError) and (face := largest(faces)):
            embeddings[row] = face.embedding
    return embeddings


def _annotated(engine: FaceEngine, folder: Path, frame: pd.DataFrame) -> np.ndarray:
    """Returns the embeddings (N, E) of the faces in the annotated boxes."""
    parts = []
    for rows in in_batches(frame[["image_id", *tables.BOX]].to_numpy(), BATCH_SIZE, "identify"):
        images = [read_image(folder / name) for name in rows[:, 0]]
        faces = engine.faces(images, rows[:, None, 1:].astype(float))
        parts.append(np.stack([face.embedding for (face,) in faces]))
    return np.concatenate(parts)


def _measure(
    embeddings: dict[str, np.ndarray], frames: dict[str, pd.DataFrame], point: OperatingPoint
) -> Iterator[str]:
    """Yields the figures of a row."""
    best = {split: _search(embeddings, frames, split) for split in ("wild", "openset")}
    people = {split: frames[split].person_id.to_numpy() for split in best}
    found = np.concatenate([embeddings[split].any(axis=1) for split in best])
    yield _share(found, np.concatenate([*people.values()]))
    names, cosines = best["wild"]
    is_right, is_named = names == people["wild"], cosines > point.name_threshold
    for hits in (is_right, is_right & is_named, ~is_right & is_named):
        yield _share(hits, people["wild"])
    yield _share(best["openset"][1] <= point.name_threshold, people["openset"])


def _search(
    embeddings: dict[str, np.ndarray], frames: dict[str, pd.DataFrame], split: str
) -> tuple[np.ndarray, np.ndarray]:
    """Returns whom a gallery of train takes each photograph for, (N,), and by which cosine."""
    with tempfile.TemporaryDirectory() as scratch:
        dim = embeddings["train"].shape[1]
        with Gallery.open(Path(scratch) / "people", MADE_HERE, dim, create=True) as gallery:
            train = frames["train"]
            rows = zip(train.image_id, train.person_id, embeddings["train"], strict=True)
            gallery.add_all([_new_face(*row) for row in rows if row[2].any()])
            nearest = Search(gallery).nearest(embeddings[split], 1)
    names = [int(each[0].name) if each else -1 for each in nearest]
    return np.array(names), np.array([each[0].cosine if each else -1.0 for each in nearest])


def _new_face(image_id: str, person_id: int, embedding: np.ndarray) -> NewFace:
    nowhere = np.zeros(4), np.zeros((5, 2))
    sha256 = hashlib.sha256(image_id.encode()).hexdigest()
    return NewFace(str(person_id), Path(image_id), sha256, *nowhere, embedding, b"")


def _search_cosines(
    embeddings: np.ndarray, people: np.ndarray, of_mean: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns each photograph's score of its own person and the best of anybody else, (N,) each.

    It is searched among all others, as in `identification.search_cosines`.

    Args:
        embeddings: (N, E), zeros for a face that was not found.
        people: (N,) who is on each.
        of_mean: whether a person's score is that of the mean embedding, or of the best photograph.
    """
    codes = np.unique(people, return_inverse=True)[1]
    rows = np.arange(len(codes))
    scores = np.full((len(codes), codes.max() + 1), -np.inf)
    for row, person in np.ndindex(scores.shape):
        of_person = embeddings[(codes == person) & (rows != row)]
        if of_mean and len(of_person):
            mean = of_person.mean(axis=0, keepdims=True)
            of_person = mean / max(float(np.linalg.norm(mean)), 1e-12)
        scores[row, person] = (of_person @ embeddings[row]).max(initial=-np.inf)
    best_same = scores[rows, codes]
    scores[rows, codes] = -np.inf
    return torch.from_numpy(best_same), torch.from_numpy(scores.max(axis=1))


def _share(hits: np.ndarray, people: np.ndarray) -> str:
    low, high = share_interval(hits, people)
    return f"{100 * hits.mean():.1f} ({100 * low:.1f}–{100 * high:.1f})"


if __name__ == "__main__":
    run(main)
