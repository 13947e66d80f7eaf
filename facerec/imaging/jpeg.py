"""JPEG headers: the size, whether the file is whole, and by how much it can be decoded smaller."""

from collections.abc import Iterator

import cv2

from facerec import MAX_PIXELS

FRAMES = {0xC0, 0xC1, 0xC2}  # markers of a JPEG's size: baseline, extended, progressive
REDUCED = {  # by which a JPEG is decoded smaller; with either of COLOUR they give colours too
    1: 0,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}


def _reduction(content: bytes, scale: float) -> int:
    """Returns by how much a photograph may be reduced while it is decoded.

    Only a JPEG; only if OpenCV, which sees the reduced size, could not take it for one that is not too large; and where
    EXIF may turn it, only if whole blocks fill it, for else those at the right and below would come first.
    """
    segments = dict(_segments(content))
    frame = next(
        (content[place + 5 : place + 9] for name, place in segments.items() if name in FRAMES), b""
    )
    height, width = int.from_bytes(frame[:2], "big"), int.from_bytes(frame[2:], "big")
    if not 0 < height * width <= MAX_PIXELS:
        return 1
    turned = 0xE1 in segments  # APP1, EXIF's
    whole = [block for block in (8, 4, 2) if not turned or (height % block == width % block == 0)]
    return next((block for block in whole if block * scale <= 1), 1)


def _is_cut_off(content: bytes) -> bool:
    """Returns whether a JPEG has no end-of-image marker after its header; the decoder turns the rest gray, or zero."""
    if content.endswith(b"\xff\xd9"):
        return False
    return any(
        name == 0xDA and content.find(b"\xff\xd9", place) < 0 for name, place in _segments(content)
    )


def _segments(content: bytes) -> Iterator[tuple[int, int]]:
    """Yields the marker and the place of each part of a JPEG's header, to the start of its pixels (0xDA)."""
    place = 2
    while content.startswith(b"\xff\xd8") and content[place : place + 1] == b"\xff":
        marker, high, low = (*content[place + 1 : place + 4], 0, 0, 0)[:3]
        yield marker, place
        if marker == 0xDA:
            return
        place += 2 + 256 * high + low
