"""A folder of photographs of which some cannot be read: what is decoded once, taken instead, and copied."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from facerec import tables
from facerec.images import parallel_map, read_image


class Photographs:
    """Remembers which photographs of a folder were decoded, how large they are, and why others were dropped.

    Attributes:
        shapes: width and height by image_id, of the readable ones.
        dropped: reason by image_id.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise ValueError(f"{folder}: no such folder of photographs")
        self.folder = folder
        self.shapes: dict[str, tuple[int, int]] = {}
        self.dropped: dict[str, str] = {}

    def take(self, candidates: pd.DataFrame, per_person: int) -> pd.DataFrame:
        """Returns each person's first `per_person` readable photographs, fewer where there are no more.

        Args:
            candidates: photographs, each person's in the order in which they are wanted.
            per_person: how many of each person.
        """
        while True:
            usable = candidates[~candidates.image_id.isin(self.dropped)]
            taken = usable.groupby("person_id").head(per_person)
            unknown = [image_id for image_id in taken.image_id if image_id not in self.shapes]
            if not unknown:
                return taken
            self._decode(unknown)

    def _decode(self, image_ids: list[str]) -> None:
        for image_id, found in zip(image_ids, parallel_map(self._try, image_ids, "decode"), strict=True):
            if isinstance(found, str):
                self.dropped[image_id] = found
            else:
                self.shapes[image_id] = found

    def _try(self, image_id: str) -> tuple[int, int] | str:
        try:
            height, width = read_image(self.folder / image_id).shape[:2]
        except ValueError as error:
            return str(error).removeprefix(f"{self.folder / image_id}: ")
        return width, height

    def refuse_aligned(self, frame: pd.DataFrame) -> None:
        """Checks that landmarks belong to these pictures.

        Raises:
            ValueError: in more than half of the photographs a landmark lies outside the picture, as when CelebA's
                annotations of the photographs in the wild meet its aligned ones.
        """
        sizes = np.array([self.shapes[image_id] for image_id in frame.image_id])
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
        for _ in parallel_map(lambda name: _copy(self.folder / name, folder / name), image_ids, "copy"):
            pass


def _copy(source: Path, target: Path) -> None:
    partial = target.with_name(f".{target.name}.partial")
    shutil.copyfile(source, partial)
    partial.replace(target)
