"""Intervals by resampling people, and paired tests of two recognisers on the same photographs.

Photographs of one person are not independent, so whole people are drawn, not photographs: an interval says what
another sample of people, with their photographs, would have given.
"""

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from pydantic import PositiveInt

from facerec.params import Params

COVERAGE = 0.95
BLOCK = 2**24  # elements of a temporary array


class BootstrapParams(Params):
    """How intervals are made."""

    bootstrap: PositiveInt  # resamples of people behind each interval
    seed: int


def cluster_weights(num_people: int, resamples: int, seed: int) -> np.ndarray:
    """Returns how often each person is drawn in each resample, int64 (R, P); rows sum to P."""
    shares = np.full(num_people, 1 / num_people)
    return np.random.default_rng(seed).multinomial(num_people, shares, size=resamples)


def interval(estimates: np.ndarray) -> tuple[float, float]:
    """Returns the central 95 % of the resampled estimates (R,); NaN (a statistic without samples) is left out."""
    low, high = np.nanquantile(estimates, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(low), float(high)


def bootstrap_interval(
    values: np.ndarray, people: np.ndarray, resamples: int, seed: int
) -> tuple[float, float]:
    """Returns the 95 % interval (low, high) of the mean over photographs.

    Of a difference of two recognisers' hits it is the paired interval.

    Args:
        values: (N,) a number a photograph, such as a hit, 0 or 1.
        people: (N,) who is on it.
        resamples: of the people, with replacement.
        seed: the same seed draws the same people.

    Raises:
        ValueError: there is no photograph.
    """
    sums, counts = _per_person(values, people)
    weights = cluster_weights(len(counts), resamples, seed)
    return interval((weights @ sums) / (weights @ counts))


def macro_interval(
    values: np.ndarray, people: np.ndarray, resamples: int, seed: int
) -> tuple[float, float]:
    """Returns the 95 % interval of the mean over people of each one's mean; arguments as in `bootstrap_interval`."""
    sums, counts = _per_person(values, people)
    weights = cluster_weights(len(counts), resamples, seed)
    return interval(weights @ (sums / counts) / len(counts))


def macro_mean(values: np.ndarray, people: np.ndarray) -> float:
    """Returns the mean over people of each one's mean, so that a person with many photographs counts once."""
    sums, counts = _per_person(values, people)
    return float((sums / counts).mean())


def mcnemar_p(first_hits: np.ndarray, second_hits: np.ndarray) -> float:
    """Returns the two-sided exact p of McNemar's test: could two equally good recognisers differ this much?

    Of the photographs on which just one is right, either is right with probability 1/2 (McNemar 1947; exact binomial).
    Photographs of one person count as independent here: where they are not, p is too small; trust the interval.

    Args:
        first_hits: (N,) bool.
        second_hits: (N,) bool, on the same photographs.
    """
    first_wins = int(np.sum(first_hits & ~second_hits))
    second_wins = int(np.sum(second_hits & ~first_hits))
    trials, fewer = first_wins + second_wins, min(first_wins, second_wins)
    tail = sum(math.comb(trials, wins) for wins in range(fewer + 1))
    return min(1.0, float(Fraction(2 * tail, 2**trials)))


def bins_of(cosines: np.ndarray, bins: int) -> np.ndarray:
    """Returns in which of so many equal bins over [-1, 1] cosines (P,) lie, int32, the highest in bin 0."""
    return np.clip(((1 - cosines) * (bins / 2)).astype(np.int32), 0, bins - 1)


def bin_middles(bins: int) -> np.ndarray:
    """Returns the cosines in the middle of the bins of `bins_of`, (bins,)."""
    return 1 - (np.arange(bins) + 0.5) * (2 / bins)


class PairBootstrap:
    """Resamples people behind a set of pairs of photographs, which are added a block at a time.

    A different-person pair of persons p and q counts w_p · w_q times and a same-person pair of p counts w_p times,
    where w says how often a person was drawn. Cosines are counted in `bins` equal bins over [-1, 1], so an interval
    of a true-positive rate is exact to the pairs that share a bin with its threshold; 4096 bins are 0.0005 wide.

    Args:
        num_people: K; each of them shall be in some pair.
        resamples: R.
        seed: the same seed draws the same people.
        bins: of the cosines.

    Attributes:
        false: (R, bins) weight of different-person pairs in each bin, the highest cosines first.
        true: (R, bins) the same of same-person pairs.
    """

    def __init__(self, num_people: int, resamples: int, seed: int, bins: int):
        self.weights = cluster_weights(num_people, resamples, seed).astype(np.float32)
        self.true, self.false = np.zeros((2, resamples, bins), np.float32)

    def add(self, bin_of: np.ndarray, first_people: np.ndarray, second_people: np.ndarray) -> None:
        """Adds pairs, fastest where few people are on the first photographs.

        Args:
            bin_of: (P,) from `bins_of`.
            first_people: (P,) who is on each pair's first photograph, 0 … K-1.
            second_people: (P,) who is on its second photograph.
        """
        bins = self.true.shape[1]
        same = first_people == second_people
        self.true += _weighted_counts(bin_of[same], first_people[same], self.weights, bins)
        low = np.minimum(first_people, second_people)[~same]
        high = np.maximum(first_people, second_people)[~same]
        self.false += _weighted_pair_counts(bin_of[~same], low, high, self.weights, bins)

    def tpr_at_fprs(self, fprs: np.ndarray) -> np.ndarray:
        """Returns, (R, F), the share of same-person pairs above the cosine that `fprs` (F,) of the others exceed."""
        true = _shares(self.true)
        return np.stack(
            [np.interp(fprs, f, t) for f, t in zip(_shares(self.false), true, strict=True)]
        )

    def auc(self) -> np.ndarray:
        """Returns the area under each resample's ROC, (R,)."""
        return np.trapezoid(_shares(self.true), _shares(self.false), axis=1)

    def eer(self) -> np.ndarray:
        """Returns each resample's equal error rate, (R,)."""
        false, true = _shares(self.false), _shares(self.true)
        return np.array([np.interp(0.0, f + t - 1, f) for f, t in zip(false, true, strict=True)])


def _shares(counts: np.ndarray) -> np.ndarray:
    """Returns the share of each row's weight in its first 0, 1, … bins, (R, bins + 1)."""
    shares = np.zeros((counts.shape[0], counts.shape[1] + 1))
    np.cumsum(counts, axis=1, out=shares[:, 1:], dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return shares / shares[:, -1:]


def _weighted_pair_counts(
    bin_of: np.ndarray, low: np.ndarray, high: np.ndarray, weights: np.ndarray, bins: int
) -> np.ndarray:
    """Returns the weight of the different-person pairs in each bin, (R, bins), by blocks of pairs of persons."""
    num_people = weights.shape[1]
    used, group = np.unique(low.astype(np.int64) * num_people + high, return_inverse=True)
    order = np.argsort(group, kind="stable")
    bin_of, group = bin_of[order], group[order]
    total = np.zeros((len(weights), bins), np.float32)
    for start, stop in _blocks(len(used), bins + len(weights)):
        chosen = slice(*np.searchsorted(group, [start, stop]))
        pair_weights = (
            weights[:, used[start:stop] // num_people] * weights[:, used[start:stop] % num_people]
        )
        total += _weighted_counts(bin_of[chosen], group[chosen] - start, pair_weights, bins)
    return total


def _weighted_counts(
    bin_of: np.ndarray, group: np.ndarray, weights: np.ndarray, bins: int
) -> np.ndarray:
    """Returns, (R, bins), how many members each bin has, those of group g counted `weights[:, g]` times."""
    counts = np.bincount(group.astype(np.int64) * bins + bin_of, minlength=weights.shape[1] * bins)
    return weights @ counts.reshape(-1, bins).astype(np.float32)


def _blocks(length: int, width: int) -> Iterator[tuple[int, int]]:
    """Yields (start, stop) of blocks of rows `width` wide, none above BLOCK elements."""
    rows = max(1, BLOCK // width)
    for start in range(0, length, rows):
        yield start, min(start + rows, length)


def _per_person(values: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the sum and number of values of each person, (P,) and (P,)."""
    if not len(values):
        raise ValueError("an interval needs at least one photograph")
    _, codes = np.unique(people, return_inverse=True)
    return np.bincount(codes, np.asarray(values, dtype=np.float64)), np.bincount(codes)
