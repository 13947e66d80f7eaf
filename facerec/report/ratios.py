"""The ratio of two rates with intervals."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """A ratio and its 95 % interval; `high` is infinite where the divisor may be 0."""

    value: float
    low: float
    high: float


def ratio(first: tuple[float, float, float], second: tuple[float, float, float]) -> Ratio | None:
    """Returns the first rate over the second, None if the second is 0.

    The interval is made of the two rates' own intervals, which need not be symmetric: MOVER-R
    (Donner and Zou 2012, Statistical Methods in Medical Research 21, equation 9). It takes the two
    rates as independent.

    Args:
        first: a rate, its low and its high end, each at least 0.
        second: the divisor.
    """
    a, a_low, a_high = first
    b, b_low, b_high = second
    if b <= 0 or not all(map(math.isfinite, (*first, *second))):
        return None
    product = a * b
    low_factor = a_low * (2 * a - a_low)
    high_factor = a_high * (2 * a - a_high)
    b_high_factor = b_high * (2 * b - b_high)
    b_low_factor = b_low * (2 * b - b_low)
    low_root = math.sqrt(max(product**2 - low_factor * b_high_factor, 0))
    high_root = math.sqrt(max(product**2 - high_factor * b_low_factor, 0))
    low = 0.0
    if b_high_factor:
        low = max((product - low_root) / b_high_factor, 0.0)
    high = (product + high_root) / b_low_factor if b_low_factor > 0 else math.inf
    return Ratio(a / b, min(low, a / b), max(high, a / b))
