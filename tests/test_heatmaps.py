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


def test_a_whole_pixel_shift_moves_the_heatmap():
    here = draw_heatmaps(torch.tensor([[[10.0, 12.0]]]), 32, 2.0)
    there = draw_heatmaps(torch.tensor([[[11.0, 12.0]]]), 32, 2.0)
    assert torch.allclose(here[..., :-1], there[..., 1:])


def test_a_flat_heatmap_decodes_to_a_pixel_without_confidence():
    points, confidence = decode_heatmaps(torch.zeros(1, 1, 16, 16))
    assert torch.isfinite(points).all()
    assert confidence.item() == 0


def test_inside_ends_at_the_border_and_excludes_nan():
    points = torch.tensor([[-0.5, 0.0], [-0.6, 0], [15.5, 15.5], [15.6, 3], [float("nan"), 3]])
    assert inside(points, 16).tolist() == [True, False, True, False, False]
