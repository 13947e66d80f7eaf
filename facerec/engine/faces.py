"""A face that was found in a photograph, with all that is needed to say who it is."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Face:
    """One face of a photograph.

    Attributes:
        box: (4,) x, y, width, height, px of the photograph, as the detector draws it.
        score: of the detector, in (0, 1].
        points: (5, 2) px of the photograph, in the order of annotation_names.POINTS.
        confidence: how sure the points are, in [0, 1].
        embedding: (E,) float32 of length 1; zeros if the face is not usable.
        usable: whether the face could be aligned. One that could not resembles nobody.
        aligned: (S, S, 3) uint8 RGB, the aligned face that the embedding was made of.
    """

    box: np.ndarray
    score: float
    points: np.ndarray
    confidence: float
    embedding: np.ndarray
    usable: bool
    aligned: np.ndarray
