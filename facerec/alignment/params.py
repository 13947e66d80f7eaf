"""The sections `crop` and `align`. The file imports no torch, so they are checked fast."""

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from facerec.params import Params


class CropParams(Params):
    box_scale: PositiveFloat  # side of the square, of the smaller side of the box
    image_size: PositiveInt  # side of the cropped face, px


class AlignParams(Params):
    image_size: PositiveInt  # side of the aligned face, px
    max_shear: NonNegativeFloat  # a 3-point face sheared more, or mirrored, is called distorted
