"""Light and camera: shadows, colour cast, blur and noise."""

from statistics import NormalDist

import cv2
import numpy as np

from facerec.synthetic.canvas import SUBPIXEL, fixed_point
from facerec.synthetic.head import Face
from facerec.synthetic.scene import Scene
from facerec.synthetic.shapes import grid

SHADE_UNIT = 44.0  # px per head unit in the map of the light
SHADE_ONE = 128.0  # value of the map where the light leaves the brightness as painted
# Quantiles of the normal distribution, which turn random bytes into noise.
NORMAL = np.array([NormalDist().inv_cdf((step + 0.5) / 256) for step in range(256)])


def light_up(pixels: np.ndarray, face: Face) -> np.ndarray:
    """Returns the picture under the scene's light, shaded by the head's relief."""
    height, width = pixels.shape[:2]
    scale = SHADE_UNIT / face.unit
    columns = round(width * scale) + 1
    rows = round(height * scale) + 1
    slope = np.linspace(-0.5, 0.5, columns) * face.scene.light[0] * face.scene.contrast
    shade = np.tile((SHADE_ONE * (0.9 + 0.5 * slope)).astype(np.uint8), (rows, 1))
    _shade_head(shade, face, scale)
    smoothed = cv2.GaussianBlur(shade, (0, 0), 1.3)
    enlarged = cv2.warpAffine(
        smoothed, np.array([[scale, 0, 0], [0, scale, 0]]), (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    lit = cv2.multiply(pixels, cv2.merge([enlarged] * 3), scale=face.scene.exposure / SHADE_ONE)
    return cv2.LUT(lit, _cast_table(face.scene))


def _shade_head(shade: np.ndarray, face: Face, scale: float) -> None:
    """Draws the brightness of each part of the head, the far parts first."""
    angles, heights = grid((-1.9, 1.9), (-face.person.head_top, 1.02 * face.chin), 26)
    points = face.shell(angles, heights)
    points[..., 2] += face.relief(points[..., 0], points[..., 1]) * (np.abs(angles) < 1.4)
    turned = points @ face.rotation.T
    normals = np.cross(turned[1:, 1:] - turned[:-1, :-1], turned[1:, :-1] - turned[:-1, 1:])
    normals /= np.linalg.norm(normals, axis=2, keepdims=True) + 1e-9
    values = SHADE_ONE * brightness(normals, face.scene)
    flat = face.project(points) * scale
    corners = np.stack([flat[:-1, :-1], flat[:-1, 1:], flat[1:, 1:], flat[1:, :-1]], axis=2)
    seen = normals[..., 2] > 0
    order = np.argsort(turned[:-1, :-1, 2][seen])
    quads = fixed_point(corners[seen][order])
    for quad, value in zip(quads, values[seen][order].tolist(), strict=True):
        cv2.fillConvexPoly(shade, quad, value, cv2.LINE_8, SUBPIXEL)


def brightness(normals: np.ndarray, scene: Scene) -> np.ndarray:
    """Returns the brightness (...) of a surface with unit normals (..., 3); 1 is as painted."""
    facing = np.clip(normals @ np.array(scene.light), 0, 1)
    return np.clip(1.0 - 0.62 * scene.contrast + 0.85 * scene.contrast * facing, 0, 1.9)


def _cast_table(scene: Scene) -> np.ndarray:
    return np.clip(np.arange(256)[:, None] * np.array(scene.cast), 0, 255).astype(np.uint8)[:, None]


def develop(image: np.ndarray, scene: Scene) -> np.ndarray:
    """Returns the picture blurred and noisy, as the camera makes it."""
    if scene.blur > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), scene.blur)
    rng = np.random.default_rng(scene.texture + 1)
    uniform = rng.integers(256, size=image.shape[:2], dtype=np.uint8)
    noise = cv2.LUT(uniform, np.rint(scene.noise * NORMAL).astype(np.int16))
    return cv2.add(image, cv2.merge([noise] * 3), dtype=cv2.CV_8U)
