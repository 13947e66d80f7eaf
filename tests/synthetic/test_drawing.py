"""Drawn faces, and the annotations that go with them."""

from dataclasses import fields, replace

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from facerec.annotation_names import ATTRIBUTES
from facerec.synthetic.annotations import attributes, landmarks
from facerec.synthetic.drawing import photograph
from facerec.synthetic.head import Face, rotation
from facerec.synthetic.identity import TRAITS, Identity, sample_identity
from facerec.synthetic.rendering import render
from facerec.synthetic.scene import FLAWS, Scene, sample_scene


@pytest.fixture
def person() -> Identity:
    """A clean-shaven person with wide-open eyes and nothing on the face."""
    drawn = sample_identity(np.random.default_rng(3))
    return replace(
        drawn,
        eye_open=0.9,
        eye_tilt=0.0,
        fringe=0.0,
        freckles=0.0,
        marks=(),
        skin_tone=0.3,
        iris=0.0,
    )


@pytest.fixture
def plain(person: Identity) -> Scene:
    """A frontal photograph in even light, without noise."""
    drawn = sample_scene(np.random.default_rng(4), person, flaw_prob=0)
    pose = {
        "yaw": 0.0,
        "pitch": 0.0,
        "roll": 0.0,
        "width": 401,
        "height": 401,
        "unit": 125.0,
        "centre": (200.0, 200.0),
    }
    look = {
        "smile": 0.0,
        "mouth_open": 0.0,
        "brow_raise": 0.0,
        "eye_close": 0.0,
        "gaze": (0.0, 0.0),
        "eyeshadow": 0.0,
    }
    light = {"light": (0.0, 0.0, 1.0), "contrast": 0.0, "exposure": 1.0, "cast": (1.0, 1.0, 1.0)}
    camera = {
        "blur": 0.0,
        "noise": 0.0,
        "glasses": "none",
        "hat": "none",
        "cover": "none",
        "flaw": "none",
    }
    return replace(drawn, **pose, **look, **light, **camera)


def test_same_seed_gives_same_bytes():
    first, second = photograph(1, 2, 3, 0.15), photograph(1, 2, 3, 0.15)
    assert first.jpeg == second.jpeg
    assert np.array_equal(first.landmarks, second.landmarks)
    assert (first.box, first.attributes) == (second.box, second.attributes)
    others = [photograph(*other, 0.15).jpeg for other in [(2, 2, 3), (1, 3, 3), (1, 2, 4)]]
    assert len({first.jpeg, *others}) == 4


def test_people_differ_in_every_continuous_trait():
    people = [sample_identity(np.random.default_rng([1, 0, seed])) for seed in range(30)]
    for trait in TRAITS:
        values = [getattr(person, trait) for person in people]
        assert len(set(values)) > 20, trait  # a few are clipped at the limits
    assert len(TRAITS) >= 25
    assert set(TRAITS) <= {field.name for field in fields(Identity)}


@pytest.mark.parametrize("angles", [(0.3, -0.2, 0.4), (-0.25, 0.15, -0.3), (1.2, 0.1, 0.0)])
def test_rotation_agrees_with_scipy(angles: tuple[float, float, float]):
    yaw, pitch, roll = angles
    extrinsic = Rotation.from_euler("yxz", [yaw, -pitch, roll])  # y, then x, then z
    assert np.allclose(rotation(yaw, pitch, roll), extrinsic.as_matrix())


@pytest.mark.parametrize("unit", [75.0, 125.0])  # drawn enlarged, and at size
@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"), [(0, 0, 0), (0.2, 0.1, 0.2), (-0.2, -0.1, -0.25)]
)
def test_eye_landmarks_lie_in_the_middle_of_the_irises(person, plain, unit, yaw, pitch, roll):
    scene = replace(plain, yaw=yaw, pitch=pitch, roll=roll, unit=unit)
    brown = render(person, scene).astype(float)
    blue = render(replace(person, iris=0.6), scene).astype(float)
    change = np.abs(brown - blue).sum(axis=2)  # only the irises change
    for point in landmarks(person, scene)[:2]:
        near = _near(change.shape, point, 0.12 * unit)
        assert _outline_centre(change * near) == pytest.approx(point, abs=1.0)


def test_nose_landmark_follows_the_highest_point_of_the_nose(person, plain):
    face = Face(person, plain, 1)
    y = np.linspace(0.1, 0.65, 1101)
    ridge = face.surface(np.zeros_like(y), y)
    tip = face.project(ridge[[ridge[:, 2].argmax()]])[0]
    assert landmarks(person, plain)[2] == pytest.approx(tip, abs=0.03 * plain.unit)


def test_mouth_landmarks_are_the_ends_of_the_lips(person, plain):
    pale, red = (render(person, replace(plain, lipstick=tone)).astype(float) for tone in (0.0, 1.0))
    lips = np.abs(pale - red).sum(axis=2) > 30
    columns = np.flatnonzero(lips.any(axis=0))
    left, right = landmarks(person, plain)[3:, 0]
    assert columns[0] == pytest.approx(left, abs=3)  # the corners taper to nothing
    assert columns[-1] == pytest.approx(right, abs=3)


def test_points_are_ordered_from_left_to_right_and_from_top_to_bottom(person, plain):
    for seed in range(40):
        rng = np.random.default_rng(seed)
        someone = sample_identity(rng)
        scene = replace(sample_scene(rng, someone, 0), yaw=0.0, roll=0.0)
        left_eye, right_eye, nose, left_mouth, right_mouth = landmarks(someone, scene)
        assert left_eye[0] < nose[0] < right_eye[0]
        assert left_mouth[0] < nose[0] < right_mouth[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_turning_the_other_way_mirrors_the_landmarks(person, plain):
    middle = (plain.width - 1) / 2
    scene = replace(plain, centre=(middle, 190.0), yaw=0.3, roll=0.2, pitch=0.1, smile=0.7)
    mirrored = landmarks(person, replace(scene, yaw=-0.3, roll=-0.2))[[1, 0, 2, 4, 3]]
    mirrored[:, 0] = plain.width - 1 - mirrored[:, 0]
    assert np.allclose(mirrored, landmarks(person, scene))


@pytest.mark.parametrize(
    ("change", "attribute"),
    [
        ({"glasses": "round"}, "Eyeglasses"),
        ({"cover": "sunglasses"}, "Eyeglasses"),
        ({"hat": "cap"}, "Wearing_Hat"),
        ({"smile": 0.9}, "Smiling"),
        ({"mouth_open": 0.8}, "Mouth_Slightly_Open"),
        ({"lipstick": 0.9}, "Wearing_Lipstick"),
        ({"flaw": "blurred", "blur": 6.0}, "Blurry"),
    ],
)
def test_attribute_holds_exactly_when_it_is_drawn(person, plain, change, attribute):
    plain = replace(plain, lipstick=0.0)
    changed = replace(plain, **change)
    assert attribute not in attributes(person, plain)
    assert attribute in attributes(person, changed)
    difference = cv2.absdiff(render(person, plain), render(person, changed)).max(axis=2)
    assert (difference > 25).sum() > 100


def test_hair_has_one_colour_or_none():
    colours = {"Black_Hair", "Brown_Hair", "Blond_Hair", "Gray_Hair", "Bald"}
    seen = set()
    for seed in range(200):
        rng = np.random.default_rng(seed)
        someone = sample_identity(rng)
        holds = attributes(someone, sample_scene(rng, someone, 0))
        assert holds <= set(ATTRIBUTES)
        assert len(holds & colours) == 1
        assert not {"No_Beard", "Mustache"} <= holds and not {"No_Beard", "Goatee"} <= holds
        seen |= holds & colours
    assert seen == colours


def test_flaws_are_as_frequent_as_their_probability():
    rng = np.random.default_rng(5)
    someone = sample_identity(rng)
    scenes = [sample_scene(rng, someone, 0.15) for _ in range(1500)]
    flaws = pd.Series([scene.flaw for scene in scenes]).value_counts()
    flawed = 1500 - flaws["none"]
    assert abs(flawed - 225) < 4 * np.sqrt(1500 * 0.15 * 0.85)
    assert set(flaws.index) == {*FLAWS, "none"}
    assert all(abs(np.degrees(scene.yaw)) >= 50 for scene in scenes if scene.flaw == "profile")
    assert all(scene.unit < 45 for scene in scenes if scene.flaw == "tiny")


def test_light_comes_from_its_direction(person, plain):
    lit = [replace(plain, contrast=1.0, light=(side, 0.0, 0.5)) for side in (-0.866, 0.866)]
    left, right = (render(person, scene)[150:260, 130:270].mean(axis=(0, 2)) for scene in lit)
    assert left[:40].mean() > 1.3 * left[-40:].mean()
    assert right[-40:].mean() > 1.3 * right[:40].mean()


def _near(shape: tuple[int, ...], point: np.ndarray, radius: float) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(x - point[0], y - point[1]) < radius


def _outline_centre(change: np.ndarray) -> np.ndarray:
    """Returns the centre (x, y) of the ellipse around all that changed."""
    rows, columns = np.nonzero(change > 20)
    hull = cv2.convexHull(np.stack([columns, rows], axis=1).astype(np.int32))
    return np.array(cv2.fitEllipse(hull)[0])
