"""Reading and writing images. No other module decodes image files."""

import stat
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from facerec import MAX_PIXELS
from facerec.files import write_bytes
from facerec.imaging.jpeg import REDUCED_FLAGS, is_cut_off, possible_reduction

Order = Literal["RGB", "BGR"]

JPEG_QUALITY = 95
MAX_BYTES = 2**30  # of a photograph's file: more than MAX_PIXELS take uncompressed
COLOUR_FLAGS = {"RGB": cv2.IMREAD_COLOR_RGB, "BGR": cv2.IMREAD_COLOR}

cv2.setNumThreads(1)  # parallel_map uses all cores; OpenCV's own threads would compete with it


def read_image(path: Path) -> np.ndarray:
    """Returns a photograph as RGB uint8 (H, W, 3), rotated as its EXIF orientation says.

    Raises:
        ValueError: the file is absent, empty, no image, or larger than MAX_PIXELS or MAX_BYTES.
        MemoryError: there is not enough memory for it.
    """
    return read_reduced(path, 1)[0]


def read_reduced(path: Path, scale: float, order: Order = "RGB") -> tuple[np.ndarray, int]:
    """Returns a photograph, a JPEG at 1/2, 1/4 or 1/8 of its size if that is enough.

    The second value is the reduction: 1, 2, 4 or 8. It never has fewer pixels than are wanted,
    unless the whole photograph has fewer.

    Args:
        path: of the photograph.
        scale: wanted size, of the whole photograph's.
        order: of the colours; BGR is what OpenCV reads and writes without a conversion.

    Raises:
        ValueError, MemoryError: as `read_image`.
    """
    content = _read_bytes(path)
    reduction = possible_reduction(content, scale)
    flags = COLOUR_FLAGS[order] | REDUCED_FLAGS[reduction]
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error as error:
        if "MAX_IMAGE_PIXELS" in str(error):
            raise ValueError(f"{path}: more than {MAX_PIXELS} pixels") from None
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(f"{path}: {error.err}") from None
        image = None
    if image is None or is_cut_off(content):
        raise ValueError(f"{path}: not a readable image")
    return image, reduction


def _read_bytes(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would never end
            raise ValueError(f"{path}: not a file")
        if status.st_size > MAX_BYTES:
            raise ValueError(f"{path}: more than {MAX_BYTES} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from None
    if not content:
        raise ValueError(f"{path}: empty file")
    return content


def write_image(path: Path, image: np.ndarray, order: Order = "RGB") -> None:
    """Writes uint8 (H, W, 3) in the format of the path's suffix, whole or not at all."""
    suffix = path.suffix.lower()
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if suffix in {".jpg", ".jpeg"} else []
    bgr = image if order == "BGR" else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    is_encoded, content = cv2.imencode(suffix, bgr, options)
    if not is_encoded:
        raise ValueError(f"{path}: cannot encode this image")
    write_bytes(path, content.data)
