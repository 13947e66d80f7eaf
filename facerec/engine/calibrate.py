"""Thresholds of a model, measured on people whose names are known."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facerec.engine.engine import FaceEngine
from facerec.engine.faces import Face
from facerec.engine.operating_point import OperatingPoint
from facerec.evaluation.params import EvaluateParams, PublishParams

log = logging.getLogger(__name__)


def embed_people(
    engine: FaceEngine, paths: Sequence[Path], people: Sequence[str]
) -> tuple[np.ndarray, list[str], dict[str, int]]:
    """Returns embeddings (M, E), who is on each, and how many photographs have no face to compare.

    The largest face of a photograph counts, as in `facerec import`.

    Args:
        engine: finds and embeds the faces.
        paths: (N,) photographs.
        people: (N,) who is on each.
    """
    embeddings, names = [], []
    lost = {"not readable": 0, "no usable face": 0}
    for (_, faces), person in zip(engine.over_files(paths, "embed"), people, strict=True):
        if isinstance(faces, ValueError):
            lost["not readable"] += 1
            log.info("%s", faces)
        elif face := largest(faces):
            embeddings.append(face.embedding)
            names.append(person)
        else:
            lost["no usable face"] += 1
    empty = np.zeros((0, engine.embedding_dim), np.float32)
    return np.stack(embeddings) if embeddings else empty, names, lost


def largest(faces: Sequence[Face]) -> Face | None:
    """Returns the face with the largest box among the usable ones, None without any."""
    usable = [face for face in faces if face.usable]
    return max(usable, key=lambda face: face.box[2] * face.box[3], default=None)


def measure(
    embeddings: np.ndarray,
    people: Sequence,
    rates: PublishParams,
    evaluate: EvaluateParams,
    collection: str,
    fingerprint: str,
) -> OperatingPoint:
    """Returns the thresholds by all pairs of photographs, and by a search for each among the rest.

    Args:
        embeddings: (N, E).
        people: (N,) who is on each.
        rates: of pairs and of searches, at which the thresholds are.
        evaluate: how intervals are made.
        collection: name of the photographs.
        fingerprint: of the engine.

    Raises:
        ValueError: there are too few pairs for the rate; the message says how many it needs.
    """
    codes = np.unique(people, return_inverse=True)[1]
    _refuse_too_few(codes, rates.fpr, collection)
    import torch  # takes seconds

    from facerec.evaluation.open_set import open_set_metrics

    everybody = np.ones(len(codes), bool)
    result = open_set_metrics(torch.from_numpy(embeddings), codes, everybody, evaluate)
    return OperatingPoint.measured(
        result.thresholds, rates.fpr, rates.fpir, collection, fingerprint
    )


def _refuse_too_few(codes: np.ndarray, fpr: float, collection: str) -> None:
    counts = np.bincount(codes, minlength=1)
    same = int((counts * (counts - 1) // 2).sum())
    different = math.comb(len(codes), 2) - same
    needed = math.ceil(round(1 / fpr, 6))
    if different < needed or not same:
        # with two photographs of each: 2 P (P - 1) pairs of two people
        enough = math.ceil((1 + math.sqrt(1 + 2 * needed)) / 2)
        raise ValueError(
            f"{collection}: a threshold at a false-positive rate of {fpr} needs at least {needed} "
            f"pairs of two people and a pair of one person, got {different} and {same} "
            f"({len(codes)} faces of {np.count_nonzero(counts)} people); two photographs each of "
            f"{enough} people are enough, or a higher rate"
        )
