"""Photographs in, faces out: by ours and by others' models, with torch and without."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from collections_drawn import face, picture, side_by_side
from engine_models import DETECTOR, write_models, write_other

from facerec.engine.faces import Face
from facerec.engine.load import calibrated, load_engine
from facerec.geometry import alignment_matrices, template, transform_points
from facerec.imaging.io import read_image
from facerec.inference import embed_faces
from facerec.landmarks import hourglass
from facerec.recognition import recognizer

ROOT = Path(__file__).parents[2]
WHOLE = DETECTOR.model_copy(update={"type": "whole_image"})
PEOPLE = 5


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> list[Path]:
    """Returns drawn photographs of one person each."""
    folder = tmp_path_factory.mktemp("photographs")
    paths = [folder / f"{person}.jpg" for person in range(PEOPLE)]
    for person, path in enumerate(paths):
        path.write_bytes(face(person).jpeg)
    return paths


def only(faces: list[Face]) -> Face:
    (one,) = faces
    return one


def test_faces_in_given_boxes_are_embedded_as_the_pipeline_does(models, photographs):
    engine = load_engine(models / "recognizer.pt", DETECTOR, models)
    images = [read_image(path) for path in photographs]
    boxes = np.array([face(person).box for person in range(PEOPLE)], float)
    cpu = torch.device("cpu")
    expected = embed_faces(
        hourglass.load(models / "hourglass.pt", cpu),
        recognizer.load(models / "recognizer.pt", cpu),
        images,
        boxes,
    )
    expected = torch.nn.functional.normalize(expected).numpy()
    found = [only(each) for each in engine.faces(images, boxes[:, None])]
    assert all(one.usable for one in found)
    assert np.stack([one.embedding for one in found]) == pytest.approx(expected, abs=1e-5)


def test_exported_models_give_what_the_checkpoints_give(models, photographs):
    images = [read_image(path) for path in photographs]
    ours, exported = (
        load_engine(models / f"recognizer{suffix}", DETECTOR, models) for suffix in (".pt", ".onnx")
    )
    for one, other in zip(ours.faces(images), exported.faces(images), strict=True):
        for first, second in zip(one, other, strict=True):
            assert first.embedding == pytest.approx(second.embedding, abs=1e-3)
    assert ours.fingerprint != exported.fingerprint


def test_files_give_what_images_give_in_order_and_a_bad_one_stops_nothing(
    models, photographs, tmp_path
):
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    paths = [*photographs[:2], tmp_path / "bad.jpg", tmp_path / "absent.png", *photographs[2:]]
    engine = load_engine(None, DETECTOR, models)
    results = list(engine.over_files(paths, None))
    assert [path for path, _ in results] == paths
    for path, result in results[2:4]:
        assert isinstance(result, ValueError) and str(result).startswith(f"{path}: ")
    images = [read_image(path) for path in photographs]
    read = [result for _, result in results if not isinstance(result, ValueError)]
    for one, other in zip(engine.faces(images), read, strict=True):
        assert np.array_equal(only(one).embedding, only(other).embedding)


def test_a_photograph_without_a_face_has_none(models, tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((90, 120, 3), 128, np.uint8))
    engine = load_engine(None, DETECTOR, models)
    assert list(engine.over_files([tmp_path / "grey.png"], None)) == [(tmp_path / "grey.png", [])]
    assert engine.faces([]) == []


def test_all_faces_of_a_photograph_are_found_with_their_own_points(tmp_path, models):
    pair = side_by_side(picture(0), picture(1))
    engine = load_engine(write_other(tmp_path), DETECTOR, models)
    apart = [only(faces) for faces in engine.faces([np.array(picture(each)) for each in (0, 1)])]
    together = sorted(only_two(engine.faces([np.array(pair)])[0]), key=lambda one: one.box[0])
    for one, other in zip(apart, together, strict=True):
        assert one.embedding @ other.embedding > 0.95 > apart[0].embedding @ apart[1].embedding


def only_two(faces: list[Face]) -> list[Face]:
    assert len(faces) == 2
    return faces


@pytest.mark.parametrize("zoom", [3, 8])
def test_a_large_jpeg_is_decoded_smaller_and_gives_the_same_face(tmp_path, models, zoom):
    image = np.array(picture(2))
    size = (image.shape[1] * zoom // 8 * 8, image.shape[0] * zoom // 8 * 8)
    large = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / "large.jpg"), large[..., ::-1])
    engine = load_engine(write_other(tmp_path), DETECTOR, models)
    ((_, faces),) = engine.over_files([tmp_path / "large.jpg"], None)
    one, whole = only(faces), only(engine.faces([large])[0])
    assert one.embedding @ whole.embedding > 0.99
    eyes = np.linalg.norm(whole.points[1] - whole.points[0])
    assert np.abs(one.points - whole.points).max() < 0.03 * eyes
    assert one.box == pytest.approx(whole.box, abs=0.05 * eyes)


def test_a_small_face_in_a_large_photograph_keeps_its_pixels(tmp_path, models):
    """The detector needs fewer of them than the embedder."""
    image = np.array(picture(2))
    canvas = np.full((1600, 2400, 3), 90, np.uint8)
    canvas[600 : 600 + image.shape[0], 900 : 900 + image.shape[1]] = image
    cv2.imwrite(str(tmp_path / "large.jpg"), canvas[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])
    engine = load_engine(write_other(tmp_path, 128), DETECTOR, models)
    ((_, faces),) = engine.over_files([tmp_path / "large.jpg"], None)
    aligned = [only(each).aligned for each in (faces, *engine.faces([canvas]))]
    one, whole = (cv2.Laplacian(each, cv2.CV_64F).std() for each in aligned)
    assert one == pytest.approx(whole, rel=0.1)


def test_the_aligned_face_has_the_points_where_the_template_has_them(tmp_path, models):
    engine = load_engine(write_other(tmp_path), DETECTOR, models)
    one = only(engine.faces([np.array(picture(3))])[0])
    matrix = alignment_matrices(one.points[None], 24)[5]
    moved = transform_points(matrix, one.points[None])[0]
    assert one.aligned.shape == (24, 24, 3)
    assert np.abs(moved - template(24)).max() < 3
    values = one.aligned.astype(float)
    mean = ((values + values[:, ::-1]) / 2).transpose(2, 0, 1).ravel() - 127.5
    assert one.embedding == pytest.approx(mean / np.linalg.norm(mean), abs=1e-4)


def test_it_works_without_torch(models, photographs):
    """The pipeline's default too: both networks are exported."""
    script = """
import sys
sys.modules["torch"] = None  # an import of it fails
from pathlib import Path
from facerec.detection.params import DetectorParams
from facerec.engine.load import load_engine
detector = DetectorParams.model_validate_json(sys.argv[2])
engine = load_engine(None, detector, Path(sys.argv[1]))
((_, faces),) = engine.over_files([Path(sys.argv[3])], None)
print(len(faces), engine.operating_point.search_threshold)
"""
    arguments = [models, DETECTOR.model_dump_json(), photographs[0]]
    printed = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert printed.stdout == "1 0.6\n", printed.stderr


def test_the_fingerprint_tells_what_changes_embeddings(tmp_path, models):
    def fingerprint(detector=DETECTOR, **changes):
        return load_engine(write_other(tmp_path, **changes), detector, models).fingerprint

    first = fingerprint()
    assert first == fingerprint(licence="MIT")
    assert first == fingerprint(DETECTOR.model_copy(update={"long_side": 320}))
    others = [
        fingerprint(channels="bgr"),
        fingerprint(alignment=2),
        fingerprint(points="hourglass"),
    ]
    assert len({first, *others}) == 4


def test_thresholds_are_those_beside_the_model_and_only_if_they_are_of_it(tmp_path, models):
    published = load_engine(None, DETECTOR, models).operating_point
    assert published is not None and published.search_threshold == 0.6
    other = write_other(tmp_path)
    engine = load_engine(other, DETECTOR, models)
    assert engine.operating_point is None and engine.description["licence"] == "Apache 2.0"
    values = {"fpr": 0.1, "cosine_threshold": 0.3, "fingerprint": engine.fingerprint}
    calibrated(other).write_text(json.dumps(values))
    point = load_engine(other, DETECTOR, models).operating_point
    assert point is not None and (point.verify_threshold, point.search_threshold) == (0.3, None)
    write_other(tmp_path, channels="bgr")
    with pytest.raises(ValueError, match=r"other\.threshold\.json: measured with other models"):
        load_engine(other, DETECTOR, models)


def test_what_cannot_be_loaded_is_told_with_what_to_do(tmp_path, models):
    with pytest.raises(ValueError, match=r"recognizer\.onnx: no such file; `dvc repro` trains"):
        load_engine(None, DETECTOR, tmp_path)
    other = write_other(tmp_path)
    with pytest.raises(ValueError, match="whole_image finds none; write `points: hourglass`"):
        load_engine(other, WHOLE, models)
    with pytest.raises(ValueError, match="the points are the detector's"):
        load_engine(other, DETECTOR, models).faces([np.array(picture(0))], [np.ones((1, 4))])
    other.with_suffix(".yaml").unlink()
    with pytest.raises(ValueError, match=r"(?s)another file; .* needs .*other\.yaml.*image_size:"):
        load_engine(other, DETECTOR, models)
    write_other(tmp_path, image_size=32)
    with pytest.raises(ValueError, match=r"other\.onnx: it cannot run on"):
        load_engine(other, DETECTOR, models)
    with pytest.raises(ValueError, match=r"(?s)other\.yaml:.*embedder\.channels: "):
        load_engine(write_other(tmp_path, channels="rgba"), DETECTOR, models)
    with pytest.raises(ValueError, match=r"m\.txt: expected a model, \.pt or \.onnx"):
        load_engine(Path("m.txt"), DETECTOR, models)
    for name in ("a.pt", "a.onnx"):
        with pytest.raises(ValueError, match=name):
            load_engine(tmp_path / name, DETECTOR, models)
