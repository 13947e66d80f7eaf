"""Readers give a result or raise ValueError for any bytes; as a script, atheris chooses them."""

import sys
import tempfile
from collections.abc import Callable
from inspect import isfunction
from pathlib import Path

import numpy as np

from facerec import tables
from facerec.data import celeba, identity, pair_lists, text_tables
from facerec.imaging import io

_folder = (
    tempfile.TemporaryDirectory()
)  # removed at the end, which atheris leaves out: then `make fuzz` does
FOLDER = Path(_folder.name)
TABLES = [table for table in vars(tables).values() if isinstance(table, tables.Table)]
PAIRS = [  # lists as they should be
    b"2\t1\nAnn 1 2\nAnn 1 Bo 2\nBo 1 2\nBo 1 Ann 3\n",
    b"fold,first,second,same\n1,a.jpg,b.jpg,1\n2,a.jpg,c.jpg,0\n",
    b"1,2\n3,4\n",
    b"1 ../Data/Images/001/frontal/01.jpg\n",
]


def table_of(table: tables.Table) -> bytes:
    """Returns two rows of a table, as they should be."""
    rows = [",".join(table.columns), *(",".join(str(row) for _ in table.columns) for row in (0, 1))]
    return ("\n".join(rows) + "\n").encode()


def annotations(content: bytes) -> None:
    """Puts the bytes through every reader of CelebA's files."""
    path = FOLDER / "annotations.txt"
    path.write_bytes(content)
    readers: list[Callable[[Path], object]] = [
        identity.read_identity,
        identity.read_names,
        celeba.read_boxes,
        celeba.read_attributes,
        celeba.read_image_ids,
        celeba.read_landmarks,
    ]
    for reader in readers:
        try:
            reader(path)
        except ValueError as error:
            assert str(path) in str(error), f"{reader}: the file is not named: {error}"


def own_tables(content: bytes) -> None:
    """Puts the bytes through the reader of our own tables."""
    path = FOLDER / "table.csv"
    path.write_bytes(content)
    for table in TABLES:
        try:
            found = tables.read(path, table)
        except ValueError as error:
            assert str(path) in str(error), f"{table.name}: the file is not named: {error}"
        else:
            assert set(table.columns) <= set(found)


def lists_of_pairs(content: bytes) -> None:
    """Puts the bytes through the readers of pairs, in each file that they read."""
    folder = FOLDER / "lists/Split/FP"
    files = [
        FOLDER / "pairs.txt",
        FOLDER / "pairs.csv",
        folder / "01/same.txt",
        FOLDER / "lists/Pair_list_F.txt",
    ]
    for file in (*files, folder / "01/diff.txt"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    for file in files:
        file.write_bytes(content)
        path = folder if file.is_relative_to(FOLDER / "lists") else file
        try:
            found = pair_lists.read_pairs(path)
        except ValueError as error:
            assert str(FOLDER) in str(error), f"{file.name}: the file is not named: {error}"
        else:
            assert list(found) == pair_lists.COLUMNS and found.same.dtype == bool
        file.write_bytes(b"")


def image(content: bytes) -> None:
    """Puts the bytes through the reader of photographs, at each of its sizes."""
    path = FOLDER / "image.jpg"
    path.write_bytes(content)
    for scale in (1, 0.5, 0.25, 0.125):
        try:
            found, reduction = io.read_reduced(path, scale)
        except ValueError as error:
            assert str(path) in str(error)
        else:
            assert (
                found.dtype == np.uint8 and found.ndim == 3 and found.shape[2] == 3 and found.size
            )
            assert reduction * scale <= 1 or reduction == 1


READERS = {
    "annotations": annotations,
    "image": image,
    "own_tables": own_tables,
    "pair_lists": lists_of_pairs,
}

if __name__ == "__main__":
    import atheris
    from collection import make_collection

    name = sys.argv.pop(1)
    seeds = make_collection(FOLDER / "seeds", people=1, photos=2)
    corpus = FOLDER / "corpus"  # good files to begin with, and what it finds
    corpus.mkdir()
    good = {
        "image": [(seeds["images"] / "000001.jpg").read_bytes()],
        "annotations": [seeds[key].read_bytes() for key in seeds if key != "images"],
        "own_tables": [table_of(table) for table in TABLES],
        "pair_lists": PAIRS,
    }
    for number, content in enumerate(good[name]):
        (corpus / str(number)).write_bytes(content)
    for module in (celeba, identity, io, pair_lists, tables, text_tables):
        for function in [
            f for f in vars(module).values() if isfunction(f) and f.__module__ == module.__name__
        ]:
            atheris.instrument_func(function)  # in place
    atheris.Setup([*sys.argv, str(corpus)], atheris.instrument_func(READERS[name]))
    atheris.Fuzz()
