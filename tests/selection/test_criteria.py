import numpy as np
import pandas as pd
import pytest
from collection import make_frame

from facerec import tables
from facerec.geometry import ARCFACE_TEMPLATE
from facerec.selection import criteria
from facerec.selection.criteria import Criterion
from facerec.synthetic.annotations import landmarks
from facerec.synthetic.identity import sample_identity
from facerec.synthetic.scene import sample_scene


def measured(
    points: np.ndarray, name: str, box: tuple[float, ...] = (0, 0, 112, 112)
) -> np.ndarray:
    frame = tables.points_frame(np.asarray(points, float)).assign(
        **dict(zip(tables.BOX, box, strict=True))
    )
    return criteria.values_of([name], frame, frame)[name].to_numpy()


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    cos = np.cos(np.radians(degrees))
    sin = np.sin(np.radians(degrees))
    return (points - points.mean(axis=0)) @ np.array([[cos, sin], [-sin, cos]]) + 56


def test_yaw_is_near_the_angle_at_which_the_head_was_drawn():
    drawn = []
    points = []
    for number in range(300):
        rng = np.random.default_rng(number)
        identity = sample_identity(rng)
        scene = sample_scene(rng, identity, flaw_prob=0.3)
        drawn.append(abs(np.degrees(scene.yaw)))
        points.append(landmarks(identity, scene))
    estimated = measured(np.array(points), "yaw")
    assert np.corrcoef(drawn, estimated)[0, 1] > 0.97 and np.median(np.abs(estimated - drawn)) < 4


def test_roll_is_the_angle_of_the_eyes_and_changes_no_other_criterion():
    faces = np.array([turned(ARCFACE_TEMPLATE, angle) for angle in (0, 20, -35)])
    assert measured(faces, "roll") == pytest.approx([0.3, 19.7, 35.3], abs=0.1)
    for name in ("yaw", "pitch", "eye_distance"):
        assert np.ptp(measured(faces, name)) == pytest.approx(0, abs=1e-6)


def test_pitch_grows_when_the_nose_moves_up_or_down():
    nodding = np.stack([ARCFACE_TEMPLATE] * 3)
    nodding[1, 2, 1] += 8
    nodding[2, 2, 1] -= 8
    plain, down, up = measured(nodding, "pitch")
    assert plain == pytest.approx(0, abs=1e-9) and down == pytest.approx(up) and down > 0.15


def test_plausible_is_negative_for_mirrored_and_swapped_points():
    mouth_above = ARCFACE_TEMPLATE * [1, -1]
    swapped_eyes = ARCFACE_TEMPLATE[[1, 0, 2, 3, 4]]
    swapped_mouth = ARCFACE_TEMPLATE[[0, 1, 2, 4, 3]]
    nose_low = ARCFACE_TEMPLATE + np.array([[0, 0], [0, 0], [0, 40], [0, 0], [0, 0]])
    values = measured(
        np.stack([ARCFACE_TEMPLATE, mouth_above, swapped_eyes, swapped_mouth, nose_low]),
        "plausible",
    )
    assert values[0] > 0.3 and (values[1:] < -0.1).all()


def test_points_in_box_counts_points():
    assert measured(ARCFACE_TEMPLATE[None], "points_in_box", (45, 0, 112, 80)).tolist() == [2]
    assert measured(ARCFACE_TEMPLATE[None], "resolution", (45, 0, 112, 80)).tolist() == [80]


def test_outlier_is_large_for_a_wrong_point():
    rng = np.random.default_rng(0)
    shape = ARCFACE_TEMPLATE + rng.normal(0, 1, (200, 5, 2))
    shape *= rng.uniform(0.5, 3, (200, 1, 1))
    shape[7, 4] = shape[7, 0]
    outliers = measured(shape, "outlier")
    assert (
        outliers.argmax() == 7
        and outliers[7] > 6
        and np.sort(outliers)[-2] < 6
        and np.median(outliers) == pytest.approx(1, abs=0.05)
    )


def test_passes_and_missing_follow_the_bounds():
    values = np.array([10.0, 20.0, 30.0, np.nan, -np.inf])
    assert Criterion(name="yaw", above=20).passes(values).tolist() == [
        False,
        False,
        True,
        False,
        False,
    ]
    assert Criterion(name="yaw", at_least=20).passes(values).tolist() == [
        False,
        True,
        True,
        False,
        False,
    ]
    assert Criterion(name="yaw", at_least=20, at_most=25).passes(values).tolist() == [
        False,
        True,
        False,
        False,
        False,
    ]
    assert Criterion(name="yaw", at_most=20).missing(values).tolist() == [0, 0, 0.5, 0, 0]
    assert Criterion(name="yaw", at_least=20).missing(values).tolist() == [0.5, 0, 0, 0, np.inf]
    assert Criterion(name="Blurry", at_most=0).missing(np.array([-1.0, 1.0])).tolist() == [0, 1]


def test_attributes_are_criteria():
    frame = make_frame(people=3, photos=4)
    values = criteria.values_of(["Blurry"], frame, frame)
    assert values.Blurry.tolist() == frame.Blurry.tolist() and isinstance(values, pd.DataFrame)
