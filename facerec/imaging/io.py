"""Reading and writing photographs, and mapping a function over many of them. The only cv2.imread."""

import os
import stat
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from facerec import MAX_PIXELS
from facerec.files import BINARY, write_bytes
from facerec.imaging.jpeg import REDUCED, _is_cut_off, _reduction

Order = Literal["RGB", "BGR"]

JPEG_QUALITY = 95
MAX_BYTES = 2**30  # of a photograph's file: more than MAX_PIXELS take unpacked
COLOUR = {"RGB": cv2.IMREAD_COLOR_RGB, "BGR": cv2.IMREAD_COLOR}

cv2.setNumThreads(
    1
)  # parallel_map runs one photograph a thread; OpenCV's own threads would fight it


def read_image(path: Path) -> np.ndarray:
    """Returns a photograph as RGB uint8 (H, W, 3), turned as its EXIF orientation says.

    Raises:
        ValueError: the file is absent, empty, no image, or larger than MAX_PIXELS or MAX_BYTES.
        MemoryError: there is no room for it, of which a photograph is not to blame.
    """
    return read_reduced(path, 1)[0]


def read_reduced(path: Path, scale: float, order: Order = "RGB") -> tuple[np.ndarray, int]:
    """Returns a photograph as `read_image` does, a JPEG at 1/2, 1/4 or 1/8 of its size if that will do; and by which.

    The second is 2, 4, 8, or 1 if it is whole: the side, px, of the block of the whole picture that a pixel stands for.
    There are never fewer pixels than are wanted, unless the whole picture has fewer.

    Args:
        path: of the photograph.
        scale: px that are wanted to a px of the whole picture.
        order: of the colours; BGR is the files' own, for whoever only moves pixels from one to another.

    Raises:
        ValueError: as `read_image`.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for without end
            raise ValueError(f"{path}: not a file")
        if found.st_size > MAX_BYTES:
            raise ValueError(f"{path}: more than {MAX_BYTES} bytes")
        content = _read(path, found.st_size)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from None
    if not content:
        raise ValueError(f"{path}: empty file")
    reduction = _reduction(content, scale) if scale <= 0.5 else 1
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), COLOUR[order] | REDUCED[reduction])
    except cv2.error as error:
        if "MAX_IMAGE_PIXELS" in str(error):
            raise ValueError(f"{path}: more than {MAX_PIXELS} pixels") from None
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(f"{path}: {error.err}") from None
        image = None
    if image is None or _is_cut_off(content):
        raise ValueError(f"{path}: not a readable image")
    return image, reduction


def _read(path: Path, count: int) -> bytes:
    """Returns a file's bytes; Path.read_bytes takes half as long again, for it asks what is known and buys a buffer."""
    file = os.open(path, os.O_RDONLY | BINARY)
    try:
        content = os.read(file, count)
        while len(content) < count and (more := os.read(file, count - len(content))):
            content += more
    finally:
        os.close(file)
    return content


def write_image(path: Path, image: np.ndarray, order: Order = "RGB") -> None:
    """Writes uint8 (H, W, 3) in the format of the path's ending, whole or not at all."""
    ending = path.suffix.lower()
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if ending in {".jpg", ".jpeg"} else []
    image = image if order == "BGR" else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    encoded, content = cv2.imencode(ending, image, options)
    if not encoded:
        raise ValueError(f"{path}: cannot encode this picture")
    write_bytes(path, content.data)
