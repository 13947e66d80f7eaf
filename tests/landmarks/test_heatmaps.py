import math

import pytest
import torch
from scipy.stats import multivariate_normal

from facerec.landmarks import decoding
from facerec.landmarks.decoding import inside
from facerec.landmarks.heatmaps import draw_heatmaps

pytestmark = pytest.mark.filterwarnings("error")  # numpy warns of a division by 0


def decode_heatmaps(heatmaps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    points, confidence = decoding.decode_heatmaps(heatmaps.numpy())
    return torch.from_numpy(points), torch.from_numpy(confidence)


@pytest.mark.parametrize("side", [24, 64])
@pytest.mark.parametrize("sigma", [0.75, 1.0, 1.5, 2.0])
def test_round_trip_is_exact_anywhere_inside(side, sigma):
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(400, 5, 2, generator=generator) * (side - 1)
    points[0] = torch.tensor(
        [[0.0, 0], [side - 1, side - 1], [0, side - 1], [side / 2, 0.5], [0.49, 11.51]]
    )
    decoded, confidence = decode_heatmaps(draw_heatmaps(points, side, sigma))
    assert (decoded - points).abs().max() < 0.05
    assert confidence.min() >= math.exp(-0.25 / sigma**2) - 1e-6  # halfway between four pixels


@pytest.mark.parametrize("sigma", [0.75, 1.0, 1.5, 2.0])
def test_round_trip_is_exact_on_a_dense_grid_up_to_the_borders(sigma):
    side = 16
    steps = torch.arange(-0.5, side - 0.5 + 1e-6, 0.125)
    points = torch.cartesian_prod(steps, steps)[:, None]
    decoded, _ = decode_heatmaps(draw_heatmaps(points, side, sigma))
    assert (decoded - points).abs().max() < 0.05
    within = ((points - 7.5).abs() < 7.99).all(dim=-1)
    assert within.sum() > 16000 and inside(decoded, side)[within].all()


@pytest.mark.parametrize("sigma", [0.75, 1.0, 1.5, 2.0])
def test_point_outside_the_heatmap_is_flagged_and_not_clipped(sigma):
    away = torch.tensor([0.55, 0.8, 1.0, 2.0, 4.0])
    along = torch.tensor([0.0, 3.3, 7.5, 15.0])
    off, place = (grid.flatten() for grid in torch.meshgrid(away, along, indexing="ij"))
    beyond = {
        "left": (-off, place),
        "right": (15 + off, place),
        "top": (place, -off),
        "bottom": (place, 15 + off),
    }
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


@pytest.mark.parametrize("sigma", [0.7, 1.3])
def test_a_heatmap_is_scipys_normal_distribution_with_its_peak_at_1(sigma):
    x, y = 9.3, 4.6
    pixels = torch.cartesian_prod(torch.arange(14), torch.arange(14)).numpy()
    density = multivariate_normal([y, x], sigma**2)
    expected = torch.from_numpy(density.pdf(pixels) / density.pdf([y, x])).reshape(14, 14)
    drawn = draw_heatmaps(torch.tensor([[[x, y]]], dtype=torch.float64), 14, sigma)[0, 0]
    torch.testing.assert_close(drawn, expected, rtol=1e-6, atol=1e-12)


def test_heatmaps_are_drawn_on_the_device_of_the_points():
    """The meta device computes nothing, and refuses to be mixed with any other."""
    heatmaps = draw_heatmaps(torch.zeros(2, 5, 2, device="meta"), 16, 1.5)
    assert heatmaps.device.type == "meta" and heatmaps.shape == (2, 5, 16, 16)


def test_the_centre_of_an_oblique_blob_is_found():
    """scipy's normal distribution with correlated axes, its exact centre between pixels."""
    pixels = torch.cartesian_prod(torch.arange(17.0), torch.arange(17.0)).numpy()
    for y, x, together in [(8.4, 7.7, 1.5), (7.6, 8.3, -1.5), (8.2, 8.4, 1.9)]:
        density = multivariate_normal([y, x], [[3.0, together], [together, 2.0]])
        blob = (
            torch.from_numpy(density.pdf(pixels) / density.pdf([y, x]))
            .float()
            .reshape(1, 1, 17, 17)
        )
        torch.testing.assert_close(
            decode_heatmaps(blob)[0][0, 0], torch.tensor([x, y]), atol=1e-3, rtol=0
        )


def test_a_mirrored_or_transposed_heatmap_shows_its_points_mirrored_or_transposed():
    """With noise, as any window of a pure Gaussian gives the same point."""
    generator = torch.Generator().manual_seed(0)
    heatmaps = draw_heatmaps(15 * torch.rand(300, 1, 2, generator=generator), 16, 1.5)
    heatmaps += 0.1 * torch.rand(heatmaps.shape, generator=generator)
    points, confidence = decode_heatmaps(heatmaps)
    assert (points != points.round()).all(dim=2).sum() > 250  # are sub-pixel
    left_right, up_down = torch.tensor([-1.0, 1.0]), torch.tensor([1.0, -1.0])
    for changed, expected in (
        (heatmaps.flip(3), 7.5 + left_right * (points - 7.5)),
        (heatmaps.flip(2), 7.5 + up_down * (points - 7.5)),
        (heatmaps.mT, points.flip(2)),
    ):
        found = decode_heatmaps(changed)
        torch.testing.assert_close(found[0], expected, atol=1e-4, rtol=0)
        torch.testing.assert_close(found[1], confidence)


def test_a_blob_at_the_far_border_does_not_move_a_point_at_the_near_one():
    points = torch.tensor([[[0.3, 7.4], [7.4, 0.3], [15.2, 7.4], [7.4, 15.2]]])
    others = torch.tensor([[[14.6, 7.4], [7.4, 14.6], [0.4, 7.4], [7.4, 0.4]]])
    heatmaps = draw_heatmaps(points, 16, 1.5) + 0.5 * draw_heatmaps(others, 16, 1.5)
    assert (decode_heatmaps(heatmaps)[0] - points).abs().max() < 0.05


def window_about(peak, logarithm):
    """Returns a heatmap (1, 1, 17, 17) that is 0 except in the 5 × 5 px about a low peak."""
    x, y = (
        axis.float()
        for axis in torch.meshgrid(torch.arange(-2, 3), torch.arange(-2, 3), indexing="xy")
    )
    window = logarithm(x, y).exp()
    window = 0.8 * window / window.max()
    window[2, 2] = 0.801
    heatmap = torch.zeros(1, 1, 17, 17)
    heatmap[0, 0, peak[1] - 2 : peak[1] + 3, peak[0] - 2 : peak[0] + 3] = window
    return heatmap


@pytest.mark.parametrize(
    "logarithm",
    [
        lambda x, y: -((x - 4) ** 2 + y**2) / 30,
        lambda x, y: -((x + 4) ** 2 + y**2) / 30,
        lambda x, y: -(x**2 + (y - 4) ** 2) / 30,
        lambda x, y: -(x**2 + (y + 4) ** 2) / 30,
        lambda x, y: ((x - 0.3) ** 2 + (y + 0.4) ** 2) / 40,
        lambda x, y: ((x - 0.3) ** 2 - (y + 0.4) ** 2) / 40,
        lambda x, y: ((y + 0.4) ** 2 - (x - 0.3) ** 2) / 40,
        lambda x, y: ((x - 0.3) * (y + 0.4) - (x**2 + y**2) / 10) / 20,
    ],
    ids=["right", "left", "below", "above", "bowl", "saddle", "upright_saddle", "oblique_saddle"],
)
def test_fit_that_fails_leaves_the_point_at_its_pixel(logarithm):
    """A heatmap of the same batch with a good fit keeps it. Bowl and saddles are nearly flat."""
    good = draw_heatmaps(torch.tensor([[[6.3, 9.4]]]), 17, 1.5)
    points, _ = decode_heatmaps(torch.cat([window_about((7, 8), logarithm), good]))
    assert points[0, 0].tolist() == [7, 8]
    assert torch.allclose(points[1, 0], torch.tensor([6.3, 9.4]), atol=0.01)


def test_confidence_stays_between_0_and_1():
    peak = draw_heatmaps(torch.tensor([[[5.0, 6.0]]]), 16, 1.5)
    heatmaps = torch.cat([1.3 * peak, 0.4 * peak, peak - 2])
    assert decode_heatmaps(heatmaps)[1].flatten().tolist() == pytest.approx([1, 0.4, 0])


def test_an_empty_heatmap_gives_no_point():
    points, confidence = decode_heatmaps(torch.zeros(1, 1, 16, 16))
    assert points.isnan().all()
    assert confidence.item() == 0


@pytest.mark.parametrize("sigma", [0.75, 1.5, 3.0])
def test_a_point_outside_is_never_decoded_inside(sigma):
    away = torch.cat([-torch.linspace(0.7, 60, 120), 15 + torch.linspace(0.7, 60, 120)])
    for points in (
        torch.stack([away, torch.full_like(away, 7.5)], 1),
        torch.stack([away, away], 1),
    ):
        decoded, _ = decode_heatmaps(draw_heatmaps(points[:, None], 16, sigma))
        assert not inside(decoded, 16).any()


def test_a_heatmap_with_nan_gives_no_point():
    heatmaps = draw_heatmaps(torch.tensor([[[5.0, 6.0], [7.3, 8.4]]]), 16, 1.5)
    heatmaps[0, 0, 3, 3] = torch.nan
    points, confidence = decode_heatmaps(heatmaps)
    assert points[0, 0].isnan().all() and confidence[0, 0] == 0
    assert torch.allclose(points[0, 1], torch.tensor([7.3, 8.4]), atol=0.05)
    assert inside(points, 16).tolist() == [[False, True]]


def test_inside_ends_at_the_border_and_excludes_nan():
    points = torch.tensor([[-0.5, 0.0], [-0.6, 0], [15.5, 15.5], [15.6, 3], [float("nan"), 3]])
    assert inside(points, 16).tolist() == [True, False, True, False, False]
