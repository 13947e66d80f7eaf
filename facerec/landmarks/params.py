"""The parameters of the hourglass and of its training, apart from the network: to check them takes no torch."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from facerec.training.params import FitParams

STRIDE = 4  # input px to a heatmap px

Block = Literal["bottleneck", "basic"]
Loss = Literal["kl", "mse", "adaptive_wing"]
Share = Annotated[float, Field(ge=0, le=1)]


class HourglassParams(FitParams):
    """The section `hourglass` of params.yaml."""

    pixels: PositiveInt  # side of the input
    stacks: PositiveInt
    channels: PositiveInt
    depth: PositiveInt
    block: Block
    loss: Loss
    sigma: PositiveFloat  # px of the heatmap
    flip_test: bool  # predict from the face and its mirror image
    looks: PositiveInt  # at each face: after the first, straight and close, by the points found
    detail: Annotated[float, Field(ge=1, le=2)]  # px of a face to one of the first look
    shift: NonNegativeFloat  # box jitter: largest, of the side
    scale: NonNegativeFloat
    rotation: NonNegativeFloat  # degrees
    mirror: bool
    brightness: NonNegativeFloat
    gray: Share  # of faces
    blur: Share  # of faces
    erase: Share  # of faces
    turned_power: NonNegativeFloat  # how much more is learned from faces whose eyes are near each other, see `order_of`
    seed: NonNegativeInt
