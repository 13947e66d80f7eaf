"""The settings of the heads in params.yaml, apart from the networks: to check them takes no torch.

A new head is a class here with a line in `HeadParams`, and a network in `heads.py`.
"""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from facerec.params import Params

Angle = Annotated[float, Field(ge=0, lt=math.pi)]  # radians
Share = Annotated[float, Field(ge=0, lt=1)]
SamplesPerClass = Annotated[int, Field(ge=2)]  # photographs of a person in a batch: there are pairs


class BaseHeadParams(Params):
    """What the settings of all heads have in common.

    Attributes:
        has_scores: whether the head alone scores people; without, evaluation compares prototypes.
    """

    has_scores: ClassVar[bool] = True


class CEParams(BaseHeadParams):
    """Softmax cross-entropy over people."""

    type: Literal["ce"]
    label_smoothing: Share  # probability spread evenly over all people


class ArcFaceParams(BaseHeadParams):
    """An angle added to the true person."""

    type: Literal["arcface"]
    scale: PositiveFloat  # of the cosines, before the softmax
    margin: Angle


class CosFaceParams(BaseHeadParams):
    """A cosine taken from the true person."""

    type: Literal["cosface"]
    scale: PositiveFloat
    margin: NonNegativeFloat  # in cosine


class SubCenterArcFaceParams(BaseHeadParams):
    """ArcFace to the nearest of several centres a person."""

    type: Literal["subcenter_arcface"]
    scale: PositiveFloat
    margin: Angle
    sub_centers: PositiveInt  # a person


class AdaFaceParams(BaseHeadParams):
    """A margin that follows the embedding's norm, which stands for the photograph's quality."""

    type: Literal["adaface"]
    scale: PositiveFloat
    margin: Angle  # also a cosine
    h: PositiveFloat  # norms `1 / h` standard deviations from the mean get the whole margin
    t_alpha: Annotated[float, Field(gt=0, le=1)]  # weight of a batch in the running mean and sd


class TripletParams(BaseHeadParams):
    """Each face nearer to its person's farthest photograph than to the nearest other person's."""

    has_scores = False
    type: Literal["triplet"]
    margin: NonNegativeFloat  # in cosine
    samples_per_class: SamplesPerClass


class ArcFaceTripletParams(BaseHeadParams):
    """ArcFace plus weighted triplets."""

    type: Literal["arcface_triplet"]
    scale: PositiveFloat
    margin: Angle  # ArcFace's
    triplet_margin: NonNegativeFloat  # in cosine
    triplet_weight: NonNegativeFloat
    samples_per_class: SamplesPerClass


HeadParams = Annotated[
    CEParams
    | ArcFaceParams
    | CosFaceParams
    | SubCenterArcFaceParams
    | AdaFaceParams
    | TripletParams
    | ArcFaceTripletParams,
    Field(discriminator="type"),
]
