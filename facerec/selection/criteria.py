"""What a photograph can be chosen by: measures of its annotations and pixels, and the bounds that a strategy sets."""

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
)
from facerec.params import Params

NOSE_DEPTH = (
    0.55  # how far the tip of the nose stands out before the eyes, of the distance between the eyes
)
OUTLIER_MODES = (
    3  # turning, nodding and the length of the face explain most of what differs between faces
)
TRIMMED = 0.02  # of the shapes, the farthest from the median one, that do not say what is usual
WIDEST = 1e6


def _eyes_apart(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    return points[:, 1, 0] - points[:, 0, 0]


def yaw(points: np.ndarray) -> np.ndarray:
    """Returns how far (N,) the head of points (N, 5, 2) is turned to either side, degrees.

    From where the nose is along the line between the eyes; 90 where the eyes lie one behind the other.
    """
    upright = _upright(points)
    off = upright[:, 2, 0] - upright[:, :2, 0].mean(axis=1)
    return np.degrees(np.arctan2(np.abs(off) / NOSE_DEPTH, eye_distance(points)))


def _roll(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    across = points[:, 1] - points[:, 0]
    return np.abs(np.degrees(np.arctan2(across[:, 1], across[:, 0])))


def _upright(points: np.ndarray) -> np.ndarray:
    """Returns points (N, 5, 2) turned with the middles of eyes and mouth one above the other, the eyes' at 0."""
    eyes, mouth = points[:, :2].mean(axis=1), points[:, 3:].mean(axis=1)
    down = mouth - eyes
    length = np.maximum(np.linalg.norm(down, axis=1), 1e-9)
    turn = (down[:, 1] - 1j * down[:, 0]) / length  # takes "down" onto the y axis
    relative = points - eyes[:, None]
    turned = (relative[..., 0] + 1j * relative[..., 1]) * turn.conj()[:, None]
    return np.stack([turned.real, turned.imag], axis=2)


def _nod(points: np.ndarray) -> np.ndarray:
    """Returns where the nose is between the eyes (0) and the mouth (1), (N,)."""
    upright = _upright(points)
    return upright[:, 2, 1] / np.maximum(upright[:, 3:, 1].mean(axis=1), 1e-9)


def _pitch(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    return np.clip(np.abs(_nod(points) - _nod(ARCFACE_TEMPLATE[None])), 0, WIDEST)


def _plausible(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Returns the least (N,) of what is positive in a face: how far right eye and mouth corner lie to the right of the
    left ones, the mouth below the eyes, and the nose below the eyes and above the mouth; of the face's spread."""
    eyes, mouth, nose = (
        points[:, :2, 1].mean(axis=1),
        points[:, 3:, 1].mean(axis=1),
        points[:, 2, 1],
    )
    right = np.stack([points[:, 1, 0] - points[:, 0, 0], points[:, 4, 0] - points[:, 3, 0]])
    least = np.minimum(
        right.min(axis=0), np.stack([mouth - eyes, nose - eyes, mouth - nose]).min(axis=0)
    )
    return least / np.maximum(np.ptp(points, axis=1).max(axis=1), 1e-9)


def _points_in_box(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    low, high = boxes[:, None, :2] - 0.5, boxes[:, None, :2] + boxes[:, None, 2:] - 0.5
    return ((points >= low) & (points <= high)).all(axis=2).sum(axis=1).astype(float)


def _outlier(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Returns how unusual (N,) the arrangement of the points is, in robust standard deviations of the collection.

    Shapes are laid over each other by similarity; what the first principal components (how heads turn, nod and are
    long) leave over is measured by its median over the collection.
    """
    target = ARCFACE_TEMPLATE - ARCFACE_TEMPLATE.mean(axis=0)
    shapes = transform_points(fit_similarity(points, target), points).reshape(len(points), -1)
    shapes = np.nan_to_num(shapes, nan=WIDEST)
    centred = shapes - np.median(shapes, axis=0)
    far = np.linalg.norm(centred, axis=1)
    usual = far <= np.quantile(far, 1 - TRIMMED)
    _, axes = np.linalg.eigh(centred[usual].T @ centred[usual])
    rest = np.linalg.norm(centred @ axes[:, :-OUTLIER_MODES], axis=1)
    return rest / max(float(np.median(rest[usual])), 1e-9)


OfTable = Callable[[np.ndarray, np.ndarray], np.ndarray]
TABLE: dict[str, OfTable] = {  # of points (N, 5, 2) and boxes (N, 4)
    "nose_between_eyes": lambda points, boxes: frontality(points),  # in x, of the eye distance
    "eyes_apart": _eyes_apart,  # px, in x
    "nose_centred": lambda points, boxes: frontality(
        points
    ),  # the same as nose_between_eyes, for a second bound
    "eye_distance": lambda points, boxes: eye_distance(points),  # px
    "yaw": lambda points, boxes: yaw(points),  # degrees to either side
    "roll": _roll,  # degrees to either side
    "pitch": _pitch,  # how far the nose is from its place between eyes and mouth, of their distance
    "points_in_box": _points_in_box,  # of the five
    "plausible": _plausible,  # negative where points are mirrored, swapped or upside down
    "outlier": _outlier,  # 1: as usual
    "resolution": lambda points, boxes: boxes[:, 2:].min(axis=1),  # px of the box's smaller side
}
PIXELS = (  # what facerec.pixel_measures says of a face
    "sharpness",  # steepness of its edges, of its contrast
    "exposure",  # mean brightness, 0 to 255
    "contrast",  # standard deviation of the brightness
    "box_in_picture",  # share of the box
)
DISTINCT = "distinct"  # no copy of a better photograph of the person, or of a wild one; its bound is select.copy_bits
DIVERSE = ("diverse_attributes", "diverse_pixels")  # how unlike it is to those taken before it
KNOWN = (*TABLE, *PIXELS, DISTINCT, *DIVERSE)


class Criterion(Params):
    """One entry of a strategy: bounds that a photograph must keep to, or a weight in the order in which they are taken.

    A bound that is absent does not bind. A weight is that of the rank in (0, 1] by this measure among the photographs
    that are left, negative where less is better; beside diversity, in units of its distance.
    """

    name: str
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    weight: float | None = None

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in KNOWN and name not in ATTRIBUTES:
            raise ValueError(
                f"{name!r} is no criterion; known are {', '.join(KNOWN)}, and CelebA's attributes"
            )
        return name

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.name in DIVERSE and ((self.weight or 0) <= 0 or self.bounds):
            raise ValueError(f"{self.name}: expected a weight above 0, and no bound")
        if self.name == DISTINCT and (self.bounds or self.weight is not None):
            raise ValueError(
                f"{self.name}: expected neither bound nor weight: its bound is select.copy_bits"
            )
        if self.name != DISTINCT and not self.bounds and self.weight is None:
            raise ValueError(f"{self.name}: expected above, at_least, at_most or weight")
        return self

    @property
    def bounds(self) -> dict[str, float]:
        """Returns the bounds that it sets, by name."""
        given = {"above": self.above, "at_least": self.at_least, "at_most": self.at_most}
        return {name: bound for name, bound in given.items() if bound is not None}

    def passes(self, values: np.ndarray) -> np.ndarray:
        """Returns which values (N,) keep to the bounds; one that was not measured does not."""
        passed = ~np.isnan(values)
        for kind, bound in self.bounds.items():
            passed &= {
                "above": values > bound,
                "at_least": values >= bound,
                "at_most": values <= bound,
            }[kind]
        return passed

    def missing(self, values: np.ndarray) -> np.ndarray:
        """Returns by what share of the bound each value (N,) misses it, 0 if it does not, or was not measured.

        Attributes are missed by 1 or not; a bound of 0 has no share: the largest miss takes its place.
        """
        total = np.zeros(len(values))
        for kind, bound in self.bounds.items():
            if self.name in ATTRIBUTES:
                total += ~self.passes(values)
            else:
                below = (values - bound) if kind == "at_most" else (bound - values)
                below = np.nan_to_num(np.maximum(below, 0), nan=0.0, posinf=np.inf)
                total += below / (abs(bound) or np.max(below[np.isfinite(below)], initial=0) or 1)
        return total


def of_table(names: list[str], frame: pd.DataFrame) -> pd.DataFrame:
    """Returns what each photograph's row says, a column a criterion, with the frame's index.

    Args:
        names: keys of TABLE, or attributes that the frame has.
        frame: rows with landmarks and boxes.
    """
    points, boxes = tables.points(frame), frame[tables.BOX].to_numpy(float)
    values = {
        name: TABLE[name](points, boxes) if name in TABLE else frame[name].to_numpy(float)
        for name in names
    }
    return pd.DataFrame(values, index=frame.index)
