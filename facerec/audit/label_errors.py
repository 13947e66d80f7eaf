"""Which labels are probably wrong, by predictions that did not see them (Northcutt et al. 2021)."""

import numpy as np

EPSILON = 1e-12


def label_log_odds(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the most probable label (N,) but a sample's own, and log10 (N,) of how many times as probable it is.

    Odds and not the margin p_other - p_own: a photograph that is hard to recognise leaves its own label some
    probability, one under a wrong label leaves it next to none, however unsure of the other it is.

    Args:
        probabilities: (N, K), of models that were not trained on the sample.
        labels: (N,) as given.
    """
    rows, others = np.arange(len(labels)), probabilities.copy()
    others[rows, labels] = -1
    other = others.argmax(axis=1)
    return other, np.log10(probabilities[rows, other] + EPSILON) - np.log10(
        probabilities[rows, labels] + EPSILON
    )


def identity_confusion(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
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
