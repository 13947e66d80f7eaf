import pytest
import torch

from facerec.heatmaps import decode_heatmaps, draw_heatmaps, inside


@pytest.mark.parametrize("side", [24, 64])
@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0])
def test_round_trip_is_exact_anywhere_inside(side, sigma):
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(400, 5, 2, generator=generator) * (side - 1)
    points[0] = torch.tensor([[0.0, 0], [side - 1, side - 1], [0, side - 1], [side / 2, 0.5], [0.49, 11.51]])
    decoded, confidence = decode_heatmaps(draw_heatmaps(points, side, sigma))
    assert (decoded - points).abs().max() < 0.05
    assert confidence.min() > 0.75


@pytest.mark.parametrize("sigma", [1.5, 2.0])
def test_round_trip_is_exact_on_a_dense_grid_up_to_the_borders(sigma):
    side = 16
    steps = torch.arange(-0.5, side - 0.5 + 1e-6, 0.125)
    points = torch.cartesian_prod(steps, steps)[:, None]
    decoded, _ = decode_heatmaps(draw_heatmaps(points, side, sigma))
    assert (decoded - points).abs().max() < 0.05
    within = ((points - 7.5).abs() < 7.99).all(dim=-1)
    assert within.sum() > 16000 and inside(decoded, side)[within].all()


@pytest.mark.parametrize("sigma", [1.5, 2.0])
def test_a_point_beyond_the_border_is_neither_clipped_nor_wrapped_but_flagged(sigma):
    away = torch.tensor([0.55, 0.8, 1.0, 2.0, 4.0])
    along = torch.tensor([0.0, 3.3, 7.5, 15.0])
    off, place = (grid.flatten() for grid in torch.meshgrid(away, along, indexing="ij"))
    beyond = {"left": (-off, place), "right": (15 + off, place), "top": (place, -off), "bottom": (place, 15 + off)}
    for x, y in beyond.values():
        points = torch.stack([x, y], dim=-1)[:, None]
        decoded, _ = decode_heatmaps(draw_heatmaps(points, 16, sigma))
        assert not inside(decoded, 16).any()
        near = off <= 1
        assert (decoded - points)[near].abs().max() < 0.05
        assert ((decoded - points.clamp(-1, 16)).abs().amax(dim=(1, 2)) < 0.2).all()


def test_a_whole_pixel_shift_moves_the_heatmap():
    here = draw_heatmaps(torch.tensor([[[10.0, 12.0]]]), 32, 2.0)
    there = draw_heatmaps(torch.tensor([[[11.0, 12.0]]]), 32, 2.0)
    assert torch.allclose(here[..., :-1], there[..., 1:])


def test_a_flat_heatmap_decodes_to_a_pixel_without_confidence():
    points, confidence = decode_heatmaps(torch.zeros(1, 1, 16, 16))
    assert torch.isfinite(points).all()
    assert confidence.item() == 0


def test_a_heatmap_with_nan_is_no_place():
    heatmaps = draw_heatmaps(torch.tensor([[[5.0, 6.0], [7.0, 8.0]]]), 16, 1.5)
    heatmaps[0, 0, 3, 3] = torch.nan
    points, confidence = decode_heatmaps(heatmaps)
    assert points[0, 0].isnan().all() and confidence[0, 0] == 0
    assert torch.allclose(points[0, 1], torch.tensor([7.0, 8.0]), atol=0.05)
    assert inside(points, 16).tolist() == [[False, True]]


def test_inside_ends_at_the_border_and_excludes_nan():
    points = torch.tensor([[-0.5, 0.0], [-0.6, 0], [15.5, 15.5], [15.6, 3], [float("nan"), 3]])
    assert inside(points, 16).tolist() == [True, False, True, False, False]
