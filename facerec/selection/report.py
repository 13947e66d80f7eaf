"""What a selection did: histograms with the bounds, faces kept and rejected, sizes in words."""

from pathlib import Path

import numpy as np
import pandas as pd

from facerec import tables
from facerec.data.names import PersonNames
from facerec.geometry import crop_squares, square_matrices
from facerec.imaging import contact_sheets as sheets
from facerec.imaging.io import read_image
from facerec.imaging.warp import warp
from facerec.selection.choice import Choice
from facerec.selection.criteria import Criterion

HISTOGRAM = ["criterion", "value", "share", "kept", "bound"]
BINS = 40
TAIL = 0.005  # share of the values on either side that go to the outermost bin
FACES_PER_ROW = 8
FACE = 112  # px
BOX_SCALE = 1.2  # the notebook's; `crop.box_scale` would rerun `select` when it changes
BLANK = np.full((FACE, FACE, 3), sheets.PAPER, np.uint8)
SELECTED_FACES = 48
SELECTED_COLUMNS = 8


def histograms(criteria: list[Criterion], values: pd.DataFrame) -> pd.DataFrame:
    """Returns a histogram of each criterion's values, HISTOGRAM, over what earlier ones kept.

    A row is the part of a bin that was kept, or that was rejected. It holds the bin's middle, the
    share of the photographs, %, and the nearest bound. The outermost bins hold the tails, too.
    """
    rows = []
    for criterion, reached in _reached(criteria, values):
        measured = reached[criterion.name].to_numpy(float)
        measured = measured[np.isfinite(measured)]
        if len(measured):
            rows += _histogram(criterion, measured)
    return pd.DataFrame(rows, columns=HISTOGRAM)


def _histogram(criterion: Criterion, values: np.ndarray) -> list[list]:
    low, high = np.quantile(values, [TAIL, 1 - TAIL])
    low = min([low, *criterion.bounds.values()])
    high = max([high, *criterion.bounds.values()])
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    bounds = np.array(list(criterion.bounds.values()) or [np.nan])
    nearest_bounds = bounds[np.abs(middles[:, None] - bounds).argmin(axis=1)]
    passed = criterion.passes(values)
    rows = []
    for verdict, part in (("kept", values[passed]), ("rejected", values[~passed])):
        counts, _ = np.histogram(np.clip(part, edges[0], edges[-1]), edges)
        shares = 100 * counts / len(values)
        rows += [
            [criterion.name, round(middle, 4), round(share, 4), verdict, bound]
            for middle, share, bound in zip(middles, shares, nearest_bounds, strict=True)
            if share or verdict == "kept"
        ]
    return rows


def _reached(
    criteria: list[Criterion], values: pd.DataFrame
) -> list[tuple[Criterion, pd.DataFrame]]:
    """Returns each criterion with the rows that those before it kept."""
    pairs = []
    for criterion in criteria:
        pairs.append((criterion, values))
        values = values[criterion.passes(values[criterion.name].to_numpy(float))]
    return pairs


def criteria_sheet(
    criteria: list[Criterion], values: pd.DataFrame, frame: pd.DataFrame, images: Path
) -> np.ndarray:
    """Returns a contact sheet with two rows for each bounded criterion: faces kept, and rejected.

    A row begins with the criterion's name. Half of its faces are the nearest to a bound, which show
    whether the bound is right. The others are spread over all values.

    Args:
        criteria: in their order.
        values: a column for each criterion, and image_id.
        frame: image_id and boxes, of these photographs at least.
        images: folder of the photographs.
    """
    boxes = frame.set_index("image_id")[tables.BOX]
    tiles: list[np.ndarray] = []
    captions: list[str] = []
    for criterion, reached in _reached(criteria, values):
        if not criterion.bounds:
            continue
        reached = reached[np.isfinite(reached[criterion.name])]
        passed = criterion.passes(reached[criterion.name].to_numpy(float))
        for word, rows in (("kept", reached[passed]), ("rejected", reached[~passed])):
            shown = _near_and_far(criterion, rows)
            faces = [
                _face(images / image_id, boxes.loc[image_id].to_numpy(float))
                for image_id in shown.image_id
            ]
            blanks = FACES_PER_ROW - len(faces)
            tiles += [BLANK, *faces, *[BLANK] * blanks]
            captions += [criterion.name, *(f"{word} {v:.3g}" for v in shown[criterion.name])]
            captions += [f"no more {word}" if faces else f"none {word}"] * blanks
    columns = FACES_PER_ROW + 1
    return sheets.contact_sheet(tiles or [BLANK], columns, FACE, captions or ["no bounds"])


def _near_and_far(criterion: Criterion, rows: pd.DataFrame) -> pd.DataFrame:
    """Returns FACES_PER_ROW rows: the nearest to a bound, and others evenly from the rest."""
    distances = [np.abs(rows[criterion.name] - bound) for bound in criterion.bounds.values()]
    rows = rows.iloc[np.lexsort([rows.image_id.to_numpy(str), np.min(distances, axis=0)])]
    near = rows[: FACES_PER_ROW // 2]
    far = rows[FACES_PER_ROW // 2 :]
    if far.empty:
        return near
    evenly = np.linspace(0, len(far) - 1, FACES_PER_ROW - len(near)).astype(int)
    return pd.concat([near, far.iloc[np.unique(evenly)]])


def _face(path: Path, box: np.ndarray) -> np.ndarray:
    square = crop_squares(box[None], BOX_SCALE)
    return warp(read_image(path), square_matrices(square, FACE)[0], FACE)


def selected_sheet(selected: pd.DataFrame, images: Path, names: PersonNames) -> np.ndarray:
    """Returns a contact sheet of photographs with their boxes, points and people's names."""
    rows = np.linspace(0, len(selected) - 1, min(SELECTED_FACES, len(selected))).astype(int)
    shown = selected.iloc[rows]
    boxes = shown[tables.BOX].to_numpy(float)
    tiles = [
        sheets.annotated(read_image(images / image_id), box, points, sheets.TILE)
        for image_id, box, points in zip(shown.image_id, boxes, tables.points(shown), strict=True)
    ]
    captions = [names.get(person, f"person {person}") for person in shown.person_id]
    return sheets.contact_sheet(tiles, SELECTED_COLUMNS, sheets.TILE, captions)


def sizes_in_words(train: pd.DataFrame, val: pd.DataFrame, choice: Choice) -> str:
    """Returns how many people and photographs each part has, in a sentence."""
    role = choice.openset.drop_duplicates("person_id").role.value_counts()
    people = train.person_id.nunique()
    parts = {"to learn from": train, "for val": val, "wild": choice.wild}
    counts = ", ".join(
        f"{_range(frame.groupby('person_id').size().to_numpy(), people)} {use}"
        for use, frame in parts.items()
    )
    return (
        f"{people} people to train on, {role.get('query', 0)} query and "
        f"{role.get('distractor', 0)} distractor people to test with; "
        f"photographs of each to train on: {counts}"
    )


def _range(counts: np.ndarray, people: int) -> str:
    """Returns the least and the most of some people's counts; people without any count as 0."""
    least = counts.min() if len(counts) == people else 0
    most = counts.max(initial=0)
    return f"{most}" if least == most else f"{least} to {most}"
