"""The share of pairs of two different people that match, with its interval."""

import math

import numpy as np

from facerec.metrics.bootstrap import cluster_weights, different_interval


def pair_rate(
    matches: np.ndarray, first: np.ndarray, second: np.ndarray, resamples: int, seed: int
) -> tuple[float, float, float]:
    """Returns the share of pairs of different people that match, and its 95 % interval.

    The interval resamples people: a pair of p and q counts w_p · w_q times, where w says how often
    a person was drawn. All three are NaN where there is no such pair.

    Args:
        matches: (P, P) pairs that match, of a photograph of p with one (or the template) of q.
        first: (P,) photographs of each person on the first side of a pair.
        second: (P,) on the second side. There are `first[p] * second[q]` pairs of p and q.
        resamples: of the people, with replacement.
        seed: the same seed draws the same people.
    """
    present = (first > 0) | (second > 0)
    counts = matches[np.ix_(present, present)].astype(np.float64)
    np.fill_diagonal(counts, 0)
    sides = first[present].astype(np.float64), second[present].astype(np.float64)
    rate = float(_shares(np.ones((1, len(counts))), counts, *sides)[0])
    if math.isnan(rate):
        return math.nan, math.nan, math.nan
    weights = cluster_weights(len(counts), resamples, seed).astype(np.float64)
    estimates = _shares(weights, counts, *sides)
    pairs = sides[0].sum() * sides[1].sum() - sides[0] @ sides[1]
    low, high = different_interval(np.array([rate]), estimates[:, None], len(counts), pairs)
    return rate, float(low[0]), float(high[0])


def _shares(
    weights: np.ndarray, matches: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Returns the shares (R,) of pairs that match, by weights (R, P) of the people."""
    matching = ((weights @ matches) * weights).sum(axis=1)
    pairs = (weights @ first) * (weights @ second) - weights**2 @ (first * second)
    return np.divide(matching, pairs, out=np.full(len(weights), np.nan), where=pairs > 0.5)
