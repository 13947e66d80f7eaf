"""Commands as somebody types them, with a model that needs no training."""

import json
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import yaml
from commands import as_command
from reference_model import onnx_model
from tiny_hourglass import hourglass_config

from facerec.detection.params import DetectorParams
from facerec.engine.load import calibrated, load_engine
from facerec.landmarks import hourglass
from facerec.landmarks.hourglass import StackedHourglass
from facerec.params import read_yaml
from facerec.recognition import recognizer
from facerec.recognition.recognizer import Recognizer, RecognizerConfig
from stages import export

ROOT = Path(__file__).parents[1]
PIXELS = 32  # side of the model's faces
MODEL = "pixels.onnx"
POINT = {  # of the drawn people of these tests
    "fpr": 0.01,
    "cosine_threshold": 0.75,
    "fpir": 0.1,
    "fpir_low": 0.04,
    "fpir_high": 0.186,
    "search_threshold": 0.78,
    "gallery_people": 20,
    "calibration_slope": 12.0,
    "calibration_intercept": -8.0,
    "collection": "drawn faces",
    "people": 40,
    "photographs": 200,
}


def write_model(folder: Path) -> None:
    """Writes a model whose embedding is the face's pixels, its thresholds, and params.yaml."""
    model = folder / MODEL
    model.write_bytes(onnx_model(PIXELS))
    settings = {
        "image_size": PIXELS,
        "channels": "rgb",
        "mean": [127.5, 127.5, 127.5],
        "scale": [0.01, 0.01, 0.01],
        "template": "arcface",
        "alignment": 5,
        "points": "detector",
        "licence": "none",
    }
    model.with_suffix(".yaml").write_text(yaml.safe_dump({"embedder": settings}))
    base = read_yaml(ROOT / "profiles/base.yaml")
    (folder / "params.yaml").write_text(yaml.safe_dump(base))
    detector = {name: value for name, value in base["detector"].items() if name != "runs"}
    engine = load_engine(model, DetectorParams.model_validate(detector), with_thresholds=False)
    point = POINT | {"fingerprint": engine.fingerprint}
    calibrated(model).write_text(json.dumps(point))


def write_our_models(folder: Path) -> None:
    """Writes networks of ours as `publish` and `export` do; they are not trained."""
    (folder / "models").mkdir()
    for name, content in _our_models().items():
        (folder / "models" / name).write_bytes(content)


@cache  # the export takes seconds
def _our_models() -> dict[str, bytes]:
    torch.manual_seed(0)
    config = {
        "alignment": 5,
        "head": {"type": "arcface", "scale": 30.0, "margin": 0.5},
        "backbone": "hog",
        "embedding_dim": 16,
        "dropout": 0.0,
        "person_ids": [1, 2],
        "image_size": PIXELS,
        "precision": "fp32",
    }
    embedder = Recognizer(RecognizerConfig.model_validate(config)).eval()
    with TemporaryDirectory() as temporary:
        models = Path(temporary)
        hourglass.save(StackedHourglass(hourglass_config()).eval(), models / "hourglass.pt")
        recognizer.save(embedder, models / "recognizer.pt")
        (models / "recognizer.json").write_text(json.dumps(POINT))
        export.main(
            hourglass_model=models / "hourglass.pt",
            model=models / "recognizer.pt",
            thresholds=models / "recognizer.json",
            hourglass_onnx=models / "hourglass.onnx",
            recognizer_onnx=models / "recognizer.onnx",
        )
        return {path.name: path.read_bytes() for path in models.iterdir()}


def facerec(folder: Path, *words: str | Path) -> subprocess.CompletedProcess:
    """Returns what a command did in a folder, with the model in it."""
    return as_command(folder, "facerec", *words, "--model", MODEL)


def objects(result: subprocess.CompletedProcess) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Returns what a command printed as JSON: an object for each photograph, and the summary."""
    *photographs, last = map(json.loads, result.stdout.splitlines())
    return photographs, last["summary"]
