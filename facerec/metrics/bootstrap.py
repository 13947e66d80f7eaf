"""Intervals by resampling people, for means that are no shares and for shares of pairs.

Photographs of one person are not independent. So whole people are drawn, not photographs: an
interval says what another sample of people, with their photographs, would have given.
"""

from collections.abc import Iterator

import numpy as np

from facerec.metrics.intervals import (
    COVERAGE,
    PRIOR_FAILURES,
    agresti_coull,
    effective_number,
    prior_design_effect,
)

BLOCK = 2**24  # elements of a temporary array
CURVE_PRIOR = 0.2  # failures; a summary of a whole ROC varies far less than a share


def cluster_weights(num_people: int, resamples: int, seed: int) -> np.ndarray:
    """Returns how often each person is drawn in each resample, int64 (R, P); rows sum to P."""
    shares = np.full(num_people, 1 / num_people)
    return np.random.default_rng(seed).multinomial(num_people, shares, size=resamples)


def interval(estimates: np.ndarray) -> tuple[float, float]:
    """Returns the central 95 % (low, high) of the resampled estimates (R,).

    Estimates that are NaN, of a resample without such pairs, are left out.
    """
    low, high = np.nanquantile(estimates, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(low), float(high)


def bootstrap_interval(
    values: np.ndarray, people: np.ndarray, resamples: int, seed: int
) -> tuple[float, float]:
    """Returns the 95 % interval (low, high) of the mean over photographs.

    For numbers without bounds, such as distances: for shares and their differences those of
    `facerec.metrics.intervals` hold the truth more often.

    Args:
        values: (N,) a number for each photograph.
        people: (N,) who is on it.
        resamples: of the people, with replacement.
        seed: the same seed draws the same people.

    Raises:
        ValueError: there is no photograph.
    """
    sums, counts = _per_person(values, people)
    weights = cluster_weights(len(counts), resamples, seed)
    return interval((weights @ sums) / (weights @ counts))


def bins_of(cosines: np.ndarray, bins: int) -> np.ndarray:
    """Returns each cosine's bin (P,) int32; bins are equal over [-1, 1], the highest is 0."""
    return np.clip(((1 - cosines) * (bins / 2)).astype(np.int32), 0, bins - 1)


def bin_middles(bins: int) -> np.ndarray:
    """Returns the cosine in the middle of each bin of `bins_of`, (bins,)."""
    return 1 - (np.arange(bins) + 0.5) * (2 / bins)


class PairBootstrap:
    """Resamples the people of pairs of photographs; pairs are added a block at a time.

    A different-person pair of p and q counts w_p · w_q times and a same-person pair of p counts w_p
    times, where w says how often a person was drawn. Cosines are counted in equal bins over
    [-1, 1]. So a true-positive rate's interval is exact, except for the pairs in its threshold's
    bin; 4096 bins are 0.0005 wide.

    Args:
        num_people: K; each of them must be in some pair.
        resamples: R.
        seed: the same seed draws the same people.
        bins: of the cosines.

    Attributes:
        different: (R, bins) weight of the different-person pairs in each bin, the highest first.
        same: (R, bins) weight of the same-person pairs in each bin.
        same_pairs: (K,) each person's same-person pairs.
        different_pairs: how many there are.
    """

    def __init__(self, num_people: int, resamples: int, seed: int, bins: int):
        self.weights = cluster_weights(num_people, resamples, seed).astype(np.float32)
        self.same, self.different = np.zeros((2, resamples, bins), np.float32)
        self.same_pairs = np.zeros(num_people, np.int64)
        self.different_pairs = 0

    def add(self, bin_of: np.ndarray, first_people: np.ndarray, second_people: np.ndarray) -> None:
        """Adds pairs. It is fastest where few people are on the first photographs.

        Args:
            bin_of: (P,) from `bins_of`.
            first_people: (P,) who is on each pair's first photograph, 0 … K-1.
            second_people: (P,) who is on its second photograph.
        """
        bins = self.same.shape[1]
        is_same = first_people == second_people
        self.same_pairs += np.bincount(first_people[is_same], minlength=len(self.same_pairs))
        self.different_pairs += int((~is_same).sum())
        self.same += _weighted_counts(bin_of[is_same], first_people[is_same], self.weights, bins)
        low = np.minimum(first_people, second_people)[~is_same]
        high = np.maximum(first_people, second_people)[~is_same]
        self.different += _weighted_pair_counts(bin_of[~is_same], low, high, self.weights, bins)

    def tpr_at_fprs(self, fprs: np.ndarray) -> np.ndarray:
        """Returns each resample's true-positive rates (R, F) at false-positive rates (F,)."""
        curves = zip(_shares(self.different), _shares(self.same), strict=True)
        return np.stack([np.interp(fprs, fpr, tpr) for fpr, tpr in curves])

    def auc(self) -> np.ndarray:
        """Returns the area under each resample's ROC, (R,)."""
        return np.trapezoid(_shares(self.same), _shares(self.different), axis=1)

    def eer(self) -> np.ndarray:
        """Returns each resample's equal error rate, (R,)."""
        curves = zip(_shares(self.different), _shares(self.same), strict=True)
        return np.array([np.interp(0.0, fpr + tpr - 1, fpr) for fpr, tpr in curves])

    def same_interval(
        self, shares: np.ndarray, estimates: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the 95 % intervals (low, high), (F,) each, of shares of same-person pairs.

        They are those of `share_interval`, with the variance of the resampled shares. (0, 1) where
        fewer than two people have a pair.

        Args:
            shares: (F,) of all people, in [0, 1].
            estimates: (R, F) of each resample, NaN where it has no such pairs.
        """
        return self._same_interval(shares, estimates, PRIOR_FAILURES)

    def curve_interval(self, value: float, estimates: np.ndarray) -> tuple[float, float]:
        """Returns the 95 % interval of an area under the ROC or an equal error rate.

        Args:
            value: of all people, in [0, 1].
            estimates: (R,) of each resample.
        """
        low, high = self._same_interval(np.array([value]), estimates[:, None], CURVE_PRIOR)
        return float(low[0]), float(high[0])

    def _same_interval(
        self, shares: np.ndarray, estimates: np.ndarray, prior_failures: float
    ) -> tuple[np.ndarray, np.ndarray]:
        counts = self.same_pairs[self.same_pairs > 0]
        if len(counts) < 2:
            return np.zeros_like(shares), np.ones_like(shares)
        pairs = counts.sum(), prior_design_effect(counts), prior_failures
        return _resampled_interval(shares, estimates, len(counts), *pairs)

    def different_interval(
        self, shares: np.ndarray, estimates: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the intervals of shares of different-person pairs, as `same_interval`.

        They hold the truth more often than in 95 %: the weights w_p · w_q of two people's pairs
        vary more than the pairs do (Owen 2007, "The pigeonhole bootstrap").
        """
        return different_interval(shares, estimates, len(self.same_pairs), self.different_pairs)

    def fpr_interval(self, fpr: float, threshold: float) -> tuple[float, float]:
        """Returns the interval of the false-positive rate at a threshold, as `different_interval`.

        Args:
            fpr: of all people, at this threshold.
            threshold: a cosine.
        """
        bin_of = int(bins_of(np.array([threshold]), self.different.shape[1])[0])
        estimates = _shares(self.different)[:, bin_of]
        low, high = self.different_interval(np.array([fpr]), estimates[:, None])
        return float(low[0]), float(high[0])


def different_interval(
    shares: np.ndarray, estimates: np.ndarray, num_people: int, pairs: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the 95 % intervals (low, high), (F,) each, of shares of different-person pairs.

    Args:
        shares: (F,) of all people, in [0, 1].
        estimates: (R, F) of each resample, NaN where it has no such pairs.
        num_people: at least two.
        pairs: how many there are.
    """
    of_two_people = pairs / (num_people * (num_people - 1) / 2)
    prior = prior_design_effect(np.array([max(1.0, of_two_people)]))
    return _resampled_interval(shares, estimates, num_people, pairs, prior, PRIOR_FAILURES)


def _resampled_interval(
    shares: np.ndarray,
    estimates: np.ndarray,
    num_people: int,
    pairs: float,
    prior_effect: float,
    prior_failures: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the 95 % intervals (low, high), (F,) each, of shares of pairs.

    Args:
        shares: (F,).
        estimates: (R, F) resampled.
        num_people: who were resampled; at least two.
        pairs: how many there are.
        prior_effect: as in `effective_number`.
        prior_failures: likewise.
    """
    variance = np.nanvar(estimates, axis=0) * num_people / (num_people - 1)
    spread = shares * (1 - shares)
    number = effective_number(pairs, spread, variance, prior_effect, prior_failures)
    return agresti_coull(shares, number, num_people - 1)


def _shares(counts: np.ndarray) -> np.ndarray:
    """Returns each row's cumulative share of weight, (R, bins + 1), beginning with 0."""
    shares = np.zeros((counts.shape[0], counts.shape[1] + 1))
    np.cumsum(counts, axis=1, out=shares[:, 1:], dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return shares / shares[:, -1:]


def _weighted_pair_counts(
    bin_of: np.ndarray, low: np.ndarray, high: np.ndarray, weights: np.ndarray, bins: int
) -> np.ndarray:
    """Returns the weight of different-person pairs in each bin, (R, bins)."""
    num_people = weights.shape[1]
    codes = low.astype(np.int64) * num_people + high
    person_pairs, group = np.unique(codes, return_inverse=True)
    order = np.argsort(group, kind="stable")
    bin_of = bin_of[order]
    group = group[order]
    total = np.zeros((len(weights), bins), np.float32)
    for start, stop in _blocks(len(person_pairs), bins + len(weights)):
        first, second = np.divmod(person_pairs[start:stop], num_people)
        pair_weights = weights[:, first] * weights[:, second]
        rows = slice(*np.searchsorted(group, [start, stop]))
        total += _weighted_counts(bin_of[rows], group[rows] - start, pair_weights, bins)
    return total


def _weighted_counts(
    bin_of: np.ndarray, group: np.ndarray, weights: np.ndarray, bins: int
) -> np.ndarray:
    """Returns the members of each bin, (R, bins); those of group g count `weights[:, g]` times."""
    counts = np.bincount(group.astype(np.int64) * bins + bin_of, minlength=weights.shape[1] * bins)
    return weights @ counts.reshape(-1, bins).astype(np.float32)


def _blocks(length: int, width: int) -> Iterator[tuple[int, int]]:
    """Yields (start, stop) of blocks of rows `width` wide, none over BLOCK elements."""
    rows = max(1, BLOCK // width)
    for start in range(0, length, rows):
        yield start, min(start + rows, length)


def _per_person(values: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the sum and the number of each person's values, (P,) each."""
    if not len(values):
        raise ValueError("an interval needs at least one photograph")
    _, codes = np.unique(people, return_inverse=True)
    return np.bincount(codes, np.asarray(values, dtype=np.float64)), np.bincount(codes)
