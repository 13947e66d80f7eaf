"""Out-of-fold predictions: each part is predicted by a model that was trained on the others."""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from facerec.audit.params import AuditParams
from facerec.networks.devices import device
from facerec.random_order import person_order, rank_in_person
from facerec.recognition import training
from facerec.recognition.datasets import AlignedFaces
from facerec.recognition.head_params import HeadParams
from facerec.recognition.params import RecognizerParams
from facerec.training.loop import fingerprint

TRAINING = "audit"  # name of the trainings' checkpoints


def resized(faces: AlignedFaces, image_size: int) -> AlignedFaces:
    """Returns the faces scaled down to `image_size` px."""
    size = (image_size, image_size)
    small = [cv2.resize(face, size, interpolation=cv2.INTER_AREA) for face in faces.faces]
    return AlignedFaces(faces.frame, np.stack(small), faces.usable)


def folds(faces: AlignedFaces, params: AuditParams) -> np.ndarray:
    """Returns the fold (N,) of each photograph; each person is spread evenly over the folds."""
    order = person_order(faces.frame, params.seed, "audit")
    return rank_in_person(faces.frame, order) % params.folds


def probabilities(
    faces: AlignedFaces, params: AuditParams, recognizer: RecognizerParams, weights: Path
) -> np.ndarray:
    """Returns the probability (N, K) of each person on each photograph, out of fold.

    A face that could not be aligned has equal probabilities. The trainings leave checkpoints, so
    that an interrupted audit goes on: `delete_checkpoints(TRAINING)` removes them.

    Args:
        faces: N photographs with labels 0 … K-1.
        params: of the audit.
        recognizer: of the recognisers; the audit's epochs and seed replace its own.
        weights: a recogniser's checkpoint, if `recognizer.weights` is file.

    Raises:
        ValueError: the head gives no scores.
    """
    recognizer = recognizer.model_copy(update={"epochs": params.epochs, "seeds": [params.seed]})
    head = params.recognizer.head
    fold = folds(faces, params)
    inputs = (
        params.model_dump_json().encode(),
        faces.faces,
        faces.labels.numpy(),
        fold,
        weights.read_bytes() if recognizer.weights == "file" else b"",
    )
    people = faces.frame.drop_duplicates("label").sort_values("label").person_id.tolist()
    predictions = np.full((len(faces.frame), len(people)), 1 / len(people))
    for number in range(params.folds):
        is_predicted = (fold == number) & faces.usable
        train_set = _part(faces, fold != number)
        held_out = _part(faces, is_predicted)
        torch.manual_seed(params.seed)
        network = training.build(
            recognizer, params.recognizer, people, faces.faces.shape[1], weights
        )
        name = fingerprint(f"{TRAINING}-{number}", recognizer, *inputs)
        training.train(network, train_set, held_out, recognizer, params.seed, name)
        with torch.no_grad():
            scores = network.head.scores(held_out.embed(network).to(device()))
        if scores is None:
            raise ValueError(
                f"audit.recognizer.head: {head.type} has no score for a person; "
                f"expected ce, arcface or another one"
            )
        predictions[is_predicted] = _softmax(scores, head)
    return predictions


def _part(faces: AlignedFaces, rows: np.ndarray) -> AlignedFaces:
    return AlignedFaces(faces.frame[rows], faces.faces[rows], faces.usable[rows])


def _softmax(scores: Tensor, head: HeadParams) -> np.ndarray:
    """Returns scores as probabilities; cosines are scaled as in the loss."""
    return torch.softmax(scores.float() * getattr(head, "scale", 1.0), dim=1).cpu().numpy()
