"""Reads lists of pairs to verify: LFW's `pairs.txt`, CFP's folders, or a CSV."""

import re
from pathlib import Path

import pandas as pd

from facerec.data.text_tables import read_header, read_rows, read_text

COLUMNS = ["fold", "first", "second", "same"]
NUMBER = "[0-9]{1,9}"
SAME = ["1", "1.0", "true"]
DIFFERENT = ["0", "0.0", "false"]


def read_pairs(path: Path) -> pd.DataFrame:
    """Returns a row for each pair, COLUMNS: its fold from 0, two paths, and whether it is `same`.

    The paths lie below the folder of images; `same` is bool. Three forms are known:

    - LFW's `pairs.txt`: the first line holds the number of folds and of pairs in each. Then, fold
      by fold, lines `name i j` of one person and `name i name j` of two people follow. A photograph
      is `name/name_0001.jpg`.
    - CFP's: a folder with a folder for each fold. That has `same.txt` and `diff.txt` with lines
      `a,b`. These are paths, or numbers in `Pair_list_F.txt`, which lies two levels up; in folders
      named FP the second photograph is in `Pair_list_P.txt`.
    - A file that ends in `.csv`: a table with COLUMNS.

    Raises:
        ValueError: the list has none of these forms, or fewer than two folds; the message names the
            file and the line.
    """
    if path.is_dir():
        pairs = _read_cfp(path)
    elif path.suffix.lower() == ".csv":
        pairs = _read_csv(path)
    else:
        pairs = _read_lfw(path)
    if pairs.fold.nunique() < 2:
        raise ValueError(f"{path}: expected at least two folds, got {pairs.fold.nunique()}")
    return pairs


def _read_lfw(path: Path) -> pd.DataFrame:
    lines = _lines(path)
    place, line = lines[0] if lines else (1, "")
    head = re.fullmatch(rf"(?:({NUMBER})\s+)?({NUMBER})", line.strip())
    if not head:
        raise ValueError(
            f"{path}, line {place}: expected the number of folds and of pairs, got {line!r}"
        )
    folds = int(head[1] or 1)
    pairs = int(head[2])  # of each kind in a fold
    expected = 2 * folds * pairs
    if len(lines) != 1 + expected:
        raise ValueError(
            f"{path}, line {place}: {folds} folds of {pairs} same and {pairs} different pairs are "
            f"{expected} lines, the file has {len(lines) - 1}"
        )
    rows = []
    for number, (place, line) in enumerate(lines[1:]):
        fold, number_in_fold = divmod(number, 2 * pairs)
        same = number_in_fold < pairs
        second_name = "" if same else r"(\S+)\s+"
        pattern = rf"(\S+)\s+({NUMBER})\s+{second_name}({NUMBER})"
        fields = re.fullmatch(pattern, line.strip())
        if not fields:
            form = "name i j" if same else "name i name j"
            raise ValueError(f"{path}, line {place}: expected `{form}`, got {line!r}")
        name = fields[1]
        index = fields[2]
        other_name = name if same else fields[3]
        other_index = fields[fields.re.groups]
        rows.append([fold, _lfw_path(name, index), _lfw_path(other_name, other_index), same])
    return pd.DataFrame(rows, columns=COLUMNS)


def _lfw_path(name: str, index: str) -> str:
    return f"{name}/{name}_{int(index):04d}.jpg"


def _read_cfp(folder: Path) -> pd.DataFrame:
    folder = folder.resolve()
    above = folder.parent.parent
    frontal = _numbered(above / "Pair_list_F.txt")
    second_list = _numbered(above / "Pair_list_P.txt") if folder.name == "FP" else frontal
    rows = []
    for fold, part in enumerate(sorted(child for child in folder.iterdir() if child.is_dir())):
        for name, same in (("same.txt", True), ("diff.txt", False)):
            for place, line in _lines(part / name):
                fields = [field.strip() for field in line.split(",")]
                if len(fields) != 2:
                    raise ValueError(f"{part / name}, line {place}: expected `a,b`, got {line!r}")
                first = frontal.get(fields[0], fields[0])
                second = second_list.get(fields[1], fields[1])
                rows.append([fold, first, second, same])
    return pd.DataFrame(rows, columns=COLUMNS)


def _numbered(path: Path) -> dict[str, str]:
    """Returns the paths below `Images` by their numbers, of lines `1 ../Data/Images/001/01.jpg`."""
    if not path.is_file():
        return {}
    paths = {}
    for place, line in _lines(path):
        fields = line.split()
        if len(fields) != 2:
            raise ValueError(f"{path}, line {place}: expected a number and a path, got {line!r}")
        paths[fields[0]] = fields[1].rpartition("Images/")[2]
    return paths


def _read_csv(path: Path) -> pd.DataFrame:
    text = read_text(path)
    header = read_header(path, text, implied=None)
    if missing := [name for name in COLUMNS if name not in header.columns]:
        raise ValueError(f"{path}, line 1: missing columns {', '.join(missing)}")
    rows = read_rows(path, text, header.only(COLUMNS), COLUMNS)
    frame = rows.frame[COLUMNS].fillna("")
    empty = (frame == "").any(axis=1)
    if empty.any():
        raise ValueError(
            f"{path}, line {int(empty.argmax()) + 2}: expected {', '.join(COLUMNS)}, one is empty"
        )
    same = frame.same.str.casefold()
    rows.refuse(~same.isin(SAME + DIFFERENT), "same", "0 or 1, or False or True")
    folds = pd.to_numeric(frame.fold, errors="coerce")
    folds = frame.fold if folds.isna().any() else folds
    return frame.assign(fold=folds.rank(method="dense").astype(int) - 1, same=same.isin(SAME))


def _lines(path: Path) -> list[tuple[int, str]]:
    """Returns the lines that are not blank, each with its number in the file, from 1."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    return [(place, line) for place, line in enumerate(lines, 1) if line.strip()]
