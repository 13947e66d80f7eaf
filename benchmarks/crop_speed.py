"""Speed of crop against the notebook's loop, in a process like the stage's.

Nothing here imports torch, which would make the process slower to fork.

python -m benchmarks.crop_speed loop
"""

import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Annotated, Literal

import cv2
import pandas as pd
from typer import Argument, Option
from typer import run as typer_run

from benchmarks.measure import REPEATS, Measured, alternate, speed_of
from facerec import tables
from facerec.alignment.crop import crop_all
from facerec.alignment.params import CropParams
from facerec.data import celeba, identity
from facerec.geometry import crop_squares
from facerec.parallel import num_workers
from facerec.tables import SQUARE

BOX_SCALE = 1.2  # the notebook's
PHOTOGRAPHS = 6000

Peer = Literal["loop", "lookup", "processes"]


@dataclass(frozen=True)
class Faces:
    """Photographs to crop.

    Attributes:
        name: of the collection.
        folder: of the photographs.
        frame: table of all of them, with their boxes, in which the notebook looks its rows up.
        some: image_id and square of those that are cropped.
    """

    name: str
    folder: Path
    frame: pd.DataFrame
    some: pd.DataFrame


def crop(
    data: Path, image_size: int, photographs: int, repeats: int, row_lookup: bool = False
) -> Measured:
    """Returns our speed against the notebook's on one core, times the number of cores.

    Args:
        data: folder that the stages wrote. The photographs are those of its raw/cfp, or else the
            selected ones.
        image_size: side of the crops.
        photographs: at most.
        repeats: of each measurement.
        row_lookup: whether the notebook's loop searches the table for every photograph, as it did.
    """
    faces = _faces(data, photographs)
    cores, photos = num_workers(), len(faces.some)
    with tempfile.TemporaryDirectory() as out:
        new = new_folders(Path(out))
        ours = speed_of(lambda: crop_some(faces.folder, faces.some, image_size, next(new)), photos)
        theirs = speed_of(
            lambda: notebook_crop(faces, image_size, next(new), row_lookup), photos * cores
        )
        return alternate(ours, theirs, f"{faces.name} photographs", repeats)


def crop_in_processes(data: Path, image_size: int, photographs: int, repeats: int) -> Measured:
    """Returns our speed against the notebook's loop without row lookups, one process per core.

    Cores share caches, memory and the disk, so that all together are slower than one times their
    number.
    """
    faces = _faces(data, photographs)
    parts = [
        replace(faces, some=faces.some.iloc[first :: num_workers()])
        for first in range(num_workers())
    ]
    with tempfile.TemporaryDirectory() as out, ProcessPoolExecutor(num_workers()) as pool:
        new = new_folders(Path(out))
        ours = speed_of(
            lambda: crop_some(faces.folder, faces.some, image_size, next(new)), len(faces.some)
        )
        loop = partial(notebook_crop, image_size=image_size, row_lookup=False)
        theirs = speed_of(
            lambda: list(pool.map(partial(loop, out=next(new)), parts)), len(faces.some)
        )
        return alternate(ours, theirs, f"{faces.name} photographs", repeats)


def new_folders(folder: Path) -> Iterator[Path]:
    """Yields empty folders, as a stage finds them: replacing files would take longer."""
    for number in count():
        new = folder / str(number)
        new.mkdir()
        yield new


def _faces(data: Path, photographs: int) -> Faces:
    return (
        _cfp(data / "raw/cfp", photographs)
        if (data / "raw/cfp").is_dir()
        else selected_faces(data, photographs)
    )


def _cfp(folder: Path, photographs: int) -> Faces:
    frame = identity.read_identity(folder / "identity_CelebA.txt").merge(
        celeba.read_boxes(folder / "list_bbox_celeba.txt"), on="image_id", validate="one_to_one"
    )
    some = frame[["image_id"]].iloc[:photographs].copy()
    some[SQUARE] = crop_squares(frame[tables.BOX].to_numpy()[:photographs], BOX_SCALE)
    return Faces("cfp", folder / "img_celeba", frame, some)


def selected_faces(data: Path, photographs: int) -> Faces:
    """Returns the first selected photographs that the stages cropped."""
    parts = [tables.read(data / f"{name}.csv", tables.SELECTED) for name in ("selected", "wild")]
    frame = pd.concat(
        [*parts, tables.read(data / "openset.csv", tables.OPENSET)], ignore_index=True
    )
    squares = squares_of(data, photographs)  # those of landmarks_only too, which have no row here
    some = squares[squares.image_id.isin(frame.image_id)]
    return Faces("selected", data / "photographs", frame, some)


def squares_of(data: Path, photographs: int) -> pd.DataFrame:
    """Returns image_id and square of the first photographs that the stages cropped."""
    return tables.read(data / "cropped_landmarks.csv", tables.CROPPED)[["image_id", *SQUARE]].iloc[
        :photographs
    ]


def crop_some(folder: Path, some: pd.DataFrame, image_size: int, out: Path) -> None:
    """Does what the stage does."""
    crop_all(folder, some.image_id.tolist(), some[SQUARE].to_numpy(), image_size, out)


def notebook_crop(faces: Faces, image_size: int, out: Path, row_lookup: bool) -> None:
    """Crops as the notebook does: imread, clipped square, bilinear resize, imwrite."""
    frame = faces.frame
    by_name = {row.image_id: row for row in frame.itertuples()}
    for name in faces.some.image_id:
        row = frame[frame.image_id == name].iloc[0] if row_lookup else by_name[name]
        picture = cv2.imread(str(faces.folder / name))
        height, width = picture.shape[:2]
        centre_x, centre_y = row.x_1 + row.width / 2, row.y_1 + row.height / 2
        half_x, half_y = row.width * BOX_SCALE / 2, row.height * BOX_SCALE / 2
        left, right = max(int(centre_x - half_x), 0), min(int(centre_x + half_x), width)
        top, bottom = max(int(centre_y - half_y), 0), min(int(centre_y + half_y), height)
        side = min(right - left, bottom - top)
        left, top = left + (right - left - side) // 2, top + (bottom - top - side) // 2
        face = cv2.resize(picture[top : top + side, left : left + side], (image_size, image_size))
        cv2.imwrite(str(out / name), face)


def main(
    against: Annotated[
        Peer, Argument(help="the notebook's loop, with its row lookups, or in as many processes")
    ],
    data: Annotated[Path, Option(help="folder that the stages wrote")] = Path("data"),
    photographs: Annotated[int, Option(help="at most")] = PHOTOGRAPHS,
    repeats: Annotated[int, Option(help="of each of the two, in turn")] = REPEATS,
) -> None:
    """Prints the measurement as JSON. The crops are as large as params.yaml says."""
    image_size = CropParams.load("crop").image_size
    if against == "processes":
        measured = crop_in_processes(data, image_size, photographs, repeats)
    else:
        measured = crop(data, image_size, photographs, repeats, row_lookup=against == "lookup")
    print(json.dumps(asdict(measured)))


if __name__ == "__main__":
    typer_run(main)
