"""Accuracy by slices of the photographs: which faces a recogniser finds hard."""

import itertools

import numpy as np
import pandas as pd

from facerec import tables
from facerec.geometry import eye_distance, frontality
from facerec.metrics.bootstrap import BootstrapParams, bootstrap_interval

COLUMNS = ["split", "slice", "group", "photographs", "top1", "low", "high"]
YAW = {
    "profile": -np.inf,
    "turned": 0.1,
    "slightly turned": 0.3,
    "frontal": 0.4,
}  # from this frontality on
UNKNOWN = "no points found"
LEAST = 20  # photographs of a group that is named among the worst


def slice_table(
    report: pd.DataFrame,
    photographs: pd.DataFrame,
    train_counts: pd.Series,
    params: BootstrapParams,
) -> pd.DataFrame:
    """Returns top-1 of every group of every slice of each split, COLUMNS, with intervals by resampling people.

    The slices: each attribute that the collection has, the distance between the eyes (quarters of the split), yaw (from
    where the nose is between the eyes), both by the points that the hourglass found, and the number of the person's
    training photographs.

    Args:
        report: a REPORT table.
        photographs: a SELECTED table of the same photographs, its points those found, NaN where none were.
        train_counts: training photographs by label.
        params: of the intervals.
    """
    frame = report.merge(photographs.drop(columns="label"), on="image_id", validate="one_to_one")
    rows = []
    for split, part in frame.groupby("split", sort=False):
        for name, groups in _groupings(part, photographs, train_counts).items():
            for group, members in part.groupby(groups, sort=False, observed=True):
                rows.append([split, name, group, len(members), *_top1(members, params)])
    return pd.DataFrame(rows, columns=COLUMNS).round(6)


def worst(table: pd.DataFrame, shown: int) -> pd.DataFrame:
    """Returns split, slice, group and photographs of the groups with the lowest accuracy, the mean over heads.

    A group counts if it has at least LEAST photographs and is not everybody.

    Args:
        table: rows of COLUMNS, and of `head` where it holds several heads' slices.
        shown: at most so many groups.
    """
    keys = ["split", "slice", "group", "photographs"]
    mean = table.groupby(keys, sort=False, as_index=False).top1.mean()
    whole = mean.groupby(["split", "slice"]).group.transform("size") == 1
    return mean[~whole & (mean.photographs >= LEAST)].nsmallest(shown, "top1", keep="first")[keys]


def _groupings(
    part: pd.DataFrame, photographs: pd.DataFrame, train_counts: pd.Series
) -> dict[str, np.ndarray]:
    """Returns, by slice, each photograph's group (N,)."""
    points = tables.points(part)
    known = np.isfinite(points).all(axis=(1, 2))
    groupings = {
        "eye distance": np.where(known, _quarters(eye_distance(points), known), UNKNOWN),
        "yaw": np.where(known, _steps(frontality(points)), UNKNOWN),
        "training photographs": part.label.map(train_counts).to_numpy(),
    }
    described = {*tables.SELECTED.columns, *tables.REPORT.columns}
    for name in (column for column in photographs if column not in described):
        groupings[name] = np.where(part[name] > 0, "yes", "no")
    return groupings


def _quarters(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    edges = (
        np.unique(np.quantile(values[known], [0, 0.25, 0.5, 0.75, 1]))
        if known.any()
        else np.zeros(1)
    )
    index = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    names = [f"{low:.0f} to {high:.0f} px" for low, high in itertools.pairwise(edges)]
    return np.array(names or [f"{edges[0]:.0f} px"])[index]


def _steps(values: np.ndarray) -> np.ndarray:
    return np.array(list(YAW))[np.searchsorted(list(YAW.values()), values, side="right") - 1]


def _top1(members: pd.DataFrame, params: BootstrapParams) -> tuple[float, float, float]:
    shares = members.recognized_share.to_numpy(float)
    return shares.mean(), *bootstrap_interval(
        shares, members.label.to_numpy(), params.bootstrap, params.seed
    )
