"""Curves and outlines as arrays of points."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import ArrayLike


def smooth(points: np.ndarray, rounds: int, closed: bool = False) -> np.ndarray:
    """Returns a polygon (N, 2) with rounded corners (M, 2), by Chaikin's corner cutting."""
    return _corner_cutting(len(points), rounds, closed) @ points


@cache
def _corner_cutting(count: int, rounds: int, closed: bool) -> np.ndarray:
    """Returns the matrix (M, count) that makes a smoothed curve of a polygon."""
    points = np.eye(count)
    for _ in range(rounds):
        after = np.roll(points, -1, axis=0)
        cut = np.stack([0.75 * points + 0.25 * after, 0.25 * points + 0.75 * after], axis=1)
        inside = cut[:-1].reshape(-1, count)
        if closed:
            points = cut.reshape(-1, count)
        else:
            points = np.concatenate([points[:1], inside, points[-1:]])
    return points


def bell(x: np.ndarray, spread: float) -> np.ndarray:
    """Returns a bell curve at x, 1 at 0."""
    return np.exp(-((x / spread) ** 2))


def grid(
    angles: tuple[float, float], heights: tuple[float, float], count: int = 28
) -> tuple[np.ndarray, np.ndarray]:
    """Returns angles and heights (count, count) of a grid on the head."""
    return np.meshgrid(np.linspace(*angles, count), np.linspace(*heights, count))


def hull(points: np.ndarray) -> np.ndarray:
    """Returns the convex hull (M, 2) of points (..., 2)."""
    return cv2.convexHull(points.reshape(-1, 2).astype(np.float32))[:, 0]


def ring(centre: ArrayLike, radii: ArrayLike, power: float = 2.0) -> np.ndarray:
    """Returns upright superellipses (..., 32, 2) with these centres and radii (..., 2)."""
    return np.asarray(centre)[..., None, :] + np.asarray(radii)[..., None, :] * _unit_ring(power)


@cache
def _unit_ring(power: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return superellipse(circle, power)


def superellipse(circle: np.ndarray, power: float) -> np.ndarray:
    """Returns the coordinates on a unit superellipse that belong to those on a unit circle."""
    return np.copysign(np.abs(circle) ** (2 / power), circle)
