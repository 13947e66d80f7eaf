"""What an import found in each photograph, and the journal that lets it go on after an end.

The journal is a file of JSON lines: the settings, then a record for each photograph that is done. A
line is complete if it ends in a newline, so one that a kill or a full disk has cut off is dropped.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from facerec.files import write_bytes


@dataclass(frozen=True)
class Face:
    """A face that the detector found.

    Attributes:
        box: x, y, width, height as CelebA would draw it, px of the upright photograph.
        score: of the detector.
        points: five (x, y), px.
    """

    box: list[float]
    score: float
    points: list[list[float]]

    @property
    def area(self) -> float:
        return self.box[2] * self.box[3]


@dataclass(frozen=True)
class NamedFace:
    """A face that a person has drawn a box around and named.

    Attributes:
        name: of the person shown.
        box: as it was drawn, px of the upright photograph.
        face: index of the detected face in it; None if the detector finds none there.
    """

    name: str
    box: list[float]
    face: int | None


@dataclass(frozen=True)
class Record:
    """What was found in a photograph.

    Attributes:
        number: of the photograph in the collection, from 1; its image_id begins with it.
        path: of the original, relative to the folder.
        bytes: size of the original.
        modified: when it was changed last, ns.
        person: whom its folder or the table names.
        sha256: of the original; empty if it was not read.
        suffix: of the image in the collection.
        faces: that were detected.
        named: that a person has named; they go before `person`.
        problem: why there are no faces; None if it could be read.
        xmp_problem: which XMP of it could not be read; None if all could.
    """

    number: int
    path: str
    bytes: int
    modified: int
    person: str | None
    sha256: str = ""
    suffix: str = ""
    faces: list[Face] = field(default_factory=list)
    named: list[NamedFace] = field(default_factory=list)
    problem: str | None = None
    xmp_problem: str | None = None

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        faces = [Face(**face) for face in values.pop("faces")]
        named = [NamedFace(**named) for named in values.pop("named")]
        return cls(**values, faces=faces, named=named)

    def image_ids(self) -> list[str]:
        """Returns the image's name for each person shown: one, or one for each named face."""
        name = f"{self.number:06d}"
        more = [f"{name}_{place}" for place in range(2, len(self.named) + 1)]
        return [f"{stem}{self.suffix}" for stem in (name, *more)]


class Journal:
    """The records of an import, kept in a file while it runs.

    Args:
        path: of the file.
        settings: what the records depend on.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self.path = path
        self.settings = settings

    def read(self) -> dict[str, Record] | None:
        """Returns the records by path; None if there is no journal, or it has other settings.

        Raises:
            ValueError: the file is something else.
        """
        try:
            lines = self.path.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return None
        whole = [line for line in lines if line.endswith(b"\n")]
        try:
            if not whole or json.loads(whole[0]) != json.loads(json.dumps(self.settings)):
                return None
            records = [Record.from_json(json.loads(line)) for line in whole[1:]]
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f"{self.path}: not an import's journal ({error}); delete its folder to begin again"
            ) from None
        if len(whole) < len(lines):  # the next line would join the rest of the cut one
            os.truncate(self.path, sum(map(len, whole)))
        return {record.path: record for record in records}

    def begin(self) -> None:
        """Begins an empty journal."""
        write_bytes(self.path, _line(self.settings))

    def append(self, records: Iterable[Record]) -> Iterable[Record]:
        """Yields the records, each after it has been written down."""
        with self.path.open("ab", buffering=0) as file:
            for record in records:
                try:
                    file.write(_line(asdict(record)))
                except OSError as error:
                    raise OSError(error.errno, error.strerror, str(self.path)) from None
                yield record


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, default=_plain).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} in a record")
