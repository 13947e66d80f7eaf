"""What small recognisers, each trained without a part of the photographs, take that part for."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from facerec.networks.devices import device
from facerec.random_order import person_order, rank_in_person
from facerec.recognition import training as recognizer_training
from facerec.recognition.datasets import AlignedFaces
from facerec.recognition.head_params import HeadParams
from facerec.recognition.params import RecognizerEntry, RecognizerParams


def folds(faces: AlignedFaces, count: int, seed: int) -> np.ndarray:
    """Returns the fold (N,) of each photograph, each person's spread evenly over them by lot."""
    return rank_in_person(faces.frame, person_order(faces.frame, seed, "audit")) % count


def resized(faces: AlignedFaces, pixels: int) -> AlignedFaces:
    """Returns the faces `pixels` wide."""
    small = [
        cv2.resize(face, (pixels, pixels), interpolation=cv2.INTER_AREA) for face in faces.faces
    ]
    return AlignedFaces(faces.frame, np.stack(small), faces.usable)


def probabilities(
    faces: AlignedFaces,
    fold: np.ndarray,
    params: RecognizerParams,
    entry: RecognizerEntry,
    seed: int,
    weights: Path,
    name_of: Callable[[int], str],
) -> np.ndarray:
    """Returns the probability (N, K) of each person on each photograph, by a recogniser that has not seen it.

    Args:
        faces: N photographs with labels 0 … K-1; whose face could not be aligned is equally probably anybody.
        fold: (N,) which photographs are left out together.
        params: of the recognisers.
        entry: their alignment, and their head, which must give scores.
        seed: of the trainings.
        weights: a recogniser's checkpoint, if `params.weights` is file.
        name_of: the name of the training without a fold, as in `training.fit`.
    """
    people = faces.frame.drop_duplicates("label").sort_values("label").person_id.tolist()
    found = np.full((len(faces.frame), len(people)), 1 / len(people))
    for number in np.unique(fold):
        train_set, held_out = (
            _part(faces, fold != number),
            _part(faces, (fold == number) & faces.usable),
        )
        torch.manual_seed(seed)
        network = recognizer_training.build(params, entry, people, faces.faces.shape[1], weights)
        recognizer_training.train(network, train_set, held_out, params, seed, name_of(int(number)))
        with torch.no_grad():
            scores = network.head.scores(held_out.embed(network).to(device()))
        if scores is None:
            raise ValueError(
                f"audit.recognizer.head: {entry.head.type} has no score for a person; expected ce, arcface or another one"
            )
        found[(fold == number) & faces.usable] = _softmax(scores, entry.head)
    return found


def _part(faces: AlignedFaces, chosen: np.ndarray) -> AlignedFaces:
    return AlignedFaces(faces.frame[chosen], faces.faces[chosen], faces.usable[chosen])


def _softmax(scores: Tensor, head: HeadParams) -> np.ndarray:
    """Returns scores as probabilities; cosines are scaled as in the loss."""
    return torch.softmax(scores.float() * getattr(head, "scale", 1.0), dim=1).cpu().numpy()
