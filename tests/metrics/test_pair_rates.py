"""Rates of pairs of different people against slow loops over the pairs."""

import itertools
import math

import numpy as np
import pytest

from facerec.metrics.bootstrap import cluster_weights
from facerec.metrics.pair_rates import pair_rate


def test_rate_and_interval_are_those_of_a_loop_over_pairs():
    rng = np.random.default_rng(0)
    people = rng.integers(0, 6, 40)
    people[people == 3] = 2  # nobody has number 3
    matching = np.triu(rng.random((40, 40)) < 0.2, 1)
    pairs = [p for p in itertools.combinations(range(40), 2) if people[p[0]] != people[p[1]]]
    matches = np.zeros((6, 6))
    for i, j in pairs:
        matches[people[i], people[j]] += matching[i, j]
        matches[people[j], people[i]] += matching[i, j]
    counts = np.bincount(people, minlength=6)
    rate, low, high = pair_rate(matches, counts, counts, 300, 7)
    assert rate == pytest.approx(np.mean([matching[pair] for pair in pairs]))

    codes = np.unique(people, return_inverse=True)[1]
    estimates = []
    for weights in cluster_weights(5, 300, 7):
        weight = np.array([weights[codes[i]] * weights[codes[j]] for i, j in pairs])
        estimates.append(weight @ [matching[pair] for pair in pairs] / weight.sum())
    # Where many pairs match, the interval is near that of the resamples' normal approximation.
    width = 2 * 2.776 * np.std(estimates) * np.sqrt(5 / 4)  # t of 4 degrees of freedom
    assert high - low == pytest.approx(width, rel=0.15)
    assert low < rate < high


def test_comparisons_with_templates_are_counted_once_each_way():
    matches = np.array([[9, 1, 0], [0, 9, 2], [0, 0, 9]])  # the diagonal does not count
    photographs = np.array([2, 2, 1])
    templates = np.array([1, 1, 0])
    assert pair_rate(matches[:2, :2], photographs[:2], templates[:2], 10, 1)[0] == 1 / 4
    assert pair_rate(matches, photographs, np.ones(3), 10, 1)[0] == 3 / 10


@pytest.mark.parametrize("counts", [[0, 0, 0], [4, 0, 0]])
def test_without_two_people_there_is_no_rate(counts):
    rates = pair_rate(np.zeros((3, 3)), np.array(counts), np.array(counts), 10, 1)
    assert all(math.isnan(rate) for rate in rates)


def test_an_interval_has_a_width_where_all_resamples_agree():
    counts = np.array([3, 4, 5])
    rate, low, high = pair_rate(np.zeros((3, 3)), counts, counts, 10, 1)
    assert rate == low == 0 and 0.3 < high <= 1
