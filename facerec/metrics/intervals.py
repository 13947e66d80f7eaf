"""Intervals of shares and of their differences, and McNemar's test.

Photographs of one person are not independent. So a share counts as that of an effective number of
independent photographs, n / (design effect), as in surveys by households (Korn & Graubard 1998;
Dean & Pagano 2015, "Evaluating confidence interval methods for binomial proportions in clustered
surveys", J. Survey Statistics and Methodology 3). A share's interval is then Agresti & Coull's
(1998), a paired difference's is Bonett & Price's (2012). Both add a few photographs that are
half right and half wrong. So 40 of 40 has an interval with a width; by a bootstrap it has none.
`python -m experiments.coverage` measures how often they hold the truth.
"""

import numpy as np
from scipy.special import stdtrit

COVERAGE = 0.95
# What is assumed of the design effect before anything is seen: as much as PRIOR_FAILURES wrong
# photographs would tell, that photographs of one person correlate by PRIOR_CORRELATION. Without
# it, one person with all the wrong photographs and none at all would make it 0 / 0.
PRIOR_FAILURES = 2.0
PRIOR_CORRELATION = 0.5


def share_interval(values: np.ndarray, people: np.ndarray) -> tuple[float, float]:
    """Returns the 95 % interval (low, high) of the mean over photographs, within [0, 1].

    It says what another sample of people, with their photographs, could have given. With one person
    it is (0, 1).

    Args:
        values: (N,) in [0, 1], for each photograph: 1 for a hit and 0 for a miss, or the share of
            seeds that hit. An error rate's are the errors, and a share of pairs has a value for
            each pair.
        people: (N,) who is on it.

    Raises:
        ValueError: there is no photograph, or a value is not in [0, 1].
    """
    codes = _people_codes(values, people, lowest=0)
    return _share_interval(np.asarray(values, float), codes, np.full(len(codes), 1 / len(codes)))


def macro_interval(values: np.ndarray, people: np.ndarray) -> tuple[float, float]:
    """Returns the 95 % interval of `macro_mean`; arguments and errors as in `share_interval`."""
    codes = _people_codes(values, people, lowest=0)
    return _share_interval(np.asarray(values, float), codes, _macro_weights(codes))


def macro_mean(values: np.ndarray, people: np.ndarray) -> float:
    """Returns the mean over people of each person's mean, so that every person weighs the same.

    Arguments and errors as in `share_interval`.
    """
    codes = _people_codes(values, people, lowest=0)
    return float(_macro_weights(codes) @ np.asarray(values, float))


def difference_interval(gains: np.ndarray, people: np.ndarray) -> tuple[float, float]:
    """Returns the 95 % interval (low, high) of the mean paired difference, within [-1, 1].

    With one person it is (-1, 1).

    Args:
        gains: (N,) in [-1, 1], for each photograph what the second recogniser has more than the
            first: 1 if only the second is right, -1 if only the first is, 0 if both or none.
        people: (N,) who is on it.

    Raises:
        ValueError: there is no photograph, or a gain is not in [-1, 1].
    """
    codes = _people_codes(gains, people, lowest=-1)
    gains = np.asarray(gains, float)
    weights = np.full(len(codes), 1 / len(codes))
    freedom = codes.max()
    if not freedom:
        return -1.0, 1.0
    number = _effective_number_of_photographs(gains, codes, weights)
    wins, losses = np.clip(gains, 0, None).mean(), np.clip(-gains, 0, None).mean()
    low, high = bonett_price(wins, losses, number, freedom)
    return float(low), float(high)


def agresti_coull(
    share: float | np.ndarray, number: float | np.ndarray, freedom: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the 95 % intervals (low, high) of shares (F,), each of `number` (F,) photographs.

    Agresti & Coull 1998, "Approximate is better than exact for interval estimation of binomial
    proportions", The American Statistician 52: t² photographs are added, half of them right, and t
    standard errors are taken. t is Student's quantile for `freedom` (people - 1) instead of 1.96.
    """
    t = stdtrit(freedom, (1 + COVERAGE) / 2)
    total = number + t**2
    centre = (number * share + t**2 / 2) / total
    half = t * np.sqrt(centre * (1 - centre) / total)
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def bonett_price(
    wins: float, losses: float, number: float, freedom: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the 95 % interval (low, high) of `wins` - `losses`, paired shares.

    Bonett & Price 2012, "Adjusted Wald confidence interval for a difference of binomial
    proportions based on paired data", J. Educational and Behavioral Statistics 37: one win and one
    loss are added, here t² / 4 of each, which is 0.96 for many people; t as in `agresti_coull`.
    """
    t = stdtrit(freedom, (1 + COVERAGE) / 2)
    total = number + t**2 / 2
    difference = number * (wins - losses) / total
    discordant = (number * (wins + losses) + t**2 / 2) / total
    half = t * np.sqrt((discordant - difference**2) / total)
    return np.clip(difference - half, -1, 1), np.clip(difference + half, -1, 1)


def jackknife_interval(
    share: float, left_out: np.ndarray, counts: np.ndarray
) -> tuple[float, float]:
    """Returns the 95 % interval (low, high) of a share that is no mean over photographs.

    Such as the share found in a gallery of the same people, above a threshold that they set. It is
    that of `share_interval`, with the variance of the delete-a-group jackknife (Kott 2001, "The
    delete-a-group jackknife", J. Official Statistics 17). With one group it is (0, 1).

    Args:
        share: of all, in [0, 1].
        left_out: (G,) the share where one group of people is not there at all, for each group.
        counts: (P,) photographs of each person behind the share.
    """
    groups = len(left_out)
    if groups < 2:
        return 0.0, 1.0
    variance = left_out.var() * (groups - 1)
    prior = prior_design_effect(counts)
    number = effective_number(counts.sum(), share * (1 - share), variance, prior)
    low, high = agresti_coull(share, number, groups - 1)
    return float(low), float(high)


def effective_number(
    number: float,
    spread: float | np.ndarray,
    variance: float | np.ndarray,
    prior_effect: float,
    prior_failures: float = PRIOR_FAILURES,
) -> np.ndarray:
    """Returns how many independent photographs would tell as much about a mean, (F,).

    That is `number` / (design effect). The design effect is the mean's variance over that of
    independent photographs, spread / number, and drawn to `prior_effect` as PRIOR_FAILURES says.

    Args:
        number: of photographs.
        spread: (F,) variance of one photograph's value.
        variance: (F,) of the mean, as estimated from how people differ.
        prior_effect: design effect at PRIOR_CORRELATION.
        prior_failures: how much it counts.
    """
    seen = number**2 * np.asarray(variance) + prior_failures * prior_effect
    return number * (number * np.asarray(spread) + prior_failures) / seen


def prior_design_effect(counts: np.ndarray) -> float:
    """Returns the design effect of people with so many photographs, (P,), at PRIOR_CORRELATION."""
    return 1 + PRIOR_CORRELATION * (float(counts @ counts) / counts.sum() - 1)


def mcnemar_p(first_hits: np.ndarray, second_hits: np.ndarray) -> float:
    """Returns the two-sided exact p-value of McNemar's test (McNemar 1947).

    Null hypothesis: on a photograph that only one of them recognises, either is right with
    probability 1/2. Photographs of one person count as independent here. Where they are not, p is
    too small: trust the interval.

    Args:
        first_hits: (N,) bool.
        second_hits: (N,) bool, on the same photographs.
    """
    from scipy.stats import binomtest  # takes a second to import

    first_wins = int(np.sum(first_hits & ~second_hits))
    second_wins = int(np.sum(second_hits & ~first_hits))
    trials = first_wins + second_wins
    return float(binomtest(first_wins, trials).pvalue) if trials else 1.0


def _share_interval(
    values: np.ndarray, codes: np.ndarray, weights: np.ndarray
) -> tuple[float, float]:
    freedom = codes.max()
    if not freedom:
        return 0.0, 1.0
    number = _effective_number_of_photographs(values, codes, weights)
    low, high = agresti_coull(weights @ values, number, freedom)
    return float(low), float(high)


def _effective_number_of_photographs(
    values: np.ndarray, codes: np.ndarray, weights: np.ndarray
) -> float:
    """Returns the effective number of photographs behind a weighted mean of values in [-1, 1].

    Args:
        values: (N,) of the photographs.
        codes: (N,) who is on them, 0 … P-1.
        weights: (N,) whose sum is 1.
    """
    mean = weights @ values
    spread = weights @ np.abs(values) - mean**2
    people = codes.max() + 1
    of_person = np.bincount(codes, weights * (values - mean))
    variance = of_person @ of_person * people / (people - 1)
    number = 1 / (weights @ weights)
    prior = prior_design_effect(number * np.bincount(codes, weights))
    return float(effective_number(number, spread, variance, prior))


def _macro_weights(codes: np.ndarray) -> np.ndarray:
    """Returns each photograph's weight (N,) where all people weigh the same."""
    counts = np.bincount(codes)
    return 1 / counts[codes] / len(counts)


def _people_codes(values: np.ndarray, people: np.ndarray, lowest: int) -> np.ndarray:
    """Returns who is on each photograph, 0 … P-1, after a check of the values."""
    if not len(values):
        raise ValueError("an interval needs at least one photograph")
    values = np.asarray(values, float)
    wrong = values[~((values >= lowest) & (values <= 1))]
    if len(wrong):
        raise ValueError(f"expected values from {lowest} to 1, got {wrong[0]}")
    return np.unique(people, return_inverse=True)[1]
