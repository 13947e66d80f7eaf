"""Which photographs lie in a folder, and whom each shows by its folder or by a table."""

import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

from facerec.collections.photograph_files import printable, walk
from facerec.data.names import MAX_NAME, tidy_name
from facerec.data.text_tables import Header, Rows, read_header, read_rows, read_text

SPLITS = frozenset({"train", "test", "val", "valid", "validation"})  # as in VGGFace2's copies
TABLE_COLUMNS = ["file", "person"]
NO_PERSON = "lies in no person's folder"


@dataclass(frozen=True)
class Source:
    """A photograph as it lies in the folder.

    Attributes:
        path: relative to the folder, with `/`.
        person: whom it shows by its folder or by the table; None where neither says.
    """

    path: str
    person: str | None


@dataclass(frozen=True)
class Found:
    """What lies in a folder.

    Attributes:
        photographs: sorted by path.
        passed_over: path and reason of all else, sorted by path.
        said: how people were found, in words.
    """

    photographs: list[Source]
    passed_over: list[tuple[str, str]]
    said: str


def find_photographs(folder: Path, table: Path | None = None) -> Found:
    """Returns the photographs under a folder, each with its person.

    With a table `file,person`, that says who is on a photograph, and those that it does not name
    show nobody known. Without one, the person is the name of the folder: the outermost one that
    does not merely hold all others. `lfw/Ann/1.jpg`, `train/Ann/1.jpg` and `Ann/2019/May/1.jpg` all
    show Ann.

    Args:
        folder: of the photographs.
        table: the CSV; None takes one in the folder itself, if one there has these columns.

    Raises:
        ValueError: the folder is none or holds no photograph, or the table is of another form.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder of photographs, there is none")
    paths, passed_over = walk(folder)
    table = table or _own_table(folder)
    if table is not None:
        own = table.resolve()
        passed_over = [row for row in passed_over if (folder / row[0]).resolve() != own]
        sources, absent = _by_table(paths, table, folder)
        passed_over += [(path, f"in {table.name}, but there is no such file") for path in absent]
        said = f"people by {table}"
    else:
        level = _level(paths)
        sources = [Source(path, _person(path, level)) for path in paths]
        example = next((one for one in sources if one.person), sources[0])
        said = f"people by folder: {printable(example.path)} shows {example.person or 'nobody'}"
    return Found(sources, sorted(passed_over), said)


def normal_name(name: str) -> str:
    """Returns a person's name as the pipeline takes it: `tidy_name`, of at most MAX_NAME."""
    return tidy_name(re.sub(r"[\x00-\x1f\x7f]", " ", printable(name)))[:MAX_NAME].rstrip()


def _level(paths: list[str]) -> int:
    """Returns which of a path's folders names the person: 0 is the outermost.

    A folder that holds all the others is passed by, and so are `train`, `test` and the like.
    """
    folders = [path.split("/")[:-1] for path in paths]
    level = 0
    while True:
        names = {parts[level] for parts in folders if len(parts) > level}
        deeper = {tuple(parts[: level + 2]) for parts in folders if len(parts) > level + 1}
        is_wrapper = len(names) == 1 and all(len(parts) != level + 1 for parts in folders)
        is_split = bool(names) and {name.lower() for name in names} <= SPLITS
        if not (is_wrapper or is_split) or len(deeper) < 2:
            return level
        level += 1


def _person(path: str, level: int) -> str | None:
    parts = path.split("/")[:-1]
    return normal_name(parts[level]) or None if len(parts) > level else None


def _own_table(folder: Path) -> Path | None:
    tables = [path for path in sorted(folder.glob("*.csv")) if _has_columns(path)]
    if len(tables) > 1:
        names = ", ".join(path.name for path in tables)
        raise ValueError(
            f"{folder}: {names} all have the columns file, person: name one by --table"
        )
    return tables[0] if tables else None


def _has_columns(path: Path) -> bool:
    try:
        return set(TABLE_COLUMNS) <= set(_header(path, read_text(path)).columns)
    except ValueError:
        return False


def _header(table: Path, text: str) -> Header:
    header = read_header(table, text, implied=None)
    return replace(header, columns=[name.lower() for name in header.columns])


def _by_table(paths: list[str], table: Path, folder: Path) -> tuple[list[Source], list[str]]:
    """Returns the photographs with the table's people, and the files that are not there."""
    rows = _rows(table)
    person_of: dict[str, str] = {}
    normal = {unicodedata.normalize("NFC", path): path for path in paths}
    absent = []
    for line, (file, person) in enumerate(rows.frame.itertuples(index=False), rows.skipped + 1):
        path = normal.get(unicodedata.normalize("NFC", file.replace("\\", "/")).removeprefix("./"))
        if path is None:
            absent.append(file)
            continue
        if person_of.setdefault(path, person) != person:
            raise ValueError(
                f"{table}, line {line}: {file} shows {person} here and {person_of[path]} above: "
                "expected one person a file (name the faces in XMP where a photograph shows more)"
            )
    if not person_of:
        raise ValueError(
            f"{table}: none of its files is in {folder}; expected paths from that folder, "
            f"such as {paths[0]}, got {absent[0] if absent else 'no rows'}"
        )
    return [Source(path, person_of.get(path)) for path in paths], absent


def _rows(table: Path) -> Rows:
    """Returns the rows of file, person."""
    text = read_text(table)
    header = _header(table, text)
    if missing := [name for name in TABLE_COLUMNS if name not in header.columns]:
        raise ValueError(
            f"{table}, line {header.skipped}: expected the columns file, person, got "
            f"{', '.join(filter(None, header.columns)) or 'none'}: {', '.join(missing)} missing"
        )
    rows = read_rows(table, text, header.only(TABLE_COLUMNS), TABLE_COLUMNS)
    frame = rows.frame[TABLE_COLUMNS].fillna("")
    rows = replace(rows, frame=frame.assign(person=frame.person.map(normal_name)))
    rows.refuse(rows.frame.file == "", "file", "a photograph's path")
    rows.refuse(rows.frame.person == "", "person", "a name")
    return rows
