"""Faces drawn on photographs: boxes, points and captions."""

from collections.abc import Sequence

import cv2
import numpy as np

from facerec.commands.naming import NamedFace
from facerec.imaging.contact_sheets import INK, draw_points

KNOWN, UNKNOWN = (120, 255, 120), (255, 200, 90)  # colours of boxes
LINES = 1 / 400  # thickness, of the photograph's longer side
LETTERS = 1 / 45  # height, likewise
SMALLEST_LETTERS = 12  # px
PADDING = 0.3  # around a caption, of its letters' height


def draw_faces(image: np.ndarray, faces: Sequence[NamedFace]) -> np.ndarray:
    """Returns a copy of a photograph (H, W, 3) uint8 RGB with its faces drawn on it."""
    drawn = image.copy()
    thickness = max(1, round(LINES * max(image.shape)))
    for named in faces:
        x, y, width, height = (round(value) for value in named.face.box.tolist())
        colour = KNOWN if named.is_known else UNKNOWN
        corner = (x + width - 1, y + height - 1)
        cv2.rectangle(drawn, (x, y), corner, colour, thickness, cv2.LINE_AA)
        draw_points(drawn, named.face.points, radius=1.5 * thickness)
    for named in faces:  # captions lie above all boxes
        if named.caption:
            _write(drawn, named.caption, named.face.box, KNOWN if named.is_known else UNKNOWN)
    return drawn


def _write(image: np.ndarray, text: str, box: np.ndarray, colour: tuple) -> None:
    """Writes a caption above a box, or inside it where the photograph ends, on the box's colour.

    OpenCV's fonts have Latin, Greek, Cyrillic, Hebrew, Arabic, Chinese, Japanese and Korean
    letters.
    """
    size = max(SMALLEST_LETTERS, round(LETTERS * max(image.shape)))
    font = cv2.FontFace("uni")
    padding = round(PADDING * size)
    sides = image.shape[1::-1]
    text_width = cv2.getTextSize(sides, text, (0, 0), font, size)[2]
    width, height = text_width + 2 * padding, size + 2 * padding
    left = int(np.clip(round(box[0]), 0, max(0, sides[0] - width)))
    top = max(0, round(box[1]) - height)
    cv2.rectangle(image, (left, top), (left + width, top + height), colour, -1)
    cv2.putText(image, text, (left + padding, top + padding + size), INK, font, size)
