"""Losses of predicted heatmaps against Gaussians about the true points.

Each is a mean over stacks and over the points on the heatmap; absent points do not count.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import kl_div, max_pool2d

from facerec.landmarks.decoding import inside
from facerec.landmarks.heatmaps import draw_heatmaps
from facerec.landmarks.params import Loss

# Adaptive wing (Wang, Bo, Fuxin 2019), the paper's values.
ALPHA, OMEGA, EPSILON, THETA = 2.1, 14.0, 1.0, 0.5
WEIGHT = 10.0  # of pixels on and around a peak
PEAK = 0.2  # smallest value of the dilated heatmap with that weight


def heatmap_loss(name: Loss, heatmaps: Tensor, points: Tensor, sigma: float) -> Tensor:
    """Returns the mean loss over present points and stacks; 0 where no point is present.

    Args:
        name: of the loss.
        heatmaps: (B, stacks, 5, S, S) predicted.
        points: (B, 5, 2) true, px of the heatmap; those off it, and NaN, do not count.
        sigma: of the true heatmaps, px.
    """
    _, stacks, _, side, _ = heatmaps.shape
    present = inside(points, side)
    target = draw_heatmaps(torch.where(present[..., None], points, 0.0), side, sigma)
    losses = LOSSES[name](heatmaps.float(), target.unsqueeze(1).expand_as(heatmaps))
    return (losses * present.unsqueeze(1)).sum() / (present.sum().clamp_min(1) * stacks)


def kl(logits: Tensor, target: Tensor) -> Tensor:
    """Returns the Kullback-Leibler divergence (...,) of each heatmap from its target.

    Both are distributions over the pixels: the softmax of the logits, and the target divided by its
    sum.

    Args:
        logits: (..., S, S).
        target: (..., S, S).
    """
    target_share = target.flatten(-2) / target.flatten(-2).sum(dim=-1, keepdim=True)
    log_share = logits.flatten(-2).log_softmax(dim=-1)
    return kl_div(log_share, target_share, reduction="none").sum(dim=-1)


def mse(heatmaps: Tensor, target: Tensor) -> Tensor:
    """Returns the mean squared error (...,) of heatmaps (..., S, S), as in the notebook."""
    return (heatmaps - target).square().mean(dim=(-2, -1))


def adaptive_wing(heatmaps: Tensor, target: Tensor) -> Tensor:
    """Returns the weighted adaptive wing loss (Wang et al. 2019), the mean over the pixels.

    Near the target it is ω ln(1 + |(y - ŷ) / ε|^(α - y)), steep on the peak and like a square on
    the background. Beyond θ it is linear, with slope A and an offset C that make it smooth there.
    By the paper's weighted loss map, pixels on and around the peak count WEIGHT + 1 times.

    Args:
        heatmaps: (..., S, S), ŷ.
        target: (..., S, S), y in [0, 1].
    """
    error = (target - heatmaps).abs()
    power = ALPHA - target
    ratio = (THETA / EPSILON) ** power
    slope = OMEGA * power * ratio / (THETA / EPSILON) / (1 + ratio) / EPSILON
    offset = THETA * slope - OMEGA * torch.log1p(ratio)
    near = OMEGA * torch.log1p((error / EPSILON) ** power)
    wing = torch.where(error < THETA, near, slope * error - offset)
    dilated = max_pool2d(target.flatten(0, -3), 3, stride=1, padding=1).view_as(target)
    return (wing * (1 + WEIGHT * (dilated >= PEAK))).mean(dim=(-2, -1))


LOSSES: dict[Loss, Callable[[Tensor, Tensor], Tensor]] = {
    "kl": kl,
    "mse": mse,
    "adaptive_wing": adaptive_wing,
}
