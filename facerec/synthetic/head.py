"""A simple head in three dimensions: where its points are, and where the photograph shows them.

The head's frame has its origin between the eyes, x to the image's right, y down, z towards the
camera. One unit is the distance from the eyes to an average chin. Colours are RGB.
"""

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from facerec.synthetic.identity import Identity
from facerec.synthetic.scene import Scene
from facerec.synthetic.shapes import ring, smooth, superellipse

CAMERA = 7.0  # distance of the camera, in head units
SUPERELLIPSE_POWER = 2.4  # a horizontal cut through the head is a superellipse of this power
FACE_FRONT = np.radians(80.0)  # angle from straight ahead to the sideburns
SIDEWAYS = 0.5  # sine of the yaw; from here on the head hides one ear, the other is in front
# Colours from light to dark skin, and from dark to light hair.
SKIN = np.array(
    [[248, 219, 198], [235, 190, 156], [204, 150, 112], [158, 105, 72], [104, 67, 47]], float
)
HAIR = np.array(
    [[26, 22, 24], [48, 34, 28], [84, 54, 36], [122, 82, 48], [176, 130, 72], [222, 184, 118]],
    float,
)
GRAY = np.array([182, 180, 178], float)


class Face:
    """A person's head in a scene: its points in space, and where the photograph shows them."""

    def __init__(self, person: Identity, scene: Scene, zoom: int) -> None:
        self.person, self.scene, self.zoom = person, scene, zoom
        self.unit = scene.unit * zoom
        self.rotation = rotation(scene.yaw, scene.pitch, scene.roll)
        self.chin = person.chin + 0.07 * scene.mouth_open
        self._profiles = _head_profiles(person, self.chin)
        middle = self.rotation @ np.array([0, 0.3, 0.4])
        self.origin = (np.array(scene.centre) + 0.5) * zoom - 0.5 - self.unit * middle[:2]

    @cached_property
    def skin(self) -> np.ndarray:
        """The colour of the skin (3,)."""
        warmth = 0.015 * self.person.skin_warmth * np.array([1.0, 0.0, -1.6])
        return colour_at(SKIN, self.person.skin_tone) * (1 + warmth)

    @cached_property
    def hair(self) -> np.ndarray:
        """The colour of the hair (3,)."""
        gray = self.person.gray
        warmth = 0.10 * self.person.hair_warmth * np.array([1.2, 0.0, -1.0])
        colour = colour_at(HAIR, hair_tone(self.person, self.scene)) * (1 + warmth)
        return (1 - gray) * colour + gray * GRAY

    def width(self, y: np.ndarray) -> np.ndarray:
        """Returns the head's half width at heights `y`."""
        return np.interp(y, *self._profiles[0])

    def shell(
        self, angle: np.ndarray, y: np.ndarray, inflate: float | np.ndarray = 1.0
    ) -> np.ndarray:
        """Returns points (..., 3) of the bare head.

        Args:
            angle: from straight ahead, radians.
            y: heights.
            inflate: factor by which the head is larger, as under hair or a hat.
        """
        ahead = np.cos(angle)
        front_depth = np.interp(y, *self._profiles[1])
        back_depth = np.interp(y, *self._profiles[2])
        depth = np.where(ahead >= 0, front_depth, back_depth)
        x = inflate * (self.width(y) * superellipse(np.sin(angle), SUPERELLIPSE_POWER))
        z = inflate * (depth * superellipse(ahead, SUPERELLIPSE_POWER))
        return np.stack(np.broadcast_arrays(x, inflate * (y + 0.2) - 0.2, z), axis=-1)

    def relief(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Returns how far the features of the face stand out of the bare head."""
        person = self.person
        under_tip = np.maximum(y / person.nose_length - 1, 0) / 0.16
        wide = 0.05 + person.nose_tip * np.maximum(y, 0)
        rise = np.clip(0.18 + 0.82 * y / person.nose_length, 0, 1)  # 1 at the tip
        nose = person.nose_height * rise * np.exp(-((x / wide) ** 2) - under_tip**2)
        height, at_x, spread_x, at_y, spread_y = self._bumps
        across = (np.abs(x)[..., None] - at_x) / spread_x
        down = (y[..., None] - at_y) / spread_y
        return nose + np.exp(-(across**2) - down**2) @ height

    @cached_property
    def _bumps(self) -> np.ndarray:
        """Bell-shaped bumps, the same on both sides (5, N).

        The rows are height, place and spread in x, place and spread in y.
        """
        person = self.person
        sockets = (-0.08, person.eye_spacing, 0.12, 0.0, 0.09)
        ridge = (0.035, 0.25, 0.2, -0.16, 0.06)
        cheeks = (0.04 * (1 + self.scene.smile), 0.38, 0.13, 0.33, 0.13)
        lips = (0.06, 0.0, 0.2, person.mouth_y, 0.08)
        dip = (-0.03, 0.0, 0.15, person.mouth_y + 0.16, 0.05)
        chin = (0.05, 0.0, 0.14, self.chin - 0.12, 0.08)
        return np.array([sockets, ridge, cheeks, lips, dip, chin]).T

    def surface(self, x: np.ndarray, y: np.ndarray, lift: float = 0.0) -> np.ndarray:
        """Returns points (..., 3) of the face that lie at x and y, `lift` in front of the skin."""
        across = np.minimum(np.abs(x) / np.maximum(self.width(y), 1e-6), 1)
        front_depth = np.interp(y, *self._profiles[1])
        bare = front_depth * (1 - across**SUPERELLIPSE_POWER) ** (1 / SUPERELLIPSE_POWER)
        return np.stack([x, y, bare + self.relief(x, y) + lift], axis=-1)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Returns where points (..., 3) appear, px (..., 2)."""
        turned = points @ self.rotation.T
        return self.origin + self.unit * turned[..., :2] * (CAMERA / (CAMERA - turned[..., 2:]))

    def on_skin(self, x: np.ndarray, y: np.ndarray, lift: float = 0.0) -> np.ndarray:
        """Returns where the face's points at x and y appear, px (..., 2)."""
        return self.project(self.surface(x, y, lift))

    def rings(self, centres: ArrayLike, radii: ArrayLike) -> np.ndarray:
        """Returns where ellipses with these centres and radii (..., 2) appear, px (..., 32, 2)."""
        return self.on_skin(*np.moveaxis(ring(centres, radii), -1, 0))

    def facing(self, x: float) -> bool:
        """Returns whether the camera sees the face at x, near the height of the eyes."""
        angle = np.arcsin(np.clip(x / self.person.head_width, -1, 1))
        return bool(np.cos(angle + self.scene.yaw) > 0.02)

    @cached_property
    def landmarks(self) -> np.ndarray:
        """The five points (5, 3): eyes, tip of the nose, corners of the mouth."""
        eye_x = self.person.eye_spacing
        mouth_x = self.mouth_half
        mouth_y = self.mouth_line(np.array(1.0))
        x = np.array([-eye_x, eye_x, 0, -mouth_x, mouth_x])
        return self.surface(x, np.array([0, 0, self.person.nose_length, mouth_y, mouth_y]))

    @property
    def mouth_half(self) -> float:
        """Half the width of the mouth."""
        return self.person.mouth_width * (1 + 0.2 * self.scene.smile - 0.1 * self.scene.mouth_open)

    def mouth_line(self, t: np.ndarray) -> np.ndarray:
        """Returns the height of the line between the lips at t, from -1 (left corner) to 1."""
        bend = self.scene.smile * (0.025 - 0.075 * t**2)
        return self.person.mouth_y + bend


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Returns the matrix (3, 3) that turns by yaw, then pitch, then roll, radians."""
    (cy, cp, cr), (sy, sp, sr) = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    tilt = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return tilt @ nod @ turn


def _head_profiles(person: Identity, chin: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns half width, front depth and back depth, each (2, N): rising heights and values."""
    width = person.head_width
    top = -person.head_top
    jaw = min(person.jaw, person.cheek) * width
    sides = [
        (top, 0),
        (top, 0.45),
        (0.8 * top, 0.9),
        (0.5 * top, 1.02),
        (-0.2, 1.02),
        (0.12, 1),
        (0.38, person.cheek),
    ]
    lower = [
        (0.74, jaw),
        (0.97 * chin, person.chin_width),
        (1.02 * chin, 0.6 * person.chin_width),
        (1.02 * chin, 0),
    ]
    front = [
        (top, 0),
        (top, 0.5),
        (0.7 * top, 0.82),
        (0, 0.84),
        (0.6, 0.8),
        (0.95 * chin, 0.72),
        (1.02 * chin, 0),
    ]
    back = [(top, 0), (top, 0.6), (-0.6, 1.05), (0, 1.0), (0.45, 0.7), (0.8, 0.3), (1.02 * chin, 0)]
    half = [(y, share * width) for y, share in sides] + lower
    return _profile(half), _profile(front), _profile(back)


def _profile(controls: list[tuple[float, float]]) -> np.ndarray:
    y, value = smooth(np.array(controls, float), 3).T
    return np.stack([y + 1e-6 * np.arange(len(y)), value])


def visible_angles(face: Face, angle: np.ndarray) -> np.ndarray:
    """Returns the angles; those that the camera cannot see are moved to the silhouette."""
    edge = np.radians(93)
    return np.clip(angle, -edge - face.scene.yaw, edge - face.scene.yaw)


def colour_at(colours: np.ndarray, tone: float) -> np.ndarray:
    """Returns the colour (3,) at a tone: 0 is the first of the colours (N, 3), 1 the last."""
    place = np.clip(tone, 0, 1) * (len(colours) - 1)
    before = min(int(place), len(colours) - 2)
    return colours[before] + (place - before) * (colours[before + 1] - colours[before])


def hair_tone(person: Identity, scene: Scene) -> float:
    """Returns the tone of the hair in this scene, from 0 (darkest) to 1."""
    return float(np.clip(person.hair_tone + scene.hair_shift, 0, 1))
