"""Reads the annotation files of a collection, in CelebA's layout or as CSV, into one frame."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from facerec.annotation_names import LANDMARKS
from facerec.data.identity import PERSON, names_of, read_identity, read_names
from facerec.data.image_ids import difference
from facerec.data.names import PersonNames
from facerec.data.text_tables import (
    IMAGE,
    Header,
    Rows,
    read_header,
    read_rows,
    read_text,
)
from facerec.geometry import box_from_points
from facerec.tables import BOX, points

MAX_PX = 65_535  # the longest side of a JPEG
CORNERS = ["x_1", "y_1", "x_2", "y_2"]
NO_ROWS = pd.DataFrame({IMAGE: pd.Series(dtype=str)})


@dataclass(frozen=True)
class Collection:
    """The annotations of a collection of photographs.

    Attributes:
        frame: a row for each photograph that every file has: image_id, person_id, landmarks, box,
            and attributes if there are any; sorted by image_id.
        attributes: the attribute columns, possibly none.
        names: of the people, if they have any.
        incomplete: the image_ids that some file lacks, each with the path of the first such file.
    """

    frame: pd.DataFrame
    attributes: list[str]
    names: PersonNames
    incomplete: dict[str, Path]


def read_collection(
    identity: Path, landmarks: Path, boxes: Path, attributes: Path, names: Path | None = None
) -> Collection:
    """Returns the photographs that all files describe.

    Args:
        identity: image_id, and person_id: a number, or a name.
        landmarks: image_id and five points.
        boxes: image_id, x_1, y_1, width, height; without rows: boxes from the points.
        attributes: image_id and columns of -1 or 1; no rows mean a collection without attributes.
        names: person_id and name of people; without rows, or None, each is called as `identity`
            has it.

    Raises:
        ValueError: a file is not of this form, or no photograph is in all of them. The message
            names the file, the line, the value and what was expected.
    """
    people = read_identity(identity)
    files = {identity: people[[IMAGE, PERSON]], **_face_files(landmarks, boxes)}
    described = read_attributes(attributes)
    attribute_names = [name for name in described if name != IMAGE]
    if attribute_names:
        files[attributes] = described
    frame = in_all(files)
    if boxes not in files:
        frame[BOX] = _boxes_from_points(frame, landmarks)
    return Collection(
        frame=frame[[IMAGE, PERSON, *LANDMARKS, *BOX, *attribute_names]],
        attributes=attribute_names,
        names=names_of(people, read_names(names) if names else {}),
        incomplete=_incomplete(files, frame),
    )


def read_faces(landmarks: Path, boxes: Path) -> pd.DataFrame:
    """Returns image_id, landmarks and box of the photographs that both files describe.

    Args:
        landmarks: as in `read_collection`.
        boxes: as in `read_collection`.

    Raises:
        ValueError: as in `read_collection`.
    """
    files = _face_files(landmarks, boxes)
    frame = in_all(files)
    if boxes not in files:
        frame[BOX] = _boxes_from_points(frame, landmarks)
    return frame


def has_boxes(boxes: Path) -> bool:
    """Returns whether there are annotated boxes: the file has more than the header `image_id`."""
    return read_text(boxes) != IMAGE


def _face_files(landmarks: Path, boxes: Path) -> dict[Path, pd.DataFrame]:
    files = {landmarks: read_landmarks(landmarks)}
    return files | {boxes: read_boxes(boxes)} if has_boxes(boxes) else files


def _boxes_from_points(frame: pd.DataFrame, landmarks: Path) -> np.ndarray:
    """Returns the boxes (N, 4) that CelebA would draw around the points."""
    boxes = box_from_points(points(frame))
    is_bad = ~np.isfinite(boxes).all(axis=1)
    if is_bad.any():
        raise ValueError(
            f"{landmarks}: {frame[IMAGE].iloc[int(is_bad.argmax())]}: its five points coincide, so "
            f"they give no box; remove the row, or name a file of boxes in dataset.boxes"
        )
    return boxes


def in_all(files: dict[Path, pd.DataFrame]) -> pd.DataFrame:
    """Returns the photographs that all files have, with all columns, sorted by image_id.

    Args:
        files: rows of image_id and other columns, by path.

    Raises:
        ValueError: there is no such photograph.
    """
    by_name = [table.set_index(IMAGE) for table in files.values()]
    frame = pd.concat(by_name, axis=1, join="inner").sort_index().reset_index()
    if not frame.empty:
        return frame
    paths = list(files)
    for path, other in pairwise(paths):
        if said := difference(files[path][IMAGE], files[other][IMAGE]):
            raise ValueError(
                f"no photograph is in all of {', '.join(map(str, files))}: {said}, of {path.name} "
                f"and {other.name}; expected each name as the photograph's file is named: correct "
                f"one file"
            )
    first = ", ".join(
        f"{table[IMAGE].iloc[:1].tolist()} in {path}" for path, table in files.items()
    )
    raise ValueError(
        f"no photograph is in all of {', '.join(map(str, files))}: the first names are {first}; "
        f"expected the same names in all of them"
    )


def _incomplete(files: dict[Path, pd.DataFrame], frame: pd.DataFrame) -> dict[str, Path]:
    """Returns the image_ids that the frame lacks, sorted, each with the first file without it."""
    if all(len(table) == len(frame) for table in files.values()):
        return {}
    present = {path: set(table[IMAGE]) for path, table in files.items()}
    lost = sorted(set().union(*present.values()) - set(frame[IMAGE]))
    return {
        image_id: next(path for path in files if image_id not in present[path]) for image_id in lost
    }


def read_boxes(path: Path) -> pd.DataFrame:
    """Returns image_id and the box, px; x_2 and y_2 may stand for width and height."""
    text = read_text(path)
    header = read_header(path, text)
    has_corners = {"x_2", "y_2"} <= set(header.columns) and "width" not in header.columns
    rows = _number_rows(path, text, header, CORNERS if has_corners else BOX)
    if has_corners:
        x_1, y_1, x_2, y_2 = (rows.frame[name] for name in CORNERS)
        rows.refuse(x_2 <= x_1, "x_2", "more than x_1")
        rows.refuse(y_2 <= y_1, "y_2", "more than y_1")
        rows = Rows(path, rows.frame.assign(width=x_2 - x_1, height=y_2 - y_1), rows.skipped)
    for side in ("width", "height"):
        rows.refuse(rows.frame[side] <= 0, side, "more than 0")
    return _within_pictures(rows, BOX)[[IMAGE, *BOX]]


def read_landmarks(path: Path) -> pd.DataFrame:
    """Returns image_id and the points, px."""
    text = read_text(path)
    if text == IMAGE:
        raise ValueError(
            f"{path}: expected the five points of each face, got no rows; `facerec import` finds "
            f"faces and points in photographs"
        )
    return _within_pictures(_number_rows(path, text, read_header(path, text), LANDMARKS), LANDMARKS)


def read_attributes(path: Path) -> pd.DataFrame:
    """Returns image_id and the attributes as int8; image_id alone if the file has no rows."""
    text = read_text(path)
    if "\n" not in text:
        return NO_ROWS
    header = read_header(path, text)
    names = [name for name in header.columns if name not in ("", IMAGE)]
    rows = _number_rows(path, text, header, names)
    if rows.frame.empty:
        return NO_ROWS
    for name in names:
        rows.refuse(rows.frame[name].abs() != 1, name, "-1 or 1")
    return rows.frame.astype(dict.fromkeys(names, np.int8))


def read_image_ids(path: Path) -> list[str]:
    """Returns the column image_id of a CSV, which may have other columns, and no rows."""
    text = read_text(path)
    header = read_header(path, text, implied=None)
    if IMAGE not in header.columns:
        raise ValueError(
            f"{path}, line 1: expected a column image_id, got {', '.join(header.columns)}"
        )
    rows = read_rows(path, text, header.only([IMAGE]))
    rows.check_ids()
    return rows.frame[IMAGE].tolist()


def _number_rows(path: Path, text: str, header: Header, columns: list[str]) -> Rows:
    """Returns image_id and columns of numbers."""
    missing = [name for name in columns if name not in header.columns]
    if missing or not columns:
        wanted = ", ".join(missing or ["attributes"])
        raise ValueError(
            f"{path}, line {header.skipped}: expected a header with {wanted}, got {header.columns}"
        )
    rows = read_rows(path, text, header)
    rows = Rows(path, rows.frame[[IMAGE, *columns]].copy(), rows.skipped)
    rows.check_ids()
    rows.check_numbers(columns)
    return rows


def _within_pictures(rows: Rows, names: list[str]) -> pd.DataFrame:
    """Returns the frame; raises ValueError where a value lies beyond any picture.

    A point or box may well reach past its own picture.
    """
    for name in names:
        rows.refuse(rows.frame[name].abs() > MAX_PX, name, f"px, {MAX_PX} at most")
    return rows.frame
