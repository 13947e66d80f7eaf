"""A folder of photographs of which some cannot be read: what is decoded once, taken instead, and copied."""

from collections.abc import Callable
from functools import partial
from os.path import realpath  # unlike Path.resolve, no exception for a link to itself
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from facerec import tables
from facerec.files import write_bytes
from facerec.imaging.io import read_image
from facerec.parallel import parallel_map

OnBadImage = Literal["drop", "fail"]
MIN_SIDE = 16  # px; a smaller picture is a placeholder, not a photograph


class Photographs:
    """Remembers which photographs of a folder were decoded, how large they are, and why others were dropped.

    Args:
        folder: of the photographs.
        on_bad_image: `drop` remembers an unreadable photograph and goes on, `fail` stops at it.

    Attributes:
        shapes: width and height by image_id, of the readable ones.
        dropped: reason by image_id.
    """

    def __init__(self, folder: Path, on_bad_image: OnBadImage) -> None:
        if not folder.is_dir():
            raise ValueError(f"{folder}: no such folder of photographs")
        self.folder = folder
        self.on_bad_image = on_bad_image
        self.shapes: dict[str, tuple[int, int]] = {}
        self.dropped: dict[str, str] = {}

    def take(
        self,
        candidates: pd.DataFrame,
        per_person: int,
        look: Callable[[pd.DataFrame], object] | None = None,
    ) -> pd.DataFrame:
        """Returns each person's first `per_person` readable photographs, fewer where there are no more.

        Args:
            candidates: photographs, each person's in the order in which they are wanted.
            per_person: how many of each person.
            look: decodes photographs and has them remembered here, so that whoever wants to know more of them than
                their size decodes them once.
        """
        while True:
            usable = candidates[~candidates.image_id.isin(self.dropped)]
            taken = usable.groupby("person_id").head(per_person)
            unknown = taken[~taken.image_id.isin(self.shapes)]
            if unknown.empty:
                return taken
            (look or self._decode)(unknown)

    def _decode(self, frame: pd.DataFrame) -> None:
        image_ids = frame.image_id.tolist()
        sizes = parallel_map(
            partial(_size, self.folder), image_ids, "decode", processes=True, chunk_size=32
        )
        for image_id, found in zip(image_ids, sizes, strict=True):
            self.remember(image_id, found)

    def remember(self, image_id: str, found: tuple[int, int] | str) -> None:
        """Notes the width and height of a photograph, or why it cannot be had.

        Raises:
            ValueError: it cannot, and `on_bad_image` is fail.
        """
        if isinstance(found, str) and self.on_bad_image == "fail":
            raise ValueError(
                f"{self.folder / image_id}: {found} (select.on_bad_image is fail; drop goes on)"
            )
        if isinstance(found, str):
            self.dropped[image_id] = found
        else:
            self.shapes[image_id] = found

    def refuse_too_many_dropped(self, max_dropped: float) -> None:
        """Checks that unreadable photographs are the exception.

        Raises:
            ValueError: more than `max_dropped` % of those that were decoded are unreadable.
        """
        tried = len(self.shapes) + len(self.dropped)
        if 100 * len(self.dropped) > max_dropped * tried:
            first = "; ".join(
                f"{image_id}: {reason}" for image_id, reason in list(self.dropped.items())[:5]
            )
            raise ValueError(
                f"{self.folder}: {len(self.dropped)} of {tried} photographs cannot be read, "
                f"{100 * len(self.dropped) / tried:.1f} %; select.max_dropped allows {max_dropped:g} %: {first}"
            )

    def refuse_aligned(self, frame: pd.DataFrame) -> None:
        """Checks that landmarks belong to these pictures.

        Raises:
            ValueError: in more than half of the photographs a landmark lies outside the picture, as when CelebA's
                annotations of the photographs in the wild meet its aligned ones.
        """
        sizes = np.array([self.shapes[image_id] for image_id in frame.image_id]).reshape(-1, 2)
        points = tables.points(frame)
        outside = ((points < -0.5) | (points > sizes[:, None] - 0.5)).any(axis=(1, 2))
        if 2 * outside.sum() > len(frame):
            raise ValueError(
                f"{self.folder}: in {outside.sum()} of {len(frame)} photographs a landmark lies outside the picture; "
                f"these look like CelebA's aligned photographs (178 × 218), but img_celeba (in the wild) is needed"
            )

    def copy(self, image_ids: list[str], folder: Path) -> None:
        """Copies photographs byte for byte into another folder."""
        folder.mkdir(parents=True, exist_ok=True)

        def copy(image_id: str) -> None:
            write_bytes(folder / image_id, (self.folder / image_id).read_bytes())

        for _ in parallel_map(copy, image_ids, "copy"):
            pass


def _size(folder: Path, image_id: str) -> tuple[int, int] | str:
    """Returns the width and height of a photograph, or why it cannot be read."""
    try:
        height, width = read_photograph(folder / image_id).shape[:2]
    except ValueError as error:
        return str(error)
    return width, height


def read_photograph(path: Path) -> np.ndarray:
    """Returns RGB uint8 (H, W, 3) of a photograph from outside.

    Raises:
        ValueError: it is no photograph to work with; the message is the reason alone.
    """
    if path.is_symlink() and Path(realpath(path.parent)) not in Path(realpath(path)).parents:
        raise ValueError("a symbolic link out of the folder")
    if path.exists() and not path.is_file():  # a pipe would be waited for without end
        raise ValueError("not a file")
    try:
        image = read_image(path)
    except ValueError as error:
        raise ValueError(str(error).removeprefix(f"{path}: ")) from None
    height, width = image.shape[:2]
    if min(width, height) < MIN_SIDE:
        raise ValueError(f"{width} × {height} px, expected at least {MIN_SIDE} × {MIN_SIDE}")
    return image
