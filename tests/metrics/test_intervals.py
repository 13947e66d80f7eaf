"""Intervals of shares and differences against statsmodels' formulas and simulated exams."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from facerec.metrics.intervals import (
    PRIOR_CORRELATION,
    PRIOR_FAILURES,
    difference_interval,
    macro_interval,
    macro_mean,
    mcnemar_p,
    share_interval,
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


def hits(count: int, of: int) -> np.ndarray:
    return (np.arange(of) < count).astype(float)


@pytest.mark.parametrize("right", [0, 1, 200, 399, 400])
def test_one_photograph_a_person_is_nearly_the_binomials_interval(right):
    """It is close to scipy's Wilson interval and to its exact one."""
    from scipy.stats import binomtest

    low, high = share_interval(hits(right, 400), np.arange(400))
    for method in ("wilson", "exact"):
        other = binomtest(right, 400).proportion_ci(method=method)
        assert (low, high) == pytest.approx((other.low, other.high), abs=0.006)


def slow_interval(values, people, lowest):
    """Returns what the docstrings say, person by person."""
    names = sorted(set(people))
    mean = sum(values) / len(values)
    spread = sum(abs(value) for value in values) / len(values) - mean**2
    total = same = 0.0
    for name in names:
        own = [value - mean for value, person in zip(values, people, strict=True) if person == name]
        total += sum(own) ** 2
        same += len(own) ** 2
    total *= len(names) / (len(names) - 1)
    prior = 1 + PRIOR_CORRELATION * (same / len(values) - 1)
    effect = (total + PRIOR_FAILURES * prior) / (len(values) * spread + PRIOR_FAILURES)
    number = len(values) / effect
    t = student.ppf(0.975, len(names) - 1)
    if lowest == 0:
        number += t**2
        centre = ((number - t**2) * mean + t**2 / 2) / number
        half = t * math.sqrt(centre * (1 - centre) / number)
    else:
        wins = sum(value for value in values if value > 0) / len(values)
        losses = -sum(value for value in values if value < 0) / len(values)
        wins = (number * wins + t**2 / 4) / (number + t**2 / 2)
        losses = (number * losses + t**2 / 4) / (number + t**2 / 2)
        centre = wins - losses
        half = t * math.sqrt((wins + losses - centre**2) / (number + t**2 / 2))
    return max(centre - half, lowest), min(centre + half, 1)


PEOPLE = np.array([4, 4, 1, 1, 1, 2, 3, 3, 7])


def test_shares_and_differences_are_the_slow_loop():
    values = np.array([1.0, 0, 1, 1, 1 / 3, 0, 1, 1, 1])
    assert share_interval(values, PEOPLE) == pytest.approx(slow_interval(values, PEOPLE, 0))
    gains = np.array([1.0, 0, -1, 0, 1 / 3, 0, 1, 0, -1])
    assert difference_interval(gains, PEOPLE) == pytest.approx(slow_interval(gains, PEOPLE, -1))


def test_the_macro_mean_weighs_people_the_same():
    values = np.array([1.0, 0, 1, 1, 0, 0, 1, 1, 1])
    assert macro_mean(values, PEOPLE) == pytest.approx(np.mean([0.5, 2 / 3, 0, 1, 1]))
    equal = np.repeat(np.arange(20), 5)
    right = np.random.default_rng(0).random(100) < 0.8
    assert macro_interval(right, equal) == pytest.approx(share_interval(right, equal))


def test_photographs_of_one_person_are_not_independent():
    """Twenty photographs of a person, all right or all wrong, tell no more than one photograph."""
    people = np.repeat(np.arange(50), 20)
    clustered = share_interval(people % 2 == 0, people)
    independent = share_interval(people % 2 == 0, np.arange(1000))
    assert np.ptp(clustered) > 4 * np.ptp(independent)
    one_each = share_interval(np.arange(50) % 2 == 0, np.arange(50))
    assert clustered == pytest.approx(one_each, abs=0.01)


def test_all_right_and_no_difference_have_a_width():
    low, high = share_interval(np.ones(40), np.repeat(np.arange(10), 4))
    assert 0.5 < low < 0.95 and high == 1
    low, high = share_interval(np.zeros(40), np.repeat(np.arange(10), 4))
    assert low == 0 and 0.05 < high < 0.5
    low, high = difference_interval(np.zeros(150), np.repeat(np.arange(50), 3))
    assert -0.1 < low < -0.01 and high == -low


def test_one_person_says_nothing_of_others():
    one = np.zeros(5, int)
    assert share_interval(np.ones(5), one) == macro_interval(np.ones(5), one) == (0, 1)
    assert difference_interval(np.zeros(5), one) == (-1, 1)


@pytest.mark.parametrize("wrong", [[1.5, 0], [-0.1, 0], [np.nan, 0]])
def test_numbers_that_are_no_shares_are_refused(wrong):
    with pytest.raises(ValueError, match=f"expected values from 0 to 1, got {wrong[0]}"):
        share_interval(np.array(wrong), np.arange(2))
    if wrong[0] != -0.1:
        with pytest.raises(ValueError, match="expected values from -1 to 1"):
            difference_interval(np.array(wrong), np.arange(2))


def test_no_photographs_are_refused():
    for interval in (share_interval, macro_interval, difference_interval):
        with pytest.raises(ValueError, match="at least one photograph"):
            interval(np.array([]), np.array([]))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 6)), min_size=1, max_size=40),
    st.integers(1, 4),
)
def test_the_interval_holds_the_estimate_and_stays_in_bounds(rows, each):
    gains = np.repeat([value / 3 for value, _ in rows], each)
    people = np.repeat([person for _, person in rows], each)
    for interval, values, mean in (
        (share_interval, abs(gains), abs(gains).mean()),
        (macro_interval, abs(gains), macro_mean(abs(gains), people)),
        (difference_interval, gains, gains.mean()),
    ):
        low, high = interval(values, people)
        assert low >= (-1 if interval is difference_interval else 0)
        assert low <= mean + 1e-12 and mean - 1e-12 <= high <= 1 and low < high


@given(st.integers(2, 30), st.integers(1, 6))
def test_more_hits_raise_both_ends_and_misses_mirror_them(num_people, each):
    people = np.repeat(np.arange(num_people), each)
    total = len(people)
    # Spread evenly over the people, so that only the share changes.
    order = np.argsort(np.tile(np.arange(each), num_people), kind="stable")
    ends = []
    for right in range(total + 1):
        values = np.zeros(total)
        values[order[:right]] = 1
        ends.append(share_interval(values, people))
        mirrored = share_interval(1 - values, people)
        assert mirrored == pytest.approx((1 - ends[-1][1], 1 - ends[-1][0]))
    if each == 1:
        assert (np.diff(ends, axis=0) >= -1e-12).all()


@pytest.mark.parametrize(("people", "photographs", "truth"), [(20, 4, 0.99), (50, 3, 0.97)])
def test_intervals_of_simulated_exams_hold_the_truth(people, photographs, truth):
    """A bootstrap of people holds 48 % and 87 %: see docs/evaluation.md."""
    generator = np.random.default_rng(0)
    names = np.repeat(np.arange(people), photographs)
    held = []
    for _ in range(600):
        accuracies = generator.beta(4 * truth, 4 * (1 - truth), people)  # correlation 0.2
        low, high = share_interval(generator.random(len(names)) < accuracies[names], names)
        held.append(low <= truth <= high)
    assert np.mean(held) >= 0.93
