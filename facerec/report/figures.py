"""Numbers as the page shows them, each with the file and the key that it comes from."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from facerec.evaluation.comparison import display_name
from facerec.report.names import WORDED, words

NOT_NUMBERS = {  # columns of the CSVs that hold names, even where these look like numbers
    *("recognizer", "exam", "kind", "slice", "group", "measure", "criterion", "kept", "attribute"),
    *("step", "person", "person_id", "taken_for_person_id", "split", "curve"),
    *("image_id", "taken_for_image_id", "really_image_id"),
}


@dataclass(frozen=True)
class Number:
    """One number.

    Attributes:
        value: as in the file.
        file: that it is from.
        key: its key there.
        scale: a factor of the number shown, 100 for a share in per cent.
        digits: after the decimal point.
        signed: whether a plus is shown.
    """

    value: float
    file: str
    key: str
    scale: float
    digits: int
    signed: bool = False

    @property
    def text(self) -> str:
        return shown(self.value * self.scale, self.digits, self.signed)


def shown(value: float, digits: int, signed: bool = False) -> str:
    """Returns a number as text, with a true minus and without a negative zero."""
    text = f"{value:{'+' if signed else ''},.{digits}f}"
    if not float(text.replace(",", "")):
        text = text.lstrip("-")
    return text.replace("-", "−")


@dataclass(frozen=True)
class Figure:
    """A number with what says how sure it is, where that is known.

    Attributes:
        value: the number.
        unit: "%", "px", … or "".
        low: the end of its 95 % interval.
        high: the other end.
        sd: its standard deviation over the seeds.
    """

    value: Number
    unit: str = ""
    low: Number | None = None
    high: Number | None = None
    sd: Number | None = None

    @property
    def text(self) -> str:
        """The figure in one line, as it stands in alternative texts."""
        unit = f" {self.unit}" if self.unit else ""
        ends = f" ({self.low.text} to {self.high.text})" if self.low and self.high else ""
        return f"{self.value.text}{unit}{ends}"


@dataclass(frozen=True)
class Measured:
    """The flat numbers of a JSON file.

    Attributes:
        file: its name on the page.
        values: by key.
    """

    file: str
    values: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Measured":
        """Returns a file's numbers.

        Raises:
            ValueError: the file is absent, or no JSON object of numbers.
        """
        values = read_json(path)
        if not all(isinstance(value, int | float) for value in values.values()):
            raise ValueError(f"{path}: expected a flat object of numbers; `dvc repro` writes it")
        return cls(str(path), values)

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def __getitem__(self, key: str) -> float:
        return self.values[key]

    def figure(
        self, key: str, unit: str = "%", scale: float = 100, digits: int = 1, signed: bool = False
    ) -> Figure | None:
        """Returns a number with its interval and deviation; None if it was not measured.

        By default it is a share, shown in per cent.
        """
        ends = {end: self._number(f"{key}_{end}", scale, digits, signed) for end in ("low", "high")}
        value = self._number(key, scale, digits, signed)
        if value is None:
            return None
        return Figure(value, unit, **ends, sd=self._number(f"{key}_sd", scale, digits, False))

    def count(self, key: str) -> Figure | None:
        """Returns a whole number; None if it was not counted."""
        return self.figure(key, unit="", scale=1, digits=0)

    def _number(self, key: str, scale: float, digits: int, signed: bool) -> Number | None:
        if key not in self.values:
            return None
        return Number(float(self.values[key]), self.file, key, scale, digits, signed)


@dataclass(frozen=True)
class Table:
    """Rows of a CSV, as they are written there, but for the names of things.

    Attributes:
        file: its name on the page.
        columns: their names.
        rows: a text for each column.
    """

    file: str
    columns: list[str]
    rows: list[list[str]]

    @classmethod
    def read(cls, path: Path, recognizer: str | None = None) -> "Table":
        """Returns a CSV's rows, with recognisers and other things called as the page calls them.

        Args:
            path: of the CSV.
            recognizer: if given, the value of a first column `recognizer`.

        Raises:
            ValueError: the file is absent or no CSV.
        """
        try:
            frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        except FileNotFoundError:
            raise ValueError(f"{path}: no such file; `dvc repro` writes it") from None
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: not a CSV: {error}; `dvc repro` writes it") from None
        if recognizer is not None:
            frame = frame.drop(columns="recognizer", errors="ignore")
            frame.insert(0, "recognizer", recognizer)
        for name in frame.columns.intersection([*WORDED, "recognizer"]):
            frame[name] = frame[name].map(display_name if name == "recognizer" else words)
        return cls(str(path), list(frame), frame.to_numpy(str).tolist() if len(frame) else [])

    @cached_property
    def numeric(self) -> list[bool]:
        """Whether each column holds numbers, or nothing."""
        by_column = zip(*self.rows, strict=True) if self.rows else [()] * len(self.columns)
        return [
            name not in NOT_NUMBERS and all(map(_is_number, cells))
            for name, cells in zip(self.columns, by_column, strict=True)
        ]

    def frame(self) -> pd.DataFrame:
        """Returns the rows with numbers as numbers, NaN where a cell is empty."""
        frame = pd.DataFrame(self.rows, columns=self.columns, dtype=str)
        for name, is_number in zip(self.columns, self.numeric, strict=True):
            if is_number:
                frame[name] = pd.to_numeric(frame[name], errors="coerce")
        return frame


def _is_number(cell: str) -> bool:
    try:
        return not cell or math.isfinite(float(cell))
    except ValueError:
        return False


def read_json(path: Path) -> dict[str, Any]:
    """Returns a JSON object.

    Raises:
        ValueError: the file is absent, or holds something else.
    """
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file; `dvc repro` writes it") from None
    except (ValueError, RecursionError) as error:  # ValueError: no UTF-8 either
        raise ValueError(f"{path}: not JSON: {error}; `dvc repro` writes it") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path}: expected a JSON object; `dvc repro` writes it")
    return values
