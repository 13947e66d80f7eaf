"""The annotation files of a drawn collection: CelebA's, and the truth about it."""

from collections.abc import Iterable

import numpy as np

from facerec.annotation_names import ATTRIBUTES, LANDMARKS
from facerec.synthetic.drawing import Photograph
from facerec.synthetic.label_noise import LabelNoise


def identity_file(names: list[str], person_ids: np.ndarray) -> bytes:
    """Returns CelebA's file of image_id and person_id, without a header."""
    return _lines(f"{name} {person}" for name, person in zip(names, person_ids, strict=True))


def boxes_file(names: list[str], pictures: list[Photograph]) -> bytes:
    """Returns CelebA's file of boxes, px."""
    rows = [
        name + "".join(f" {value:>5}" for value in picture.box)
        for name, picture in zip(names, pictures, strict=True)
    ]
    return _lines([str(len(names)), "image_id x_1 y_1 width height", *rows])


def landmarks_file(names: list[str], pictures: list[Photograph]) -> bytes:
    """Returns CelebA's file of points, px, with two decimals.

    CelebA's own points are whole pixels. These are known exactly.
    """
    rows = [
        name + "".join(f" {value:>7.2f}" for value in picture.landmarks.ravel())
        for name, picture in zip(names, pictures, strict=True)
    ]
    return _lines([str(len(names)), " ".join(LANDMARKS), *rows])


def attributes_file(names: list[str], pictures: list[Photograph]) -> bytes:
    """Returns CelebA's file of attributes, -1 or 1."""

    def flags(picture: Photograph) -> str:
        return "".join("  1" if name in picture.attributes else " -1" for name in ATTRIBUTES)

    rows = [name + flags(picture) for name, picture in zip(names, pictures, strict=True)]
    return _lines([str(len(names)), " ".join(ATTRIBUTES), *rows])


def truth_file(names: list[str], person_ids: np.ndarray, noise: LabelNoise) -> bytes:
    """Returns the true person of each photograph, and what it is a copy of, as a CSV.

    Only tests and benchmarks may read it, no selection and no training.
    """
    originals = [names[row] if row >= 0 else "" for row in noise.copy_of]
    rows = zip(names, person_ids, originals, noise.alterations, strict=True)
    header = "image_id,person_id,copy_of,alteration"
    return _lines([header, *(",".join(map(str, row)) for row in rows)])


def _lines(rows: Iterable[str]) -> bytes:
    return ("\n".join(rows) + "\n").encode()
