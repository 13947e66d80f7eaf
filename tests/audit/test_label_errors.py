import numpy as np
import pandas as pd
import pytest
import torch
from cleanlab.rank import get_label_quality_scores

from facerec.audit.label_errors import identity_confusion, label_log_odds


def noisy_predictions(
    people: int, photos: int, swapped: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns probabilities of photographs, their labels, and which labels are wrong."""
    rng = np.random.default_rng(seed)
    true = np.repeat(np.arange(people), photos)
    logits = rng.normal(0, 1, (len(true), people))
    logits[np.arange(len(true)), true] += rng.normal(5, 1.5, len(true))
    labels = true.copy()
    wrong = np.zeros(len(true), bool)
    wrong[rng.choice(len(true), swapped, replace=False)] = True
    labels[wrong] = (labels[wrong] + rng.integers(1, people, swapped)) % people
    return torch.softmax(torch.from_numpy(logits), 1).numpy(), labels, wrong


@pytest.mark.parametrize("seed", range(5))
def test_label_log_odds_is_positive_where_cleanlab_has_a_negative_margin(seed):
    probabilities, labels, _ = noisy_predictions(people=12, photos=15, swapped=14, seed=seed)
    other, odds = label_log_odds(probabilities, labels)
    margin = 2 * get_label_quality_scores(labels, probabilities, method="normalized_margin") - 1
    rows = np.arange(len(labels))
    assert np.allclose(probabilities[rows, labels] - probabilities[rows, other], margin)
    assert ((odds > 0) == (margin < 0)).all()
    assert np.allclose(
        probabilities[rows, other], 10**odds * probabilities[rows, labels], atol=1e-6
    )


def test_label_log_odds_is_largest_for_swapped_labels():
    probabilities, labels, wrong = noisy_predictions(people=20, photos=20, swapped=12, seed=1)
    _, odds = label_log_odds(probabilities, labels)
    assert wrong[np.argsort(-odds)[:5]].all() and wrong[odds >= 1].sum() >= 6


def test_identity_confusion_is_large_for_two_names_of_one_person():
    probabilities, labels, _ = noisy_predictions(people=10, photos=20, swapped=0, seed=2)
    half = np.flatnonzero(labels == 3)[::2]
    split = np.concatenate([probabilities, probabilities[:, 3:4] / 2], axis=1)
    split[:, 3] /= 2
    labels = labels.copy()
    labels[half] = 10
    alike = identity_confusion(split, labels)
    assert np.unravel_index(alike.argmax(), alike.shape) == (3, 10) and alike[3, 10] > 0.9
    assert (alike == alike.T).all() and np.sort(np.triu(alike).ravel())[-2] < 0.5


def test_nobody_is_suspected_if_everybody_is_recognised():
    labels = np.repeat(np.arange(3), 4)
    assert (label_log_odds(np.eye(3)[labels], labels)[1] < -9).all()
    assert pd.Series(identity_confusion(np.eye(3)[labels], labels).ravel()).eq(0).all()
