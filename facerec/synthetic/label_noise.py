"""Label noise for a drawn collection: wrong names, and altered copies of photographs."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from facerec.geometry import FLIP_INDEX
from facerec.synthetic.drawing import Photograph, encode

ALTERATIONS = ("recoloured", "recropped", "compressed", "mirrored")
MAX_MARGIN = 0.4  # of the distance from the face to the edge, that a crop may cut off


@dataclass(frozen=True)
class LabelNoise:
    """The errors of a collection of N photographs.

    Attributes:
        labels: (N,) index of the person that each photograph is labelled with.
        copy_of: (N,) index of the original of each photograph, -1 if it is no copy.
        alterations: (N,) one of ALTERATIONS, or empty.
    """

    labels: np.ndarray
    copy_of: np.ndarray
    alterations: np.ndarray


def sample_label_noise(
    people: np.ndarray, label_noise: float, duplicate_share: float, seed: int
) -> LabelNoise:
    """Returns random errors for a collection. Copies and their originals keep the right label.

    Args:
        people: (N,) index of the person on each photograph.
        label_noise: share of the photographs with a wrong label.
        duplicate_share: share of the photographs that are copies of others of the same person.
        seed: of the random numbers.
    """
    rng = np.random.default_rng([seed, 4])
    order = rng.permutation(len(people))
    copy_of = np.full(len(people), -1)
    alterations = np.full(len(people), "", dtype=object)
    used: set[int] = set()
    for row in order:
        if len(used) >= 2 * round(duplicate_share * len(people)):
            break
        same_person = np.flatnonzero(people == people[row])
        others = [other for other in same_person if other != row and other not in used]
        if row not in used and others:
            copy_of[row] = rng.choice(others)
            alterations[row] = ALTERATIONS[len(used) // 2 % len(ALTERATIONS)]
            used |= {row, int(copy_of[row])}
    labels = people.copy()
    free = [row for row in order if row not in used]
    for row in free[: round(label_noise * len(people))]:
        labels[row] = rng.choice(np.setdiff1d(people, people[row]))
    return LabelNoise(labels, copy_of, alterations)


def altered(picture: Photograph, alteration: str, seed: list[int]) -> Photograph:
    """Returns an altered copy of a photograph.

    Args:
        picture: the original.
        alteration: one of ALTERATIONS.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    image = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert image is not None  # it is a JPEG file that we wrote
    if alteration == "recropped":
        return _recropped(picture, image, rng)
    if alteration == "mirrored":
        return _mirrored(picture, image)
    if alteration == "compressed":
        reduced = cv2.resize(image, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
        enlarged = cv2.resize(reduced, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return replace(picture, jpeg=encode(enlarged, int(rng.integers(35, 60))))
    recoloured = (image / 255.0) ** rng.uniform(0.6, 1.6) * rng.uniform(0.8, 1.2, 3)
    return replace(picture, jpeg=encode((255 * recoloured).clip(0, 255).astype(np.uint8), 90))


def _recropped(picture: Photograph, image: np.ndarray, rng: np.random.Generator) -> Photograph:
    low = picture.landmarks.min(axis=0)
    high = picture.landmarks.max(axis=0)
    size = np.array(image.shape[1::-1])
    start = (rng.uniform(0, MAX_MARGIN, 2) * np.maximum(low, 0)).astype(int)
    stop = np.ceil(size - rng.uniform(0, MAX_MARGIN, 2) * np.maximum(size - high, 0)).astype(int)
    part = image[start[1] : stop[1], start[0] : stop[0]]
    x, y, width, height = picture.box
    box = int(x - start[0]), int(y - start[1]), width, height
    return replace(picture, jpeg=encode(part, 90), landmarks=picture.landmarks - start, box=box)


def _mirrored(picture: Photograph, image: np.ndarray) -> Photograph:
    points = picture.landmarks[FLIP_INDEX] * [-1, 1] + [image.shape[1] - 1, 0]
    x, y, width, height = picture.box
    box = image.shape[1] - x - width, y, width, height
    return replace(picture, jpeg=encode(image[:, ::-1], 90), landmarks=points, box=box)
