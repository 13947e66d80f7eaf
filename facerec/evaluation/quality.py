"""Measures of a photograph's quality that may predict whether it is recognised."""

import numpy as np
import pandas as pd
import torch

from facerec import tables
from facerec.evaluation.recognizer_results import RecognizerResult
from facerec.geometry import eye_distance, yaw

OF_PHOTOGRAPHS = ["sharpness", "exposure", "eye_distance", "yaw", "confidence"]
NORM = "embedding_norm"  # the recogniser's own: each seed has another
QUALITY = [*OF_PHOTOGRAPHS, NORM]
MIDDLE = 127.5  # of the brightness, 0 to 255


def quality_table(
    photographs: pd.DataFrame, predicted: pd.DataFrame, measures: pd.DataFrame
) -> pd.DataFrame:
    """Returns OF_PHOTOGRAPHS by image_id; NaN where something is not measured.

    `sharpness` and `exposure` are those of MEASURES; `eye_distance` is in px and `yaw` in degrees
    to either side, both by the points found; `confidence` is the hourglass's.

    Args:
        photographs: rows with image_id and the points that the hourglass found.
        predicted: a PREDICTED table that lists all of them.
        measures: a MEASURES table.
    """
    image_ids = photographs.image_id
    points = tables.points(photographs)
    table = measures.set_index("image_id").reindex(image_ids)[["sharpness", "exposure"]]
    return table.assign(
        eye_distance=eye_distance(points),
        yaw=yaw(points),
        confidence=predicted.set_index("image_id").confidence,
    )


def with_norms(quality: pd.DataFrame, result: RecognizerResult) -> pd.DataFrame:
    """Returns QUALITY by image_id: with the lengths of one seed's embeddings, 0 if not aligned.

    Args:
        quality: from `quality_table`, of val, wild and the open set.
        result: of one seed.
    """
    embeddings = torch.cat([result.embeddings, result.strangers])
    image_ids = [*result.report.image_id, *result.stranger_ids]
    norms = pd.Series(embeddings.norm(dim=1).numpy().astype(float), image_ids)
    return quality.assign(**{NORM: norms})


def goodness(measure: str, values: np.ndarray) -> np.ndarray:
    """Returns how good photographs are by one of QUALITY, (N,): higher is better.

    An exposure is good near the middle of its range, a yaw near 0; of the others, more is better.
    """
    if measure == "exposure":
        return -np.abs(values - MIDDLE)
    return -values if measure == "yaw" else values
