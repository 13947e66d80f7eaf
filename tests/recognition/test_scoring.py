"""Top-k hits and prototypes against scikit-learn and properties."""

import math

import pytest
import torch
from sklearn.metrics import top_k_accuracy_score

from facerec.recognition import scoring


@pytest.mark.parametrize("k", [1, 3, 5])
def test_top_k_is_scikit_learns(k):
    scores = torch.randn(200, 8)
    labels = torch.arange(200) % 8
    expected = top_k_accuracy_score(labels, scores, k=k)
    assert scoring.top_k_hits(scores, labels, k).double().mean() == pytest.approx(expected)


def test_a_constant_score_recognises_one_person_only():
    hits = scoring.top_k_hits(torch.zeros(10, 5), torch.arange(10) % 5, 1)
    assert hits.double().mean() == pytest.approx(0.2)


def test_damaged_scores_are_an_error():
    with pytest.raises(ValueError, match=r"^a score is not finite: .* are damaged$"):
        scoring.top_k_hits(torch.tensor([[math.nan, 0.0]]), torch.tensor([0]), 1)


def test_prototypes_weigh_every_photograph_the_same():
    embeddings = torch.tensor([[100.0, 0.0], [0.0, 1.0], [0.0, 5.0]])
    means = scoring.prototypes(embeddings, torch.tensor([0, 0, 1]), 2)
    torch.testing.assert_close(means, torch.tensor([[0.5**0.5, 0.5**0.5], [0.0, 1.0]]))
    with pytest.raises(ValueError, match=r"label \[1\]"):
        scoring.prototypes(embeddings, torch.tensor([0, 0, 2]), 3)


def test_scores_are_computed_where_they_are_whatever_the_default_device():
    scores, labels = torch.eye(4), torch.arange(4)
    with torch.device("meta"):
        assert scoring.top_k_hits(scores, labels, 1).tolist() == [True] * 4
