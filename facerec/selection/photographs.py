"""Reading photographs from outside, and copying those that were chosen."""

from collections.abc import Sequence
from itertools import islice
from os.path import exists, realpath  # unlike Path's, no exception for a link to itself
from pathlib import Path

import numpy as np

from facerec.data.image_ids import difference, is_image_id
from facerec.files import write_bytes
from facerec.imaging.io import read_image
from facerec.parallel import parallel_map

MIN_SIDE = 16  # px; a smaller picture is a placeholder, not a photograph
LOOKED_AT = 300_000  # files of a folder, to say why the photographs are not found


def refuse_absent(image_ids: Sequence[str], images: Path) -> None:
    """Checks that the folder holds most of the photographs.

    Raises:
        ValueError: there is no such folder, or it lacks more than half of them; the message says
            what the folder has in their place.
    """
    if not images.is_dir():
        raise ValueError(f"{images}: no such folder of photographs")
    absent = [name for name in image_ids if not exists(images / name)]
    if 2 * len(absent) <= len(image_ids):
        return
    paths = (path.relative_to(images).as_posix() for path in images.rglob("*"))
    found = [*islice((name for name in paths if is_image_id(name)), LOOKED_AT)]
    said = difference(absent, found)
    if not said:
        said = f"it holds {found[0]!r} and others" if found else "it holds no photographs"
    folder = next((Path(name).parent for name in found if Path(name).name == absent[0]), None)
    advice = (
        f"set dataset.images to {images / folder}"
        if folder is not None and folder.name
        else "expected each image_id to be the path of a photograph in dataset.images"
    )
    raise ValueError(
        f"{images}: {len(absent)} of {len(image_ids)} photographs are not there, as {absent[0]!r}: "
        f"{said}; {advice}"
    )


def read_photograph(path: Path, folder: Path) -> np.ndarray:
    """Returns a photograph as RGB uint8 (H, W, 3).

    Args:
        path: of the photograph.
        folder: that it must lie in, after all links are followed.

    Raises:
        ValueError: it cannot be used; the message is the reason alone, without the path.
    """
    if Path(realpath(folder)) not in Path(realpath(path)).parents:
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
