import math

import numpy as np
import pytest
import torch
from scipy.ndimage import grey_dilation
from scipy.special import rel_entr

from facerec.landmarks.heatmaps import draw_heatmaps
from facerec.landmarks.losses import LOSSES, adaptive_wing, heatmap_loss, kl


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def wing_of_a_pixel(y: float, guess: float) -> float:
    """Wang et al. 2019: the adaptive wing loss, with A and C as the paper writes them."""
    alpha, omega, epsilon, theta = 2.1, 14, 1, 0.5
    a = omega * (1 / (1 + (theta / epsilon) ** (alpha - y))) * (alpha - y)
    a *= (theta / epsilon) ** (alpha - y - 1) * (1 / epsilon)
    c = theta * a - omega * math.log(1 + (theta / epsilon) ** (alpha - y))
    off = abs(y - guess)
    return (
        omega * math.log(1 + abs((y - guess) / epsilon) ** (alpha - y))
        if off < theta
        else a * off - c
    )


def test_adaptive_wing_equals_the_papers_equation_pixel_by_pixel():
    target = draw_heatmaps(torch.rand(2, 3, 2, generator=generator()) * 11, 12, 1.5)
    guess = target + torch.randn(target.shape, generator=generator()) * 0.6
    found = adaptive_wing(guess, target)
    for image in range(2):
        for point in range(3):
            y, seen = target[image, point].double().numpy(), guess[image, point].double().numpy()
            counts = 1 + 10 * (grey_dilation(y, size=(3, 3), mode="constant") >= 0.2)
            pixels = [
                [wing_of_a_pixel(y[r, c], seen[r, c]) * counts[r, c] for c in range(12)]
                for r in range(12)
            ]
            assert found[image, point].item() == pytest.approx(np.mean(pixels), rel=1e-5)


def test_adaptive_wing_has_a_slope_everywhere_and_none_at_the_target():
    target = draw_heatmaps(torch.tensor([[[5.0, 6.0]]]), 12, 1.5)
    exact = target.clone().requires_grad_()
    adaptive_wing(exact, target).sum().backward()
    assert exact.grad.abs().max() == 0
    off = (target + torch.linspace(-1, 1, 144).view(12, 12)).requires_grad_()
    adaptive_wing(off, target).sum().backward()
    assert torch.isfinite(off.grad).all()
    assert (off.grad.sign() == (off - target).sign()).all()


def test_kl_equals_scipys_relative_entropy():
    logits = torch.randn(4, 9, 9, generator=generator())
    target = draw_heatmaps(torch.rand(1, 4, 2, generator=generator()) * 8, 9, 1.5)[0]
    for seen, drawn, found in zip(
        logits.double().numpy(), target.double().numpy(), kl(logits, target), strict=True
    ):
        expected = rel_entr(drawn / drawn.sum(), np.exp(seen) / np.exp(seen).sum()).sum()
        assert found.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_only_points_on_the_heatmap_count(name):
    points = torch.rand(2, 5, 2, generator=generator()) * 15
    seen = torch.randn(2, 2, 5, 16, 16, generator=generator())
    present = torch.ones(2, 5, dtype=torch.bool)
    absent = {(0, 2): [40.0, 3.0], (1, 0): [-0.6, 5.0], (1, 4): [math.nan, math.nan]}
    for place, value in absent.items():
        points[place], present[place] = torch.tensor(value), False
    per_point = [
        heatmap_loss(name, seen[face : face + 1, :, [point]], points[face : face + 1, [point]], 1.5)
        for face, point in present.nonzero().tolist()
    ]
    seen.requires_grad_()
    loss = heatmap_loss(name, seen, points, 1.5)
    assert loss.item() == pytest.approx(torch.stack(per_point).mean().item(), rel=1e-5)
    loss.backward()
    touched = seen.grad.abs().amax(dim=(1, 3, 4)) > 0
    assert torch.equal(touched, present)


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_is_zero_for_the_target_itself_and_without_points(name):
    points = torch.rand(1, 5, 2, generator=generator()) * 15
    drawn = draw_heatmaps(points, 16, 1.5).unsqueeze(1)
    perfect = drawn.log() if name == "kl" else drawn
    assert heatmap_loss(name, perfect, points, 1.5).item() == pytest.approx(0, abs=1e-5)
    assert heatmap_loss(name, drawn, torch.full_like(points, 99.0), 1.5).item() == 0
