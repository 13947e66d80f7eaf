"""Who the people are: a stable number for each name, and the names that sheets and tables show."""

import hashlib
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from facerec import tables

MAX_NAME = 200  # characters
NUMBER_BITS = 52  # below 2**53, up to which JavaScript and JSON hold whole numbers exactly


def tidy_name(name: str) -> str:
    """Returns a name in one spelling: accents composed (NFC), single blanks."""
    return " ".join(unicodedata.normalize("NFC", name).split())


class PersonNames(dict[int, str]):
    """The people's names by person_id. A person without a name is called by the number."""

    @classmethod
    def of_table(cls, people: pd.DataFrame) -> Self:
        """Returns the names of a PEOPLE table."""
        return cls(zip(people.person_id.astype(int), people.name, strict=True))

    def __missing__(self, person_id: int) -> str:
        return str(person_id)

    def of(self, person_ids: Iterable[int]) -> np.ndarray:
        """Returns the names (N,) of people, str."""
        return np.array([self[int(person_id)] for person_id in person_ids], dtype=str)


def person_number(name: str) -> int:
    """Returns the person_id of somebody who has only a name.

    It is the beginning of the name's SHA-256. So it depends on no other person: photographs and
    people may be added and removed, and everybody else keeps the number, the place in the random
    choices, and the subset.
    """
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - NUMBER_BITS)


def read_person_names(path: Path) -> PersonNames:
    """Returns the names of a PEOPLE table, which `select` writes.

    Raises:
        ValueError: as `tables.read`.
    """
    people = tables.read(path, tables.PEOPLE)
    is_number = people.person_id.str.fullmatch(r"-?\d{1,16}").eq(True)
    if not is_number.all():
        row = int(np.argmin(is_number))
        raise ValueError(
            f"{path}, line {row + 2}: person_id: expected a whole number, got "
            f"{people.person_id[row]!r}"
        )
    return PersonNames.of_table(people)


def people_table(person_ids: Iterable[int], names: PersonNames) -> pd.DataFrame:
    """Returns a PEOPLE table: the people who have a name, by number.

    Of people with one name each has the number added to it.

    Args:
        person_ids: people to list, in any order, also repeated.
        names: of the collection.
    """
    listed = sorted({int(person_id) for person_id in person_ids} & names.keys())
    frame = pd.DataFrame(
        {
            "person_id": pd.Series(listed, dtype=np.int64),
            "name": pd.Series([names[one] for one in listed], dtype=str),
        }
    )
    is_shared = frame.name.duplicated(keep=False)
    with_number = frame.name + " (" + frame.person_id.astype(str) + ")"
    return frame.assign(name=frame.name.where(~is_shared, with_number))
