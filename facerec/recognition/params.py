"""The parameters of a recogniser and of its training, apart from the network: to check them takes no torch."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, field_validator

from facerec.training.params import FitParams

GRADIENTS_STEP = (
    8  # px: the side of the faces that the backbone `gradients` takes is a multiple of this
)

Weights = Literal["none", "imagenet", "file"]
Backbone = Literal[
    "gradients",
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


class RecognizerParams(FitParams):
    """The section `recognizer` of params.yaml."""

    batch_size: Annotated[int, Field(ge=2)]  # batch norm has nothing to compare a single face with
    backbone: Backbone
    weights: Weights  # which the backbone starts from
    weights_file: str  # a recogniser's checkpoint, if weights is file
    embedding_dim: PositiveInt
    dropout: Share
    margin_warmup_epochs: NonNegativeFloat  # the heads' margins grow from 0 over so many
    rotation: NonNegativeFloat  # degrees
    shift: NonNegativeFloat  # of the side
    scale: NonNegativeFloat
    brightness: NonNegativeFloat
    grayscale_prob: Share  # of faces
    erase_prob: Share  # of faces
    seeds: Annotated[
        list[NonNegativeInt], Field(min_length=1)
    ]  # one training each; the first one's is published

    @field_validator("seeds")
    @classmethod
    def _differ(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"expected seeds that differ, got {seeds}")
        return seeds
