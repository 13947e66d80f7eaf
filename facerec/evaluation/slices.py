"""Accuracy by slices of the photographs: which faces a recogniser finds hard."""

import itertools

import numpy as np
import pandas as pd

from facerec import tables
from facerec.annotation_names import LANDMARKS
from facerec.geometry import eye_distance, frontality
from facerec.metrics.intervals import share_interval

COLUMNS = ["split", "slice", "group", "photographs", "top1", "low", "high"]
# The least frontality of each group.
YAW = {"profile": -np.inf, "turned": 0.1, "slightly turned": 0.3, "frontal": 0.4}
UNKNOWN = "no points found"
TRAINING_PHOTOGRAPHS = "training photographs"
NOT_ATTRIBUTES = {*tables.SELECTED.columns, *tables.OPENSET.columns, *tables.REPORT.columns}
MIN_PHOTOGRAPHS = 20  # of a group that is listed among the worst


def with_found_points(frame: pd.DataFrame, predicted: pd.DataFrame) -> pd.DataFrame:
    """Returns the frame with the points that the hourglass found in place of the annotated ones.

    Args:
        frame: rows with image_id.
        predicted: a PREDICTED table that lists all of them.
    """
    points = predicted.set_index("image_id").loc[frame.image_id, LANDMARKS]
    return frame.assign(**points.set_axis(frame.index))


def slice_table(
    report: pd.DataFrame,
    photographs: pd.DataFrame,
    train_counts: pd.Series,
) -> pd.DataFrame:
    """Returns top-1 accuracy of every group of every slice of each split, COLUMNS.

    The slices: each attribute that the collection has; the distance between the eyes, in quarters
    of the split; yaw, by where the nose is between the eyes; the number of the person's training
    photographs. Intervals are over people.

    Args:
        report: a REPORT table.
        photographs: a SELECTED table of the same photographs, with the points that the hourglass
            found, NaN where it found none.
        train_counts: training photographs by label.
    """
    frame = report.merge(photographs.drop(columns="label"), on="image_id", validate="one_to_one")
    rows = []
    for split, part in frame.groupby("split", sort=False):
        by_slice = groupings(part)
        by_slice[TRAINING_PHOTOGRAPHS] = part.label.map(train_counts).to_numpy()
        for name, groups in by_slice.items():
            for group, members in part.groupby(groups, sort=False, observed=True):
                rows.append([split, name, group, len(members), *_top1(members)])
    return pd.DataFrame(rows, columns=COLUMNS).round(6)


def worst(table: pd.DataFrame, shown: int) -> pd.DataFrame:
    """Returns split, slice, group and photographs of the groups with the lowest accuracy.

    The accuracy is the mean over recognisers. A group counts if it has MIN_PHOTOGRAPHS and is not
    the whole split.

    Args:
        table: rows of COLUMNS, of one or of several recognisers.
        shown: the largest number of groups.
    """
    keys = ["split", "slice", "group", "photographs"]
    mean = table.groupby(keys, sort=False, as_index=False).top1.mean()
    whole = mean.groupby(["split", "slice"]).group.transform("size") == 1
    return mean[~whole & (mean.photographs >= MIN_PHOTOGRAPHS)].nsmallest(
        shown, "top1", keep="first"
    )[keys]


def attributes(frame: pd.DataFrame) -> list[str]:
    """Returns the columns of a frame of photographs that are attributes."""
    return [name for name in frame if name not in NOT_ATTRIBUTES]


def groupings(part: pd.DataFrame) -> dict[str, np.ndarray]:
    """Returns, by slice, each photograph's group (N,): eye distance, yaw and each attribute.

    Args:
        part: N rows with the points that the hourglass found, NaN where it found none.
    """
    points = tables.points(part)
    known = np.isfinite(points).all(axis=(1, 2))
    groups = {
        "eye distance": np.where(known, _quarters(eye_distance(points), known), UNKNOWN),
        "yaw": np.where(known, _yaw_groups(frontality(points)), UNKNOWN),
    }
    return groups | {name: np.where(part[name] > 0, "yes", "no") for name in attributes(part)}


def _quarters(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Returns the quarter (N,) of the known values that each value lies in, by its bounds."""
    edges = np.zeros(1)
    if known.any():
        edges = np.unique(np.quantile(values[known], [0, 0.25, 0.5, 0.75, 1]))
    index = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    names = [f"{low:.0f} to {high:.0f} px" for low, high in itertools.pairwise(edges)]
    return np.array(names or [f"{edges[0]:.0f} px"])[index]


def _yaw_groups(frontalities: np.ndarray) -> np.ndarray:
    index = np.searchsorted(list(YAW.values()), frontalities, side="right") - 1
    return np.array(list(YAW))[index]


def _top1(members: pd.DataFrame) -> tuple[float, float, float]:
    shares = members.recognized_share.to_numpy(float)
    return shares.mean(), *share_interval(shares, members.label.to_numpy())
