"""The exported networks against torch's, without torch."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from tiny_hourglass import hourglass_config

from facerec.deployment.export import hourglass_file, recognizer_file
from facerec.deployment.onnx_networks import OnnxHourglass, OnnxRecognizer
from facerec.geometry import template
from facerec.imaging.io import write_image
from facerec.inference import embed_faces
from facerec.landmarks import hourglass
from facerec.landmarks.hourglass import StackedHourglass
from facerec.recognition import recognizer
from facerec.recognition.recognizer import Recognizer, RecognizerConfig
from stages import export

ROOT = Path(__file__).parents[2]
SIZE = 32
FACES = 100
THRESHOLDS = {"fpr": 0.01, "cosine_threshold": 0.4, "calibration_slope": 9.5}
REFUSED = ("torch", "torchvision", "onnx", "onnxscript", "pandas", "pydantic", "scipy", "sklearn")


def networks() -> tuple[StackedHourglass, Recognizer]:
    """Returns untrained networks whose batch norms have seen a few faces."""
    torch.manual_seed(0)
    finder = StackedHourglass(hourglass_config(flip_test=True, refine_steps=2))
    embedder = Recognizer(
        RecognizerConfig.model_validate(
            {
                "alignment": 5,
                "head": {"type": "arcface", "scale": 30.0, "margin": 0.5},
                "backbone": "hog",
                "embedding_dim": 16,
                "dropout": 0.4,
                "person_ids": [7, 9],
                "image_size": SIZE,
                "precision": "bf16",
            }
        )
    )
    with torch.no_grad():
        for network in (finder, embedder):
            network.train()
            for _ in range(30):
                network(torch.from_numpy(faces(8, SIZE)).permute(0, 3, 1, 2) / 255)
            network.eval()
    return finder, embedder


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """Returns a folder with both networks, as checkpoints and exported."""
    folder = tmp_path_factory.mktemp("models")
    finder, embedder = networks()
    hourglass.save(finder, folder / "hourglass.pt")
    recognizer.save(embedder, folder / "recognizer.pt")
    (folder / "recognizer.json").write_text(json.dumps(THRESHOLDS))
    export.main(
        hourglass_model=folder / "hourglass.pt",
        model=folder / "recognizer.pt",
        thresholds=folder / "recognizer.json",
        hourglass_onnx=folder / "hourglass.onnx",
        recognizer_onnx=folder / "recognizer.onnx",
    )
    return folder


def in_torch(folder: Path) -> tuple[StackedHourglass, Recognizer]:
    """Returns the checkpoints' networks, in the precision of the files."""
    cpu = torch.device("cpu")
    finder = hourglass.load(folder / "hourglass.pt", cpu)
    embedder = recognizer.load(folder / "recognizer.pt", cpu)
    for network in (finder, embedder):
        network.config = network.config.model_copy(update={"precision": "fp32"})
    return finder, embedder


def faces(count: int, size: int) -> np.ndarray:
    """Returns blurred noise (count, size, size, 3) uint8."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 255, (count, 9, 9, 3), dtype=np.uint8)
    return np.stack([cv2.resize(each, (size, size)) for each in small])


def test_embeddings_are_torchs_on_a_hundred_faces(models):
    _, expected = in_torch(models)
    found = OnnxRecognizer(models / "recognizer.onnx")
    embeddings = found.embed(faces(FACES, SIZE))
    reference = expected.embed(faces(FACES, SIZE)).numpy()
    assert np.abs(reference).max() > 0.5
    np.testing.assert_allclose(embeddings, reference, atol=1e-4)
    assert found.embed(faces(FACES, SIZE)[:0]).shape == (0, 16)


def test_heatmaps_and_points_are_torchs_on_a_hundred_faces(models):
    expected, _ = in_torch(models)
    found = OnnxHourglass(models / "hourglass.onnx")
    crops = faces(FACES, expected.face_size)
    zoom = expected.face_size / SIZE
    middle = (zoom - 1) / 2
    whole = np.array([[[zoom, 0, middle], [0, zoom, middle]]], np.float32)
    heatmaps = found.run(faces=crops, matrices=np.tile(whole, (FACES, 1, 1)))
    np.testing.assert_allclose(heatmaps, expected.heatmaps(crops).numpy(), atol=1e-4)
    np.testing.assert_allclose(found.heatmaps(crops), heatmaps, atol=1e-5)
    points, confidence = found.predict(crops)
    reference, reference_confidence = expected.predict(crops)
    off = np.abs(points - reference).max(axis=(1, 2))
    assert np.quantile(off, 0.9) < 0.01  # an untrained one has pixels of almost equal height
    np.testing.assert_allclose(np.median(confidence), np.median(reference_confidence), rtol=1e-3)
    assert found.predict(crops[:0])[0].shape == (0, 5, 2)


def test_photographs_are_embedded_as_by_torch_where_torch_cannot_be_imported(models, tmp_path):
    finder, embedder = in_torch(models)
    photographs = list(faces(12, 90))
    boxes = np.tile([20.0, 15.0, 45.0, 50.0], (12, 1))
    boxes[-1] = [5000.0, 5000.0, 4.0, 4.0]  # nothing is there
    expected = embed_faces(finder, embedder, photographs, boxes).numpy()
    np.savez(tmp_path / "input.npz", photographs=np.stack(photographs), boxes=boxes)
    script = f"""
import sys
for name in {REFUSED}:
    sys.modules[name] = None  # importing it raises
import numpy as np
from pathlib import Path
from facerec.deployment.onnx_networks import OnnxHourglass, OnnxRecognizer, embed_faces
folder, values = Path(sys.argv[1]), np.load(sys.argv[2])
hourglass = OnnxHourglass(folder / "hourglass.onnx")
recognizer = OnnxRecognizer(folder / "recognizer.onnx")
photographs = list(values["photographs"])
np.save(sys.argv[3], embed_faces(hourglass, recognizer, photographs, values["boxes"]))
"""
    arguments = [models, tmp_path / "input.npz", tmp_path / "out.npy"]
    subprocess.run([sys.executable, "-c", script, *map(str, arguments)], cwd=ROOT, check=True)
    found = np.load(tmp_path / "out.npy")
    assert np.abs(expected).max() > 0.5
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_the_same_network_gives_the_same_bytes_and_the_file_describes_itself(models):
    finder, embedder = in_torch(models)
    content = (models / "recognizer.onnx").read_bytes()
    assert recognizer_file(embedder, THRESHOLDS) == content
    assert hourglass_file(finder) == (models / "hourglass.onnx").read_bytes()
    assert str(ROOT).encode() not in content
    model = onnx.load_from_string(content)
    assert model.opset_import[0].version == 20
    texts = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert texts["kind"] == "recognizer" and texts["image_size"] == SIZE
    assert np.allclose(texts["template"], template(SIZE)) and texts["alignment"] == 5
    assert {key: texts[key] for key in THRESHOLDS} == THRESHOLDS
    assert OnnxRecognizer(models / "recognizer.onnx").threshold == 0.4
    found = OnnxHourglass(models / "hourglass.onnx")
    assert (found.face_size, found.box_scale) == (finder.face_size, 1.6)
    assert found.metadata["points"] == ["lefteye", "righteye", "nose", "leftmouth", "rightmouth"]


def test_another_file_is_refused(models, tmp_path):
    with pytest.raises(ValueError, match=r"expected the hourglass .*`export` wrote, got recogniz"):
        OnnxHourglass(models / "recognizer.onnx")
    with pytest.raises(ValueError, match=r"none\.onnx: No such file .*`export` writes it"):
        OnnxHourglass(tmp_path / "none.onnx")
    (tmp_path / "cut.onnx").write_bytes((models / "hourglass.onnx").read_bytes()[:999])
    with pytest.raises(ValueError, match=r"cut\.onnx: damaged ONNX file"):
        OnnxHourglass(tmp_path / "cut.onnx")


def test_the_example_prints_a_cosine(models, tmp_path):
    (tmp_path / "models").symlink_to(models)
    for name, face in zip("ab", faces(2, 64), strict=True):
        write_image(tmp_path / f"{name}.png", face)
    command = [sys.executable, str(ROOT / "examples/compare_faces.py")]
    for names, expected in (
        (["a.png", "a.png"], "cosine 1.000, "),
        (["a.png", "b.png"], "cosine "),
    ):
        result = subprocess.run(
            [*command, *names], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        assert result.stdout.startswith(expected)
        assert result.stdout.endswith(", one person from 0.4 on\n")
