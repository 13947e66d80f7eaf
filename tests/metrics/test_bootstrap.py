"""Intervals by resampling people against slow loops."""

import math

import numpy as np
import pytest
from random_embeddings import random_people, set_block
from sklearn.metrics import roc_auc_score, roc_curve

from facerec.metrics import identification, verification
from facerec.metrics.bootstrap import (
    PairBootstrap,
    bin_middles,
    bins_of,
    bootstrap_interval,
)
from facerec.metrics.intervals import share_interval


def test_interval_of_independent_photographs_is_the_binomials():
    hits = np.arange(400) % 4 == 0
    low, high = bootstrap_interval(hits, np.arange(400), 4000, 0)
    half = 1.96 * math.sqrt(0.25 * 0.75 / 400)
    assert (low, high) == (
        pytest.approx(0.25 - half, abs=0.006),
        pytest.approx(0.25 + half, abs=0.006),
    )


def test_bootstrap_is_the_slow_loop():
    people = np.array([0, 0, 1, 1, 1, 2, 3, 3])
    values = np.array([1.0, 0, 1, 1, 0, 0, 1, 1])
    generator = np.random.default_rng(1)
    estimates = []
    for weights in generator.multinomial(4, [0.25] * 4, size=500):
        drawn = np.concatenate([values[people == p] for p in range(4) for _ in range(weights[p])])
        estimates.append(drawn.mean())
    assert bootstrap_interval(values, people, 500, 1) == pytest.approx(
        np.quantile(estimates, [0.025, 0.975])
    )
    with pytest.raises(ValueError, match="at least one photograph"):
        bootstrap_interval(np.array([]), np.array([]), 10, 0)


def resampled_pairs(embeddings, people, resamples, seed):
    """Returns all pairs' bootstrap, added in several blocks, their cosines and who is on them."""
    resampled = PairBootstrap(int(people.max()) + 1, resamples, seed, 4096)
    blocks = []
    for cosines, i, j in verification.pair_blocks(embeddings):
        first = people[i].numpy()
        second = people[j].numpy()
        resampled.add(bins_of(cosines.numpy(), 4096), first, second)
        blocks.append((cosines.numpy(), first, second))
    return resampled, *(np.concatenate(part) for part in zip(*blocks, strict=True))


def test_pair_bootstrap_is_the_slow_loop(monkeypatch):
    """Each resample's ROC equals scikit-learn's with weighted pairs, to the width of a bin."""
    monkeypatch.setattr("facerec.metrics.bootstrap.BLOCK", 10_000)  # several blocks
    set_block(monkeypatch, 2000)
    resampled, cosines, first, second = resampled_pairs(*random_people(9, 6, 1.5), 40, 3)
    is_same = first == second
    weights = np.random.default_rng(3).multinomial(9, [1 / 9] * 9, size=40)
    for row in range(40):
        w = weights[row]
        pair_weights = np.where(is_same, w[first], w[first] * w[second])
        area = roc_auc_score(is_same, cosines, sample_weight=pair_weights)
        fpr, tpr, _ = roc_curve(is_same, cosines, sample_weight=pair_weights)
        assert resampled.auc()[row] == pytest.approx(area, abs=2e-3)
        assert resampled.eer()[row] == pytest.approx(fpr[np.argmin(abs(fpr + tpr - 1))], abs=0.03)
        tpr_at_fpr = resampled.tpr_at_fprs(np.array([0.1]))[row, 0]
        assert np.interp(0.09, fpr, tpr) - 0.01 <= tpr_at_fpr <= np.interp(0.11, fpr, tpr) + 0.01


def test_pair_bootstrap_of_the_whole_holds_the_estimate():
    embeddings, people = random_people(30, 8, 1.5)
    resampled, *_ = resampled_pairs(embeddings, people, 500, 0)
    low, high = np.quantile(resampled.tpr_at_fprs(np.array([0.01]))[:, 0], [0.025, 0.975])
    rate, _ = identification.identification_rate(embeddings, people, embeddings[:0], 0.01)
    assert low < rate < high
    assert 0.02 < high - low < 0.4


def test_an_interval_of_pairs_is_that_of_their_shares_by_person():
    """At a fixed threshold the bootstrap's variance is, in the limit, that of the people."""
    embeddings, people = random_people(40, 6, 1.5)
    resampled, cosines, first, second = resampled_pairs(embeddings, people, 4000, 0)
    is_same = first == second
    shares = np.cumsum(resampled.same, axis=1) / resampled.same.sum(axis=1, keepdims=True)
    for threshold in (2500, 1700, 0):  # a bin
        accepted = bins_of(cosines, 4096)[is_same] <= threshold
        found = resampled.same_interval(accepted.mean(), shares[:, threshold])
        expected = share_interval(accepted, first[is_same])
        assert found == pytest.approx(expected, abs=0.006)
        assert np.ptp(found) > 0.01


def test_no_false_match_has_a_width_and_one_persons_pairs_say_nothing():
    resampled, *_ = resampled_pairs(*random_people(10, 4, 1.5), 20, 0)
    low, high = resampled.different_interval(np.zeros(2), np.zeros((20, 2)))
    assert low.tolist() == [0, 0] and (high > 0.001).all() and (high < 0.1).all()
    alone = PairBootstrap(3, 20, 0, 16)
    alone.add(np.zeros(2, int), np.array([1, 1]), np.array([1, 2]))
    assert alone.same_interval(np.ones(1), np.ones((20, 1))) == (0, 1)


def test_bins_of_cosines_hold_their_middles_from_the_highest_down():
    middles = bin_middles(8)
    assert bins_of(middles, 8).tolist() == list(range(8)) and middles[0] == 0.875
    assert bins_of(np.array([1.5, 1.0, -1.0, -1.5]), 8).tolist() == [0, 0, 7, 7]
