"""The standard verification protocol: a threshold from all folds but one, accuracy on that one."""

import numpy as np


def best_threshold(scores: np.ndarray, same: np.ndarray) -> float:
    """Returns the threshold with the highest accuracy, the lowest of several.

    Pairs that score strictly above it count as one person. It lies halfway between two neighbouring
    scores, or beyond the last.

    Args:
        scores: (P,) of each pair.
        same: (P,) whether it shows one person.
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    hits = same[order]
    rejected_different = np.concatenate([[0], np.cumsum(~hits)])
    accepted_same = hits.sum() - np.concatenate([[0], np.cumsum(hits)])
    cuts = np.concatenate([[ranked[0] - 1e-6], (ranked[:-1] + ranked[1:]) / 2, [ranked[-1]]])
    possible = np.concatenate([[True], ranked[1:] > ranked[:-1], [True]])
    return float(cuts[np.argmax(np.where(possible, rejected_different + accepted_same, -1))])


def cross_validated_accuracy(
    scores: np.ndarray, same: np.ndarray, folds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns each fold's accuracy, and its threshold, chosen on the other folds: (F,) each.

    The protocol of LFW's view 2 (Huang et al. 2007). Reported is the mean over the folds with
    either the standard error, as they do, or the standard deviation, √F times as large, as most do
    since.

    Args:
        scores: (P,) cosine of each pair.
        same: (P,) whether it shows one person.
        folds: (P,) which fold it belongs to, 0 … F-1.

    Raises:
        ValueError: there are fewer than two folds.
    """
    numbers = np.unique(folds)
    if len(numbers) < 2:
        raise ValueError(f"cross-validation needs at least two folds, got {len(numbers)}")
    thresholds = np.array(
        [best_threshold(scores[folds != fold], same[folds != fold]) for fold in numbers]
    )
    accuracies = [
        np.mean((scores[folds == fold] > threshold) == same[folds == fold])
        for fold, threshold in zip(numbers, thresholds, strict=True)
    ]
    return np.array(accuracies), thresholds
