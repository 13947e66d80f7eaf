"""Whether points, boxes and pictures belong together, judged over the whole collection.

One odd row is the criteria's business. Here most rows must be odd, as they are when a table has
another unit, another layout, or was made for other pictures.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from facerec.tables import BOX, points

MOST = 0.5  # share of the faces: from here on the table is wrong, not some of its rows
MANY = 0.75  # share of the faces that fit, profiles left out: then a layout is the right one
MIN_EXTENT = 2.0  # px, of points or boxes: no face is smaller
MIDDLE = 0.25  # of the box's side: the points' mean lies at most so far from the middle
POINTS_INSIDE = 3  # of the five
LARGEST_BOX = 10.0  # sides of a box, of the points' extent: 2 in CelebA, 6 for whole pictures
NEARLY_ALL = 0.9
MIN_FACES = 10  # for a comparison of spreads
ALIGNED = (178, 218)  # px, CelebA's aligned pictures
CORNERS = "corners x_1, y_1, x_2, y_2"
SWAPPED = "y_1, x_1, height, width"
# So many times as steady must the faces lie in boxes of another layout. Of random faces with right
# boxes none reaches 0.9 with CORNERS, and 1.25 with SWAPPED; wrong ones reach 1.1 and 4.
STEADIER = {CORNERS: 1.05, SWAPPED: 1.5}
SAME_BOX = 0.8  # intersection over union, from which on the layout makes no difference
RENAME_TO_CORNERS = "rename width and height to x_2 and y_2, which are read, too"
NO_BOXES = "set dataset.boxes: profiles/none.csv, which takes the boxes from the points"


def refuse_implausible_tables(frame: pd.DataFrame, landmarks: Path, boxes: Path | None) -> None:
    """Checks points and boxes by themselves and against each other; pictures are not needed.

    Args:
        frame: image_id, landmarks and boxes.
        landmarks: file of the points, for the messages.
        boxes: file of the boxes; None if they were made from the points.

    Raises:
        ValueError: most points or boxes are smaller than any face, or most points do not lie in
            their boxes as they do in a face's, or would lie more steadily in boxes of another
            layout, such as corners.
    """
    if frame.empty:
        return
    face = points(frame)
    extent = np.ptp(face, axis=1).max(axis=1)
    if is_most(is_small := extent < MIN_EXTENT):
        row = int(is_small.argmax())
        raise ValueError(
            f"{landmarks}: in {_share(is_small)} the five points lie within {MIN_EXTENT:g} px, as "
            f"of {_example(frame, row)}: {_listed(face[row].ravel())}; expected px of the picture, "
            f"not shares of it: multiply x by the picture's width, and y by its height"
        )
    if boxes is None:
        return
    box = frame[BOX].to_numpy(float)
    if is_most(is_small := box[:, 2:].max(axis=1) < MIN_EXTENT):
        row = int(is_small.argmax())
        raise ValueError(
            f"{boxes}: in {_share(is_small)} the box is smaller than {MIN_EXTENT:g} px, as of "
            f"{_example(frame, row)}: {_listed(box[row])}; expected px of the picture, not shares "
            f"of it: multiply x_1 and width by the picture's width, y_1 and height by its height"
        )
    _refuse_foreign_boxes(frame, face, box, boxes)
    _refuse_other_layout(frame, face, box, boxes)


def _refuse_foreign_boxes(
    frame: pd.DataFrame, face: np.ndarray, box: np.ndarray, boxes: Path
) -> None:
    is_odd = ~_fits(face, box) & ~_begins_at_corner(box)
    if not is_most(is_odd):
        return
    row = int(is_odd.argmax())
    fitting = [
        f"as {words} they would fit: {advice}"
        for words, (advice, other) in _layouts(face, box).items()
        if _fits(face, other).mean() > MANY
    ]
    advice = (
        fitting[0]
        if fitting
        else (
            "they look like boxes of other pictures, as those of CelebA in the wild beside its "
            "aligned pictures: use the boxes of these pictures"
        )
    )
    raise ValueError(
        f"{boxes}: in {_share(is_odd)} the box does not belong to the points, as of "
        f"{_example(frame, row)}: box {_listed(box[row])}, points around "
        f"{_listed(face[row].mean(axis=0))}; expected x_1, y_1, width, height around the face, px "
        f"of the same picture; {advice}; or {NO_BOXES}"
    )


def _refuse_other_layout(
    frame: pd.DataFrame, face: np.ndarray, box: np.ndarray, boxes: Path
) -> None:
    """Checks whether the columns mean something else, by how steadily the faces lie in the boxes.

    Corners under width and height, for one, are boxes that hold their faces, too. But then the
    faces' place and size in the box change with x_1 and y_1.
    """
    if len(box) < MIN_FACES or is_most(_begins_at_corner(box)):
        return
    layouts = _layouts(face, box)
    for words, times in STEADIER.items():
        advice, other = layouts[words]
        is_possible = (other[:, 2:] > 0).all(axis=1)
        if is_possible.mean() < MANY or _fits(face, other).mean() < MANY * _fits(face, box).mean():
            continue
        if np.median(_overlap(box[is_possible], other[is_possible])) > SAME_BOX:
            continue
        given = _unsteadiness(face[is_possible], box[is_possible])
        if given > times * _unsteadiness(face[is_possible], other[is_possible]):
            row = int((np.abs(other - box).sum(axis=1) * is_possible).argmax())
            raise ValueError(
                f"{boxes}: the boxes look like {words}, as of {_example(frame, row)}: "
                f"{_listed(box[row])}, points around {_listed(face[row].mean(axis=0))}; expected "
                f"x_1, y_1, width, height, px; {advice}; or {NO_BOXES}"
            )


def _layouts(face: np.ndarray, box: np.ndarray) -> dict[str, tuple[str, np.ndarray]]:
    """Returns what else the columns may hold: what to do then, and the boxes (N, 4) that it gives.

    Args:
        face: (N, 5, 2).
        box: (N, 4), as the file has them.
    """
    middles = np.abs(box[:, :2] + box[:, 2:] / 2)
    scale = float(np.median(np.abs(face.mean(axis=1))) / max(np.median(middles), 1e-9))
    return {
        CORNERS: (
            RENAME_TO_CORNERS,
            np.concatenate([box[:, :2], box[:, 2:] - box[:, :2]], axis=1),
        ),
        "the middle, width, height": (
            "subtract half of width from x_1, and half of height from y_1",
            np.concatenate([box[:, :2] - box[:, 2:] / 2, box[:, 2:]], axis=1),
        ),
        SWAPPED: ("rename the columns", box[:, [1, 0, 3, 2]]),
        f"boxes of pictures {1 / max(scale, 1e-9):.3g} times as large": (
            "divide them by that",
            box * scale,
        ),
    }


def refuse_implausible_pictures(
    frame: pd.DataFrame, sizes: np.ndarray, images: Path, boxes: Path | None
) -> None:
    """Checks that points and boxes lie in their pictures.

    Args:
        frame: image_id, landmarks and boxes of N readable photographs.
        sizes: (N, 2) width and height of the pictures, px.
        images: folder of the photographs, for the message.
        boxes: as in `refuse_implausible_tables`.

    Raises:
        ValueError: in most photographs a point lies outside the picture, or most boxes leave it to
            the right or below, and would not if their `width` and `height` were corners.
    """
    if frame.empty:
        return
    face = points(frame)
    is_outside = np.any((face < -0.5) | (face > sizes[:, None] - 0.5), axis=(1, 2))
    if is_most(is_outside):
        row = int(is_outside.argmax())
        is_aligned = is_most(np.all(sizes == ALIGNED, axis=1))
        advice = (
            "these look like CelebA's aligned photographs (178 × 218) with the tables of those in "
            "the wild: use list_landmarks_align_celeba, as the profile celeba_aligned does, or "
            "img_celeba, in the wild"
            if is_aligned
            else "these pictures have another size than those that the tables were made for: use "
            "those pictures, or multiply the tables by the ratio of the sizes"
        )
        width, height = sizes[row].astype(int)
        raise ValueError(
            f"{images}: in {_share(is_outside)} a landmark lies outside the picture, as of "
            f"{_example(frame, row)}: {width} × {height} px, points as far as "
            f"{_listed(face[row].max(axis=0))}; expected px of these pictures; {advice}"
        )
    if boxes is None:
        return
    box = frame[BOX].to_numpy(float)
    leaves = np.any(box[:, :2] + box[:, 2:] > sizes + 1, axis=1)
    would_leave = np.any((box[:, 2:] > sizes + 1) | (box[:, 2:] <= box[:, :2]), axis=1)
    corners = _layouts(face, box)[CORNERS][1]
    is_better = np.mean(_fits(face, corners) & ~would_leave) > NEARLY_ALL
    if len(box) >= MIN_FACES and is_most(leaves) and is_better:
        row = int((leaves & ~would_leave).argmax())
        width, height = sizes[row].astype(int)
        raise ValueError(
            f"{boxes}: in {_share(leaves)} the box leaves the picture to the right or below, as of "
            f"{_example(frame, row)}: {_listed(box[row])} in {width} × {height} px; the boxes look "
            f"like {CORNERS}; expected x_1, y_1, width, height, px; {RENAME_TO_CORNERS}; or "
            f"{NO_BOXES}"
        )


def is_most(flags: np.ndarray) -> bool:
    """Returns whether more than half of the faces (N,) are flagged."""
    return bool(flags.mean() > MOST)


def _fits(face: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Returns whether points (N, 5, 2) lie in their boxes (N, 4) as in any kind of face box, (N,).

    Most of them are inside, around the middle, and not much smaller than the box.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        place = _place(face, box)
        is_inside = (np.abs(place) <= 0.5).all(axis=2).sum(axis=1) >= POINTS_INSIDE
        is_in_middle = (np.abs(place.mean(axis=1)) <= MIDDLE).all(axis=1)
    extent = np.ptp(face, axis=1).max(axis=1)
    is_large_enough = box[:, 2:].min(axis=1) <= LARGEST_BOX * extent
    return is_inside & is_in_middle & is_large_enough & (box[:, 2:] > 0).all(axis=1)


def _place(face: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Returns points (N, 5, 2) relative to their boxes: 0 is the middle, ±0.5 the edges."""
    middle = box[:, :2] + (box[:, 2:] - 1) / 2
    return (face - middle[:, None]) / box[:, None, 2:]


def _begins_at_corner(box: np.ndarray) -> np.ndarray:
    """Returns whether boxes begin at the picture's corner: then the whole picture is the box."""
    return (np.abs(box[:, :2]) <= 1).all(axis=1)


def _unsteadiness(face: np.ndarray, box: np.ndarray) -> float:
    """Returns how much the faces' place and size in the box differ, by median deviations."""
    side = np.sqrt(np.prod(box[:, 2:], axis=1))
    place = (face.mean(axis=1) - box[:, :2] - box[:, 2:] / 2) / side[:, None]
    extent = np.maximum(np.ptp(face, axis=1).max(axis=1), 1)
    values = np.column_stack([place, np.log(side / extent)])
    return float(np.median(np.abs(values - np.median(values, axis=0)), axis=0).sum())


def _overlap(box: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns the intersection over union (N,) of boxes (N, 4) and others."""
    low = np.maximum(box[:, :2], other[:, :2])
    high = np.minimum(box[:, :2] + box[:, 2:], other[:, :2] + other[:, 2:])
    both = np.prod(np.maximum(high - low, 0), axis=1)
    return both / (np.prod(box[:, 2:], axis=1) + np.prod(other[:, 2:], axis=1) - both)


def _share(flags: np.ndarray) -> str:
    return f"{int(flags.sum())} of {len(flags)} photographs"


def _example(frame: pd.DataFrame, row: int) -> str:
    return str(frame.image_id.iloc[row])


def _listed(values: np.ndarray) -> str:
    return f"({', '.join(f'{value:.4g}' for value in values)})"
