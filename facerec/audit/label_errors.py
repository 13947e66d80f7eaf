"""Which labels are probably wrong, by out-of-fold predictions (Northcutt et al. 2021)."""

import numpy as np

EPSILON = 1e-12


def label_log_odds(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the most probable other label (N,), and its log10 odds (N,) against the given one.

    Odds and not the margin p_other - p_given: a photograph that is hard to recognise leaves its
    given label some probability. One under a wrong label leaves it next to none, even where the
    other label is uncertain.

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

    Over the samples labelled j, it is the mean probability of k divided by that of j. Of j with k
    and k with j, the smaller one counts. The diagonal is 0.

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
