"""Simulated exams whose truth is known, and how often 95 % intervals hold it."""

import numpy as np
import torch
import torch.nn.functional as F

from facerec.metrics import identification, verification
from facerec.metrics.bootstrap import PairBootstrap, bins_of, bootstrap_interval
from facerec.metrics.intervals import difference_interval, macro_interval, share_interval
from facerec.metrics.search_intervals import SearchIntervals

BOOTSTRAP = 500  # resamples of the bootstrap that is compared
RESAMPLES, BINS = 200, 512  # of pairs
DIMENSIONS = 16
UNLIKE = 0.25  # standard deviation of the logarithm of a person's, and a photograph's, noise
FPR = 0.1


def coverage(intervals: np.ndarray, truth: float) -> float:
    """Returns the share of intervals (S, 2) that hold the truth."""
    low, high = intervals.T
    return float(((low <= truth + 1e-12) & (truth - 1e-12 <= high)).mean())


def names_of(people: int, photographs: int, generator: np.random.Generator) -> np.ndarray:
    """Returns who is on each photograph; 0 photographs are 2 to 20, drawn for each person."""
    counts = generator.integers(2, 21, people) if photographs == 0 else photographs
    return np.repeat(np.arange(people), counts)


def drawn_hits(
    names: np.ndarray, accuracy: float, correlation: float, generator: np.random.Generator
) -> np.ndarray:
    """Returns hits (N,) of people whose accuracies are drawn from a beta distribution.

    Args:
        names: (N,) who is on each photograph, 0 … P-1.
        accuracy: the mean of all people, inside (0, 1).
        correlation: of two photographs of one person, in [0, 1).
        generator: of the random numbers.
    """
    accuracies = np.full(names.max() + 1, accuracy)
    if correlation:
        size = 1 / correlation - 1
        accuracies = generator.beta(accuracy * size, (1 - accuracy) * size, names.max() + 1)
    return generator.random(len(names)) < accuracies[names]


def share_exams(
    people: int, photographs: int, accuracy: float, correlation: float, exams: int, kind: str
) -> np.ndarray:
    """Returns the intervals (S, 2) of the accuracy in each exam.

    Args:
        people: P.
        photographs: of each, as in `names_of`.
        accuracy: as in `drawn_hits`.
        correlation: likewise.
        exams: S.
        kind: photographs, people (the mean over them), or bootstrap (its percentiles).
    """
    generator = np.random.default_rng([people, photographs, round(1e4 * accuracy)])
    found = []
    for exam in range(exams):
        names = names_of(people, photographs, generator)
        hits = drawn_hits(names, accuracy, correlation, generator)
        if kind == "bootstrap":
            found.append(bootstrap_interval(hits, names, BOOTSTRAP, exam))
        else:
            found.append((macro_interval if kind == "people" else share_interval)(hits, names))
    return np.array(found)


def difference_exams(
    people: int, photographs: int, wins: tuple[float, float], correlation: float, exams: int
) -> np.ndarray:
    """Returns the intervals (S, 2) of the difference of two recognisers in each exam.

    Args:
        people: P.
        photographs: of each.
        wins: on which share of the photographs only the second, and only the first, is right. A
            person's shares are drawn from a Dirichlet distribution.
        correlation: as in `drawn_hits`.
        exams: S.
    """
    generator = np.random.default_rng([people, photographs, *(round(1e4 * win) for win in wins)])
    names = names_of(people, photographs, generator)
    means = np.array([*wins, 1 - sum(wins)])
    found = []
    for _ in range(exams):
        shares = np.tile(means, (people, 1))
        if correlation:
            drawn = generator.gamma(means * (1 / correlation - 1) + 1e-12, size=(people, 3))
            shares = drawn / drawn.sum(axis=1, keepdims=True)
        second, first, _ = shares[names].T
        place = generator.random(len(names))
        gains = (place < second).astype(float) - (place >= 1 - first)
        found.append(difference_interval(gains, names))
    return np.array(found)


def open_set_exams(
    people: int, photographs: int, noise: float, exams: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns the estimates (S,) and intervals (S, 2) of each measure of the open set.

    Args:
        people: P; none of them is a distractor.
        photographs: of each.
        noise: standard deviation of a photograph's embedding around its person's.
        exams: S.
    """
    generator = np.random.default_rng([people, photographs, round(100 * noise)])
    names = np.repeat(np.arange(people), photographs)
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for exam in range(exams):
        embeddings = _embeddings(people, photographs, noise, generator)
        for name, row in (_pairs(embeddings, names, exam) | _searches(embeddings, names)).items():
            rows.setdefault(name, []).append(row)
    tables = {name: np.array(row) for name, row in rows.items()}
    return {name: (table[:, 0], table[:, 1:]) for name, table in tables.items()}


def _embeddings(
    people: int, photographs: int, noise: float, generator: np.random.Generator
) -> torch.Tensor:
    """Returns normalised embeddings (N, E); some people, and some photographs, are harder."""
    centres = generator.standard_normal((people, 1, DIMENSIONS))
    of_person = np.exp(UNLIKE * generator.standard_normal((people, 1, 1)))
    of_photograph = np.exp(UNLIKE * generator.standard_normal((people, photographs, 1)))
    noises = generator.standard_normal((people, photographs, DIMENSIONS))
    drawn = centres + noise * of_person * of_photograph * noises
    return F.normalize(torch.from_numpy(drawn.reshape(-1, DIMENSIONS)).float())


def _pairs(
    embeddings: torch.Tensor, names: np.ndarray, seed: int
) -> dict[str, tuple[float, float, float]]:
    """Returns the rates of pairs at a fixed threshold and at a false-positive rate, AUC and EER."""
    first, second = np.triu_indices(len(names), 1)
    cosines = (embeddings @ embeddings.T).numpy()[first, second]
    bins = bins_of(cosines, BINS)
    first, second = names[first], names[second]
    same = first == second
    resampled = PairBootstrap(names.max() + 1, RESAMPLES, seed, BINS)
    resampled.add(bins, first, second)
    fixed = BINS // 4  # a cosine of 0.5
    is_rejected = bins[same] >= fixed
    matched = resampled.different[:, :fixed].sum(axis=1) / resampled.different.sum(axis=1)
    fmr = np.array([(bins[~same] < fixed).mean()])
    fpr, tpr = verification.roc_of_photographs(embeddings, torch.from_numpy(names))
    auc, eer = verification.auc(fpr, tpr), verification.eer(fpr, tpr)
    rate, _ = identification.identification_rate(
        embeddings, torch.from_numpy(names), embeddings[:0], FPR
    )
    of_rate = resampled.tpr_at_fprs(np.array([FPR]))
    return {
        "FNMR": (is_rejected.mean(), *share_interval(is_rejected, first[same])),
        "FMR": _row(fmr, resampled.different_interval(fmr, matched[:, None])),
        "TPR at FPR": _row([rate], resampled.same_interval(np.array([rate]), of_rate)),
        "AUC": (auc, *resampled.curve_interval(auc, resampled.auc())),
        "EER": (eer, *resampled.curve_interval(eer, resampled.eer())),
    }


def _row(share: np.ndarray, ends: tuple[np.ndarray, np.ndarray]) -> tuple[float, float, float]:
    return float(share[0]), float(ends[0][0]), float(ends[1][0])


def _searches(embeddings: torch.Tensor, names: np.ndarray) -> dict[str, tuple[float, float, float]]:
    """Returns the shares that a 1:N search finds, first and at a false-alarm rate."""
    people = torch.from_numpy(names)
    nobody = embeddings[:0], people[:0]
    cosines = identification.search_cosines(embeddings, people, nobody[0])
    intervals = SearchIntervals(embeddings, people, *nobody, cosines[0])
    rank1 = identification.rank1_hits(*cosines).double().mean().item()
    found, _ = identification.detection_rate(*cosines, FPR)
    return {
        "rank 1": (rank1, *intervals.rank1(rank1)),
        "found": (found, *intervals.found(found, FPR)),
    }
