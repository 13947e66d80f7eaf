import math

import numpy as np
import pytest
import torch

from facerec.recognition.hog import BINS, CELL, FAINT, HogNet, OrientedGradients

SIDE = 32  # px


def faces(count: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def ramp(degrees: float) -> torch.Tensor:
    """Returns a face that grows lighter towards a direction, clockwise from the right."""
    down, across = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    light = across * math.cos(math.radians(degrees)) + down * math.sin(math.radians(degrees))
    return (light / SIDE).expand(1, 3, -1, -1)


def histogram_by_hand(gray: np.ndarray, row: int, column: int, cell: int) -> np.ndarray:
    """Returns a cell's histogram by angles, pixel by pixel; outside the face there is none."""
    histogram = np.zeros(BINS)
    padded = np.pad(gray, 1, mode="edge")
    for y in range(row * cell - cell // 2, row * cell - cell // 2 + 2 * cell):
        for x in range(column * cell - cell // 2, column * cell - cell // 2 + 2 * cell):
            if 0 <= y < len(gray) and 0 <= x < len(gray):
                across = padded[y + 1, x + 2] - padded[y + 1, x]
                down = padded[y + 2, x + 1] - padded[y, x + 1]
                for bin_ in range(BINS):
                    apart = math.atan2(down, across) - bin_ * 2 * math.pi / BINS
                    histogram[bin_] += max(math.cos(apart), 0) ** 4 * math.hypot(across, down)
    return histogram / (2 * cell) ** 2


@pytest.mark.parametrize("level", [0, 1])
def test_histograms_are_those_counted_pixel_by_pixel(level):
    face = faces(1)
    gray = np.tensordot((0.2989, 0.587, 0.114), face[0].numpy().astype(float), 1)
    if level:
        gray = gray.reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3))
    cell = CELL // 2**level
    cells = SIDE // CELL
    rows = [
        [histogram_by_hand(gray, row, column, cell) for column in range(cells)]
        for row in range(cells)
    ]
    expected = np.array(rows).transpose(2, 0, 1)
    energy = (expected**2).sum(axis=0)
    for row, column in [(0, 0), (3, 4), (cells - 1, 2)]:
        about = energy[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].mean()
        ours = OrientedGradients()(face)[0, level * BINS : (level + 1) * BINS, row, column].numpy()
        assert np.allclose(
            ours, np.minimum(expected[:, row, column] / math.sqrt(about + FAINT), 1), atol=1e-4
        )


@pytest.mark.parametrize("bin_", range(BINS))
def test_the_bin_says_where_it_grows_lighter(bin_):
    histograms = OrientedGradients()(ramp(bin_ * 360 / BINS))[0, :BINS, 2:-2, 2:-2]
    assert (histograms.argmax(dim=0) == bin_).all()


def test_a_turned_face_has_turned_histograms():
    gradients = OrientedGradients()
    straight = gradients(faces())
    turned = gradients(faces().rot90(1, (2, 3)))  # counter-clockwise: right becomes up
    bins = straight.unflatten(1, (-1, BINS)).roll(-BINS // 4, dims=2).flatten(1, 2)
    assert torch.allclose(turned, bins.rot90(1, (2, 3)), atol=1e-5)


def test_more_light_or_contrast_changes_little():
    gradients = OrientedGradients()
    plain = gradients(4 * faces())
    assert torch.allclose(gradients(4 * faces() + 0.7), plain, atol=1e-4)
    assert torch.allclose(gradients(8 * faces()), plain, atol=0.02)


def test_a_flat_face_has_empty_histograms():
    assert OrientedGradients()(torch.full((1, 3, SIDE, SIDE), 0.4)).abs().max() == 0


def test_features_keep_their_place_and_sizes_that_do_not_divide_are_refused():
    net = HogNet(64).eval()
    face = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert net(face).shape == (1, net.num_features) and net.num_features == 128 * 8 * 8
    changed = face.clone()
    changed[:, :, -4:, -4:] = 0
    moved = (net(changed) - net(face)).abs().view(128, 8, 8).amax(dim=0) > 1e-6
    assert moved[-1, -1] and not moved[0, 0]
    with pytest.raises(ValueError, match="multiple of 8 px, got 36"):
        HogNet(36)
