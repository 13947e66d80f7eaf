"""JPEG headers: whether a file is complete, and how much smaller it can be decoded."""

from collections.abc import Iterator

import cv2

from facerec import MAX_PIXELS

START_OF_IMAGE, END_OF_IMAGE = b"\xff\xd8", b"\xff\xd9"
FRAME_MARKERS = {0xC0, 0xC1, 0xC2}  # hold the size: baseline, extended, progressive
EXIF_MARKER = 0xE1
SCAN_MARKER = 0xDA  # the pixels begin
REDUCED_FLAGS = {  # by the reduction; combined with a colour flag, the image has colours
    1: 0,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}


def possible_reduction(content: bytes, scale: float) -> int:
    """Returns 8, 4, 2 or 1: the largest reduction that leaves at least `scale` of the size.

    It is 1 for all but JPEG files, and for images that are too large: OpenCV checks only the
    reduced size. If EXIF may rotate the image, the reduction must divide both sides, or the
    incomplete blocks at the right and below would come first.

    Args:
        content: of the image file.
        scale: wanted size, of the whole image's.
    """
    positions = dict(_segments(content))
    frame = next((positions[marker] for marker in positions if marker in FRAME_MARKERS), None)
    if frame is None:
        return 1
    height = int.from_bytes(content[frame + 5 : frame + 7], "big")
    width = int.from_bytes(content[frame + 7 : frame + 9], "big")
    if not 0 < height * width <= MAX_PIXELS:
        return 1
    for reduction in (8, 4, 2):
        divides = height % reduction == 0 and width % reduction == 0
        if reduction * scale <= 1 and (divides or EXIF_MARKER not in positions):
            return reduction
    return 1


def is_cut_off(content: bytes) -> bool:
    """Returns whether a JPEG has no end marker after its header: decoders fill the rest in gray."""
    if content.endswith(END_OF_IMAGE):
        return False
    scans = [position for marker, position in _segments(content) if marker == SCAN_MARKER]
    return any(END_OF_IMAGE not in content[position:] for position in scans)


def _segments(content: bytes) -> Iterator[tuple[int, int]]:
    """Yields marker and position of each part of a JPEG's header, up to the start of the pixels."""
    position = 2
    while content.startswith(START_OF_IMAGE) and content[position : position + 1] == b"\xff":
        marker, high, low = (*content[position + 1 : position + 4], 0, 0, 0)[:3]
        yield marker, position
        if marker == SCAN_MARKER:
            return
        position += 2 + 256 * high + low
