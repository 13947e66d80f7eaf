"""Tables as people have them: CelebA's text files, and CSVs of spreadsheets and pandas."""

import codecs
import csv
import io
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from facerec.data.image_ids import EXPECTED, IMAGE_ID
from facerec.tables import shown

IMAGE = "image_id"
SEPARATORS = ",;\t"
WHITE_SPACE = r"\s+"  # between the values of CelebA's text files
UNIT = "\x1f"  # between values after quotation marks were taken away
INDEX_COLUMN = r"(?:Unnamed: \d+)?"  # pandas' index, without a name, or read back and written again


@dataclass(frozen=True)
class Rows:
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

    def refuse_repeated(self, name: str) -> None:
        """Raises ValueError where a value of a column is there twice."""
        values = self.frame[name]
        is_repeated = values.duplicated()
        if is_repeated.any():
            row = int(np.argmax(is_repeated))
            first = int(np.argmax(values == values.iloc[row]))
            raise ValueError(
                f"{self.path}, line {row + 1 + self.skipped}: {values.iloc[row]} is already in "
                f"line {first + 1 + self.skipped}; remove one of the two"
            )

    def check_ids(self) -> None:
        """Raises ValueError where an image_id is no file name, or is there twice."""
        is_name = self.frame[IMAGE].str.fullmatch(IMAGE_ID, case=False).eq(True)
        self.refuse(~is_name, IMAGE, EXPECTED)
        self.refuse_repeated(IMAGE)

    def check_numbers(self, names: Sequence[str]) -> None:
        """Raises ValueError where a value of these columns is no finite number."""
        for name in names:
            numbers = self.frame[name]
            if not pd.api.types.is_numeric_dtype(numbers) or pd.api.types.is_bool_dtype(numbers):
                numbers = pd.to_numeric(numbers.astype(str), errors="coerce").astype(float)
            self.refuse(~np.isfinite(numbers), name, "a number")
            self.frame[name] = numbers


@dataclass(frozen=True)
class Header:
    """The lines before the rows.

    Attributes:
        columns: of the rows; "" for one that is not looked at, such as pandas' index.
        separator: between the values, as pandas takes it.
        skipped: number of lines.
        count: of rows, as CelebA's first line says; None without such a line.
    """

    columns: list[str]
    separator: str
    skipped: int
    count: int | None

    def only(self, names: Sequence[str]) -> "Header":
        """Returns the header with all other columns not looked at."""
        columns = [name if name in names else "" for name in self.columns]
        return replace(self, columns=columns)


def read_text(path: Path) -> str:
    """Returns a text file with \\n at the end of its lines, without empty rows at its end.

    Raises:
        ValueError: it is absent, or no text in UTF-8 or UTF-16.
    """
    try:
        content = path.read_bytes()
        is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if is_utf_16 else "utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: not a text file: {error}; save a table with accents as CSV in UTF-8"
        ) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.rstrip(string.whitespace + ",;")  # a spreadsheet's empty rows


def read_header(path: Path, text: str, implied: str | None = IMAGE) -> Header:
    """Returns the columns that a header names.

    Args:
        path: of the file, for messages.
        text: the whole file.
        implied: first column of the rows, where the header lacks it, as CelebA's do.

    Raises:
        ValueError: a column is there twice.
    """
    lines = text.split("\n", 2)
    count = lines[0].strip(" \t,;")  # a spreadsheet fills the line up
    has_count = re.fullmatch("[0-9]{1,12}", count) is not None
    skipped = 2 if has_count else 1
    line = lines[skipped - 1] if len(lines) >= skipped else ""
    separator = separator_of(line, lines[skipped] if len(lines) > skipped else line)
    columns = ["" if re.fullmatch(INDEX_COLUMN, name) else name for name in split(line, separator)]
    if implied and implied not in columns:
        columns = [implied, *columns]
    if len(columns) == 1:  # a CSV, whose values may have blanks
        separator = ","
    if repeated := [name for name in columns if name and columns.count(name) > 1]:
        raise ValueError(
            f"{path}, line {skipped}: expected each column once, got {repeated[0]} again"
        )
    return Header(columns, separator, skipped, int(count) if has_count else None)


def separator_of(line: str, next_line: str) -> str:
    """Returns what separates the values of a line; tabs only if the next line has as many."""
    bare = re.sub('"[^"]*"', "", line)
    found = next((character for character in bare if character in SEPARATORS), WHITE_SPACE)
    is_padded = "\t\t" in line or line.count("\t") != next_line.count("\t")
    return WHITE_SPACE if found == "\t" and is_padded else found


def first_separator(text: str) -> str:
    """Returns what separates the values of a file's first line."""
    first, _, rest = text.partition("\n")
    return separator_of(first, rest.split("\n", 1)[0] or first)


def split(line: str, separator: str) -> list[str]:
    """Returns the values of one line, without blanks and quotation marks around them."""
    if separator == WHITE_SPACE:
        return line.split()
    return [value.strip().strip('"').strip() for value in line.split(separator)]


def read_rows(path: Path, text: str, header: Header, texts: Sequence[str] = (IMAGE,)) -> Rows:
    """Returns the rows after a header; blanks around texts are taken away.

    Args:
        path: of the file, for messages.
        text: the whole file.
        header: its first lines.
        texts: columns of text; all others may be numbers.

    Raises:
        ValueError: a row has more values than columns, or a quotation mark is not closed, or the
            header counts other rows.
    """
    body = text.split("\n", header.skipped)[header.skipped :]
    content = body[0] if body else ""
    separator = header.separator
    if '"' in content and separator != WHITE_SPACE:
        content, separator = _unquoted(path, content, header), UNIT
    names = [name or f"{UNIT}{place}" for place, name in enumerate(header.columns)]
    frame = _parsed(path, content, separator, names, header, texts)
    frame = frame[[name for name in header.columns if name]]
    for name in texts:
        frame[name] = frame[name].str.strip()
    if header.count is not None and header.count != len(frame):
        raise ValueError(
            f"{path}, line 1: the count says {header.count} rows, the file has {len(frame)}"
        )
    return Rows(path, frame, header.skipped)


def _parsed(
    path: Path, content: str, separator: str, names: list[str], header: Header, texts: Sequence[str]
) -> pd.DataFrame:
    try:
        frame = pd.read_csv(
            io.BytesIO(content.encode()),
            sep=separator,
            header=None,
            names=names,
            decimal="," if header.separator == ";" else ".",  # as such spreadsheets write numbers
            quoting=csv.QUOTE_NONE,  # a stray quotation mark would swallow the lines after it
            skipinitialspace=True,
            skip_blank_lines=False,
            dtype=dict.fromkeys(texts, str),
            keep_default_na=False,  # NA may be a name
            na_values=[""],
            low_memory=False,
            on_bad_lines="error",
        )
    except pd.errors.EmptyDataError:
        dtypes = {name: str if name in texts else float for name in names}
        return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes.items()})
    except pd.errors.ParserError as error:
        raise _too_many_values(path, content, separator, len(names), header, str(error)) from None
    if not isinstance(frame.index, pd.RangeIndex):  # the first row has more values than columns
        reason = "more values than columns"
        raise _too_many_values(path, content, separator, len(names), header, reason)
    return frame


def _unquoted(path: Path, content: str, header: Header) -> str:
    """Returns rows with quotation marks as rows without, their values separated by UNIT."""
    lines = content.split("\n")
    reader = csv.reader(lines, delimiter=header.separator, skipinitialspace=True, strict=True)
    rows: list[str] = []
    place = header.skipped
    try:
        for row in reader:
            place += 1
            if reader.line_num != len(rows) + 1:
                raise csv.Error("unexpected end of data")
            rows.append(UNIT.join(row))
    except csv.Error as error:
        number = header.skipped + len(rows) + 1
        line = lines[len(rows)]
        raise ValueError(
            f"{path}, line {number}: a quotation mark is not closed, or text follows it "
            f"({error}): {line!r}; remove it, or write it twice inside a quoted value"
        ) from None
    return "\n".join(rows)


def _too_many_values(
    path: Path, content: str, separator: str, columns: int, header: Header, reason: str
) -> ValueError:
    """Returns the error that names the first row with more values than there are columns."""
    advice = "put quotation marks around a value with a comma"
    if separator == WHITE_SPACE:
        advice = "for names with blanks, write the file as CSV, with commas"
    for number, line in enumerate(content.split("\n"), header.skipped + 1):
        count = len(re.split(separator, line.strip()))
        if count > columns:
            return ValueError(
                f"{path}, line {number}: expected {columns} columns, got {count}: "
                f"{line.strip().replace(UNIT, header.separator)!r}; {advice}"
            )
    return ValueError(f"{path}: expected {columns} columns in every row: {reason.strip()}")
