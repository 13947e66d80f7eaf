"""The entries of `heads` in params.yaml, apart from the networks: to check them takes no torch."""

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from facerec.params import PARAMS_FILE, Params

Alignment = Literal[2, 3, 5]
Angle = Annotated[float, Field(ge=0, lt=math.pi)]
Share = Annotated[float, Field(ge=0, lt=1)]
Together = Annotated[
    int, Field(ge=2)
]  # photographs of a person in a batch, so that there are pairs


class CEParams(Params):
    """Softmax cross-entropy over people."""

    type: Literal["ce"]
    alignment: Alignment  # points of the aligned faces
    label_smoothing: Share  # probability spread evenly over all people


class ArcFaceParams(Params):
    """An angle added to the true person."""

    type: Literal["arcface"]
    alignment: Alignment
    scale: PositiveFloat  # of the cosines, before the softmax
    margin: Angle  # radians


class CosFaceParams(Params):
    """A cosine taken from the true person."""

    type: Literal["cosface"]
    alignment: Alignment
    scale: PositiveFloat
    margin: NonNegativeFloat  # in cosine


class SubCenterArcFaceParams(Params):
    """ArcFace to the nearest of several centres a person."""

    type: Literal["subcenter_arcface"]
    alignment: Alignment
    scale: PositiveFloat
    margin: Angle  # radians
    sub_centers: PositiveInt  # a person


class AdaFaceParams(Params):
    """A margin that follows the embedding's norm, which stands for the photograph's quality."""

    type: Literal["adaface"]
    alignment: Alignment
    scale: PositiveFloat
    margin: Angle  # radians, and cosine too
    h: PositiveFloat  # norms `1 / h` standard deviations from the mean get the whole margin
    t_alpha: Annotated[
        float, Field(gt=0, le=1)
    ]  # weight of a new batch in the running mean and deviation


class TripletParams(Params):
    """Each face nearer to its person's farthest photograph of the batch than to the nearest other person's."""

    type: Literal["triplet"]
    alignment: Alignment
    margin: NonNegativeFloat  # in cosine
    photos_together: Together


class ArcFaceTripletParams(Params):
    """ArcFace plus weighted triplets."""

    type: Literal["arcface_triplet"]
    alignment: Alignment
    scale: PositiveFloat
    margin: Angle  # radians, ArcFace's
    triplet_margin: NonNegativeFloat  # in cosine
    triplet_weight: NonNegativeFloat
    photos_together: Together


HeadParams = (
    CEParams
    | ArcFaceParams
    | CosFaceParams
    | SubCenterArcFaceParams
    | AdaFaceParams
    | TripletParams
    | ArcFaceTripletParams
)
HeadType = Literal[
    "ce", "arcface", "cosface", "subcenter_arcface", "adaface", "triplet", "arcface_triplet"
]


class HeadKind(Params, extra="ignore"):
    """The key that says which other keys an entry of `heads` has."""

    type: HeadType


PARAMS: dict[str, type[HeadParams]] = {
    "ce": CEParams,
    "arcface": ArcFaceParams,
    "cosface": CosFaceParams,
    "subcenter_arcface": SubCenterArcFaceParams,
    "adaface": AdaFaceParams,
    "triplet": TripletParams,
    "arcface_triplet": ArcFaceTripletParams,
}


def load_head(name: str, file: Path = PARAMS_FILE) -> HeadParams:
    """Returns the parameters of one entry of `heads`.

    Raises:
        ValueError: no such entry, an unknown type (the message lists the known ones), or a key of that type that is
            missing, unknown or out of range.
    """
    kind = HeadKind.load(f"heads.{name}", file).type
    return PARAMS[kind].load(f"heads.{name}", file)


def parse_head(config: dict[str, Any]) -> HeadParams:
    """Returns the parameters that a checkpoint's config holds, `params.model_dump()` of an entry.

    Raises:
        ValueError: they are not a known type's, with its keys.
    """
    return PARAMS[HeadKind.model_validate(config).type].model_validate(config)
