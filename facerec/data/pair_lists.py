"""Reads lists of pairs to verify: LFW's `pairs.txt`, CFP's folders of `same.txt` and `diff.txt`, or a plain CSV."""

import io
import re
from pathlib import Path

import pandas as pd

COLUMNS = ["fold", "first", "second", "same"]
NUMBER = "[0-9]{1,9}"


def read_pairs(path: Path) -> pd.DataFrame:
    """Returns a row a pair: its fold, from 0, the two photographs' paths below the folder of images, and same (bool).

    Three forms are known. LFW's `pairs.txt`: a line of folds and pairs a fold, then, fold by fold, lines `name i j` of
    one person and `name i name j` of two; a photograph is `name/name_0001.jpg`. CFP's: a folder of folders, each a fold
    with `same.txt` and `diff.txt` of lines `a,b`, either paths or, where two levels up `Pair_list_F.txt` (and
    `Pair_list_P.txt`, for the second photograph of folders named FP) lie, numbers in those. Anything that ends in
    `.csv`: a table with COLUMNS.

    Raises:
        ValueError: the list is of none of these forms, or has fewer than two folds; the message names file and line.
    """
    if path.is_dir():
        pairs = _read_cfp(path)
    elif path.suffix == ".csv":
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
    folds, each = int(head[1] or 1), int(head[2])
    if len(lines) != 1 + 2 * folds * each:
        raise ValueError(
            f"{path}, line {place}: {folds} folds of {each} same and {each} different pairs are {2 * folds * each} "
            f"lines, the file has {len(lines) - 1}"
        )
    rows = []
    for number, (place, line) in enumerate(lines[1:]):
        same, fields = number % (2 * each) < each, line.split()
        if len(fields) != (3 if same else 4) or not all(
            re.fullmatch(NUMBER, field) for field in (fields[-1], fields[1])
        ):
            form = "name i j" if same else "name i name j"
            raise ValueError(f"{path}, line {place}: expected `{form}`, got {line!r}")
        first, second = (fields[0], fields[1]), (fields[-2] if not same else fields[0], fields[-1])
        rows.append(
            [
                number // (2 * each),
                *(f"{name}/{name}_{int(index):04d}.jpg" for name, index in (first, second)),
                same,
            ]
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _read_cfp(folder: Path) -> pd.DataFrame:
    folder = folder.resolve()
    lists = [_numbered(folder.parent.parent / f"Pair_list_{kind}.txt") for kind in "FP"]
    kinds = {"FF": (0, 0), "FP": (0, 1)}.get(folder.name, (0, 0))
    rows = []
    for fold, part in enumerate(sorted(child for child in folder.iterdir() if child.is_dir())):
        for name, same in (("same.txt", True), ("diff.txt", False)):
            for place, line in _lines(part / name):
                fields = [field.strip() for field in line.split(",")]
                if len(fields) != 2:
                    raise ValueError(f"{part / name}, line {place}: expected `a,b`, got {line!r}")
                found = [
                    lists[kind].get(field, field) for kind, field in zip(kinds, fields, strict=True)
                ]
                rows.append([fold, *found, same])
    return pd.DataFrame(rows, columns=COLUMNS)


def _numbered(path: Path) -> dict[str, str]:
    """Returns the photographs of a list `1 ../Data/Images/001/frontal/01.jpg`, below `Images`, by their numbers."""
    if not path.is_file():
        return {}
    names = {}
    for place, line in _lines(path):
        fields = line.split()
        if len(fields) != 2:
            raise ValueError(f"{path}, line {place}: expected a number and a path, got {line!r}")
        names[fields[0]] = fields[1].rpartition("Images/")[2]
    return names


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        content = io.BytesIO(path.read_bytes().rstrip())
        frame = pd.read_csv(content, dtype={"first": str, "second": str}, skip_blank_lines=False)
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a CSV: {error}") from None
    if missing := [name for name in COLUMNS if name not in frame]:
        raise ValueError(f"{path}, line 1: missing columns {', '.join(missing)}")
    empty = frame[COLUMNS].isna().any(axis=1)
    if empty.any():
        raise ValueError(
            f"{path}, line {int(empty.argmax()) + 2}: expected {', '.join(COLUMNS)}, one is empty"
        )
    wrong = ~frame.same.isin([0, 1])
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{path}, line {row + 2}: same: expected 0 or 1, got {frame.same.tolist()[row]!r}"
        )
    return frame[COLUMNS].assign(
        fold=frame.fold.rank(method="dense").astype(int) - 1, same=frame.same == 1
    )


def _lines(path: Path) -> list[tuple[int, str]]:
    """Returns the lines that are not blank, each with its number in the file, from 1."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    return [(place, line) for place, line in enumerate(lines, 1) if line.strip()]
