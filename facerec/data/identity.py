"""Reads who each photograph shows: numbers or names, and the names of numbered people."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from facerec.data.image_ids import ENDINGS
from facerec.data.names import MAX_NAME, PersonNames, person_number, tidy_name
from facerec.data.text_tables import (
    IMAGE,
    WHITE_SPACE,
    Header,
    Rows,
    first_separator,
    read_header,
    read_rows,
    read_text,
    split,
)

PERSON = "person_id"
MAX_PERSON_ID = 2**53  # beyond it a float skips numbers
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
NAME_FORM = f"a name of at most {MAX_NAME} characters"
NAME = rf"[^\x00-\x1f\x7f]{{1,{MAX_NAME}}}"
BLANKS = rf"(?im)^[ \t]*(.+?\.(?:{'|'.join(ENDINGS)})|\S+)[ \t]+(\S.*?)[ \t]*$"


def read_identity(path: Path) -> pd.DataFrame:
    """Returns image_id, person_id, and `person`, the text that the file has.

    CelebA's file has no header, a CSV has one. If most people have names, not numbers, all are
    taken for names, and `names.person_number` numbers them.
    """
    rows = _identity_rows(path)
    people = rows.frame[PERSON].fillna("")
    is_text = ~people.str.fullmatch(NUMBER)
    if people.empty:
        raise ValueError(f"{path}: expected rows of image_id and person_id, got none")
    has_names = bool(2 * is_text.sum() > len(people))
    if has_names:
        people = people.map(tidy_name)
        is_name = people.str.fullmatch(NAME)
        rows.refuse(~is_name, PERSON, NAME_FORM)
        numbers = people.map({name: person_number(name) for name in people.unique()})
        if numbers.nunique() != people.nunique():
            raise ValueError(f"{path}: two names have one number by chance; give people numbers")
    else:
        rows.refuse(is_text, PERSON, "a whole number, as in most rows (or names in all of them)")
        numbers = people.astype(float)
        is_whole = (numbers == np.floor(numbers)) & (numbers.abs() < MAX_PERSON_ID)
        rows.refuse(~is_whole, PERSON, f"a whole number below {MAX_PERSON_ID}, or a name")
        people = numbers.astype(np.int64).astype(str)
    return rows.frame.assign(person_id=numbers.astype(np.int64), person=people)


def _identity_rows(path: Path) -> Rows:
    """Returns image_id and person_id, both as text."""
    text = read_text(path)
    first = text.partition("\n")[0]
    separator = first_separator(text)
    if IMAGE in split(first, separator):
        header = read_header(path, text)
        if PERSON not in header.columns:
            raise ValueError(
                f"{path}, line 1: expected a header with {IMAGE} and {PERSON}, got {first!r}"
            )
        header = header.only((IMAGE, PERSON))
    else:
        header = Header([IMAGE, PERSON], separator, 0, None)
    if separator == WHITE_SPACE and header.columns == [IMAGE, PERSON]:
        # Names may have blanks: the image_id ends with its ending, the rest is the person's.
        text = re.sub(BLANKS, "\\1\t\\2", text)
        header = replace(header, separator="\t")
    rows = read_rows(path, text, header, (IMAGE, PERSON))
    rows.check_ids()
    return rows


def read_names(path: Path) -> dict[str, str]:
    """Returns the names of people by their person_id, as text; none if the file has no rows.

    Raises:
        ValueError: the file lacks a column, or a person_id is there twice.
    """
    text = read_text(path)
    if "\n" not in text:
        return {}
    header = read_header(path, text, implied=None)
    if missing := [name for name in (PERSON, "name") if name not in header.columns]:
        raise ValueError(
            f"{path}, line {header.skipped}: expected a header with {PERSON} and name, "
            f"{' and '.join(missing)} is missing"
        )
    rows = read_rows(path, text, header.only((PERSON, "name")), (PERSON, "name"))
    rows = replace(rows, frame=rows.frame.fillna("").map(tidy_name))
    rows.refuse(rows.frame.person_id == "", PERSON, "a person's number or name")
    rows.refuse(~rows.frame.name.str.fullmatch(NAME), "name", NAME_FORM)
    rows.refuse_repeated(PERSON)
    return dict(zip(rows.frame.person_id, rows.frame.name, strict=True))


def names_of(people: pd.DataFrame, given: dict[str, str]) -> PersonNames:
    """Returns the names that the file of names gives, or else those of the identity file."""
    names = PersonNames()
    for person_id, text in people.drop_duplicates(PERSON)[[PERSON, "person"]].itertuples(False):
        if text in given or text != str(person_id):
            names[person_id] = given.get(text, text)
    return names
