"""The criteria of a choice: measures of annotations and pixels, and the bounds on them."""

from collections.abc import Callable
from typing import Self

import numpy as np
import pandas as pd
from pydantic import field_validator, model_validator

from facerec import tables
from facerec.annotation_names import ATTRIBUTES
from facerec.geometry import (
    ARCFACE_TEMPLATE,
    eye_distance,
    fit_similarity,
    frontality,
    transform_points,
    upright,
    yaw,
)
from facerec.params import Params

OUTLIER_MODES = 3  # faces differ most by turning, nodding and the length of the face
TRIMMED = 0.02  # share of the shapes, farthest from the median, that the components leave out
LARGEST = 1e6


def _eye_distance_x(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    return points[:, 1, 0] - points[:, 0, 0]


def _roll(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    across = points[:, 1] - points[:, 0]
    return np.abs(np.degrees(np.arctan2(across[:, 1], across[:, 0])))


def _nod(points: np.ndarray) -> np.ndarray:
    """Returns where the nose is between the eyes (0) and the mouth (1), (N,)."""
    straight = upright(points)
    return straight[:, 2, 1] / np.maximum(straight[:, 3:, 1].mean(axis=1), 1e-9)


def _pitch(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    return np.clip(np.abs(_nod(points) - _nod(ARCFACE_TEMPLATE[None])), 0, LARGEST)


def _plausible(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Returns the smallest (N,) of five distances that are positive in a face.

    The right eye and the right corner of the mouth lie to the right of the left ones; the mouth
    lies below the eyes, and the nose between them. All are relative to the extent of the points.
    """
    eyes_y = points[:, :2, 1].mean(axis=1)
    mouth_y = points[:, 3:, 1].mean(axis=1)
    nose_y = points[:, 2, 1]
    distances = np.stack(
        [
            points[:, 1, 0] - points[:, 0, 0],
            points[:, 4, 0] - points[:, 3, 0],
            mouth_y - eyes_y,
            nose_y - eyes_y,
            mouth_y - nose_y,
        ]
    )
    extent = np.ptp(points, axis=1).max(axis=1)
    return distances.min(axis=0) / np.maximum(extent, 1e-9)


def _points_in_box(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    low = boxes[:, None, :2] - 0.5
    high = low + boxes[:, None, 2:]
    return ((points >= low) & (points <= high)).all(axis=2).sum(axis=1).astype(float)


def _outlier(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Returns how unusual (N,) the points' arrangement is, in robust standard deviations.

    The shapes are aligned by similarity. The first principal components are turning,
    nodding and the length of the face. The residual is divided by its median over the photographs.
    """
    target = ARCFACE_TEMPLATE - ARCFACE_TEMPLATE.mean(axis=0)
    shapes = transform_points(fit_similarity(points, target), points).reshape(len(points), -1)
    shapes = np.nan_to_num(shapes, nan=LARGEST)
    centred = shapes - np.median(shapes, axis=0)
    distances = np.linalg.norm(centred, axis=1)
    is_usual = distances <= np.quantile(distances, 1 - TRIMMED)
    _, axes = np.linalg.eigh(centred[is_usual].T @ centred[is_usual])
    residuals = np.linalg.norm(centred @ axes[:, :-OUTLIER_MODES], axis=1)
    return residuals / max(float(np.median(residuals[is_usual])), 1e-9)


# Takes points (N, 5, 2) and boxes (N, 4) to values (N,).
AnnotationMeasure = Callable[[np.ndarray, np.ndarray], np.ndarray]
OF_ANNOTATIONS: dict[str, AnnotationMeasure] = {
    # 0.5: the nose is between the eyes
    "frontality": lambda points, boxes: frontality(points),
    "eye_distance_x": _eye_distance_x,  # px
    # px
    "eye_distance": lambda points, boxes: eye_distance(points),
    # degrees to either side
    "yaw": lambda points, boxes: yaw(points),
    "roll": _roll,  # degrees to either side
    "pitch": _pitch,  # how far the nose is from its usual place, of the eye-to-mouth distance
    "points_in_box": _points_in_box,  # of the five
    "plausible": _plausible,  # negative where points are mirrored, swapped or upside down
    "outlier": _outlier,  # 1: as usual
    # px of the box's smaller side
    "resolution": lambda points, boxes: boxes[:, 2:].min(axis=1),
}
OF_PIXELS = (  # columns of MEASURES
    "sharpness",  # steepness of the edges, relative to the contrast
    "exposure",  # mean brightness, 0 to 255
    "contrast",  # standard deviation of the brightness
    "box_in_picture",  # share of the box
)
NO_NEAR_DUPLICATES = "no_near_duplicates"  # its bound is select.max_hash_distance
DIVERSE = ("diverse_attributes", "diverse_pixels")  # distance from the photographs already taken
KNOWN = (*OF_ANNOTATIONS, *OF_PIXELS, NO_NEAR_DUPLICATES, *DIVERSE)
RENAMED = {  # names of earlier versions
    "nose_between_eyes": "frontality",
    "nose_centred": "frontality",
    "eyes_apart": "eye_distance_x",
    "distinct": NO_NEAR_DUPLICATES,
}


class Criterion(Params):
    """One entry of a strategy: bounds that a photograph must keep to, or a weight.

    A weight multiplies the photograph's rank in (0, 1] among
    the photographs that are left; it is negative where less is better. With a diversity
    criterion, it is in units of that criterion's distance.
    """

    name: str
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    weight: float | None = None

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name in RENAMED:
            raise ValueError(f"{name!r} is now {RENAMED[name]}")
        if name not in KNOWN and name not in ATTRIBUTES:
            raise ValueError(
                f"{name!r} is no criterion; known are {', '.join(KNOWN)}, and CelebA's attributes"
            )
        return name

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.name in DIVERSE and ((self.weight or 0) <= 0 or self.bounds):
            raise ValueError(f"{self.name}: expected a weight above 0, and no bound")
        if self.name == NO_NEAR_DUPLICATES and (self.bounds or self.weight is not None):
            raise ValueError(
                f"{self.name}: expected neither bound nor weight: "
                f"its bound is select.max_hash_distance"
            )
        if self.name != NO_NEAR_DUPLICATES and not self.bounds and self.weight is None:
            raise ValueError(f"{self.name}: expected above, at_least, at_most or weight")
        return self

    @property
    def bounds(self) -> dict[str, float]:
        """Returns the bounds that it sets, by name."""
        given = {"above": self.above, "at_least": self.at_least, "at_most": self.at_most}
        return {name: bound for name, bound in given.items() if bound is not None}

    def passes(self, values: np.ndarray) -> np.ndarray:
        """Returns which values (N,) keep to the bounds; NaN does not."""
        passed = ~np.isnan(values)
        if self.above is not None:
            passed &= values > self.above
        if self.at_least is not None:
            passed &= values >= self.at_least
        if self.at_most is not None:
            passed &= values <= self.at_most
        return passed

    def missing(self, values: np.ndarray) -> np.ndarray:
        """Returns by what share of the bound each value (N,) misses it, 0 where it does not.

        An attribute's bound is missed by 1. Misses of a bound of 0 are divided by the largest one.
        """
        total = np.zeros(len(values))
        for kind, bound in self.bounds.items():
            if self.name in ATTRIBUTES:
                total += ~self.passes(values)
            else:
                miss = (values - bound) if kind == "at_most" else (bound - values)
                miss = np.nan_to_num(np.maximum(miss, 0), nan=0.0, posinf=np.inf)
                total += miss / (abs(bound) or np.max(miss[np.isfinite(miss)], initial=0) or 1)
        return total


def near_duplicate_criterion(max_hash_distance: int) -> Criterion:
    """Returns the criterion no_near_duplicates with its bound, to report it like the others."""
    return Criterion.model_construct(name=NO_NEAR_DUPLICATES, above=float(max_hash_distance))


def values_of(names: list[str], frame: pd.DataFrame, measures: pd.DataFrame) -> pd.DataFrame:
    """Returns the values of criteria for photographs, a column each, with the frame's index.

    Args:
        names: of OF_ANNOTATIONS or OF_PIXELS, or attributes that the frame has.
        frame: rows with landmarks and boxes.
        measures: a row for each photograph of the frame, by its index.
    """
    points = tables.points(frame)
    boxes = frame[tables.BOX].to_numpy(float)
    values = {}
    for name in names:
        if name in OF_ANNOTATIONS:
            values[name] = OF_ANNOTATIONS[name](points, boxes)
        elif name in OF_PIXELS:
            values[name] = measures.loc[frame.index, name].to_numpy()
        else:
            values[name] = frame[name].to_numpy(float)
    return pd.DataFrame(values, index=frame.index)
