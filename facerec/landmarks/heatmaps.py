"""Landmarks ↔ heatmaps, sub-pixel both ways. Points are px of the heatmap, pixel centres at integers."""

import torch
from torch import Tensor

WINDOW = 2  # px on each side of the peak that the refinement looks at
REACH = 1.0  # px that the refinement may move a point from the peak's pixel
NOTHING = 1e-12  # height under which nothing is seen: a narrow peak six pixels beyond the border
LEAST = 1e-30  # height that has a logarithm; the far side of a narrow peak beyond the border is about 1e-20


def draw_heatmaps(points: Tensor, pixels: int, sigma: float) -> Tensor:
    """Returns Gaussians (B, K, pixels, pixels) of height 1 about the points, not rounded to whole pixels.

    Args:
        points: (B, K, 2).
        pixels: side of the heatmap.
        sigma: standard deviation, px of the heatmap.
    """
    grid = torch.arange(pixels, device=points.device)
    across = torch.exp(-((grid - points[..., :1]) ** 2) / (2 * sigma**2))
    down = torch.exp(-((grid - points[..., 1:]) ** 2) / (2 * sigma**2))
    return down.unsqueeze(-1) * across.unsqueeze(-2)


def inside(points: Tensor, pixels: int) -> Tensor:
    """Returns whether points (B, K, 2) lie on the heatmap, (B, K) bool; NaN does not."""
    return ((points >= -0.5) & (points <= pixels - 0.5)).all(dim=-1)


def decode_heatmaps(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the points (B, K, 2) that heatmaps show, and the peaks' heights (B, K) in [0, 1] as confidence.

    The peak is refined as in DARK (Zhang et al. 2020, eq. 8): the logarithm of a Gaussian is a quadratic, whose
    maximum is found in closed form. Here the quadratic is fitted to a window by least squares weighted with the
    squared heatmap (Guo 2011), which needs no smoothing first, and the window stays inside the heatmap, so that the
    fit is exact up to the border.

    A fit that ends more than REACH from the peak is not believed: the point is the peak's. On the border it is, for
    there a far end means that the peak itself lies beyond: such a point is put outside the heatmap, REACH from the
    border at most, so that `inside` says no and nobody takes the border for the place. A heatmap that holds NaN, or
    nothing, gives NaN, and no confidence.

    Args:
        heatmaps: (B, K, S, S), S ≥ 5.
    """
    b, k, side, _ = heatmaps.shape
    flat = heatmaps.float().reshape(b * k, side, side)
    confidence, index = flat.reshape(b * k, -1).max(dim=1)
    peak = torch.stack([index % side, index // side], dim=1)
    centre = peak.clamp(WINDOW, side - 1 - WINDOW)
    offset = _gaussian_centre(_windows(flat, centre).clamp_min(LEAST).double()).float()
    seen = confidence > NOTHING  # False for NaN too
    points = torch.where(seen[:, None], _believed(centre + offset, peak, side), torch.nan)
    return points.reshape(b, k, 2), torch.where(seen, confidence, 0).clamp_max(1).reshape(b, k)


def _believed(refined: Tensor, peak: Tensor, side: int) -> Tensor:
    """Returns the refined points (N, 2), or the peaks' pixels (N, 2) where a fit is NaN or ends too far from it."""
    least = torch.where(peak == 0, -REACH, -torch.inf)
    most = torch.where(peak == side - 1, REACH, torch.inf)
    moved = (refined - peak).clamp(least, most)
    trusted = (moved.abs() <= REACH).all(dim=1, keepdim=True)  # False for NaN too
    return torch.where(trusted, peak + moved, peak)


def _windows(flat: Tensor, centre: Tensor) -> Tensor:
    """Returns the values (N, 5, 5) around each centre (N, 2) of maps (N, S, S)."""
    step = torch.arange(-WINDOW, WINDOW + 1, device=flat.device)
    rows = (centre[:, 1:] + step)[:, :, None]
    columns = (centre[:, :1] + step)[:, None, :]
    return flat[torch.arange(len(flat), device=flat.device)[:, None, None], rows, columns]


def _gaussian_centre(windows: Tensor) -> Tensor:
    """Returns the centres (N, 2), from the middle, of Gaussians fitted to windows (N, 5, 5) > 0; NaN if no peak."""
    step = torch.arange(-WINDOW, WINDOW + 1, device=windows.device, dtype=windows.dtype)
    y, x = (axis.flatten() for axis in torch.meshgrid(step, step, indexing="ij"))
    design = torch.stack([torch.ones_like(x), x, y, x * x / 2, x * y, y * y / 2], dim=1)
    values = windows.flatten(1)
    weights = (values / values.amax(dim=1, keepdim=True)).unsqueeze(
        2
    )  # of the residuals: squared in the sum
    q, r = torch.linalg.qr(
        weights * design
    )  # not the normal equations, in which narrow peaks lose all digits
    right = q.mT @ (weights * values.log().unsqueeze(2))
    coefficients = torch.linalg.solve_triangular(r, right, upper=True)
    _, gx, gy, hxx, hxy, hyy = coefficients.squeeze(2).unbind(dim=1)
    determinant = hxx * hyy - hxy**2
    offset = torch.stack([hxy * gy - hyy * gx, hxy * gx - hxx * gy], dim=1) / determinant[:, None]
    peaked = (hxx < 0) & (determinant > 0)
    return torch.where(peaked[:, None], offset, torch.nan)
