"""People's own photographs in any format: what their headers say, their pixels, and their copies.

Originals are only read. Formats that the pipeline reads are copied byte for byte, EXIF's turn
included: every stage turns photographs as EXIF says. Other formats become upright JPEGs of quality
95.
"""

import io
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from facerec import MAX_PIXELS
from facerec.collections.xmp import SIDEWAYS
from facerec.files import write_bytes
from facerec.imaging.io import MAX_BYTES, read_image, read_reduced, write_image

COPIED = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp"}
CONVERTED = ".jpg"
READ_BY_OPENCV = {*COPIED, "TIFF"}  # upright; it does not turn AVIF, and reads no HEIF
# ISO/IEC 23008-12, annex B and 10.2: still pictures and sequences of HEVC, or of any coding.
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
HEIF_ADVICE = (
    "HEIC needs the library pillow-heif: `uv sync --inexact --only-group heic`, or "
    "`pip install pillow-heif`"
)
ORIENTATION = 0x112  # of EXIF
Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit only warns; `_header` has ours


@dataclass(frozen=True)
class Header:
    """What a photograph's header says.

    Attributes:
        kind: the format as Pillow names it; it need not be the one that the file's ending says.
        width: of the upright picture, px.
        height: of the upright picture, px.
        orientation: of EXIF, 1 to 8.
        xmp: the XMP packet, if there is one.
    """

    kind: str
    width: int
    height: int
    orientation: int
    xmp: bytes | str | None

    @property
    def suffix(self) -> str:
        """Returns the ending that the photograph has in a collection."""
        return COPIED.get(self.kind, CONVERTED)


def read_original(path: Path) -> tuple[bytes, Header]:
    """Returns a photograph's bytes, and what its header says.

    Raises:
        ValueError: it cannot be read; the message is the reason alone, without the path.
    """
    try:
        if not path.exists():
            raise ValueError("no such file")
        if not path.is_file():  # reading a pipe would never end
            raise ValueError("not a file")
        size = path.stat().st_size
        if size == 0:
            raise ValueError("empty file")
        if size > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES} bytes")
        content = path.read_bytes()
        if _is_heif(content) and not _register_heif():
            raise ValueError(HEIF_ADVICE)
        with Image.open(io.BytesIO(content)) as image:
            return content, _header(image)
    except OSError as error:  # Pillow's have no strerror
        raise ValueError(error.strerror or "not a readable image") from None
    except (SyntaxError, OverflowError, EOFError):  # Pillow's, at damaged headers
        raise ValueError("not a readable image") from None


def _header(image: Image.Image) -> Header:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ValueError(f"more than {MAX_PIXELS} pixels")
    try:
        orientation = int(image.getexif().get(ORIENTATION, 1))
    except (ValueError, SyntaxError, TypeError, OSError):  # damaged EXIF
        orientation = 1
    # These two arrive upright from Pillow.
    is_upright = image.format in {"TIFF", "HEIF"}
    if image.format == "HEIF":
        orientation = int(image.info.get("original_orientation") or 1)
    if orientation in SIDEWAYS and not is_upright:
        width, height = height, width
    return Header(image.format or "", width, height, orientation, image.info.get("xmp"))


def _is_heif(content: bytes) -> bool:
    brand, compatible = content[8:12], content[12:64]
    return content[4:8] == b"ftyp" and brand in HEIF_BRANDS and b"avif" not in compatible


@cache
def _register_heif() -> bool:
    """Returns whether HEIC can be read, after telling Pillow how."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def read_pixels(path: Path, header: Header, long_side: int) -> tuple[np.ndarray, float]:
    """Returns a photograph as upright RGB uint8 (H, W, 3), and its px for each px of that.

    A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that leaves `long_side` px.

    Raises:
        ValueError: it cannot be decoded; the message is the reason alone, without the path.
    """
    scale = min(1.0, long_side / max(header.width, header.height))
    try:
        if header.kind in COPIED:
            image, reduction = read_reduced(path, scale)
            return image, float(reduction)
        return _decoded(path, header.kind), 1.0
    except ValueError as error:
        raise ValueError(str(error).removeprefix(f"{path}: ")) from None


def _decoded(path: Path, kind: str) -> np.ndarray:
    """Returns a whole photograph (H, W, 3) of a format that is converted."""
    if kind in READ_BY_OPENCV:  # 16 bits a colour too, which Pillow does not read
        try:
            return read_image(path)
        except ValueError:  # a compression that OpenCV does not know
            pass
    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, SyntaxError, EOFError, ValueError) as error:
        raise ValueError(f"not a readable image: {error}") from None


def store(
    path: Path,
    content: bytes,
    header: Header,
    image: np.ndarray | None,
    target: Path,
    link: bool,
) -> None:
    """Writes a photograph into a collection, whole or not at all.

    Args:
        path: of the original.
        content: of the original.
        header: of the original.
        image: its whole pixels, if they are at hand; only a converted format needs them.
        target: has `header.suffix`.
        link: whether to make a hard link instead of a copy. It shares the original's bytes and
            permissions.

    Raises:
        OSError: it cannot be written.
    """
    if header.kind not in COPIED:
        write_image(target, _decoded(path, header.kind) if image is None else image)
    elif link:
        target.unlink(missing_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, target)
    else:
        write_bytes(target, content)
