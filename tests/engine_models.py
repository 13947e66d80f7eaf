"""Untrained models as an engine finds them: checkpoints of ours, and an ONNX file of others."""

import json
from pathlib import Path

import torch
import yaml
from reference_model import onnx_model
from tiny_hourglass import hourglass_config

from facerec.deployment.export import hourglass_file, recognizer_file
from facerec.detection.params import DetectorParams
from facerec.landmarks import hourglass
from facerec.landmarks.hourglass import StackedHourglass
from facerec.recognition import recognizer
from facerec.recognition.recognizer import Recognizer, RecognizerConfig

SIZE = 32
DETECTOR = DetectorParams(
    type="retinaface",
    long_side=640,
    min_score=0.5,
    max_overlap=0.4,
    yunet_model="none",
    yunet_sha256="",
)
PUBLISHED = {"fpr": 0.01, "cosine_threshold": 0.4, "fpir": 0.1, "search_threshold": 0.6}
PUBLISHED |= {"gallery_people": 19, "people": 20, "photographs": 240, "collection": "drawn"}


def write_models(folder: Path) -> Path:
    """Writes what `publish` and `export` would, and returns the folder."""
    torch.manual_seed(0)
    finder = StackedHourglass(hourglass_config(flip_test=True, refine_steps=1))
    embedder = Recognizer(
        RecognizerConfig.model_validate(
            {
                "alignment": 2,  # other alignments may have no matrix where points are random
                "head": {"type": "ce", "label_smoothing": 0.0},
                "backbone": "hog",
                "embedding_dim": 16,
                "dropout": 0.0,
                "person_ids": [7, 9],
                "image_size": SIZE,
                "precision": "fp32",
            }
        )
    )
    hourglass.save(finder, folder / "hourglass.pt")
    recognizer.save(embedder, folder / "recognizer.pt")
    (folder / "recognizer.json").write_text(json.dumps(PUBLISHED))
    (folder / "hourglass.onnx").write_bytes(hourglass_file(finder.eval()))
    (folder / "recognizer.onnx").write_bytes(recognizer_file(embedder.eval(), PUBLISHED))
    return folder


def write_other(folder: Path, size: int = 24, **changes: object) -> Path:
    """Writes an ONNX file of others, whose embedding is its input, and its YAML; returns it."""
    settings = {
        "image_size": size,
        "alignment": 5,
        "template": "arcface",
        "channels": "rgb",
        "mean": [127.5, 127.5, 127.5],
        "scale": [0.01, 0.01, 0.01],
        "points": "detector",
        "licence": "Apache 2.0",
        **changes,
    }
    path = folder / "other.onnx"
    path.write_bytes(onnx_model(size))
    path.with_suffix(".yaml").write_text(yaml.safe_dump({"embedder": settings}))
    return path
