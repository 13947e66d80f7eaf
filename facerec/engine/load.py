"""The engine of the models that are there: ours, a checkpoint of ours, or an ONNX file of others.

torch is imported only if a checkpoint is loaded.
"""

import hashlib
from pathlib import Path

from facerec.detection.detector import make_detector
from facerec.detection.params import DetectorParams, load_detector_params
from facerec.engine.engine import FaceEngine
from facerec.engine.networks import Embedder, Points
from facerec.engine.operating_point import OperatingPoint
from facerec.engine.photographs import Finder
from facerec.recognition.params import EmbedderFile, load_embedder_file

MODELS = Path("models")
HOURGLASS, RECOGNIZER = "hourglass", "recognizer"
CALIBRATED = ".threshold.json"  # after a model's name: what `facerec calibrate` measured
THREADS = 1  # of a network's run: the engine works on several photographs at once
BOX_SCALE = 1.6  # of the crops where the detector finds the points: only their surroundings count
EXAMPLE = """embedder:
  image_size: 112       # px, side of its faces
  channels: rgb         # or bgr
  mean: [127.5, 127.5, 127.5]
  scale: [0.0078431, 0.0078431, 0.0078431]
  template: arcface     # or five points x, y, px
  alignment: 5          # points by which its faces are aligned
  points: detector      # or hourglass, ours
  licence: Apache 2.0"""


def load_engine(
    model: Path | None = None,
    detector: DetectorParams | None = None,
    models: Path = MODELS,
    with_thresholds: bool = True,
) -> FaceEngine:
    """Returns the engine of a model.

    Args:
        model: a checkpoint of ours (.pt), an ONNX file that `export` wrote, or one of others with
            a YAML file of the same name beside it. None takes the published recogniser in `models`.
        detector: finds the faces; None takes the section `detector` of params.yaml.
        models: folder of the published models; a recogniser of ours uses its hourglass.
        with_thresholds: whether to read what was measured of it; not if it is to be measured.

    Raises:
        ValueError: a file is absent or damaged; the message says what makes it.
    """
    path = model_path(model, models)
    content = _read(path)
    settings = path.with_suffix(".yaml")
    hourglass: Path | None = None
    description = {"model": str(path)}
    embedder: Embedder
    if path.suffix == ".onnx" and settings.exists():
        entry = load_embedder_file(settings)
        embedder = _of_others(path, content, entry)
        hourglass = _existing(models, HOURGLASS) if entry.points == "hourglass" else None
        description |= {"source": str(settings), "licence": entry.licence}
        parts = [content, entry.model_dump_json(exclude={"licence"}).encode()]
    else:
        embedder = _ours(path)
        hourglass = _existing(models, HOURGLASS)
        description |= {"source": "trained by this pipeline"}
        parts = [content]
    points = None
    if hourglass is not None:
        points = _hourglass(hourglass)
        parts.append(hourglass.read_bytes())
        description |= {"landmarks": str(hourglass)}
    params = detector or load_detector_params()
    if points is None and params.type == "whole_image":
        raise ValueError(
            f"{settings}: points: the detector whole_image finds none; write `points: hourglass`, "
            "or choose another detector"
        )
    finder = Finder(
        make_detector(params),
        params.long_side,
        points.box_scale if points else BOX_SCALE,
        points.face_size if points else embedder.image_size,
        embedder.image_size,
    )
    fingerprint = _fingerprint(parts)
    return FaceEngine(
        finder=finder,
        points=points,
        embedder=embedder,
        fingerprint=fingerprint,
        operating_point=_operating_point(path, fingerprint) if with_thresholds else None,
        description=description,
    )


def model_path(model: Path | None, models: Path) -> Path:
    """Returns the model that is named, or the published recogniser.

    Raises:
        ValueError: there is none.
    """
    return model or _existing(models, RECOGNIZER)


def _existing(models: Path, name: str) -> Path:
    """Returns the published model of this name: its ONNX file, which loads faster, or the other."""
    for suffix in (".onnx", ".pt"):
        if (path := models / f"{name}{suffix}").exists():
            return path
    raise ValueError(
        f"{models / name}.onnx: no such file; `dvc repro` trains a model, or --model names another"
    )


def _read(path: Path) -> bytes:
    if path.suffix not in (".pt", ".onnx"):
        raise ValueError(f"{path}: expected a model, .pt or .onnx")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from None


def _of_others(path: Path, content: bytes, entry: EmbedderFile) -> Embedder:
    from facerec.recognition.onnx_embedder import OnnxEmbedder

    try:
        return OnnxEmbedder(entry, content, THREADS)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _ours(path: Path) -> Embedder:
    if path.suffix == ".pt":
        from facerec.engine.torch_networks import TorchEmbedder

        return TorchEmbedder(path)
    from facerec.deployment.onnx_networks import OnnxRecognizer

    try:
        return OnnxRecognizer(path, THREADS)
    except ValueError as error:
        raise ValueError(
            f"{error}; a model of others needs {path.with_suffix('.yaml')} beside it:\n{EXAMPLE}"
        ) from None


def _hourglass(path: Path) -> Points:
    if path.suffix == ".pt":
        from facerec.engine.torch_networks import TorchPoints

        return TorchPoints(path)
    from facerec.deployment.onnx_networks import OnnxHourglass

    return OnnxHourglass(path, THREADS)


def _fingerprint(parts: list[bytes]) -> str:
    digests = [hashlib.sha256(part).digest() for part in parts]
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _published(model: Path) -> OperatingPoint | None:
    """Returns the thresholds that `publish` wrote beside a model, if they are there."""
    path = model.with_suffix(".json")
    return (
        OperatingPoint.read(path) if path.exists() and path.read_bytes().strip() != b"{}" else None
    )


def calibrated(model: Path) -> Path:
    """Returns where `facerec calibrate` stores what it measured of a model."""
    return model.with_suffix(CALIBRATED)


def _operating_point(model: Path, fingerprint: str) -> OperatingPoint | None:
    """Returns the thresholds that were measured of an engine, None if none were.

    Raises:
        ValueError: they were measured of other files.
    """
    path = calibrated(model)
    if not path.exists():
        return _published(model)
    measured = OperatingPoint.read(path)
    if measured.fingerprint != fingerprint:
        raise ValueError(
            f"{path}: measured with other models or settings than those of {model}; measure again "
            f"with `facerec calibrate PEOPLE --model {model}`, or remove the file"
        )
    return measured
