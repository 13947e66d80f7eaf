"""Draws photographs of faces with known identity, landmarks and attributes.

A person is a set of traits (`identity`). A scene is what changes from photograph to photograph
(`scene`). Both meet in a simple head in three dimensions (`head`): each feature is a point or a
curve on its surface, turned and projected, so the five landmarks are exact.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from facerec.synthetic.annotations import attributes, detector_box, landmarks
from facerec.synthetic.identity import sample_identity
from facerec.synthetic.rendering import render
from facerec.synthetic.scene import sample_scene


@dataclass(frozen=True)
class Photograph:
    """A drawn photograph and the truth about it.

    Attributes:
        jpeg: the encoded file.
        landmarks: (5, 2) px, in the order of annotation_names.POINTS.
        box: x, y, width, height, px.
        attributes: those that hold, of annotation_names.ATTRIBUTES.
        flaw: one of FLAWS, or none.
    """

    jpeg: bytes
    landmarks: np.ndarray
    box: tuple[int, int, int, int]
    attributes: frozenset[str]
    flaw: str


def photograph(seed: int, person: int, photo: int, flaw_prob: float) -> Photograph:
    """Returns one photograph, the same bytes whenever the arguments are the same.

    Args:
        seed: of the collection.
        person: which person of it.
        photo: which photograph of this person.
        flaw_prob: probability that the photograph is tiny, blurred, in profile or covered.
    """
    identity = sample_identity(np.random.default_rng([seed, 0, person]))
    rng = np.random.default_rng([seed, 1, person, photo])
    scene = sample_scene(rng, identity, flaw_prob)
    return Photograph(
        encode(render(identity, scene), scene.quality),
        landmarks(identity, scene),
        detector_box(identity, scene, rng),
        attributes(identity, scene),
        scene.flaw,
    )


def encode(image: np.ndarray, quality: int) -> bytes:
    """Returns RGB uint8 (H, W, 3) as a JPEG file."""
    _, content = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return content.tobytes()
