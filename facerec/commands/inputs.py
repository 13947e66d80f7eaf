"""The photographs that a command is given, as files and folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facerec.collections.photograph_files import walk

NO_PERSON = "lies in no person's folder; --name says whom a photograph shows"


@dataclass(frozen=True)
class Source:
    """A photograph, and whom it shows.

    Attributes:
        path: of the file.
        person: the name.
    """

    path: Path
    person: str


def files_of(paths: Sequence[Path]) -> dict[Path, Path]:
    """Returns the photographs among files and folders, each with its path inside the folder.

    What is no folder is taken for a photograph, even if it is not there; its second path is its
    name. Those in a folder are sorted.

    Raises:
        ValueError: a folder has no photographs.
    """
    files: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            files |= {path / name: Path(name) for name in walk(path)[0]}
        else:
            files[path] = Path(path.name)
    return files


def people_in(paths: Sequence[Path]) -> tuple[list[Source], list[Path]]:
    """Returns the photographs in folders by person, and those that are in no person's folder.

    Args:
        paths: folders as `facerec import` reads them, with a folder for each person or a table.

    Raises:
        ValueError: one is a file, or says of no photograph whom it shows.
    """
    from facerec.collections.layouts import find_photographs  # takes half a second to import

    sources: list[Source] = []
    nobodys: list[Path] = []
    for path in paths:
        if path.is_file():
            raise ValueError(
                f"{path}: whom does it show? Say it by --name, or give a folder with a folder in "
                "it for each person"
            )
        found = find_photographs(path).photographs
        named = [Source(path / one.path, one.person) for one in found if one.person]
        if not named:
            raise ValueError(
                f"{path}: it has no folder for each person. If all photographs in it show one "
                "person, say whom by --name"
            )
        sources += named
        nobodys += [path / one.path for one in found if not one.person]
    return sources, nobodys
