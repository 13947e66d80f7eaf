"""Recognisers that others have trained, as ONNX files."""

import subprocess
import sys

import cv2
import numpy as np
import pandas as pd
import pytest
from reference_model import onnx_model, reference_entry

from facerec import tables
from facerec.geometry import ARCFACE_TEMPLATE
from facerec.imaging.io import write_image
from facerec.recognition import references
from facerec.recognition.params import ReferenceEntry

SIZE = 16


def installed(folder, content=None, **changes):
    entry = reference_entry(folder / "public.onnx", content, **changes)
    references.install("public", ReferenceEntry.model_validate(entry), [7, 9], folder / "out")
    return references.load(folder / "out")


def faces(count=3):
    return np.random.default_rng(0).integers(0, 255, (count, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
@pytest.mark.parametrize("channels_first", [True, False])
@pytest.mark.parametrize("batch", ["n", 1])
def test_the_model_sees_faces_as_its_entry_says(tmp_path, channels, channels_first, batch):
    """OpenCV's blobs are made by the same rule: less the mean, times the scale."""
    content = onnx_model(SIZE, channels_first, batch)
    mean, scale = [10.0, 20.0, 30.0], [0.5, 0.25, 2.0]
    network = installed(tmp_path, content, channels=channels, mean=mean, scale=scale)
    seen = network.embed(faces(), flip=False).numpy()
    for image, embedding in zip(faces(), seen, strict=True):
        ordered = image if channels == "rgb" else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        blob = cv2.dnn.blobFromImage(ordered, 1.0, None, mean)
        blob = blob[0] * np.reshape(scale, (3, 1, 1))
        expected = blob if channels_first else blob.transpose(1, 2, 0)
        np.testing.assert_allclose(embedding, expected.ravel(), rtol=1e-5)
    assert network.config.embedding_dim == 3 * SIZE**2 and network.config.person_ids == [7, 9]
    assert network.embed(faces(0)).shape == (0, 3 * SIZE**2)


def test_the_embedding_is_the_mean_of_the_face_and_its_mirror_image(tmp_path):
    network = installed(tmp_path)
    mirrored = np.ascontiguousarray(faces()[:, :, ::-1])
    plain = (network.embed(faces(), flip=False) + network.embed(mirrored, flip=False)) / 2
    np.testing.assert_allclose(network.embed(faces()), plain, rtol=1e-6)


def test_an_input_that_no_layer_reads_is_ignored(tmp_path):
    network = installed(tmp_path, onnx_model(SIZE, unused_input=True))
    assert network.embed(faces()).shape == (3, 3 * SIZE**2)


def test_another_file_than_the_entrys_is_refused_and_nothing_is_written(tmp_path):
    entry = ReferenceEntry.model_validate(reference_entry(tmp_path / "public.onnx"))
    (tmp_path / "public.onnx").write_bytes(b"another")
    with pytest.raises(ValueError, match=r"public\.sha256: .*public\.onnx has [0-9a-f]{64}, ") as e:
        references.install("public", entry, [7], tmp_path / "out")
    assert entry.sha256 in str(e.value) and "write its hash into the entry" in str(e.value)
    (tmp_path / "public.onnx").unlink()
    with pytest.raises(ValueError, match=r"public\.model: .*: No such file .*; put the file there"):
        references.install("public", entry, [7], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_that_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"public\.onnx: not a model that onnxruntime runs"):
        installed(tmp_path, b"no model at all")
    with pytest.raises(ValueError, match=r"public\.onnx: it cannot run on \(1, 3, 16, 16\)"):
        installed(tmp_path, onnx_model(SIZE + 1))
    assert not (tmp_path / "out").exists()


def test_a_damaged_copy_is_named(tmp_path):
    installed(tmp_path)
    (tmp_path / "out" / references.MODEL).write_bytes(b"")
    with pytest.raises(ValueError, match="out: damaged reference: "):
        references.load(tmp_path / "out")


def test_faces_are_cut_from_the_photographs_at_the_references_size_and_template(tmp_path):
    """A photograph with dots at the points has them where the template says; no face is black."""
    rng = np.random.default_rng(1)
    angle = 0.3
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = 60 + 1.5 * (ARCFACE_TEMPLATE - 56) @ turn.T + 40
    photograph = np.zeros((200, 200, 3), np.uint8)
    for (x, y), colour in zip(points, rng.integers(100, 255, (5, 3)).tolist(), strict=True):
        cv2.circle(photograph, (round(x), round(y)), 3, colour, -1)
    write_image(tmp_path / "a.png", photograph)
    found = pd.DataFrame({"image_id": ["a.png", "b.png"]})
    found[[*tables.LANDMARKS]] = [points.ravel(), np.full(10, np.nan)]
    write_image(tmp_path / "b.png", photograph)
    found[[*tables.PREDICTED.numbers]] = 1.0
    tables.write(found, tmp_path / "found.csv", tables.PREDICTED)
    template = (ARCFACE_TEMPLATE * 2 + 10).tolist()
    network = installed(tmp_path, image_size=240, template=template)
    image_ids = pd.Series(["b.png", "a.png"])
    cut = references.warp_faces(network.config, tmp_path, tmp_path / "found.csv", image_ids)
    assert cut.shape == (2, 240, 240, 3) and not cut[0].any()
    for x, y in template:
        assert cut[1, round(y), round(x)].max() > 90
    assert references.warp_faces(
        network.config, tmp_path, tmp_path / "found.csv", image_ids[:0]
    ).shape == (0, 240, 240, 3)


def test_our_recognisers_do_not_wait_for_onnx():
    code = "import sys, facerec.recognition.embedders; sys.exit('onnx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
