"""Noise planted in a drawn collection: photographs under another person's name, and altered copies of photographs."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from facerec.geometry import FLIP_INDEX
from facerec.synthetic.drawing import Photograph, encode

ALTERATIONS = ("recoloured", "recropped", "compressed", "mirrored")
MARGIN = 0.4  # of the room between the face and the edge, at most, that a crop takes


@dataclass(frozen=True)
class Planted:
    """What is wrong with a collection of N photographs.

    Attributes:
        names: (N,) index of the person under whose name each photograph goes.
        copy_of: (N,) index of the photograph that each is a copy of, -1 if it is none.
        alterations: (N,) one of ALTERATIONS, or empty.
    """

    names: np.ndarray
    copy_of: np.ndarray
    alterations: np.ndarray


def plant(people: np.ndarray, swapped_share: float, duplicate_share: float, seed: int) -> Planted:
    """Returns noise for a collection; of copies neither the original nor the copy is swapped.

    Args:
        people: (N,) index of the person on each photograph.
        swapped_share: of the photographs, that go under another person's name.
        duplicate_share: of the photographs, that are copies of others of their person.
        seed: of the lots.
    """
    rng = np.random.default_rng([seed, 4])
    order = rng.permutation(len(people))
    copy_of, alterations = np.full(len(people), -1), np.full(len(people), "", dtype=object)
    used: set[int] = set()
    for row in order:
        if len(used) >= 2 * round(duplicate_share * len(people)):
            break
        others = [
            other
            for other in np.flatnonzero(people == people[row])
            if other != row and other not in used
        ]
        if row not in used and others:
            copy_of[row] = rng.choice(others)
            alterations[row] = ALTERATIONS[len(used) // 2 % len(ALTERATIONS)]
            used |= {row, int(copy_of[row])}
    names, free = people.copy(), [row for row in order if row not in used]
    for row in free[: round(swapped_share * len(people))]:
        names[row] = rng.choice(np.setdiff1d(people, people[row]))
    return Planted(names, copy_of, alterations)


def altered(picture: Photograph, alteration: str, seed: list[int]) -> Photograph:
    """Returns a copy of a photograph: the same moment, another file.

    Args:
        picture: the original.
        alteration: one of ALTERATIONS.
        seed: of how it is done.
    """
    rng = np.random.default_rng(seed)
    drawn = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None  # a JPEG of our own
    image = cv2.cvtColor(drawn, cv2.COLOR_BGR2RGB)
    if alteration == "recropped":
        return _recropped(picture, image, rng)
    if alteration == "mirrored":
        return _mirrored(picture, image)
    if alteration == "compressed":
        small = cv2.resize(image, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
        again = cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return replace(picture, jpeg=encode(again, int(rng.integers(35, 60))))
    bent = (image / 255.0) ** rng.uniform(0.6, 1.6) * rng.uniform(0.8, 1.2, 3)
    return replace(picture, jpeg=encode((255 * bent).clip(0, 255).astype(np.uint8), 90))


def _recropped(picture: Photograph, image: np.ndarray, rng: np.random.Generator) -> Photograph:
    low, high = picture.landmarks.min(axis=0), picture.landmarks.max(axis=0)
    size = np.array(image.shape[1::-1])
    start = (rng.uniform(0, MARGIN, 2) * np.maximum(low, 0)).astype(int)
    stop = np.ceil(size - rng.uniform(0, MARGIN, 2) * np.maximum(size - high, 0)).astype(int)
    part = image[start[1] : stop[1], start[0] : stop[0]]
    x, y, width, height = picture.box
    box = int(x - start[0]), int(y - start[1]), width, height
    return replace(picture, jpeg=encode(part, 90), landmarks=picture.landmarks - start, box=box)


def _mirrored(picture: Photograph, image: np.ndarray) -> Photograph:
    points = picture.landmarks[FLIP_INDEX] * [-1, 1] + [image.shape[1] - 1, 0]
    x, y, width, height = picture.box
    box = image.shape[1] - x - width, y, width, height
    return replace(picture, jpeg=encode(image[:, ::-1], 90), landmarks=points, box=box)
