"""What a selection's criteria did: histograms with the bounds, and faces that each kept and rejected."""

from pathlib import Path

import numpy as np
import pandas as pd

from facerec import tables
from facerec.geometry import crop_squares, square_matrices
from facerec.imaging import contact_sheets as sheets
from facerec.imaging.io import read_image
from facerec.imaging.warp import warp
from facerec.selection.criteria import Criterion

COLUMNS = ["criterion", "value", "share", "kept", "bound"]
BINS = 40
TAIL = 0.005  # of the values on either side that lie in the outermost bin
SHOWN = 8  # faces kept and faces rejected by each criterion
FACE = 112  # px
BOX_SCALE = 1.2
BLANK = np.full((FACE, FACE, 3), sheets.PAPER, np.uint8)


def histograms(criteria: list[Criterion], values: pd.DataFrame) -> pd.DataFrame:
    """Returns a histogram of each criterion's values over the photographs that reached it, COLUMNS.

    A row is what of a bin was kept, or was rejected: the bin's middle, the share of the photographs, %, which of the
    two, and the bound next to it. The outermost bins hold what lies farther out, too.
    """
    rows = []
    for criterion, reached in _reached(criteria, values):
        found = reached[criterion.name].to_numpy(float)
        found = found[np.isfinite(found)]
        if len(found):
            rows += _histogram(criterion, found)
    return pd.DataFrame(rows, columns=COLUMNS)


def _histogram(criterion: Criterion, found: np.ndarray) -> list[list]:
    low, high = np.quantile(found, [TAIL, 1 - TAIL])
    low, high = min([low, *criterion.bounds.values()]), max([high, *criterion.bounds.values()])
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    bounds = np.array(list(criterion.bounds.values()) or [np.nan])
    nearest = bounds[np.abs(middles[:, None] - bounds).argmin(axis=1)]
    passed = criterion.passes(found)
    rows = []
    for verdict, values in (("kept", found[passed]), ("rejected", found[~passed])):
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        shares = 100 * counts / len(found)
        rows += [
            [criterion.name, round(middle, 4), round(share, 4), verdict, bound]
            for middle, share, bound in zip(middles, shares, nearest, strict=True)
            if share or verdict == "kept"
        ]
    return rows


def _reached(
    criteria: list[Criterion], values: pd.DataFrame
) -> list[tuple[Criterion, pd.DataFrame]]:
    """Returns each criterion with the rows that those before it left, if it was measured on any."""
    found = []
    for criterion in criteria:
        found.append((criterion, values))
        values = values[criterion.passes(values[criterion.name].to_numpy(float))]
    return found


def sheet(
    criteria: list[Criterion], values: pd.DataFrame, frame: pd.DataFrame, images: Path
) -> np.ndarray:
    """Returns a sheet with two rows a criterion that has bounds: faces it kept and faces it rejected.

    A row begins with the criterion's name. Half of it are the nearest to a bound, which show whether it lies well, the
    others from all over.

    Args:
        criteria: in their order.
        values: a column each, and image_id.
        frame: image_id and boxes, of these photographs and others.
        images: folder of the photographs.
    """
    boxes = frame.set_index("image_id")[tables.BOX]
    tiles, captions = [], []
    for criterion, reached in _reached(criteria, values):
        if not criterion.bounds:
            continue
        reached = reached[np.isfinite(reached[criterion.name])]
        passed = criterion.passes(reached[criterion.name].to_numpy(float))
        for word, rows in (("kept", reached[passed]), ("rejected", reached[~passed])):
            shown = _shown(criterion, rows)
            tiles.append(BLANK)
            captions.append(criterion.name)
            tiles += [
                _face(images / row.image_id, boxes.loc[row.image_id]) for row in shown.itertuples()
            ]
            captions += [f"{word} {value:.3g}" for value in shown[criterion.name]]
            captions += [f"none {word}" if shown.empty else f"no more {word}"] * (
                SHOWN - len(shown)
            )
            tiles += [BLANK] * (SHOWN - len(shown))
    return sheets.contact_sheet(tiles or [BLANK], SHOWN + 1, FACE, captions or ["no bounds"])


def _shown(criterion: Criterion, rows: pd.DataFrame) -> pd.DataFrame:
    away = np.min(
        [np.abs(rows[criterion.name] - bound) for bound in criterion.bounds.values()], axis=0
    )
    rows = rows.iloc[np.lexsort([rows.image_id.to_numpy(str), away])]
    near, far = rows[: SHOWN // 2], rows[SHOWN // 2 :]
    evenly = np.unique(np.linspace(0, len(far) - 1, SHOWN - len(near)).astype(int))
    return pd.concat([near, far.iloc[evenly] if len(far) else far])


def _face(path: Path, box: pd.Series) -> np.ndarray:
    """Returns the face in its box, or a blank where the photograph cannot be read."""
    square = crop_squares(box.to_numpy(float)[None], BOX_SCALE)
    try:
        return warp(read_image(path), square_matrices(square, FACE)[0], FACE)
    except ValueError:
        return BLANK
