"""ROC, area under it and equal error rate against scikit-learn and scipy."""

from itertools import combinations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from random_embeddings import random_people, set_block
from scipy.optimize import brentq
from sklearn.metrics import roc_auc_score, roc_curve

from facerec.metrics import identification, verification


def pairs_of(seed=0, ties=False):
    generator = torch.Generator().manual_seed(seed)
    same = torch.rand(3000, generator=generator) < 0.2
    scores = torch.randn(3000, generator=generator) + same
    return (scores * 4).round() / 4 if ties else scores, same


def in_blocks(scores, same):
    return scores[same], scores[~same].split(100)


@pytest.mark.parametrize("ties", [False, True])
def test_roc_and_auc_are_scikit_learns(ties):
    scores, same = pairs_of(ties=ties)
    for sign in (1, -1):  # either way round: in one of them the lowest pair shows one person
        fpr, tpr = verification.roc(*in_blocks(sign * scores, same))
        expected = np.stack(
            roc_curve(same, sign * scores, drop_intermediate=False)[:2], axis=1
        ).round(12)
        corners = np.stack([fpr, tpr], axis=1).round(12)
        assert (
            fpr.dtype == tpr.dtype == torch.float64
            and len(fpr) == 2 * len(scores[same].unique()) + 2
        )
        assert {*map(tuple, corners)} <= {*map(tuple, expected)}
        length = np.linspace(0, 2, 5000)  # along both axes: no side of a step is infinitely steep
        for axis in range(2):
            on_either = [
                np.interp(length, curve.sum(axis=1), curve[:, axis])
                for curve in (corners, expected)
            ]
            np.testing.assert_allclose(*on_either, atol=1e-9)
        assert verification.auc(fpr, tpr) == pytest.approx(roc_auc_score(same, sign * scores))


def test_the_rates_of_more_pairs_than_a_float_can_count_are_exact():
    block = torch.cat([torch.ones(4097), torch.zeros(2)])
    fpr, _ = verification.roc(torch.tensor([0.5]), [block] * 4099)
    assert fpr.tolist() == [0, 4097 / 4099, 4097 / 4099, 1]
    one_person = torch.zeros(10_003, dtype=torch.int64)  # 50 million same-person pairs
    with pytest.raises(ValueError, match=r"different-person pairs, got 70021$"):
        identification.identification_rate(
            torch.ones(10_003, 1), one_person, torch.ones(7, 1), 1e-6
        )


def test_eer_is_where_the_errors_cross():
    scores, same = pairs_of()
    fpr, tpr, _ = roc_curve(same, scores)
    rate = verification.eer(*verification.roc(*in_blocks(scores, same)))
    assert np.interp(rate, fpr, 1 - tpr) == pytest.approx(rate, abs=2e-3)  # a step of the ROC
    assert verification.eer(*verification.roc(torch.tensor([1.0, 0.9]), [torch.tensor([0.1])])) == 0
    assert verification.eer(*verification.roc(torch.zeros(2), [torch.zeros(2)])) == 0.5


@pytest.mark.parametrize("seed", range(20))
def test_eer_of_few_pairs_is_the_root_that_scipy_finds(seed):
    """Few and tied, so that the steps of the ROC are coarse, oblique ones among them."""
    generator = torch.Generator().manual_seed(seed)
    same = torch.arange(17) < 7
    scores = (torch.randn(17, generator=generator) * 2 + same).round()
    fpr, tpr, _ = roc_curve(same, scores, drop_intermediate=False)
    expected = brentq(lambda rate: np.interp(rate, fpr, tpr) - (1 - rate), 0, 1, xtol=1e-12)
    assert verification.eer(*verification.roc(*in_blocks(scores, same))) == pytest.approx(
        expected, abs=1e-9
    )


def test_roc_needs_both_kinds_of_pairs():
    with pytest.raises(ValueError, match="got 3 of 3 the same"):
        verification.roc(torch.rand(3), [])
    with pytest.raises(ValueError, match="got 0 of 3 the same"):
        verification.roc(torch.rand(0), [torch.rand(3)])


@pytest.mark.parametrize("block", [2**22, 100])
def test_the_roc_of_photographs_is_that_of_their_pairs(monkeypatch, block):
    set_block(monkeypatch, block)
    embeddings, people = random_people(9, 4, 1.5)
    i, j = torch.triu_indices(36, 36, 1)
    cosines, same = F.cosine_similarity(embeddings[i], embeddings[j]), people[i] == people[j]
    fpr, tpr = verification.roc_of_photographs(embeddings, people)
    assert verification.auc(fpr, tpr) == pytest.approx(roc_auc_score(same, cosines))
    assert len(fpr) == 2 * int(same.sum()) + 2


@pytest.mark.parametrize("fpr", [1e-2, 0.1, 0.5, 1.0])
def test_the_identification_rate_without_distractors_is_the_rocs(fpr):
    embeddings, people = random_people(9, 6, 1.5)
    roc_fpr, roc_tpr = verification.roc_of_photographs(embeddings, people)
    rate, _ = identification.identification_rate(embeddings, people, embeddings[:0], fpr)
    assert rate == pytest.approx(roc_tpr[roc_fpr <= fpr].max().item())


def test_blocks_of_pairs_are_all_pairs_once(monkeypatch):
    set_block(monkeypatch, 400)
    embeddings = torch.randn(23, 6)
    blocks = list(verification.pair_blocks(embeddings))
    assert len(blocks) > 5 and max(len(cosines) for cosines, *_ in blocks) <= 100
    cosines, first, second = (torch.cat(part) for part in zip(*blocks, strict=True))
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == list(
        combinations(range(23), 2)
    )
    torch.testing.assert_close(cosines, F.cosine_similarity(embeddings[first], embeddings[second]))


def test_a_roc_is_computed_where_its_scores_are_whatever_the_default_device():
    pairs, same = pairs_of()
    with torch.device("meta"):
        assert {rates.device.type for rates in verification.roc(*in_blocks(pairs, same))} == {"cpu"}
