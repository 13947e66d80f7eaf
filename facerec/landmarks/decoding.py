"""From heatmaps to points with sub-pixel precision, in numpy: it needs no torch.

Points are px of the heatmap, with pixel centres at integers.
"""

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    Array = TypeVar("Array", np.ndarray, Tensor)

WINDOW = 2  # px on each side of the peak that the sub-pixel fit uses
MAX_OFFSET = 1.0  # px that the sub-pixel fit may move a point from the peak's pixel
MIN_HEIGHT = 1e-12  # of a peak; a narrow one six pixels beyond the border is lower
EPSILON = 1e-30  # smallest value whose logarithm is taken: the tail of a narrow peak is about 1e-20


def inside(points: "Array", size: int) -> "Array":
    """Returns whether points (B, K, 2) lie on a heatmap of `size` px, (B, K) bool; NaN does not."""
    within: Any = (points >= -0.5) & (points <= size - 0.5)
    return within.all(-1)


def decode_heatmaps(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the points (B, K, 2) that heatmaps show, and their confidence (B, K) in [0, 1].

    The confidence is the height of the peak. Its sub-pixel place is found as in DARK (Zhang et al.
    2020, eq. 8): the logarithm of a Gaussian is a quadratic, whose maximum has a closed form. Here
    the quadratic is fitted to a window by least squares, weighted with the squared heatmap (Guo
    2011). This needs no smoothing first. The window stays inside the heatmap, so that the fit is
    exact up to the border.

    A fit further than MAX_OFFSET from the peak is not trusted: the point is then the peak's pixel.
    The border is an exception: there a far fit means that the true peak lies beyond. Such a point
    is put outside the heatmap, at most MAX_OFFSET from the border, so that `inside` is False and
    the border is not mistaken for the point. A heatmap with NaN, or without a peak, gives NaN and
    no confidence.

    Args:
        heatmaps: (B, K, S, S), S ≥ 5.
    """
    b, k, side, _ = heatmaps.shape
    flat = np.asarray(heatmaps, np.float32).reshape(b * k, side, side)
    index = flat.reshape(b * k, -1).argmax(axis=1)  # of a NaN, where there is one
    peak = np.stack([index % side, index // side], axis=1)
    confidence = flat[np.arange(b * k), peak[:, 1], peak[:, 0]]
    centre = peak.clip(WINDOW, side - 1 - WINDOW)
    offset = _gaussian_centre(np.maximum(_windows(flat, centre), EPSILON).astype(float))
    fitted = centre.astype(np.float32) + offset.astype(np.float32)
    has_peak = confidence > MIN_HEIGHT  # False for NaN too
    trusted = _trusted(fitted, peak.astype(np.float32), side)
    points = np.where(has_peak[:, None], trusted, np.float32(np.nan))
    confidence = np.where(has_peak, np.minimum(confidence, 1), np.float32(0))
    return points.reshape(b, k, 2), confidence.reshape(b, k)


def _trusted(fitted: np.ndarray, peak: np.ndarray, side: int) -> np.ndarray:
    """Returns the fitted points (N, 2), or the peaks (N, 2) where a fit is NaN or too far off."""
    least = np.where(peak == 0, -MAX_OFFSET, -np.inf).astype(np.float32)
    most = np.where(peak == side - 1, MAX_OFFSET, np.inf).astype(np.float32)
    moved = (fitted - peak).clip(least, most)
    is_near = (np.abs(moved) <= MAX_OFFSET).all(axis=1, keepdims=True)  # False for NaN too
    return np.where(is_near, peak + moved, peak)


def _windows(flat: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Returns the values (N, 5, 5) around each centre (N, 2) of maps (N, S, S)."""
    step = np.arange(-WINDOW, WINDOW + 1)
    rows = (centre[:, 1:] + step)[:, :, None]
    columns = (centre[:, :1] + step)[:, None, :]
    return flat[np.arange(len(flat))[:, None, None], rows, columns]


def _gaussian_centre(windows: np.ndarray) -> np.ndarray:
    """Returns the centres (N, 2) of Gaussians fitted to windows (N, 5, 5) > 0; NaN without a peak.

    The centres count from the middle of the window.
    """
    step = np.arange(-WINDOW, WINDOW + 1.0)
    y, x = (axis.ravel() for axis in np.meshgrid(step, step, indexing="ij"))
    design = np.stack([np.ones_like(x), x, y, x * x / 2, x * y, y * y / 2], axis=1)
    values = windows.reshape(len(windows), -1)
    # Weights of the residuals, which the sum squares.
    weights = (values / values.max(axis=1, keepdims=True))[:, :, None]
    # QR, as the normal equations would lose all digits of narrow peaks.
    q, r = np.linalg.qr(weights * design)
    right = (q.mT @ (weights * np.log(values)[:, :, None]))[:, :, 0]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        _, gx, gy, hxx, hxy, hyy = _solve_upper(r, right).T
        determinant = hxx * hyy - hxy**2
        offset = np.stack([hxy * gy - hyy * gx, hxy * gx - hxx * gy], axis=1)
        offset /= determinant[:, None]
        is_peak = (hxx < 0) & (determinant > 0)
    return np.where(is_peak[:, None], offset, np.nan)


def _solve_upper(r: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Returns x (N, K) with r x = right, by back substitution; not finite where there is none.

    numpy's own `solve` raises if one of the N has no solution.

    Args:
        r: (N, K, K) upper triangular.
        right: (N, K).
    """
    x = np.zeros_like(right)
    for row in reversed(range(right.shape[1])):
        known = (r[:, row, row + 1 :] * x[:, row + 1 :]).sum(axis=1)
        x[:, row] = (right[:, row] - known) / r[:, row, row]
    return x
