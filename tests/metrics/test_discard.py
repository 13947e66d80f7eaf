"""Error-versus-discard curves against a slow loop from the definition."""

import math

import numpy as np
import pytest

from facerec.metrics.discard import COLUMNS, error_versus_discard


def slow_curve(errors, photographs, quality):
    """Returns the error left after each of 20 shares is discarded, worst first."""
    by_quality = sorted(range(len(quality)), key=lambda i: (not np.isnan(quality[i]), quality[i]))
    rows = []
    for step in range(20):
        gone = set(by_quality[: step * len(quality) // 20])
        left = [
            error
            for error, members in zip(errors, photographs, strict=True)
            if not gone & set(members.tolist())
        ]
        error = sum(left) / len(left) if left else math.nan
        rows.append([len(gone) / len(quality), error, len(quality) - len(gone)])
    return rows


@pytest.mark.parametrize("together", [1, 2])
def test_curves_are_those_of_a_slow_loop(together):
    rng = np.random.default_rng(together)
    quality = rng.normal(size=43)
    quality[[5, 17]] = np.nan
    photographs = np.array([rng.choice(43, together, replace=False) for _ in range(200)])
    errors = rng.integers(0, 2, 200)
    curve = error_versus_discard(errors, photographs, quality)
    assert list(curve) == COLUMNS
    expected = slow_curve(errors, photographs, quality)
    assert curve.to_numpy() == pytest.approx(np.array(expected), nan_ok=True)


def test_a_perfect_measure_leaves_no_error_and_a_reversed_one_only_errors():
    errors = np.arange(100) < 10
    photographs = np.arange(100)[:, None]
    good = error_versus_discard(errors, photographs, np.arange(100.0))
    assert good.error[0] == 0.1 and (good.error[2:] == 0).all()
    bad = error_versus_discard(errors, photographs, -np.arange(100.0))
    assert bad.error.is_monotonic_increasing and bad.photographs.iloc[-1] == 5


def test_where_no_comparison_remains_there_is_no_error():
    both = np.array([[0, 19]])
    curve = error_versus_discard(np.array([1]), both, np.arange(20.0))
    assert curve.error[0] == 1 and curve.error[1:].isna().all() and len(curve) == 20
