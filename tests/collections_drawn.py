"""Folders of drawn photographs, as people have them."""

import io
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from facerec.synthetic.drawing import Photograph, photograph


@cache
def face(person: int, photo: int = 0) -> Photograph:
    return photograph(5, person, photo, flaw_prob=0.0)


def picture(person: int, photo: int = 0) -> Image.Image:
    return Image.open(io.BytesIO(face(person, photo).jpeg)).convert("RGB")


def side_by_side(*pictures: Image.Image) -> Image.Image:
    """Returns one picture of several, each centred in a part of one width, on grey."""
    height = max(each.height for each in pictures)
    widths = [each.width for each in pictures]
    whole = Image.new("RGB", (sum(widths), height), (128, 128, 128))
    for place, each in enumerate(pictures):
        whole.paste(each, (sum(widths[:place]), 0))
    return whole


def write_people(folder: Path, people: int, photos: int) -> Path:
    """Writes a folder for each person, `Person 1` and so on."""
    for person in range(people):
        for photo in range(photos):
            path = folder / f"Person {person + 1}" / f"Foto ñ {photo + 1}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(face(person, photo).jpeg)
    return folder


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the intersection over union of two boxes x, y, width, height."""
    first = np.maximum(one[:2], other[:2])
    last = np.minimum(one[:2] + one[2:], other[:2] + other[2:])
    common = np.prod(np.maximum(last - first, 0))
    return float(common / (np.prod(one[2:]) + np.prod(other[2:]) - common))
