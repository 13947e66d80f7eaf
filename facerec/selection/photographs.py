"""Reading photographs from outside, and copying those that were chosen."""

from os.path import realpath  # unlike Path.resolve, no exception for a link to itself
from pathlib import Path

import numpy as np

from facerec.files import write_bytes
from facerec.imaging.io import read_image
from facerec.parallel import parallel_map

MIN_SIDE = 16  # px; a smaller picture is a placeholder, not a photograph


def read_photograph(path: Path) -> np.ndarray:
    """Returns a photograph as RGB uint8 (H, W, 3).

    Raises:
        ValueError: it cannot be used; the message is the reason alone, without the path.
    """
    if path.is_symlink() and Path(realpath(path.parent)) not in Path(realpath(path)).parents:
        raise ValueError("a symbolic link out of the folder")
    if path.exists() and not path.is_file():  # reading a pipe would never end
        raise ValueError("not a file")
    try:
        image = read_image(path)
    except ValueError as error:
        raise ValueError(str(error).removeprefix(f"{path}: ")) from None
    height, width = image.shape[:2]
    if min(width, height) < MIN_SIDE:
        raise ValueError(f"{width} × {height} px, expected at least {MIN_SIDE} × {MIN_SIDE}")
    return image


def copy_photographs(image_ids: list[str], source: Path, target: Path) -> None:
    """Copies photographs byte for byte from one folder into another."""
    target.mkdir(parents=True, exist_ok=True)

    def copy(image_id: str) -> None:
        write_bytes(target / image_id, (source / image_id).read_bytes())

    for _ in parallel_map(copy, image_ids, "copy"):
        pass
