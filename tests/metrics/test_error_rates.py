"""FMR and FNMR at every threshold against scikit-learn on all pairs."""

import numpy as np
import pytest
from sklearn.metrics import det_curve

from facerec.metrics.bootstrap import PairBootstrap, bins_of
from facerec.metrics.error_rates import COLUMNS, STEPS, error_rates

BINS = 4096


@pytest.fixture(scope="module")
def pairs():
    """Returns cosines, and the two people of each pair."""
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 8, (2, 3000))
    cosines = np.clip(rng.normal(0.5 * (first == second), 0.3), -1, 1).astype(np.float32)
    cosines[:50] = 0  # faces that could not be aligned
    return cosines, first, second


def curve(cosines, first, second, resamples=200):
    bins = bins_of(cosines, BINS)
    resampled = PairBootstrap(8, resamples, 1, BINS)
    resampled.add(bins, first, second)
    same = first == second
    different, of_one = (np.bincount(bins[kind], minlength=BINS) for kind in (~same, same))
    return error_rates(different, of_one, resampled)


def test_rates_are_the_detection_error_trade_off_of_all_pairs(pairs):
    cosines, first, second = pairs
    same = first == second
    table = curve(*pairs)
    assert list(table) == COLUMNS and len(table) == STEPS + 1
    assert table.threshold.is_monotonic_increasing
    fmrs, fnmrs, thresholds = det_curve(same, cosines)
    for row in table.itertuples():
        above = np.searchsorted(thresholds, row.threshold, side="right")  # accepts from it on
        if 0 < above < len(thresholds):
            assert row.fmr == pytest.approx(fmrs[above], abs=1e-6)
            assert row.fnmr == pytest.approx(fnmrs[above], abs=1e-6)
        assert row.fmr == pytest.approx((cosines[~same] > row.threshold).mean(), abs=1e-6)


def test_bands_hold_the_rates_and_are_those_of_weighted_pairs(pairs):
    cosines, first, second = pairs
    table = curve(*pairs)
    for name in ("fmr", "fnmr"):
        assert (table[f"{name}_low"] <= table[f"{name}_high"]).all()
        inside = (table[f"{name}_low"] <= table[name]) & (table[name] <= table[f"{name}_high"])
        assert inside.mean() > 0.95
    weights = PairBootstrap(8, 200, 1, BINS).weights.astype(float)
    same = first == second
    threshold = table.threshold[140]
    fmrs = []
    for drawn in weights:
        weight = (drawn[first] * drawn[second])[~same]
        fmrs.append((weight * (cosines[~same] > threshold)).sum() / weight.sum())
    low, high = table.loc[140, ["fmr_low", "fmr_high"]]
    width = 2 * 2.365 * np.std(fmrs) * np.sqrt(8 / 7)  # Student's t for seven degrees of freedom
    assert high - low == pytest.approx(width, rel=0.1)


def test_a_cosine_that_only_reaches_the_threshold_does_not_match():
    cosines = np.array([0.5, 0.5], np.float32)
    table = curve(cosines, np.array([0, 0]), np.array([0, 1]), resamples=5)
    at = table[table.threshold == 0.5].iloc[0]
    assert (at.fmr, at.fnmr) == (0, 1)
    below = table[table.threshold < 0.5].iloc[-1]
    assert (below.fmr, below.fnmr) == (1, 0)
