"""Which photographs lie in a folder, and whom each shows by its folder or by a table."""

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facerec.collections import xmp

if TYPE_CHECKING:  # only a table needs the half second that it takes to import
    import pandas as pd

PHOTOGRAPH_SUFFIXES = frozenset(
    {"jpg", "jpeg", "jpe", "jfif", "png", "webp", "tif", "tiff", "bmp"}
    | {"avif", "heic", "heif", "hif"}
)
SPLITS = frozenset({"train", "test", "val", "valid", "validation"})  # as in VGGFace2's copies
TABLE_COLUMNS = ["file", "person"]
NO_PERSON = "lies in no person's folder"
NO_PHOTOGRAPH = "not a photograph: its ending is none of " + ", ".join(sorted(PHOTOGRAPH_SUFFIXES))


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
        passed_over = [(path, why) for path, why in passed_over if folder / path != table]
        sources, absent = _by_table(paths, table, folder)
        passed_over += [(path, f"in {table.name}, but there is no such file") for path in absent]
        said = f"people by {table}"
    else:
        level = _level(paths)
        sources = [Source(path, _person(path, level)) for path in paths]
        example = next((one for one in sources if one.person), sources[0])
        said = f"people by folder: {printable(example.path)} shows {example.person or 'nobody'}"
    return Found(sources, sorted(passed_over), said)


def printable(path: str) -> str:
    """Returns a path as text; bytes of a file name that are none become escapes."""
    return path.encode("utf-8", "backslashreplace").decode()


def normal_name(name: str) -> str:
    """Returns a person's name with one spelling of accents (NFC) and single blanks."""
    return " ".join(unicodedata.normalize("NFC", printable(name)).split())


def walk(folder: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """Returns the photographs' paths, sorted, and what is none with the reason.

    Raises:
        ValueError: there is no photograph.
    """
    photographs: list[str] = []
    passed_over: list[tuple[str, str]] = []

    def refuse(error: OSError) -> None:
        path = Path(error.filename).relative_to(folder).as_posix()
        passed_over.append((path, f"cannot be listed: {error.strerror}"))

    for root, folders, files in os.walk(folder, onerror=refuse):
        inside = Path(root).relative_to(folder)
        for name in [*folders]:
            reason = ""
            if name.startswith((".", "@")):  # .thumbnails; a NAS's @eaDir
                reason = "a hidden folder"
            elif (Path(root) / name).is_symlink():  # may lead back up
                reason = "a symbolic link to a folder"
            if reason:
                passed_over.append(((inside / name).as_posix(), reason))
                folders.remove(name)
        if not files and not folders:
            passed_over.append((inside.as_posix(), "an empty folder"))
        in_folder = [name for name in files if _is_photograph(name)]
        photographs += [(inside / name).as_posix() for name in in_folder]
        sidecars = {
            sidecar.name for name in in_folder for sidecar in xmp.sidecars(Path(root) / name)
        }
        for name in set(files) - {*in_folder, *sidecars}:
            reason = "a hidden file" if name.startswith(".") else NO_PHOTOGRAPH
            passed_over.append(((inside / name).as_posix(), reason))
    if not photographs:
        known = ", ".join(sorted(PHOTOGRAPH_SUFFIXES))
        raise ValueError(f"{folder}: no photographs (endings: {known}) in it or in its folders")
    return sorted(photographs), passed_over


def _is_photograph(name: str) -> bool:
    suffix = os.path.splitext(name)[1][1:].lower()
    return suffix in PHOTOGRAPH_SUFFIXES and not name.startswith(".")


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
        return set(TABLE_COLUMNS) <= set(_read_csv(path, rows=0))
    except ValueError:
        return False


def _read_csv(path: Path, rows: int | None = None) -> "pd.DataFrame":
    import pandas as pd

    try:
        frame = pd.read_csv(
            path, dtype=str, encoding="utf-8-sig", skipinitialspace=True, nrows=rows
        )
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise ValueError(f"{path}: not a readable CSV: {error}") from None
    return frame.rename(columns=lambda name: str(name).strip().lower())


def _by_table(paths: list[str], table: Path, folder: Path) -> tuple[list[Source], list[str]]:
    """Returns the photographs with the table's people, and the files that are not there."""
    frame = _read_csv(table)
    if missing := [name for name in TABLE_COLUMNS if name not in frame]:
        raise ValueError(
            f"{table}, line 1: expected the columns file, person, got {', '.join(frame)}: "
            f"{', '.join(missing)} missing"
        )
    person_of: dict[str, str] = {}
    normal = {unicodedata.normalize("NFC", path): path for path in paths}
    absent = []
    for line, file, person in _rows(frame, table):
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


def _rows(frame: "pd.DataFrame", table: Path) -> Iterator[tuple[int, str, str]]:
    for line, (file, person) in enumerate(frame[TABLE_COLUMNS].itertuples(index=False), 2):
        if not (isinstance(file, str) and isinstance(person, str) and normal_name(person)):
            raise ValueError(f"{table}, line {line}: expected a file and a person, got a blank")
        yield line, file.strip(), normal_name(person)
