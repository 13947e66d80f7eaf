"""The section `align` of params.yaml, apart from the stage: to check it takes no torch."""

from pydantic import NonNegativeFloat, PositiveInt

from facerec.params import Params


class AlignParams(Params):
    pixels: PositiveInt  # side of the aligned face
    max_shear: NonNegativeFloat  # 3-point faces sheared more than this, or mirrored, are flagged as distorted
