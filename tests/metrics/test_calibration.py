import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from sklearn.calibration import calibration_curve

from facerec.metrics.calibration import Calibration, calibration_error, fit_calibration, reliability

rng = np.random.default_rng(0)
SAME = rng.random(6000) < 0.1
COSINES = np.where(SAME, rng.normal(0.5, 0.15, 6000), rng.normal(0.1, 0.12, 6000)).clip(-1, 1)
ONCE = np.ones(6000, int)


def test_the_logistic_is_the_balanced_maximum_of_the_likelihood():
    fitted = fit_calibration(COSINES, SAME, ONCE)
    weight = np.where(SAME, 0.5 / SAME.sum(), 0.5 / (~SAME).sum())

    def loss(values):
        x = values[0] * COSINES + values[1]
        return (weight * np.logaddexp(0, np.where(SAME, -x, x))).sum()

    best = minimize(loss, [1.0, 0.0], tol=1e-10)
    assert [fitted.slope, fitted.intercept] == pytest.approx(best.x, rel=0.02)
    assert fitted.probability(np.array([-1.0, 1.0])) == pytest.approx([0, 1], abs=1e-3)
    assert np.isfinite(Calibration(1e4, 0.0).probability(np.array([-1.0, 0.0, 1.0]))).all()


def test_reliability_equals_scikit_learns_on_balanced_pairs():
    same = np.arange(4000) % 2 == 0
    probability = np.where(same, rng.beta(4, 2, 4000), rng.beta(2, 4, 4000))
    table = reliability(probability, same, ONCE[:4000])
    observed, predicted = calibration_curve(same, probability, n_bins=10)
    assert table.observed.to_numpy() == pytest.approx(observed)
    assert table.predicted.to_numpy() == pytest.approx(predicted)
    assert table.weight.sum() == pytest.approx(1)
    assert table.pairs.sum() == 4000


def test_a_calibrated_logistic_has_a_small_error_and_an_overconfident_one_a_large():
    fitted = fit_calibration(COSINES, SAME, ONCE)
    overconfident = Calibration(5 * fitted.slope, 5 * fitted.intercept)

    def error(calibration):
        return calibration_error(reliability(calibration.probability(COSINES), SAME, ONCE))

    assert error(fitted) < 0.02 < error(overconfident)


def test_one_kind_of_pairs_is_refused():
    with pytest.raises(ValueError, match="needs same- and different-person pairs, got 0 of 5 same"):
        fit_calibration(np.zeros(5), np.zeros(5, bool), np.ones(5, int))
    with pytest.raises(ValueError, match="needs same- and different-person pairs, got 0 of 5 same"):
        reliability(np.zeros(5), np.zeros(5, bool), np.ones(5, int))


def test_counted_pairs_are_repeated_ones():
    cosines = COSINES[:300]
    same = SAME[:300]
    counts = rng.integers(0, 4, 300)
    once = np.ones(counts.sum(), int)
    repeated_cosines = cosines.repeat(counts)
    repeated_same = same.repeat(counts)
    fitted = fit_calibration(cosines, same, counts)
    expected = fit_calibration(repeated_cosines, repeated_same, once)
    assert [fitted.slope, fitted.intercept] == pytest.approx(
        [expected.slope, expected.intercept], rel=1e-3
    )
    table = reliability(expected.probability(cosines), same, counts)
    expected_table = reliability(expected.probability(repeated_cosines), repeated_same, once)
    pd.testing.assert_frame_equal(table, expected_table)
