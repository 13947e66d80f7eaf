"""Reads CelebA's annotation files, as CelebA's `.txt` or Kaggle's `.csv`, into one frame."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from facerec.annotation_names import LANDMARKS
from facerec.tables import BOX, shown

MAX_PX = 65_535  # the longest side of a JPEG
MAX_PERSON_ID = 2**53  # beyond it a float skips numbers
IMAGE_ID = r"[A-Za-z0-9_\-][A-Za-z0-9_.\-]{0,190}\.(?:jpg|jpeg|png|webp|bmp)"
IMAGE_PATH = rf"(?:[A-Za-z0-9_\-][A-Za-z0-9_.\-]*/)*{IMAGE_ID}"  # in folders, never up
NO_ROWS = pd.DataFrame({"image_id": pd.Series(dtype=str)})


@dataclass(frozen=True)
class Collection:
    """The annotations of a collection of photographs.

    Attributes:
        frame: a row for each photograph that every file has: image_id, person_id, landmarks, box,
            and attributes if there are any; sorted by image_id.
        attributes: the attribute columns, possibly none.
        incomplete: the image_ids that some file lacks, each with the path of the first such file.
    """

    frame: pd.DataFrame
    attributes: list[str]
    incomplete: dict[str, Path]


def read_collection(identity: Path, landmarks: Path, boxes: Path, attributes: Path) -> Collection:
    """Returns the photographs that all files describe.

    Args:
        identity: image_id, person_id.
        landmarks: image_id and five points.
        boxes: image_id, x_1, y_1, width, height.
        attributes: image_id and columns of -1 or 1; no rows mean a collection without attributes.

    Raises:
        ValueError: a file is not of this form, or no photograph is in all of them. The message
            names the file, the line, the value and what was expected.
    """
    files = {
        identity: read_identity(identity),
        landmarks: read_landmarks(landmarks),
        boxes: read_boxes(boxes),
    }
    described = read_attributes(attributes)
    names = [name for name in described if name != "image_id"]
    if names:
        files[attributes] = described
    by_name = [table.set_index("image_id") for table in files.values()]
    frame = pd.concat(by_name, axis=1, join="inner").sort_index().reset_index()
    if frame.empty:
        raise ValueError(f"no photograph is in all of {', '.join(map(str, files))}")
    return Collection(frame, names, _incomplete(files, frame))


def _incomplete(files: dict[Path, pd.DataFrame], frame: pd.DataFrame) -> dict[str, Path]:
    """Returns the image_ids that the frame lacks, sorted, each with the first file without it."""
    if all(len(table) == len(frame) for table in files.values()):
        return {}
    present = {path: set(table.image_id) for path, table in files.items()}
    lost = sorted(set().union(*present.values()) - set(frame.image_id))
    return {
        image_id: next(path for path in files if image_id not in present[path]) for image_id in lost
    }


def read_identity(path: Path) -> pd.DataFrame:
    """Returns image_id and person_id; CelebA's file has no header, a CSV has one."""
    text = _text(path)
    has_header = re.match(r"\s*image_id\b", text) is not None
    rows = _parse(path, text, ["image_id", "person_id"], int(has_header), IMAGE_ID)
    person_id = rows.frame.person_id
    if person_id.empty:
        raise ValueError(f"{path}: expected rows of image_id and person_id, got none")
    is_whole = (person_id == np.floor(person_id)) & (person_id.abs() < MAX_PERSON_ID)
    rows.refuse(~is_whole, "person_id", f"a whole number below {MAX_PERSON_ID}")
    return rows.frame.astype({"person_id": np.int64})


def read_boxes(path: Path, image_id: str = IMAGE_ID) -> pd.DataFrame:
    """Returns image_id and the box, px; `image_id` is the form of an image_id."""
    rows = _read_table(path, BOX, image_id)
    for side in ("width", "height"):
        rows.refuse(rows.frame[side] <= 0, side, "more than 0")
    return _within_pictures(rows, BOX)


def read_landmarks(path: Path) -> pd.DataFrame:
    """Returns image_id and the points, px."""
    return _within_pictures(_read_table(path, LANDMARKS, IMAGE_ID), LANDMARKS)


def read_attributes(path: Path) -> pd.DataFrame:
    """Returns image_id and the attributes as int8; image_id alone if the file has no rows."""
    if "\n" not in _text(path):
        return NO_ROWS
    rows = _read_table(path, None, IMAGE_ID)
    if rows.frame.empty:
        return NO_ROWS
    names = [name for name in rows.frame if name != "image_id"]
    for name in names:
        rows.refuse(rows.frame[name].abs() != 1, name, "-1 or 1")
    return rows.frame.astype(dict.fromkeys(names, np.int8))


def read_image_ids(path: Path) -> list[str]:
    """Returns the column image_id of a CSV, which may have other columns, and no rows."""
    try:
        content = io.BytesIO(path.read_bytes().rstrip())
        frame = pd.read_csv(content, dtype=str, skip_blank_lines=False)
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a CSV: {error}") from None
    if "image_id" not in frame:
        raise ValueError(f"{path}, line 1: expected a column image_id, got {', '.join(frame)}")
    _Rows(path, frame, 1).check_ids(IMAGE_ID)
    return frame.image_id.tolist()


@dataclass(frozen=True)
class _Rows:
    """The rows of a file, and how many lines come before the first one."""

    path: Path
    frame: pd.DataFrame
    skipped: int

    def refuse(self, is_bad: pd.Series, name: str, expected: str) -> None:
        """Raises ValueError for the first bad row."""
        if is_bad.any():
            row = int(np.argmax(is_bad))
            raise ValueError(
                f"{self.path}, line {row + 1 + self.skipped}: {name}: "
                f"expected {expected}, got {shown(self.frame[name], row)}"
            )

    def check_ids(self, form: str) -> None:
        """Raises ValueError where an image_id is not of this form, or is there twice."""
        ids = self.frame.image_id
        is_name = ids.str.fullmatch(form, case=False).eq(True)
        self.refuse(~is_name, "image_id", "an image's file name")
        is_repeated = ids.duplicated()
        if is_repeated.any():
            row = int(np.argmax(is_repeated))
            first = int(np.argmax(ids == ids.iloc[row]))
            raise ValueError(
                f"{self.path}, line {row + 1 + self.skipped}: {ids.iloc[row]} is already in line "
                f"{first + 1 + self.skipped}"
            )


def _within_pictures(rows: _Rows, names: list[str]) -> pd.DataFrame:
    """Returns the frame; raises ValueError where a value lies beyond any picture.

    A point or box may well reach past its own picture.
    """
    for name in names:
        rows.refuse(rows.frame[name].abs() > MAX_PX, name, f"px, {MAX_PX} at most")
    return rows.frame


def _read_table(path: Path, columns: list[str] | None, image_id: str) -> _Rows:
    """Returns image_id and numbers of a file with a header, and perhaps a count before it.

    Args:
        path: of the file.
        columns: beside image_id; None: all of them.
        image_id: the form of an image_id.
    """
    text = _text(path)
    lines = text.split("\n", 2)
    count = lines[0].strip()
    has_count = re.fullmatch("[0-9]{1,12}", count) is not None
    skipped = 2 if has_count else 1
    header = re.split(r"[\s,]+", lines[skipped - 1].strip()) if len(lines) >= skipped else []
    names = ["image_id", *(name for name in header if name != "image_id")]
    missing = [name for name in columns or [] if name not in names]
    if missing or len(names) < 2:
        wanted = ", ".join(missing or ["attributes"])
        raise ValueError(f"{path}, line {skipped}: expected a header with {wanted}, got {header}")
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ValueError(
            f"{path}, line {skipped}: expected each column once, got {repeated[0]} again"
        )
    rows = _parse(path, text, names, skipped, image_id)
    if has_count and int(count) != len(rows.frame):
        raise ValueError(
            f"{path}, line 1: the count says {count} rows, the file has {len(rows.frame)}"
        )
    return _Rows(path, rows.frame[["image_id", *columns]], skipped) if columns else rows


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file: {error}") from None
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip()


def _parse(path: Path, text: str, names: list[str], skipped: int, image_id: str) -> _Rows:
    """Returns the rows after `skipped` lines: image_id and numbers."""
    separator = "," if "," in text[:2000] else r"\s+"
    try:
        frame = pd.read_csv(
            io.BytesIO(text.encode()),
            sep=separator,
            header=None,
            names=names,
            quoting=csv.QUOTE_NONE,  # a stray quotation mark would swallow the lines after it
            skiprows=skipped,
            skip_blank_lines=False,
            dtype={"image_id": str},
            low_memory=False,
            on_bad_lines="error",
        )
    except pd.errors.EmptyDataError:
        dtypes = {name: str if name == "image_id" else float for name in names}
        frame = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes.items()})
    except pd.errors.ParserError as error:
        raise _too_many_values(path, text, separator, len(names), skipped, str(error)) from None
    if not isinstance(frame.index, pd.RangeIndex):  # the first row has more values than columns
        reason = "more values than columns"
        raise _too_many_values(path, text, separator, len(names), skipped, reason)
    rows = _Rows(path, frame, skipped)
    rows.check_ids(image_id)
    for name in names[1:]:
        numbers = frame[name]
        if not pd.api.types.is_numeric_dtype(numbers) or pd.api.types.is_bool_dtype(numbers):
            numbers = pd.to_numeric(numbers.astype(str), errors="coerce").astype(float)
        rows.refuse(~np.isfinite(numbers), name, "a number")
    return rows


def _too_many_values(
    path: Path, text: str, separator: str, columns: int, skipped: int, reason: str
) -> ValueError:
    """Returns the error that names the first row with more values than there are columns."""
    for number, line in enumerate(text.split("\n")[skipped:], skipped + 1):
        count = len(re.split(separator, line.strip()))
        if count > columns:
            return ValueError(
                f"{path}, line {number}: expected {columns} columns, got {count}: {line.strip()!r}"
            )
    return ValueError(f"{path}: expected {columns} columns in every row: {reason.strip()}")
