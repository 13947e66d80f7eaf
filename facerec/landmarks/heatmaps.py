"""From landmarks to heatmaps; `decoding` is the way back.

Points are px of the heatmap, with pixel centres at integers.
"""

import torch
from torch import Tensor


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
