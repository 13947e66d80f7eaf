"""Boxes and points of random faces: layouts that are right pass, others are told apart."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facerec import tables
from facerec.data.plausibility import refuse_implausible_pictures, refuse_implausible_tables
from facerec.geometry import ARCFACE_TEMPLATE, box_from_points

POINTS, BOXES, IMAGES = Path("points.csv"), Path("boxes.csv"), Path("img")
PICTURE = np.array([640.0, 480.0])


def faces(count: int = 60, seed: int = 0) -> np.ndarray:
    """Returns points (N, 5, 2) of faces of many sizes, anywhere in PICTURE, some in profile."""
    rng = np.random.default_rng(seed)
    shape = ARCFACE_TEMPLATE - ARCFACE_TEMPLATE.mean(axis=0)
    size = np.exp(rng.uniform(np.log(0.6), np.log(3), (count, 1, 1)))
    turned = np.where(rng.random((count, 1)) < 0.2, 0.3, 1.0)
    points = shape * size
    points[..., 0] *= turned
    middle = np.concatenate(
        [rng.uniform(160, 480, (count, 1)), rng.uniform(120, 360, (count, 1))], 1
    )
    return points + middle[:, None] + rng.normal(0, 1, points.shape) * size


def frame_of(points: np.ndarray, boxes: np.ndarray) -> pd.DataFrame:
    frame = tables.points_frame(points)
    frame[tables.BOX] = boxes
    return frame.assign(image_id=[f"{number}.jpg" for number in range(len(frame))])


def around(points: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Returns CelebA's boxes, with the noise of a person's hand, scaled around their middle."""
    boxes = box_from_points(points)
    noise = np.random.default_rng(1).normal(0, 0.04, boxes.shape) * boxes[:, 2:3]
    boxes = boxes + noise
    middle = boxes[:, :2] + boxes[:, 2:] / 2
    return np.concatenate([middle - scale * boxes[:, 2:] / 2, scale * boxes[:, 2:]], axis=1)


def corners(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def tight(points: np.ndarray) -> np.ndarray:
    return np.concatenate([points.min(axis=1) - 3, np.ptp(points, axis=1) + 6], axis=1)


RIGHT = {
    "CelebA's": around,
    "of the inner face": lambda points: around(points, 0.7),
    "of the head": lambda points: around(points, 1.6),
    "around the points": tight,
    "the whole picture": lambda points: np.tile([0.0, 0.0, *PICTURE], (len(points), 1)),
    "one square in the middle of faces of one place": lambda points: np.tile(
        [200.0, 100.0, 240.0, 300.0], (len(points), 1)
    ),
}


@pytest.mark.parametrize("kind", RIGHT)
@pytest.mark.parametrize("count", [1, 3, 60])
@pytest.mark.parametrize("seed", range(4))
def test_boxes_of_any_maker_are_taken(kind, count, seed):
    points = faces(count, seed)
    if "one place" in kind:
        points = points - points.mean(axis=1, keepdims=True) + [320, 250]
    frame = frame_of(points, RIGHT[kind](points))
    refuse_implausible_tables(frame, POINTS, BOXES)
    refuse_implausible_pictures(frame, np.tile(PICTURE, (count, 1)), IMAGES, BOXES)


WRONG = {
    "corners": (
        lambda p: corners(around(p)),
        "corners x_1, y_1, x_2, y_2",
        "rename width and height to x_2",
    ),
    "middles": (
        lambda p: around(p) + around(p)[:, [2, 3, 2, 3]] * [0.5, 0.5, 0, 0],
        "does not belong to the points",
        "as the middle, width, height they would fit",
    ),
    "y before x": (lambda p: around(p)[:, [1, 0, 3, 2]], "y_1, x_1, height, width", "rename"),
    "of pictures twice as large": (
        lambda p: 2 * around(p),
        "does not belong to the points",
        "they would fit: divide them by that",
    ),
    "of other pictures": (
        lambda p: np.random.default_rng(2).permutation(around(p)),
        "does not belong to the points",
        "boxes of other pictures",
    ),
    "shares": (
        lambda p: around(p) / [*PICTURE, *PICTURE],
        "the box is smaller than 2 px",
        "multiply x_1 and width by the picture's width",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("seed", range(4))
def test_boxes_of_another_layout_are_refused_with_an_example_and_advice(kind, seed):
    spoil, *words = WRONG[kind]
    points = faces(seed=seed)
    with pytest.raises(ValueError) as error:
        refuse_implausible_tables(frame_of(points, spoil(points)), POINTS, BOXES)
    for word in ("boxes.csv: ", ".jpg", "expected ", *words):
        assert word in str(error.value), error.value


def test_corners_of_one_box_leave_their_pictures():
    """Where all boxes are the same, nothing but the pictures' edges shows it."""
    points = faces()
    points -= points.mean(axis=1, keepdims=True)
    points = 60 * points / np.ptp(points, axis=1).max(axis=1)[:, None, None] + [90, 110]
    frame = frame_of(points, np.tile([30.0, 40.0, 150.0, 180.0], (len(points), 1)))
    refuse_implausible_tables(frame, POINTS, BOXES)
    with pytest.raises(ValueError, match=r"leaves the picture .* look like corners .* x_2 and y_2"):
        refuse_implausible_pictures(frame, np.tile([170.0, 200.0], (len(points), 1)), IMAGES, BOXES)


def test_points_as_shares_of_the_picture_are_refused_with_the_unit():
    points = faces()
    for boxes in (BOXES, None):
        with pytest.raises(ValueError, match=r"points\.csv: in 60 of 60 .* 0\.jpg: .* multiply x"):
            refuse_implausible_tables(frame_of(points / PICTURE, around(points)), POINTS, boxes)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ([178.0, 218.0], "CelebA's aligned photographs"),
        ([160.0, 120.0], "these pictures have another size"),
    ],
)
def test_points_outside_most_pictures_are_refused(size, words):
    frame = frame_of(points := faces(), around(points))
    with pytest.raises(ValueError, match=rf"img: in .* a landmark lies outside .*{words}") as error:
        refuse_implausible_pictures(frame, np.tile(size, (60, 1)), IMAGES, BOXES)
    assert ("CelebA" in str(error.value)) == (size[0] == 178)
    sizes = np.tile(PICTURE, (60, 1))
    sizes[:30] = 20
    refuse_implausible_pictures(frame, sizes, IMAGES, None)  # half of them is not most


def test_boxes_made_from_the_points_are_not_judged():
    points = faces()
    frame = frame_of(points, corners(around(points)))
    refuse_implausible_tables(frame, POINTS, None)
    refuse_implausible_tables(frame[:0], POINTS, BOXES)
