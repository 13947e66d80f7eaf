"""The names of photographs: what they may be, and why two files name them differently."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

ENDINGS = ("jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff")  # all are written, too
# A path inside the folder of photographs: no part is hidden or leads up, none is too long for a
# file system. A quotation mark in it is a broken CSV.
PART = r'[^\s/\\."\x00-\x1f\x7f][^/\\"\x00-\x1f\x7f]{0,199}'
IMAGE_ID = rf"(?={PART}(?:/{PART})*\Z).{{1,1000}}\.(?:{'|'.join(ENDINGS)})"
EXPECTED = (
    "an image's file name, such as 000001.jpg or person/0001.jpg, that ends in "
    f"{', '.join(ENDINGS)} (`facerec import` converts other kinds)"
)

# How two spellings of one photograph differ, and what makes them equal.
DIFFERENCES: dict[str, Callable[[str], str]] = {
    "only in upper and lower case": str.casefold,
    "only in how accents are encoded (Unicode NFC or NFD)": lambda name: unicodedata.normalize(
        "NFC", name
    ),
    "only in their folders": lambda name: PurePosixPath(name).name,
    "only in their endings": lambda name: str(PurePosixPath(name).with_suffix("")),
}


def difference(names: Iterable[str], others: Iterable[str]) -> str:
    """Returns how names differ from others that probably mean the same photographs, or "".

    It is a sentence with an example, for a message.

    Args:
        names: image_ids, none of them among the others.
        others: image_ids of another file, or of a folder.
    """
    others = list(others)
    names = list(names)
    for words, same in DIFFERENCES.items():
        by_spelling = {same(other): other for other in reversed(others)}
        for name in names:
            if same(name) in by_spelling:
                return f"the names differ {words}, as {name!r} and {by_spelling[same(name)]!r}"
    return ""


def is_image_id(name: object) -> bool:
    """Returns whether this is the name of a photograph in a folder."""
    return isinstance(name, str) and re.fullmatch(IMAGE_ID, name, re.IGNORECASE) is not None
