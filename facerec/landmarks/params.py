"""The section `hourglass`. The file imports no torch, so it is checked fast."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, model_validator

from facerec.params import Params, Precision
from facerec.training.params import FitParams

STRIDE = 4  # input px to a heatmap px

Block = Literal["bottleneck", "basic"]
Loss = Literal["kl", "mse", "adaptive_wing"]
Probability = Annotated[float, Field(ge=0, le=1)]


class HourglassArchitecture(Params):
    """What a network is built from."""

    image_size: Annotated[int, Field(ge=1, le=4096)]  # px, side of the input
    stacks: Annotated[int, Field(ge=1, le=64)]  # hourglasses, one after the other
    channels: Annotated[int, Field(ge=4, le=4096)]  # best a multiple of 64, for a CPU's vectors
    depth: Annotated[int, Field(ge=1, le=10)]  # how often an hourglass halves the resolution
    block: Block
    loss: Loss  # says how the output is read: logits for `kl`, heatmaps for the others
    sigma: PositiveFloat  # of the Gaussians that are learned, px of the heatmap
    flip_test: bool  # predict the mean over the face and its mirror image
    refine_steps: Annotated[int, Field(ge=0, le=100)]  # further predictions, each on a closer crop
    crop_oversampling: Annotated[float, Field(ge=1, le=2)]  # px of a face to one of the input
    precision: Precision  # of the layers; heatmaps are float32

    @model_validator(mode="after")
    def _halves_evenly(self) -> Self:
        multiple = STRIDE * 2**self.depth
        if self.image_size % multiple:
            raise ValueError(
                f"image_size: expected a multiple of {multiple} at depth {self.depth}, "
                f"got {self.image_size}"
            )
        return self

    @property
    def face_size(self) -> int:
        """The side of the faces to give the network, px: larger than its input if it refines."""
        return round(self.image_size * (self.crop_oversampling if self.refine_steps else 1))


class HourglassConfig(HourglassArchitecture):
    """The config in a checkpoint: the architecture, and how faces are cut for it."""

    box_scale: PositiveFloat  # side of the crop, of the smaller side of the face's box


class HourglassParams(FitParams, HourglassArchitecture):
    """The section `hourglass` of params.yaml."""

    shift: NonNegativeFloat  # box jitter: largest, of the side
    scale: NonNegativeFloat
    rotation: NonNegativeFloat  # degrees
    mirror: bool
    brightness: NonNegativeFloat
    grayscale_prob: Probability
    blur_prob: Probability
    erase_prob: Probability
    profile_oversampling: NonNegativeFloat  # power, see `training.profile_order`
    seed: NonNegativeInt

    def config(self, box_scale: float) -> HourglassConfig:
        """Returns the config of a network with these parameters.

        Args:
            box_scale: side of the crop, of the smaller side of the face's box.
        """
        architecture = self.model_dump(include=set(HourglassArchitecture.model_fields))
        return HourglassConfig(**architecture, box_scale=box_scale)
