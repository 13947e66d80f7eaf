import numpy as np
import pytest
import torch

from facerec import hourglass, landmark_faces
from facerec.geometry import template
from facerec.heatmaps import draw_heatmaps
from facerec.hourglass import StackedHourglass, to_heatmap, to_input
from facerec.landmark_metrics import nme, summary


def test_shapes_and_gradients_reach_every_parameter():
    network = StackedHourglass(pixels=64, stacks=2, channels=16, depth=2, sigma=1.5, precision="fp32")
    heatmaps = network(torch.rand(2, 3, 64, 64))
    assert heatmaps.shape == (2, 2, 5, 16, 16)
    points = torch.rand(2, 5, 2) * 15
    landmark_faces.heatmap_loss(heatmaps, points, 1.5).backward()
    last = network.stacks[-1]
    unused = {id(p) for layer in (last.features_back, last.heatmaps_back) for p in layer.parameters()}
    assert all(p.grad is not None for p in network.parameters() if id(p) not in unused)


def test_a_size_that_does_not_halve_evenly_is_refused():
    with pytest.raises(ValueError, match="multiple of 64 at depth 4, got 96"):
        StackedHourglass(pixels=96, stacks=1, channels=16, depth=4, sigma=1.5, precision="fp32")


def test_save_and_load_predict_the_same(tmp_path):
    network = StackedHourglass(pixels=32, stacks=1, channels=8, depth=1, sigma=1.5, precision="fp32")
    faces = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), dtype=np.uint8)
    hourglass.save(network, tmp_path / "h.pt")
    loaded = hourglass.load(tmp_path / "h.pt", torch.device("cpu"))
    assert loaded.config == network.config
    assert np.allclose(network.predict(faces)[0], loaded.predict(faces)[0])


def test_heatmaps_are_float32_whatever_the_layers_are():
    faces = torch.rand(2, 3, 32, 32)
    for precision in ("fp32", "bf16"):
        torch.manual_seed(0)
        network = StackedHourglass(pixels=32, stacks=1, channels=8, depth=1, sigma=1.5, precision=precision)
        heatmaps = network(faces)
        assert heatmaps.dtype == torch.float32
        assert torch.equal(heatmaps, heatmaps.bfloat16().float()) is False


def test_input_and_heatmap_pixels_share_their_edges():
    edges = torch.tensor([-0.5, 31.5])
    assert to_heatmap(edges).tolist() == [-0.5, 7.5]
    assert torch.allclose(to_input(to_heatmap(edges)), edges)


def test_points_off_the_heatmap_do_not_count():
    points = torch.rand(1, 5, 2) * 15
    seen = draw_heatmaps(points, 16, 1.5).log().unsqueeze(1)
    points[0, 2] = torch.tensor([40.0, 3.0])
    seen[0, 0, 2] = torch.rand(16, 16)
    assert landmark_faces.heatmap_loss(seen, points, 1.5).item() == pytest.approx(0, abs=1e-5)


def test_wide_faces_contain_the_crop():
    squares = np.array([[10.0, 20, 40]])
    assert landmark_faces.widen(squares)[0] == pytest.approx([0, 10, 60])
    matrix = landmark_faces.wide_to_crop(96, 64)
    corner = matrix[:, :2] @ torch.tensor([15.5, 15.5]) + matrix[:, 2]
    assert corner.tolist() == pytest.approx([-0.5, -0.5])


def test_it_learns_where_five_dots_are():
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    network = StackedHourglass(pixels=32, stacks=1, channels=16, depth=1, sigma=1.5, precision="fp32")
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    shape = torch.tensor(template(32)).float()

    def batch(count):
        points = shape + torch.rand(count, 1, 2, generator=generator) * 8 - 4
        maps = draw_heatmaps(points, 32, 1.5)
        colours = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1]])
        return (maps.unsqueeze(2) * colours.view(1, 5, 3, 1, 1)).sum(1).clamp(0, 1), points

    for _ in range(150):
        faces, points = batch(16)
        loss = landmark_faces.heatmap_loss(network(faces), to_heatmap(points), 1.5)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    faces, points = batch(32)
    pictures = (faces.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
    predicted, confidence = network.predict(pictures)
    assert np.linalg.norm(predicted - points.numpy(), axis=2).mean() < 0.7
    assert 0.5 < confidence.mean() <= 1


def test_nme_is_the_error_in_percent_of_the_eye_distance():
    true = np.tile(template(112), (3, 1, 1))
    eyes = np.linalg.norm(true[0, 0] - true[0, 1])
    moved = true + np.array([0.1 * eyes, 0])
    assert nme(moved, true) == pytest.approx(np.full((3, 5), 10.0))
    values = summary(moved, true, template(112))
    assert values["nme_nose"] == pytest.approx(10) and values["nme_nose_mean_shape"] == pytest.approx(0, abs=1e-6)
    assert values["nme"] == pytest.approx(10) and values["nme_mean_shape"] == pytest.approx(0, abs=1e-6)
    turned = true.copy()
    turned[0, 2, 0] = turned[0, 0, 0]
    counts = summary(turned, turned, template(112))
    assert (counts["faces"], counts["frontal_faces"], counts["nme_frontal"]) == (3, 2, 0)
    assert isinstance(counts["faces"], int)
    with pytest.raises(ValueError, match="differ in shape"):
        nme(moved[:2], true)
