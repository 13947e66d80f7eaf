from itertools import combinations

import cv2
import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize_scalar

from facerec import geometry
from facerec.networks import warping
from facerec.training import augment


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blob(points: torch.Tensor, side: int) -> torch.Tensor:
    """One bright blob a picture at each point (B, 2), uint8 (B, side, side, 3)."""
    steps = torch.arange(side)
    distance = (steps - points[:, :1])[:, None, :] ** 2 + (steps - points[:, 1:])[:, :, None] ** 2
    return (255 * torch.exp(-distance / 18)).round().to(torch.uint8)[..., None].repeat(1, 1, 1, 3)


def centroid(pictures: torch.Tensor) -> torch.Tensor:
    steps = torch.arange(pictures.shape[-1]).float()
    mass = pictures[:, 0]
    return (
        torch.stack([(mass * steps).sum((1, 2)), (mass * steps[:, None]).sum((1, 2))], 1)
        / mass.sum((1, 2))[:, None]
    )


def test_picture_and_points_move_together():
    points = torch.rand(32, 2, generator=generator()) * 30 + 33
    matrices = augment.jitter_matrices(32, 96, 30, 0.1, 0.15, True, generator(1))
    moved = warping.warp_batch(warping.to_float(blob(points, 96)), matrices, 96)
    five = points[:, None].repeat(1, 5, 1).numpy()
    assert (
        np.abs(centroid(moved).numpy() - augment.move_landmarks(matrices, five)[:, 0]).max() < 0.05
    )


def test_no_jitter_changes_nothing():
    faces = torch.randint(0, 255, (3, 40, 40, 3), dtype=torch.uint8, generator=generator())
    matrices = augment.jitter_matrices(3, 40, 0, 0, 0, False, generator())
    moved = warping.warp_batch(warping.to_float(faces), matrices, 40)
    assert torch.allclose(moved, faces.permute(0, 3, 1, 2) / 255, atol=1e-4)


def test_mirrored_matrices_swap_left_and_right():
    points = np.tile(geometry.template(112), (200, 1, 1))
    matrices = augment.jitter_matrices(200, 112, 0, 0, 0, True, generator())
    moved = augment.move_landmarks(matrices, points)
    mirrored = np.linalg.det(matrices[..., :2]) < 0
    assert 60 < mirrored.sum() < 140
    assert (moved[:, 0, 0] < moved[:, 1, 0]).all()
    assert moved[mirrored][:, 0, 0] == pytest.approx(111 - points[mirrored][:, 1, 0])


def test_jitter_stays_within_its_limits():
    matrices = augment.jitter_matrices(500, 100, 30, 0.1, 0.15, False, generator())
    size = np.sqrt(np.linalg.det(matrices[:, :, :2]))
    centre = geometry.transform_points(matrices, np.full((500, 1, 2), 49.5))[:, 0]
    assert 0.85 <= size.min() < 0.87 and 1.13 < size.max() <= 1.1501
    assert 9 < np.abs(centre - 49.5).max() <= 10.001
    angles = np.degrees(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]))
    assert -30.001 <= angles.min() < -29 and 29 < angles.max() <= 30.001 and abs(angles.mean()) < 3


def test_grayscale_has_its_probability_and_stays_in_range():
    faces = 255 * torch.rand(400, 3, 8, 8, generator=generator())
    changed = augment.jitter_colour(faces, augment.draw_colours(400, 0.3, 0.25, generator()))
    gray = (changed[:, 0] - changed[:, 1]).abs().amax((1, 2)) < 1e-6
    assert 70 < gray.sum() < 130
    assert changed.min() >= 0 and changed.max() <= 1


def test_colour_jitter_is_a_contrast_about_mid_gray_and_a_brightness():
    faces = 64 + 127 * torch.rand(500, 3, 8, 8, generator=generator())
    colours = augment.draw_colours(500, 0.3, 0, generator(1))
    changed = augment.jitter_colour(faces.clone(), colours)
    contrast = changed.std(dim=(1, 2, 3)) / (faces / 255).std(dim=(1, 2, 3))
    brighter = changed - (0.5 + (faces / 255 - 0.5) * contrast[:, None, None, None])
    assert brighter.std(dim=(1, 2, 3)).max() < 1e-5
    brighter = brighter.mean(dim=(1, 2, 3))
    for seen, middle, reach in ((contrast, 1, 0.3), (brighter, 0, 0.15)):
        assert middle - reach - 1e-4 < seen.min() < middle - 0.95 * reach
        assert middle + 0.95 * reach < seen.max() < middle + reach + 1e-4
    assert abs(np.corrcoef(contrast, brighter)[0, 1]) < 0.15


def test_gray_is_the_luma_of_opencv():
    faces = torch.randint(0, 256, (4, 9, 9, 3), dtype=torch.uint8, generator=generator())
    gray = augment.jitter_colour(
        warping.channels_first(faces), augment.draw_colours(4, 0, 1, generator())
    )
    for face, seen in zip(faces.numpy(), gray, strict=True):
        assert 255 * seen[0].numpy() == pytest.approx(
            cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), abs=0.51
        )


def test_erase_covers_one_rectangle_with_its_probability():
    faces = torch.full((300, 3, 40, 40), 2.0)
    erased = (augment.erase(faces, augment.draw_rectangles(300, 0.3, generator())) != 2.0).all(
        dim=1
    )
    touched = erased.flatten(1).any(dim=1)
    assert 60 < touched.sum() < 120
    for face in erased[touched]:
        rows, columns = face.any(dim=1), face.any(dim=0)
        assert face.sum() == rows.sum() * columns.sum()
        assert 5 <= rows.sum() <= 19


def test_blur_equals_scipys_with_its_probability():
    faces = torch.rand(40, 3, 64, 64, generator=generator())
    blurred = augment.blur(faces, augment.draw_blurs(40, 0.4, generator(1)))
    changed = (blurred != faces).flatten(1).any(dim=1)
    assert 8 < changed.sum() < 24
    low, high = (64 * share for share in augment.BLUR_SIGMA)
    for index in changed.nonzero()[:5, 0]:
        original, seen = faces[index].numpy(), blurred[index].numpy()

        def off(sigma, original=original, seen=seen):
            smooth = gaussian_filter(original, (0, sigma, sigma), mode="nearest", radius=3)
            return float(np.square(smooth - seen).mean())

        found = minimize_scalar(off, bounds=(low, high), method="bounded")
        assert found.fun < 1e-8


def test_blur_changes_nothing_without_probability_or_contrast():
    faces = torch.rand(4, 3, 20, 20, generator=generator())
    assert torch.equal(augment.blur(faces, augment.draw_blurs(4, 0.0, generator())), faces)
    assert (
        augment.blur(torch.ones(4, 3, 20, 20), augment.draw_blurs(4, 1.0, generator()))
        .sub(1)
        .abs()
        .max()
        < 1e-5
    )


def test_random_values_fill_their_ranges_independently():
    count, shared = 20_000, generator()
    moves = augment.jitter_matrices(count, 101, 20, 0.1, 0.15, True, shared)
    colours = augment.draw_colours(count, 0.3, 0.25, shared)
    widths = augment.draw_blurs(count, 0.5, shared)
    rectangles = augment.draw_rectangles(count, 0.5, shared)
    mirrored = np.linalg.det(moves[:, :, :2]) < 0
    flipped = np.where(mirrored[:, None], -1, 1) * moves[:, :, 0]
    centre = moves @ [50, 50, 1]
    contrast = colours[:, 0] * 255
    top, left, bottom, right = rectangles[:, :4].T
    erased, blurred = bottom > 0, widths > 0
    drawn = {  # values, their range, and the rows that have them
        "turned": (np.degrees(np.arctan2(flipped[:, 1], flipped[:, 0])), -20, 20, None),
        "grown": (np.sqrt(np.abs(np.linalg.det(moves[:, :, :2]))), 0.85, 1.15, None),
        "right": (centre[:, 0] - 50, -10.1, 10.1, None),
        "down": (centre[:, 1] - 50, -10.1, 10.1, None),
        "mirrored": (mirrored, 0, 1, None),
        "contrast": (contrast, 0.7, 1.3, None),
        "brighter": (colours[:, 1] + (contrast - 1) / 2, -0.15, 0.15, None),
        "gray": (colours[:, 2], 0, 1, None),
        "blurred": (blurred, 0, 1, None),
        "width": (widths, *augment.BLUR_SIGMA, blurred),
        "erased": (erased, 0, 1, None),
        "height": (bottom - top, *augment.ERASE_SIDE, erased),
        "breadth": (right - left, *augment.ERASE_SIDE, erased),
        "above": (top / (1 - bottom + top), 0, 1, erased),
        "before": (left / (1 - right + left), 0, 1, erased),
        **{f"colour {index}": (rectangles[:, 4 + index], 0, 1, erased) for index in range(3)},
    }
    for name, (values, low, high, of) in drawn.items():
        seen = values if of is None else values[of]
        margin = (high - low) * 0.01
        assert (
            low - 1e-4 <= seen.min() < low + margin and high - margin < seen.max() <= high + 1e-4
        ), name
        assert (
            seen.dtype == bool or name == "gray" or abs(seen.mean() - (low + high) / 2) < 2 * margin
        ), name
    for (one, (first, *_, of)), (other, (second, *_, whom)) in combinations(drawn.items(), 2):
        both = np.logical_and(True if of is None else of, True if whom is None else whom) & np.ones(
            count, bool
        )
        if len(np.unique(first[both])) > 1 and len(np.unique(second[both])) > 1:
            assert abs(np.corrcoef(first[both], second[both])[0, 1]) < 0.06, (
                one,
                other,
            )  # four standard errors


def test_pictures_that_are_not_square_are_warped_as_by_opencv():
    picture = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8), (0, 0), 2
    )
    matrices = geometry.square_matrices(np.array([[10.0, 5, 50], [-20, 30, 70]]), 40)
    matrices = geometry.compose(
        matrices, augment.jitter_matrices(2, 40, 30, 0.1, 0.2, True, generator(4))
    )
    faces = warping.to_float(torch.from_numpy(np.stack([picture, picture])))
    for face, matrix in zip(warping.warp_batch(faces, matrices, 40), matrices, strict=True):
        expected = cv2.warpAffine(
            picture.astype(np.float32), matrix, (40, 40), flags=cv2.INTER_LINEAR
        )
        seen = 255 * face.permute(1, 2, 0).numpy()
        assert (
            np.abs(seen - expected).mean() < 0.3 and seen.std() > 10
        )  # OpenCV rounds places to 1/32 px
