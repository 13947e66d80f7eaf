"""Which labels are probably wrong, by out-of-fold predictions (Northcutt et al. 2021)."""

import numpy as np

EPSILON = 1e-12


def label_log_odds(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the most probable other label (N,), and its log10 odds (N,) against the given one.

    Odds tell more than the margin p_other - p_given. A photograph that is hard to recognise leaves
    its given label some probability. A photograph under a wrong label leaves it almost none, even
    where the other label is uncertain.

    Args:
        probabilities: (N, K), of models that were not trained on the sample.
        labels: (N,) as given.
    """
    rows = np.arange(len(labels))
    others = probabilities.copy()
    others[rows, labels] = -1
    other = others.argmax(axis=1)
    log_other = np.log10(probabilities[rows, other] + EPSILON)
    log_given = np.log10(probabilities[rows, labels] + EPSILON)
    return other, log_other - log_given


def identity_confusion(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns how much each two labels are confused (K, K): 1 where they cannot be told apart.

    The confusion of j with k is the mean probability of k over the samples labelled j, divided by
    that of j. The smaller one of both directions counts. The diagonal is 0.

    Args:
        probabilities: (N, K).
        labels: (N,).
    """
    classes = probabilities.shape[1]
    sums = np.zeros((classes, classes))
    np.add.at(sums, labels, probabilities)
    means = sums / np.maximum(np.bincount(labels, minlength=classes), 1)[:, None]
    shares = means / np.maximum(np.diag(means), EPSILON)[:, None]
    confusion = np.minimum(shares, shares.T)
    np.fill_diagonal(confusion, 0)
    return confusion
