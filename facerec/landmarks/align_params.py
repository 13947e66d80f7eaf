"""The section `align` of params.yaml, which is checked without torch."""

from pydantic import NonNegativeFloat, PositiveInt

from facerec.params import Params


class AlignParams(Params):
    pixels: PositiveInt  # side of the aligned face
    max_shear: NonNegativeFloat  # a 3-point face sheared more, or mirrored, counts as distorted
