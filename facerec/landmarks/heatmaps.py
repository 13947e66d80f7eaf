"""From landmarks to heatmaps and back, with sub-pixel precision.

Points are px of the heatmap, with pixel centres at integers.
"""

import torch
from torch import Tensor

WINDOW = 2  # px on each side of the peak that the sub-pixel fit uses
MAX_OFFSET = 1.0  # px that the sub-pixel fit may move a point from the peak's pixel
MIN_HEIGHT = 1e-12  # of a peak; a narrow one six pixels beyond the border is lower
EPSILON = 1e-30  # smallest value whose logarithm is taken: the tail of a narrow peak is about 1e-20


def draw_heatmaps(points: Tensor, size: int, sigma: float) -> Tensor:
    """Returns Gaussians (B, K, size, size) of height 1 about the points, not rounded to pixels.

    Args:
        points: (B, K, 2).
        size: side of the heatmap, px.
        sigma: standard deviation, px of the heatmap.
    """
    grid = torch.arange(size, device=points.device)
    across = torch.exp(-((grid - points[..., :1]) ** 2) / (2 * sigma**2))
    down = torch.exp(-((grid - points[..., 1:]) ** 2) / (2 * sigma**2))
    return down.unsqueeze(-1) * across.unsqueeze(-2)


def inside(points: Tensor, size: int) -> Tensor:
    """Returns whether points (B, K, 2) lie on a heatmap of `size` px, (B, K) bool; NaN does not."""
    return ((points >= -0.5) & (points <= size - 0.5)).all(dim=-1)


def decode_heatmaps(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
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
    flat = heatmaps.float().reshape(b * k, side, side)
    confidence, index = flat.reshape(b * k, -1).max(dim=1)
    peak = torch.stack([index % side, index // side], dim=1)
    centre = peak.clamp(WINDOW, side - 1 - WINDOW)
    offset = _gaussian_centre(_windows(flat, centre).clamp_min(EPSILON).double()).float()
    has_peak = confidence > MIN_HEIGHT  # False for NaN too
    points = torch.where(has_peak[:, None], _trusted(centre + offset, peak, side), torch.nan)
    confidence = torch.where(has_peak, confidence, 0).clamp_max(1)
    return points.reshape(b, k, 2), confidence.reshape(b, k)


def _trusted(fitted: Tensor, peak: Tensor, side: int) -> Tensor:
    """Returns the fitted points (N, 2), or the peaks (N, 2) where a fit is NaN or too far off."""
    least = torch.where(peak == 0, -MAX_OFFSET, -torch.inf)
    most = torch.where(peak == side - 1, MAX_OFFSET, torch.inf)
    moved = (fitted - peak).clamp(least, most)
    is_near = (moved.abs() <= MAX_OFFSET).all(dim=1, keepdim=True)  # False for NaN too
    return torch.where(is_near, peak + moved, peak)


def _windows(flat: Tensor, centre: Tensor) -> Tensor:
    """Returns the values (N, 5, 5) around each centre (N, 2) of maps (N, S, S)."""
    step = torch.arange(-WINDOW, WINDOW + 1, device=flat.device)
    rows = (centre[:, 1:] + step)[:, :, None]
    columns = (centre[:, :1] + step)[:, None, :]
    return flat[torch.arange(len(flat), device=flat.device)[:, None, None], rows, columns]


def _gaussian_centre(windows: Tensor) -> Tensor:
    """Returns the centres (N, 2) of Gaussians fitted to windows (N, 5, 5) > 0; NaN without a peak.

    The centres count from the middle of the window.
    """
    step = torch.arange(-WINDOW, WINDOW + 1, device=windows.device, dtype=windows.dtype)
    y, x = (axis.flatten() for axis in torch.meshgrid(step, step, indexing="ij"))
    design = torch.stack([torch.ones_like(x), x, y, x * x / 2, x * y, y * y / 2], dim=1)
    values = windows.flatten(1)
    # Weights of the residuals, which the sum squares.
    weights = (values / values.amax(dim=1, keepdim=True)).unsqueeze(2)
    # QR, as the normal equations would lose all digits of narrow peaks.
    q, r = torch.linalg.qr(weights * design)
    right = q.mT @ (weights * values.log().unsqueeze(2))
    coefficients = torch.linalg.solve_triangular(r, right, upper=True)
    _, gx, gy, hxx, hxy, hyy = coefficients.squeeze(2).unbind(dim=1)
    determinant = hxx * hyy - hxy**2
    offset = torch.stack([hxy * gy - hyy * gx, hxy * gx - hxx * gy], dim=1) / determinant[:, None]
    is_peak = (hxx < 0) & (determinant > 0)
    return torch.where(is_peak[:, None], offset, torch.nan)
