"""Which labels are probably wrong: confident learning on predictions that did not see them."""

import numpy as np

EPSILON = 1e-12


def suspects(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the label (N,) that each sample probably has instead of its own, -1 where its own is believed.

    A label is confidently k if the probability of k is at least the mean probability of k over the samples that are
    labelled k; of several such k the most probable one counts (Northcutt et al. 2021, equations 1 and 2).

    Args:
        probabilities: (N, K), of models that were not trained on the sample.
        labels: (N,) as given, each of 0 … K-1 at least once.
    """
    own = probabilities[np.arange(len(labels)), labels]
    thresholds = np.bincount(labels, own, probabilities.shape[1]) / np.bincount(
        labels, minlength=probabilities.shape[1]
    )
    confident = np.where(probabilities >= thresholds - EPSILON, probabilities, -1)
    found = confident.argmax(axis=1)
    return np.where((confident.max(axis=1) >= 0) & (found != labels), found, -1)


def margins(probabilities: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns by how much (N,) another label is more probable than a sample's own, in [-1, 1]."""
    rows = np.arange(len(labels))
    return probabilities[rows, others] - probabilities[rows, labels]


def twins(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns how alike (K, K) two labels are, 0 on the diagonal: 1 where neither can be told from the other.

    The mean probability of k over the samples labelled j, of that of j, and the other way round; the smaller of both.

    Args:
        probabilities: (N, K).
        labels: (N,).
    """
    classes = probabilities.shape[1]
    sums = np.zeros((classes, classes))
    np.add.at(sums, labels, probabilities)
    means = sums / np.maximum(np.bincount(labels, minlength=classes), 1)[:, None]
    share = means / np.maximum(np.diag(means), EPSILON)[:, None]
    alike = np.minimum(share, share.T)
    np.fill_diagonal(alike, 0)
    return alike
