from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from tiny_hourglass import hourglass_config

from facerec.geometry import REFINED_EYE_DISTANCE, template, transform_points
from facerec.landmarks import hourglass, training
from facerec.landmarks.datasets import add_context, context_to_crop
from facerec.landmarks.decoding import decode_heatmaps
from facerec.landmarks.heatmaps import draw_heatmaps
from facerec.landmarks.hourglass import StackedHourglass, to_heatmap
from facerec.landmarks.losses import LOSSES, heatmap_loss
from facerec.landmarks.params import HourglassConfig, HourglassParams

PROFILE = yaml.safe_load((Path(__file__).parents[2] / "profiles/base.yaml").read_text())


def refining(steps: int) -> HourglassConfig:
    """Returns the config of a network whose heatmaps are 32 px wide, with so many refinements."""
    return hourglass_config(image_size=128, depth=2, loss="mse", refine_steps=steps)


def small(**changes) -> StackedHourglass:
    return StackedHourglass(hourglass_config(**changes))


def params(**changes) -> HourglassParams:
    return HourglassParams(**{**PROFILE["hourglass"], **changes})


@pytest.mark.parametrize("block", ["bottleneck", "basic"])
@pytest.mark.parametrize("loss", LOSSES)
def test_shapes_and_gradients_reach_every_parameter(block, loss):
    network = small(image_size=64, stacks=2, channels=16, depth=2, block=block, loss=loss)
    heatmaps = network(torch.rand(2, 3, 64, 64))
    assert heatmaps.shape == (2, 2, 5, 16, 16)
    points = torch.rand(2, 5, 2) * 15
    heatmap_loss(loss, heatmaps, points, 1.5).backward()
    assert all(p.grad is not None for p in network.parameters())


def test_a_size_that_does_not_halve_evenly_is_refused():
    with pytest.raises(
        ValueError, match="image_size: expected a multiple of 64 at depth 4, got 96"
    ):
        small(image_size=96, depth=4)


def test_save_and_load_predict_the_same(tmp_path):
    torch.manual_seed(0)
    network = small(block="basic", loss="mse", flip_test=True)
    faces = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), dtype=np.uint8)
    hourglass.save(network, tmp_path / "h.pt")
    loaded = hourglass.load(tmp_path / "h.pt", torch.device("cpu"))
    assert loaded.config == network.config
    network.to(
        memory_format=torch.channels_last
    ).eval()  # as it is loaded: another layout adds up in another order
    assert torch.equal(network.heatmaps(faces), loaded.heatmaps(faces))
    points, confidence = network.predict(faces)
    assert np.array_equal(points, loaded.predict(faces)[0], equal_nan=True)
    assert np.array_equal(confidence, loaded.predict(faces)[1]) and confidence.any()


@pytest.mark.parametrize("steps", [0, 2])
def test_no_faces_have_no_points(steps):
    points, confidence = small(refine_steps=steps).predict(np.zeros((0, 32, 32, 3), np.uint8))
    assert points.shape == (0, 5, 2) and confidence.shape == (0, 5)


def test_heatmaps_are_float32_in_any_precision():
    faces = torch.rand(2, 3, 32, 32)
    for precision in ("fp32", "bf16"):
        torch.manual_seed(0)
        network = small(precision=precision)
        heatmaps = network(faces)
        assert heatmaps.dtype == torch.float32
        assert torch.equal(heatmaps, heatmaps.bfloat16().float()) is False


def test_input_and_heatmap_pixels_share_their_edges():
    edges = torch.tensor([-0.5, 31.5])
    assert to_heatmap(edges).tolist() == [-0.5, 7.5]


def test_the_notebooks_network_is_a_setting():
    """Its blocks and sizes as NOTEBOOKS.md has them: 34.7 million parameters."""
    with torch.device("meta"):
        network = small(
            image_size=256, stacks=2, channels=256, depth=4, block="basic", loss="mse", sigma=2.0
        )
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(34.7e6, rel=0.01)


def test_the_flip_test_predicts_mirrored_heatmaps_for_a_mirrored_face():
    torch.manual_seed(0)
    faces = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3), dtype=np.uint8)
    mirrored = np.ascontiguousarray(faces[:, :, ::-1])
    network = small(flip_test=True).eval()
    there = network.heatmaps(mirrored).flip(3)[:, [1, 0, 2, 4, 3]]
    assert torch.allclose(network.heatmaps(faces), there, atol=1e-5)
    plain = small()
    plain.load_state_dict(network.state_dict())
    plain.eval()
    mean = (plain.heatmaps(faces) + plain.heatmaps(mirrored).flip(3)[:, [1, 0, 2, 4, 3]]) / 2
    assert torch.allclose(network.heatmaps(faces), mean, atol=1e-6)
    assert not torch.allclose(plain.heatmaps(faces), mean, atol=1e-3)


class _DotFinder(StackedHourglass):
    """Finds dots of five colours without training, and remembers the crops that it was given."""

    def _last_heatmaps(self, batch):
        self.seen = [*getattr(self, "seen", []), batch.clone()]
        return self.dots(batch)

    @staticmethod
    def dots(batch):
        red, green, blue = batch.unbind(dim=1)
        yellow, cyan = torch.minimum(red, green), torch.minimum(green, blue)
        dots = torch.stack([red - yellow, green - yellow - cyan, blue - cyan, yellow, cyan], dim=1)
        return torch.nn.functional.avg_pool2d(dots.clamp(min=0), 4)


def _dots(points, pixels, sigma):
    colours = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1]])
    return (
        (draw_heatmaps(points, pixels, sigma).unsqueeze(2) * colours.view(1, 5, 3, 1, 1))
        .sum(1)
        .clamp(0, 1)
    )


def _photographs(faces):
    return (faces.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()


def test_refinement_crops_closer_and_predicts_in_px_of_the_face():
    turn = cv2.getRotationMatrix2D((96, 96), 25, 0.45)
    points = transform_points(turn[None], template(192)[None] + [[3.0, -5.0]])
    network = _DotFinder(refining(steps=1))
    predicted, _ = network.predict(
        _photographs(_dots(torch.from_numpy(points), network.face_size, 4.0))
    )
    assert np.abs(predicted - points).max() < 0.2
    looked = [decode_heatmaps(network.dots(batch).numpy())[0][0] for batch in network.seen]
    apart = [4 * (found[1] - found[0]) for found in looked]
    assert abs(apart[0][1]) > 5 and abs(apart[1][1]) < 1
    assert apart[1][0] == pytest.approx(REFINED_EYE_DISTANCE * 128, abs=1)


class _Distracted(_DotFinder):
    """Each prediction is moved by its entry of `astray`, px of the heatmap."""

    def _last_heatmaps(self, batch):
        heatmaps = super()._last_heatmaps(batch)
        return heatmaps.roll(self.astray[len(self.seen) - 1], dims=(2, 3))


@pytest.mark.parametrize("astray", [[(0, 0), (3, -2), (0, 0)], [(0, 0), (0, 0), (-7, 3)]])
def test_one_wrong_prediction_of_three_does_no_harm(astray):
    network = _Distracted(refining(steps=2))
    network.astray = astray
    points = 96 + (template(192)[None] - 96) * 0.8
    predicted, _ = network.predict(
        _photographs(_dots(torch.from_numpy(points), network.face_size, 4.0))
    )
    assert np.abs(predicted - points).max() < 1.0


class _BeyondTheBorder(StackedHourglass):
    """Its first prediction is right, the others have all points beyond the left border."""

    def _last_heatmaps(self, batch):
        self.looked = getattr(self, "looked", 0) + 1
        points = torch.tensor(template(32)).float()[None].expand(len(batch), -1, -1).clone()
        if self.looked > 1:
            points[..., 0] = -2.0
        return draw_heatmaps(points, 32, 1.5)


def test_a_refinement_with_a_point_beyond_its_border_does_not_count():
    network = _BeyondTheBorder(refining(steps=2))
    side = network.face_size
    predicted, confidence = network.predict(np.zeros((1, side, side, 3), np.uint8))
    expected = (template(32) + 0.5) * side / 32 - 0.5
    assert predicted[0] == pytest.approx(expected, abs=0.1)
    assert (confidence > 0.9).all()


def test_a_face_whose_points_coincide_is_not_cropped_closer():
    network = _DotFinder(refining(steps=1))
    network.dots = lambda batch: draw_heatmaps(torch.full((len(batch), 5, 2), 12.3), 32, 1.5)
    predicted, _ = network.predict(np.zeros((1, network.face_size, network.face_size, 3), np.uint8))
    assert np.isfinite(predicted).all()
    assert torch.equal(*network.seen)


def test_a_share_of_the_faces_is_learned_from_as_a_refinement_sees_them():
    rng = np.random.default_rng(0)
    points = np.repeat(template(96)[None], 200, axis=0) + 24
    points[50:] += rng.normal(0, 1, points[50:].shape)
    points[:50] = np.nan  # unknown: only ever seen as they are
    faces, points = (
        torch.zeros(200, 144, 144, 3, dtype=torch.uint8),
        torch.from_numpy(points).float(),
    )
    generator = torch.Generator().manual_seed(0)
    settings = params(image_size=64, refine_steps=1)
    _, moved = training.augmented(faces, points, settings, generator)
    assert moved[:50].isnan().all()
    apart = (moved[50:, 1] - moved[50:, 0]).norm(dim=1) / 64
    close = apart > (1 - training.REFINED_SCALE) * REFINED_EYE_DISTANCE - 0.05
    assert abs(close.float().mean() - training.REFINED_SHARE) < 0.1  # three standard errors
    centre = moved[50:][close].mean(dim=1) / 64
    assert (centre - 0.5).abs().max() < training.REFINED_SHIFT + 0.02


def test_a_face_in_profile_is_learned_from_more_often():
    frontal = template(96)
    turned = frontal * [0.4, 1] + [30, 0]
    apart = [
        np.linalg.norm(one[0] - one[1]) / np.hypot(*one.std(axis=0)) for one in (frontal, turned)
    ]
    points = torch.from_numpy(np.stack([frontal] * 30 + [turned] * 10 + [turned * 3] * 10)).float()
    order = training.profile_order(points, power=2.0)
    generator = torch.Generator().manual_seed(0)
    drawn = torch.stack([order(generator) for _ in range(400)])
    weight = (apart[0] / apart[1]) ** 2
    assert weight > 2 and drawn.shape == (400, 50)
    for small in (30, 40):  # whatever their size
        often = ((drawn >= small) & (drawn < small + 10)).sum() / 400
        assert often == pytest.approx(50 * 10 * weight / (30 + 20 * weight), abs=0.2)
    drawn = training.profile_order(points, power=0.0)(torch.Generator().manual_seed(0))
    assert drawn.sort().values.tolist() == list(range(50))


def test_faces_whose_points_coincide_or_are_absent_are_not_drawn_too_often():
    eyes, absent = template(96), template(96)
    eyes[1], absent[2] = eyes[0], np.nan
    odd = [eyes, absent, np.ones((5, 2))]
    points = torch.from_numpy(np.stack([template(96)] * 60 + odd)).float()
    order = training.profile_order(points, power=2.0)
    generator = torch.Generator().manual_seed(0)
    drawn = torch.stack([order(generator) for _ in range(400)])
    often = [(drawn == index).sum() / 400 for index in (60, 61, 62)]
    one = 63 / (62 + training.MAX_OVERSAMPLING)
    assert often == pytest.approx([training.MAX_OVERSAMPLING * one, one, one], abs=0.1)
    only = training.profile_order(points[61:], power=2.0)(torch.Generator().manual_seed(0))
    assert only.sort().values.tolist() == [0, 1]


def test_the_loss_decides_whether_the_output_is_logits_or_heatmaps():
    torch.manual_seed(0)
    faces = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 3), dtype=np.uint8)
    batch = torch.from_numpy(faces).permute(0, 3, 1, 2) / 255
    shares, heatmaps = small().eval(), small(loss="mse").eval()
    heatmaps.load_state_dict(shares.state_dict())
    volume = shares.heatmaps(faces).sum(dim=(2, 3))
    assert torch.allclose(volume, torch.full_like(volume, 2 * np.pi * 1.5**2), rtol=1e-4)
    assert torch.allclose(heatmaps.heatmaps(faces), heatmaps(batch)[:, -1], atol=1e-5)


def test_faces_with_context_contain_the_crop():
    squares = np.array([[10.0, 20, 40]])
    assert add_context(squares)[0] == pytest.approx([0, 10, 60])
    matrix = context_to_crop(96, 64)
    corner = matrix[:, :2] @ [15.5, 15.5] + matrix[:, 2]
    assert corner.tolist() == pytest.approx([-0.5, -0.5])


@pytest.mark.parametrize("loss", LOSSES)
def test_it_learns_the_places_of_five_dots(loss):
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    network = small(channels=16, loss=loss)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    shape = torch.tensor(template(32)).float()

    def batch(count):
        points = shape + torch.rand(count, 1, 2, generator=generator) * 8 - 4
        return _dots(points, 32, 1.5), points

    for _ in range(150):
        faces, points = batch(16)
        value = heatmap_loss(loss, network(faces), to_heatmap(points), 1.5)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    faces, points = batch(32)
    predicted, confidence = network.predict(_photographs(faces))
    assert np.linalg.norm(predicted - points.numpy(), axis=2).mean() < 0.7
    assert 0.5 < confidence.mean() <= 1
