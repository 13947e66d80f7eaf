"""Pictures inside the page: each one once, as a class of its style sheet."""

import base64
from pathlib import Path

import cv2
import numpy as np

from facerec.imaging.contact_sheets import fit
from facerec.imaging.io import read_image

FACE = 96  # px
FACE_QUALITY = 70
SHEET = 1400  # px, the longest width
SHEET_QUALITY = 75


def data_uri(image: np.ndarray, quality: int) -> str:
    """Returns an image (H, W, 3), RGB uint8, as a WebP in a data URI."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    is_encoded, content = cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, quality])
    if not is_encoded:
        raise ValueError(f"cannot encode an image of {image.shape[1]} × {image.shape[0]} px")
    return f"data:image/webp;base64,{base64.b64encode(content.tobytes()).decode()}"


def sheet_uri(path: Path) -> str | None:
    """Returns a contact sheet as a data URI, None if the run has no such sheet."""
    if not path.is_file():
        return None
    image = read_image(path)
    if image.shape[1] > SHEET:
        height = round(image.shape[0] * SHEET / image.shape[1])
        image = cv2.resize(image, (SHEET, height), interpolation=cv2.INTER_AREA)
    return data_uri(image, SHEET_QUALITY)


class Pictures:
    """The faces that the page shows, by the class of their style."""

    def __init__(self) -> None:
        self._classes: dict[str, str | None] = {}
        self._rules: list[str] = []

    def face(self, path: Path) -> str | None:
        """Returns the class that shows a face; None if the file is not there.

        `align` writes no file for a face that it could not align.
        """
        key = str(path)
        if key not in self._classes:
            self._classes[key] = self.image(read_image(path)) if path.is_file() else None
        return self._classes[key]

    def image(self, image: np.ndarray, side: int = FACE) -> str:
        """Returns the class that shows an image (H, W, 3), RGB uint8, at most `side` px long."""
        if max(image.shape[:2]) > side:
            image = fit(image, side)[0]
        name = f"p{len(self._rules)}"
        self._rules.append(f".{name}{{background-image:url({data_uri(image, FACE_QUALITY)})}}")
        return name

    def style(self) -> str:
        """Returns the rules of all classes."""
        return "\n".join(self._rules)
