"""Reads CelebA's annotation files, as CelebA's `.txt` or Kaggle's `.csv` in any mixture, into one frame."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from facerec.annotation_names import LANDMARKS
from facerec.tables import BOX

MAX_PX = 65_535  # the longest side of a JPEG
MAX_PERSON_ID = 2**53  # further up a float skips numbers
IMAGE_ID = r"[A-Za-z0-9_\-][A-Za-z0-9_.\-]{0,190}\.(?:jpg|jpeg|png|webp|bmp)"
IMAGE_PATH = rf"(?:[A-Za-z0-9_\-][A-Za-z0-9_.\-]*/)*{IMAGE_ID}"  # in folders, never up


@dataclass(frozen=True)
class Collection:
    """A photo collection's annotations.

    Attributes:
        frame: one row per photograph that every file has: image_id, person_id, landmarks, box, attributes if any.
        attributes: the attribute columns, possibly none.
        incomplete: the image_ids that are left out because a file lacks them, and the path of the first such file.
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
        attributes: image_id and columns of -1 or 1; a file without rows stands for a collection without attributes.

    Raises:
        ValueError: a file is not of this form, or no photograph is in all of them; the message names the file, the
            line, the value and what was expected.
    """
    people = read_identity(identity)
    files = {identity: people, landmarks: read_landmarks(landmarks, people.image_id)}
    files[boxes] = read_boxes(boxes, checked=people.image_id)
    described = read_attributes(attributes, people.image_id)
    names = [name for name in described if name != "image_id"]
    if names:
        files[attributes] = described
    frame = files[identity]
    for table in list(files.values())[1:]:
        frame = _join(frame, table)
    if frame.empty:
        raise ValueError(f"no photograph is in all of {', '.join(map(str, files))}")
    if (
        not frame.image_id.is_monotonic_increasing
    ):  # sorting so many names takes longer than reading a file
        frame = frame.sort_values("image_id", ignore_index=True)
    return Collection(frame, names, _incomplete(files, frame))


def _join(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows that both have; files that list the same photographs in the same order need no search."""
    if left.image_id.equals(right.image_id):
        return pd.concat([left, right.drop(columns="image_id")], axis=1)
    return left.merge(right, on="image_id", how="inner", validate="one_to_one")


def _incomplete(files: dict[Path, pd.DataFrame], frame: pd.DataFrame) -> dict[str, Path]:
    """Returns the image_ids that did not reach the frame, sorted, and the first file that lacks each."""
    if all(len(table) == len(frame) for table in files.values()):
        return {}
    known = pd.concat([table.image_id for table in files.values()]).drop_duplicates()
    lost = sorted(known[~known.isin(frame.image_id)])
    present = {path: set(table.image_id) for path, table in files.items()}
    return {
        image_id: next(path for path in files if image_id not in present[path]) for image_id in lost
    }


def read_identity(path: Path) -> pd.DataFrame:
    """Returns image_id and person_id of CelebA's identity file, which has neither count nor header, or of a CSV."""
    text = _text(path)
    first = text.split("\n", 1)[0]
    skipped = 1 if re.match(r"image_id\b", first.strip()) else 0
    frame = _parse(path, text, ["image_id", "person_id"], skipped)
    if frame.empty:
        raise ValueError(f"{path}: expected rows of image_id and person_id, got none")
    whole = (frame.person_id == np.floor(frame.person_id)) & (frame.person_id.abs() < MAX_PERSON_ID)
    _refuse(
        path,
        ~whole,
        skipped,
        frame.person_id,
        f"person_id: expected a whole number below {MAX_PERSON_ID}",
    )
    return frame.astype({"person_id": np.int64})


def read_boxes(
    path: Path, image_id: str = IMAGE_ID, checked: pd.Series | None = None
) -> pd.DataFrame:
    """Returns image_id and the box; its width and height are positive; the arguments are `read_table`'s."""
    frame = read_table(path, BOX, image_id, checked)
    for side in ("width", "height"):
        _refuse(
            path,
            frame[side] <= 0,
            frame.attrs["skipped"],
            frame[side],
            f"{side}: expected more than 0",
        )
    return _within_pictures(path, frame, BOX)


def read_landmarks(path: Path, checked: pd.Series | None = None) -> pd.DataFrame:
    """Returns image_id and the points; `checked` is `read_table`'s."""
    return _within_pictures(path, read_table(path, LANDMARKS, checked=checked), LANDMARKS)


def _within_pictures(path: Path, frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Returns the frame, whose px no picture can be too small for; a point or box may well reach past its picture."""
    for name in names:
        far = frame[name].abs() > MAX_PX
        _refuse(
            path, far, frame.attrs["skipped"], frame[name], f"{name}: expected px, {MAX_PX} at most"
        )
    return frame


def read_attributes(path: Path, checked: pd.Series | None = None) -> pd.DataFrame:
    """Returns image_id and the attributes as int8; only the column image_id if the file has no rows.

    `checked` is `read_table`'s.
    """
    text = _text(path)
    none = pd.DataFrame({"image_id": pd.Series(dtype=str)})
    if "\n" not in text:
        return none
    frame = _table(path, text, None, IMAGE_ID, checked)
    if frame.empty:
        return none
    names = [name for name in frame if name != "image_id"]
    values = frame[names].to_numpy()
    for column in (np.abs(values) != 1).any(axis=0).nonzero()[0]:
        name = names[column]
        _refuse(
            path,
            frame[name].abs() != 1,
            frame.attrs["skipped"],
            frame[name],
            f"{name}: expected -1 or 1",
        )
    return pd.concat(
        [frame[["image_id"]], pd.DataFrame(values.astype(np.int8), columns=names)], axis=1
    )


def read_image_ids(path: Path) -> list[str]:
    """Returns the column image_id of a CSV that may have other columns, and no rows."""
    try:
        frame = pd.read_csv(
            io.BytesIO(path.read_bytes().rstrip()), dtype=str, skip_blank_lines=False
        )
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a CSV: {error}") from None
    if "image_id" not in frame:
        raise ValueError(f"{path}, line 1: expected a column image_id, got {', '.join(frame)}")
    _check_ids(path, frame.image_id, 1, IMAGE_ID)
    return frame.image_id.tolist()


def read_table(
    path: Path,
    columns: list[str] | None,
    image_id: str = IMAGE_ID,
    checked: pd.Series | None = None,
) -> pd.DataFrame:
    """Returns the rows, image_id and numbers, of a file with a header, and a count before it or not.

    `attrs["skipped"]` holds how many lines came before the first row.

    Args:
        path: of the file.
        columns: beside image_id, all of them if None.
        image_id: the form of an image_id.
        checked: ids of that form, each once: if the file has the same they need not be looked at one by one.
    """
    return _table(path, _text(path), columns, image_id, checked)


def _table(
    path: Path, text: str, columns: list[str] | None, image_id: str, checked: pd.Series | None
) -> pd.DataFrame:
    """Returns what `read_table` does, of a file's text."""
    lines = text.split("\n", 2)
    count = lines[0].strip()
    counted = re.fullmatch("[0-9]{1,12}", count) is not None
    skipped = 2 if counted else 1
    header = re.split(r"[\s,]+", lines[skipped - 1].strip()) if len(lines) >= skipped else []
    names = ["image_id", *(name for name in header if name != "image_id")]
    missing = [name for name in columns or [] if name not in names]
    if missing or len(names) < 2:
        raise ValueError(
            f"{path}, line {skipped}: expected a header with {', '.join(missing or ['attributes'])}, got {header}"
        )
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ValueError(
            f"{path}, line {skipped}: expected each column once, got {repeated[0]} again"
        )
    frame = _parse(path, text, names, skipped, image_id, checked)
    if counted and int(count) != len(frame):
        raise ValueError(f"{path}, line 1: the count says {count} rows, the file has {len(frame)}")
    if columns and columns != names[1:]:
        frame = frame[["image_id", *columns]]
    frame.attrs["skipped"] = skipped
    return frame


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file: {error}") from None
    return (text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text).rstrip()


def _parse(
    path: Path,
    text: str,
    names: list[str],
    skipped: int,
    image_id: str = IMAGE_ID,
    checked: pd.Series | None = None,
) -> pd.DataFrame:
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
        frame = pd.DataFrame(
            {name: pd.Series(dtype=str if name == "image_id" else float) for name in names}
        )
    except pd.errors.ParserError as error:
        raise _too_many_values(path, text, len(names), skipped, str(error)) from None
    if not isinstance(
        frame.index, pd.RangeIndex
    ):  # what pandas makes of values beyond the columns in the first row
        raise _too_many_values(path, text, len(names), skipped, "more values than columns")
    if checked is None or not frame.image_id.equals(checked):
        _check_ids(path, frame.image_id, skipped, image_id)
    for name in names[1:]:
        numbers = frame[name]
        if numbers.dtype == np.int64:
            continue
        if not pd.api.types.is_numeric_dtype(numbers) or pd.api.types.is_bool_dtype(numbers):
            numbers = pd.to_numeric(numbers.astype(str), errors="coerce").astype(float)
        _refuse(path, ~np.isfinite(numbers), skipped, frame[name], f"{name}: expected a number")
    return frame


def _too_many_values(path: Path, text: str, columns: int, skipped: int, reason: str) -> ValueError:
    """Returns the error that names the first row with more values than there are columns."""
    separator = r"," if "," in text[:2000] else r"\s+"
    for number, line in enumerate(text.split("\n")[skipped:], skipped + 1):
        values = re.split(separator, line.strip())
        if len(values) > columns:
            return ValueError(
                f"{path}, line {number}: expected {columns} columns, got {len(values)}: {line.strip()!r}"
            )
    return ValueError(f"{path}: expected {columns} columns in every row: {reason.strip()}")


def _check_ids(path: Path, ids: pd.Series, skipped: int, form: str) -> None:
    if not _all_match(ids, form):
        _refuse(
            path,
            ~ids.str.fullmatch(form, case=False).eq(True),
            skipped,
            ids,
            "expected an image's file name",
        )
    twice = ids.duplicated()
    if twice.any():
        row = int(np.argmax(twice))
        first = int(np.argmax(ids == ids.iloc[row]))
        raise ValueError(
            f"{path}, line {row + 1 + skipped}: {ids.iloc[row]} is already in line {first + 1 + skipped}"
        )


def _all_match(ids: pd.Series, form: str) -> bool:
    """Returns whether all are image file names: one search through all of them is ten times as fast as one each,
    and faster still while it may tell cases apart."""
    if ids.hasnans:
        return False
    lines = "\n".join([*ids.tolist(), ""])
    return any(re.fullmatch(rf"(?:{form}\n)*", lines, case) for case in (re.NOFLAG, re.IGNORECASE))


def _refuse(path: Path, bad: pd.Series, skipped: int, values: pd.Series, expected: str) -> None:
    """Raises ValueError for the first bad row."""
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"{path}, line {row + 1 + skipped}: {expected}, got {values.iloc[row]!r}")
