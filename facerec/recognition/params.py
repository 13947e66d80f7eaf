"""The sections `recognizer` and `recognizers`. It imports no torch, so it can be checked fast."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, field_validator

from facerec.params import PARAMS_FILE, Params, read_yaml
from facerec.recognition.head_params import HeadParams
from facerec.training.params import FitParams

HOG_STEP = 8  # px: the faces' side must be a multiple of this for the backbone `hog`

Weights = Literal["none", "imagenet", "file"]
Backbone = Literal[
    "hog",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "wide_resnet50_2",
    "wide_resnet101_2",
]
Share = Annotated[float, Field(ge=0, le=1)]
PerChannel = Annotated[list[float], Field(min_length=3, max_length=3)]
Point = Annotated[list[float], Field(min_length=2, max_length=2)]
FivePoints = Annotated[list[Point], Field(min_length=5, max_length=5)]


class RecognizerEntry(Params):
    """One entry of the section `recognizers`: what sets one recogniser apart from the others."""

    alignment: Literal[2, 3, 5]  # points by which its faces are aligned
    head: HeadParams


class FaceInput(Params):
    """How faces are given to a model that others have trained."""

    alignment: Literal[2, 3, 5]  # points by which its faces are aligned
    image_size: Annotated[int, Field(ge=8, le=1024)]  # px, side of its faces
    template: Literal["arcface"] | FivePoints  # where the five points lie in its faces, px
    channels: Literal["rgb", "bgr"]  # their order in its input
    mean: PerChannel  # subtracted from the pixels, 0 to 255, in the input's order
    scale: PerChannel  # the rest is multiplied by it


class ReferenceEntry(FaceInput):
    """An entry of `recognizers` that is not trained: a public model, which takes the same exams."""

    type: Literal["onnx"]
    model: str  # its file
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]  # of the file, which DVC does not see


class EmbedderFile(FaceInput):
    """The section `embedder` of the YAML file beside an ONNX file that `--model` names."""

    points: Literal["hourglass", "detector"]  # whose points its faces are aligned by
    licence: str  # of the model, for people


def load_embedder_file(file: Path) -> EmbedderFile:
    """Returns the checked settings beside an ONNX file.

    Raises:
        ValueError: as `Params.load`.
    """
    return EmbedderFile.load("embedder", file)


def load_entry(name: str, file: Path = PARAMS_FILE) -> RecognizerEntry | ReferenceEntry:
    """Returns the checked entry of `recognizers` with this name.

    Raises:
        ValueError: as `Params.load`.
    """
    entries = read_yaml(file).get("recognizers")
    entry = entries.get(name) if isinstance(entries, dict) else None
    kind: type[RecognizerEntry | ReferenceEntry] = (
        ReferenceEntry if is_reference(entry) else RecognizerEntry
    )
    return kind.load(f"recognizers.{name}", file)


def is_reference(entry: object) -> bool:
    """Returns whether an unchecked entry of `recognizers` is a reference, which is not trained."""
    return isinstance(entry, dict) and entry.get("type") == "onnx"


class RecognizerParams(FitParams):
    """The section `recognizer`: what all recognisers have in common."""

    batch_size: Annotated[int, Field(ge=2)]  # batch norm has nothing to compare a single face with
    backbone: Backbone
    weights: Weights  # which the backbone starts from
    weights_file: str  # a recogniser's checkpoint, if weights is file
    embedding_dim: PositiveInt
    dropout: Share
    margin_warmup_epochs: NonNegativeFloat  # the heads' margins grow from 0 over these
    rotation: NonNegativeFloat  # degrees
    shift: NonNegativeFloat  # of the side
    scale: NonNegativeFloat
    brightness: NonNegativeFloat
    grayscale_prob: Share  # of faces
    erase_prob: Share  # of faces
    seeds: Annotated[list[NonNegativeInt], Field(min_length=1)]  # the first one's is published

    @field_validator("backbone", mode="before")
    @classmethod
    def _answer_old_name(cls, backbone: object) -> object:
        if backbone == "gradients":
            raise ValueError("`gradients` is now `hog`")
        return backbone

    @field_validator("seeds")
    @classmethod
    def _differ(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"expected seeds that differ, got {seeds}")
        return seeds
