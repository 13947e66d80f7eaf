"""The columns and the key of each CSV, checked whenever one is read or written."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from facerec.annotation_names import LANDMARKS
from facerec.files import write_bytes

BOX = ["x_1", "y_1", "width", "height"]
SQUARE = ["crop_x", "crop_y", "crop_side"]
ALIGNMENTS = (2, 3, 5)  # points that a face is aligned by
FILE_NAME = r"[^/\\.\x00][^/\\\x00]{0,199}"  # of an image_id
DECIMALS = 3  # a thousandth of a pixel
MAX_LABEL = 2**31 - 1


@dataclass(frozen=True)
class Table:
    """What a CSV holds.

    Attributes:
        name: as in messages.
        key: columns that together name a row.
        numbers: columns of finite numbers.
        texts: columns of text, besides the key.
        blank: columns of numbers that may be empty.
        blank_texts: columns of text that may be empty.
        labels: those columns of numbers that are people's classes: whole, from 0.
        optional: whether further columns (attributes) may follow.
        decimals: to which numbers are written.
    """

    name: str
    key: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    blank: tuple[str, ...] = ()
    blank_texts: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    optional: bool = False
    decimals: int = DECIMALS

    @property
    def columns(self) -> list[str]:
        return [*self.key, *self.numbers, *self.texts, *self.blank, *self.blank_texts]


BOXES = Table("boxes", ("image_id",), tuple(BOX))
POINTS = Table("points", ("image_id",), tuple(LANDMARKS))
FACES = Table(
    "faces that a detector found",
    ("image_id", "face"),  # the number of the face in its photograph, the surest first
    ("is_chosen", "score", *BOX),
    blank=tuple(LANDMARKS),  # of a detector that finds none
    decimals=4,
)
SELECTED = Table(
    "selected photographs",
    ("image_id",),
    ("person_id", *LANDMARKS, *BOX, "label"),
    labels=("label",),
    optional=True,
)
OPENSET = Table(
    "open set", ("image_id",), ("person_id", *LANDMARKS, *BOX), ("role",), ("label",), optional=True
)
CROPPED = Table("cropped landmarks", ("image_id",), (*LANDMARKS, *SQUARE))
PREDICTED = Table(
    "predicted landmarks",
    ("image_id",),
    ("confidence", *(f"aligned_{points}" for points in ALIGNMENTS)),
    blank=tuple(LANDMARKS),  # where the network gave no number; then nothing is aligned
)
ALIGNED = Table(
    "alignment",
    ("image_id",),
    ("points_outside", "distorted_3"),
    ("fault",),  # none, or the first of those that `align` knows
    blank=tuple(
        f"{what}_{points}"
        for points in ALIGNMENTS
        for what in ("roll", "scale", "shear", "residual")
    ),
)
MEASURES = Table(
    "measures of photographs",
    ("image_id",),
    blank=("width", "height", "sharpness", "exposure", "contrast", "box_in_picture"),
    blank_texts=("hash", "thumbnail", "unreadable"),  # the last one: why, and all others are empty
    decimals=4,
)
AUDIT = Table(
    "photographs to review",
    ("image_id",),
    ("person_id", "suggested_person_id", "score"),
    ("action",),
    decimals=6,
)
AUDIT_PEOPLE = Table(
    "pairs of people to review",
    ("person_id", "other_person_id"),
    ("score",),
    ("action",),
    decimals=6,
)
DROPPED = Table("dropped photographs", ("image_id", "reason"))
REPORT = Table(
    "report",
    ("image_id",),
    ("label", "is_recognized", "predicted_label", "score", "recognized_share"),
    ("split",),
    labels=("label", "predicted_label"),
    decimals=6,
)


def read(path: Path, table: Table) -> pd.DataFrame:
    """Returns a CSV's rows, checked.

    Raises:
        ValueError: the file is absent or no CSV, a column is missing, a key is there twice, or a
            value is no number; the message names the file and the line.
    """
    try:
        frame = pd.read_csv(
            io.BytesIO(path.read_bytes().rstrip()),  # blank lines at the end do no harm
            dtype={name: str for name in (*table.key, *table.texts, *table.blank_texts)},
            keep_default_na=True,
            skip_blank_lines=False,  # so that the numbers of lines are right
        )
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a CSV: {error}") from None
    check(frame, table, path)
    return frame


def write(frame: pd.DataFrame, path: Path, table: Table) -> None:
    """Writes the rows as CSV, checked, whole or not at all.

    Columns that are not the table's follow, if it has `optional` ones.
    """
    extra = [name for name in frame if name not in table.columns] if table.optional else []
    frame = frame[[*table.columns, *extra]] if set(table.columns) <= set(frame) else frame
    check(frame, table, path)
    content = frame.round(table.decimals).to_csv(index=False, lineterminator="\n")
    write_bytes(path, content.encode())


def check(frame: pd.DataFrame, table: Table, path: Path) -> None:
    """Raises ValueError where rows are not what the table says."""
    missing = [name for name in table.columns if name not in frame]
    if missing:
        raise ValueError(f"{path}: {table.name}: missing columns {', '.join(missing)}")
    key = list(table.key)
    is_repeated = frame.duplicated(key)
    if is_repeated.any():
        row = int(np.argmax(is_repeated))
        name = "/".join(map(str, frame[key].iloc[row]))
        raise ValueError(f"{path}, line {row + 2}: {name} is there twice")
    for name in (*table.key, *table.texts):
        _refuse(path, frame, name, frame[name].isna() | (frame[name] == ""), "text")
    if "image_id" in table.key:
        _refuse(path, frame, "image_id", ~frame.image_id.str.fullmatch(FILE_NAME), "a file name")
    for name in (*table.numbers, *table.blank):
        values = pd.to_numeric(frame[name], errors="coerce").to_numpy(float)
        may_be_blank = frame[name].isna().to_numpy() & (name in table.blank)
        _refuse(path, frame, name, ~np.isfinite(values) & ~may_be_blank, "a number")
    for name in table.labels:
        values = pd.to_numeric(frame[name]).to_numpy(float)
        is_bad = (values < 0) | (values > MAX_LABEL) | (values != np.floor(values))
        _refuse(path, frame, name, is_bad, "a whole number from 0")


def _refuse(
    path: Path, frame: pd.DataFrame, name: str, is_bad: pd.Series | np.ndarray, expected: str
) -> None:
    """Raises ValueError for the first bad row."""
    if is_bad.any():
        row = int(np.argmax(is_bad))
        value = shown(frame[name], row)
        raise ValueError(f"{path}, line {row + 2}: {name}: expected {expected}, got {value}")


def shown(column: pd.Series, row: int) -> str:
    """Returns a column's value as messages show it."""
    value = column.tolist()[row]  # a Python number, where iloc gives numpy's
    return "nothing" if pd.isna(value) or value == "" else repr(value)


def is_aligned(path: Path, image_ids: pd.Series, points: int) -> np.ndarray:
    """Returns whether the faces (N,) could be aligned by 2, 3 or 5 points.

    Args:
        path: a PREDICTED table.
        image_ids: (N,).
        points: 2, 3 or 5.

    Raises:
        ValueError: it does not list one of them.
    """
    flags = read(path, PREDICTED).set_index("image_id")[f"aligned_{points}"].reindex(image_ids)
    if flags.isna().any():
        raise ValueError(f"{path}: {flags.index[flags.isna()][0]} is not listed")
    return flags.to_numpy() == 1


def points(frame: pd.DataFrame) -> np.ndarray:
    """Returns the five points (N, 5, 2) of a table's rows."""
    return frame[LANDMARKS].to_numpy(float).reshape(-1, 5, 2)


def points_frame(points: np.ndarray) -> pd.DataFrame:
    """Returns points (N, 5, 2) as the ten landmark columns."""
    return pd.DataFrame(points.reshape(-1, 10), columns=LANDMARKS)
