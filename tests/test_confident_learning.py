import numpy as np
import pandas as pd
import pytest
import torch
from cleanlab.count import compute_confident_joint

from facerec.confident_learning import margins, suspects, twins


def noisy_predictions(people: int, photos: int, swapped: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns probabilities of photographs, the labels that they go under, and which of these are wrong."""
    rng = np.random.default_rng(seed)
    true = np.repeat(np.arange(people), photos)
    logits = rng.normal(0, 1, (len(true), people))
    logits[np.arange(len(true)), true] += rng.normal(5, 1.5, len(true))
    labels, wrong = true.copy(), np.zeros(len(true), bool)
    wrong[rng.choice(len(true), swapped, replace=False)] = True
    labels[wrong] = (labels[wrong] + rng.integers(1, people, swapped)) % people
    return torch.softmax(torch.from_numpy(logits), 1).numpy(), labels, wrong


@pytest.mark.parametrize("seed", range(5))
def test_suspects_are_those_of_cleanlab(seed):
    probabilities, labels, _ = noisy_predictions(people=12, photos=15, swapped=14, seed=seed)
    joint, found = compute_confident_joint(labels, probabilities, calibrate=False, return_indices_of_off_diagonals=True)
    other = suspects(probabilities, labels)
    assert np.flatnonzero(other >= 0).tolist() == sorted(found)
    rows = other >= 0
    counts = np.zeros((12, 12), int)
    np.add.at(counts, (labels[rows], other[rows]), 1)
    np.fill_diagonal(joint, 0)
    assert (counts == joint).all()


def test_swapped_labels_are_found_and_most_certain_first():
    probabilities, labels, wrong = noisy_predictions(people=20, photos=20, swapped=12, seed=1)
    other = suspects(probabilities, labels)
    rows = np.flatnonzero(other >= 0)
    score = margins(probabilities[rows], labels[rows], other[rows])
    first = rows[np.argsort(-score)][:5]
    assert wrong[first].all() and wrong[rows].sum() >= 6
    assert np.abs(score).max() <= 1


def test_two_names_of_one_person_are_twins():
    probabilities, labels, _ = noisy_predictions(people=10, photos=20, swapped=0, seed=2)
    half = np.flatnonzero(labels == 3)[::2]
    split = np.concatenate([probabilities, probabilities[:, 3:4] / 2], axis=1)
    split[:, 3] /= 2
    labels = labels.copy()
    labels[half] = 10
    alike = twins(split, labels)
    assert np.unravel_index(alike.argmax(), alike.shape) == (3, 10) and alike[3, 10] > 0.9
    assert (alike == alike.T).all() and np.sort(np.triu(alike).ravel())[-2] < 0.5


def test_nobody_is_suspected_where_everybody_is_recognised():
    labels = np.repeat(np.arange(3), 4)
    assert (suspects(np.eye(3)[labels], labels) == -1).all()
    assert pd.Series(twins(np.eye(3)[labels], labels).ravel()).eq(0).all()
