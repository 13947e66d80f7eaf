"""What the alignments did to each face, as tables and as numbers."""

import numpy as np
import pandas as pd

from facerec import geometry, tables
from facerec.alignment.points import FoundPoints


def predicted_table(
    image_ids: pd.Series, found: FoundPoints, matrices: dict[int, np.ndarray]
) -> pd.DataFrame:
    """Returns a row per face: its points, their confidence, and which alignments it has.

    Args:
        image_ids: (N,) names of the photographs.
        found: points of the faces.
        matrices: (N, 2, 3) by the number of points; NaN where the face cannot be aligned.
    """
    frame = tables.points_frame(found.points).assign(confidence=found.confidence)
    for count, matrices_by_count in matrices.items():
        frame[f"aligned_{count}"] = np.isfinite(matrices_by_count).all(axis=(1, 2)).astype(int)
    frame.insert(0, "image_id", image_ids)
    return frame


def alignment_table(
    image_ids: pd.Series,
    found: FoundPoints,
    matrices: dict[int, np.ndarray],
    image_size: int,
    max_shear: float,
) -> pd.DataFrame:
    """Returns a row per face: what each alignment did to it, and its first `fault` or `none`.

    The faults, in this order: a point is `not finite`; points are `coincident` (the eyes or all
    five); eyes and nose are `collinear`; three points find the face `mirrored`, or `sheared` by
    more than `max_shear`. The last two count as distorted.

    Args:
        image_ids: (N,) names of the photographs.
        found: points of the faces.
        matrices: (N, 2, 3) by the number of points; NaN where the face cannot be aligned.
        image_size: side of the aligned faces, px.
        max_shear: of 3-point alignments, in [0, 1].
    """
    columns: dict[str, object] = {"image_id": image_ids}
    for count, matrices_by_count in matrices.items():
        record = geometry.alignment_record(matrices_by_count, found.points, image_size)
        columns |= {f"{name}_{count}": values for name, values in record.items()}
    missing = {count: np.isnan(by_count).any(axis=(1, 2)) for count, by_count in matrices.items()}
    mirrored = geometry.mirrors(matrices[3])
    sheared = geometry.shear(matrices[3]) > max_shear
    faults = {
        "not finite": ~np.isfinite(found.points).all(axis=(1, 2)),
        "coincident": missing[2] | missing[5],
        "collinear": missing[3],
        "mirrored": mirrored,
        "sheared": sheared,
    }
    columns["distorted_3"] = (mirrored | sheared).astype(int)
    columns["fault"] = np.select(list(faults.values()), list(faults), "none")
    columns["points_outside"] = found.outside
    return pd.DataFrame(columns)


def summary(alignment: pd.DataFrame, predicted: pd.DataFrame) -> dict[str, float]:
    """Returns the stage's metrics: how many faces were distorted or could not be aligned."""
    values: dict[str, float] = {
        "faces": len(alignment),
        "distorted_by_3_points": int(alignment.distorted_3.sum()),
        "points_outside_the_crop": int(alignment.points_outside.sum()),
        "median_shear_of_3_points": round(float(alignment.shear_3.median()), 4),
    }
    for count in tables.ALIGNMENTS:
        residual = float(alignment[f"residual_{count}"].median())
        values[f"median_residual_of_{count}_points"] = round(residual, 4)
        values[f"not_aligned_by_{count}_points"] = int((predicted[f"aligned_{count}"] == 0).sum())
    return values
