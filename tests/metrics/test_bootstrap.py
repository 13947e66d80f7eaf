"""Intervals by resampling people against slow loops; McNemar's test."""

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
    macro_interval,
    macro_mean,
    mcnemar_p,
)


@pytest.mark.parametrize(
    ("first_wins", "second_wins", "expected"),
    [(0, 0, 1.0), (1, 0, 1.0), (3, 9, 0.14599609375), (9, 3, 0.14599609375)],
)
def test_mcnemar_is_the_two_sided_binomial_test(first_wins, second_wins, expected):
    """Expected: twice the sum of comb(12, wins) / 2**12 over wins 0 to 3."""
    first = np.array([True] * first_wins + [False] * second_wins + [True] * 50)
    second = np.array([False] * first_wins + [True] * second_wins + [True] * 50)
    assert mcnemar_p(first, second) == pytest.approx(expected, rel=1e-9)


def test_interval_of_independent_photographs_is_the_binomials():
    hits = np.arange(400) % 4 == 0
    low, high = bootstrap_interval(hits, np.arange(400), 4000, 0)
    half = 1.96 * math.sqrt(0.25 * 0.75 / 400)
    assert (low, high) == (
        pytest.approx(0.25 - half, abs=0.006),
        pytest.approx(0.25 + half, abs=0.006),
    )


def test_photographs_of_one_person_are_not_independent():
    """Twenty photographs of a person, all right or all wrong, tell no more than one photograph."""
    people = np.repeat(np.arange(50), 20)
    clustered = bootstrap_interval(people % 2 == 0, people, 2000, 0)
    independent = bootstrap_interval(people % 2 == 0, np.arange(1000), 2000, 0)
    assert np.ptp(clustered) > 4 * np.ptp(independent) / 1.2


def test_bootstrap_is_the_slow_loop():
    people = np.array([0, 0, 1, 1, 1, 2, 3, 3])
    values = np.array([1.0, 0, 1, 1, 0, 0, 1, 1])
    generator = np.random.default_rng(1)
    estimates = []
    macros = []
    for weights in generator.multinomial(4, [0.25] * 4, size=500):
        drawn = np.concatenate([values[people == p] for p in range(4) for _ in range(weights[p])])
        estimates.append(drawn.mean())
        macros.append(
            np.mean([values[people == p].mean() for p in range(4) for _ in range(weights[p])])
        )
    assert bootstrap_interval(values, people, 500, 1) == pytest.approx(
        np.quantile(estimates, [0.025, 0.975])
    )
    assert macro_interval(values, people, 500, 1) == pytest.approx(
        np.quantile(macros, [0.025, 0.975])
    )
    assert macro_mean(values, people) == pytest.approx(np.mean([0.5, 2 / 3, 0, 1]))
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


def test_bins_of_cosines_hold_their_middles_from_the_highest_down():
    middles = bin_middles(8)
    assert bins_of(middles, 8).tolist() == list(range(8)) and middles[0] == 0.875
    assert bins_of(np.array([1.5, 1.0, -1.0, -1.5]), 8).tolist() == [0, 0, 7, 7]
