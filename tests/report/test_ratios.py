"""The ratio of two rates, against simulated rates and the plain cases."""

import math

import numpy as np
import pytest

from facerec.report.ratios import ratio


def test_the_interval_holds_the_true_ratio_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    pairs, first, second = 400, 0.3, 0.12
    hits = 0
    for _ in range(2000):
        rates = rng.binomial(pairs, [first, second]) / pairs
        result = ratio(*(wilson(rate, pairs) for rate in rates))
        hits += result.low <= first / second <= result.high
    assert 0.93 < hits / 2000 < 0.97


def wilson(rate, count, z=1.96):
    middle = (rate + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * math.sqrt(rate * (1 - rate) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return rate, middle - half, middle + half


def test_a_rate_over_itself_is_one_within_the_interval():
    result = ratio((0.2, 0.1, 0.3), (0.2, 0.1, 0.3))
    assert result.low < 1 < result.high and result.value == 1


def test_the_reciprocal_has_the_reciprocal_interval():
    one, two = (0.4, 0.3, 0.55), (0.1, 0.06, 0.17)
    forth, back = ratio(one, two), ratio(two, one)
    assert forth.low == pytest.approx(1 / back.high) and forth.high == pytest.approx(1 / back.low)


@pytest.mark.parametrize(
    ("first", "second", "high"),
    [((0.2, 0.1, 0.3), (0.1, 0.0, 0.2), math.inf), ((0.0, 0.0, 0.0), (0.1, 0.05, 0.2), 0.0)],
)
def test_the_edges(first, second, high):
    assert ratio(first, second).high == high


def test_over_no_errors_there_is_no_ratio():
    assert ratio((0.2, 0.1, 0.3), (0.0, 0.0, 0.1)) is None
    assert ratio((math.nan, 0.1, 0.3), (0.1, 0.0, 0.1)) is None
