"""The skin and the features of the face: eyes, brows, nose, mouth, wrinkles."""

import numpy as np

from facerec.synthetic.canvas import Canvas
from facerec.synthetic.head import GRAY, HAIR, Face, colour_at
from facerec.synthetic.scene import Colour
from facerec.synthetic.shapes import bell, ring, smooth

IRIS = np.array(
    [[58, 36, 22], [96, 62, 34], [120, 100, 50], [88, 118, 82], [92, 130, 158], [120, 164, 200]],
    float,
)
IRIS_RADIUS = 0.07  # head units; nearly the same for all people


def draw_complexion(layer: Canvas, face: Face) -> None:
    """Draws blushed cheeks and nose, shadowed eye sockets, and freckles."""
    person = face.person
    skin = face.skin
    rosy = skin * [1.0, 0.72, 0.70]
    dark = 0.6 * skin
    places = np.array(
        [(0.4, 0.38), (person.eye_spacing - 0.02, -0.02), (person.eye_spacing, -0.05)]
    )
    radii = np.array([(0.17, 0.12), (0.2, 0.12), (person.eye_size, 0.07)])
    for cheek, socket, lid in face.rings([places * (-1, 1), places], radii):
        layer.soft(cheek, rosy, 0.45, 0.2)
        layer.soft(socket, dark, 0.32, 0.12)
        if face.scene.eyeshadow:
            layer.soft(lid, 0.6 * np.array(face.scene.palette[1]), face.scene.eyeshadow, 0.06)
    layer.soft(face.rings((0.0, person.nose_length), (person.nose_tip, 0.06)), rosy, 0.4, 0.08)
    rng = np.random.default_rng(person.texture)
    places = rng.normal([0, 0.28], [0.28, 0.12], (int(40 * person.freckles), 2))
    for freckle in face.rings(places, (0.011, 0.011)):
        layer.fill(freckle, skin * [0.82, 0.72, 0.66])


def draw_marks(layer: Canvas, face: Face) -> None:
    """Draws moles."""
    for x, y, radius in face.person.marks:
        layer.fill(face.rings((x, y), (radius, radius)), face.skin * [0.45, 0.35, 0.32])


def draw_wrinkles(layer: Canvas, face: Face) -> None:
    """Draws the folds of age and smile."""
    person = face.person
    dark = face.skin * [0.72, 0.62, 0.60]
    t = np.linspace(0, 1, 9)
    fold = np.clip(0.8 * (person.age - 0.35) + 0.45 * face.scene.smile, 0, 0.8)
    for side in (-1, 1):
        x = person.nose_width + 0.03 + (face.mouth_half + 0.06 - person.nose_width) * t**1.5
        y = person.nose_length - 0.03 + (person.mouth_y - person.nose_length + 0.03) * t
        line = face.on_skin(side * x, y)
        layer.soft(np.concatenate([line, line[::-1] + 0.025 * face.unit]), dark, fold, 0.03)
        if person.age > 0.7:
            bag = face.on_skin(
                side * person.eye_spacing + person.eye_size * np.linspace(-0.8, 0.8, 9),
                0.12 - 0.03 * (2 * t - 1) ** 2,
            )
            layer.ribbon(bag, 0.86 * face.skin, 0.025)
    for row in range(int(max(person.age - 0.6, 0) * 9)):
        brow = face.on_skin(0.3 * (2 * t - 1), -0.4 - 0.07 * row + 0.02 * (2 * t - 1) ** 2)
        layer.ribbon(brow, 0.86 * face.skin, 0.02)


def draw_nose(layer: Canvas, face: Face) -> None:
    """Draws the nose by its shadows, nostrils and shine."""
    person = face.person
    skin = face.skin
    tip = person.nose_length
    half = person.nose_width
    shadow_side = -1 if face.scene.light[0] > 0 else 1
    t = np.linspace(0, 1, 9)
    flank = np.concatenate(
        [
            np.stack([0.05 + 0.4 * half * t, -0.08 + (tip + 0.08) * t], 1),
            [[half, tip + 0.02], [0.1, 0.0]],
        ]
    )
    layer.soft(face.on_skin(shadow_side * flank[:, 0], flank[:, 1]), 0.55 * skin, 0.4, 0.05)
    under = np.array(
        [
            (-half, tip + 0.06),
            (0, tip + 0.09),
            (half, tip + 0.06),
            (0.4 * half, tip + 0.17),
            (-0.4 * half, tip + 0.17),
        ]
    )
    layer.soft(face.on_skin(*under.T), 0.5 * skin, 0.45, 0.05)
    wing = smooth(
        np.array([(0.75, -0.08), (1.05, -0.02), (1.05, 0.06), (0.7, 0.085)]) * [half, 1] + [0, tip],
        2,
    )
    nostril = ring((0.5 * half, tip + 0.068), (0.30 * half, 0.020))
    for side in (-1, 1):
        curves = face.on_skin(*(np.concatenate([wing, nostril]) * (side, 1)).T)
        layer.ribbon(curves[: len(wing)], skin * [0.62, 0.52, 0.50], 0.026)
        layer.fill(curves[len(wing) :], skin * [0.32, 0.22, 0.20])
    shine, bridge = face.rings(
        [(0.0, tip - 0.03), (0.0, 0.4 * tip)], [(0.022, 0.035), (0.018, 0.3 * tip)]
    )
    layer.soft(shine, (255, 250, 245), 0.40, 0.03)
    layer.soft(bridge, (255, 250, 240), 0.22, 0.04)


def draw_mouth(layer: Canvas, face: Face) -> None:
    """Draws the lips, and teeth where the mouth is open."""
    person = face.person
    scene = face.scene
    t = np.linspace(-1, 1, 25)
    x = t * face.mouth_half
    line = face.mouth_line(t)
    gap = 0.15 * scene.mouth_open * np.clip(1 - t**2, 0, 1) ** 0.7
    body = np.clip(1 - t**2, 0, 1) ** 0.65
    bow = 1 - 0.28 * bell(t, 0.14) + 0.1 * bell(np.abs(t) - 0.25, 0.15)
    thin = 1 - 0.25 * max(scene.smile, 0)
    upper = line - 0.35 * gap
    lower = line + 0.65 * gap
    red = _lip_colour(face)
    below = face.rings((0, person.mouth_y + 0.15 + 0.1 * scene.mouth_open), (0.14, 0.03))
    layer.soft(below, 0.55 * face.skin, 0.4, 0.06)
    _draw_lip(layer, face, x, upper - thin * person.lip_upper * body * bow, upper, 0.86 * red)
    _draw_lip(layer, face, x, lower, lower + thin * person.lip_lower * body, red)
    if scene.mouth_open:
        _draw_mouth_inside(layer, face, x, upper, lower)
    parting = upper if scene.mouth_open else 0.5 * (upper + lower)
    layer.ribbon(face.on_skin(x, parting), 0.35 * red, 0.02)
    shine = face.rings((0.0, lower[12] + 0.45 * person.lip_lower), (0.08, 0.15 * person.lip_lower))
    layer.soft(shine, (255, 240, 235), 0.25 + 0.2 * scene.lipstick, 0.025)


def _draw_lip(
    layer: Canvas,
    face: Face,
    x: np.ndarray,
    top: np.ndarray,
    bottom: np.ndarray,
    colour: Colour,
) -> None:
    outline = face.on_skin(np.concatenate([x, x[::-1]]), np.concatenate([top, bottom[::-1]]))
    layer.fill(outline, colour)


def _lip_colour(face: Face) -> np.ndarray:
    person = face.person
    scene = face.scene
    skin = face.skin
    natural = skin * (np.array([0.90, 0.66, 0.64]) - person.lip_red * np.array([0.05, 0.18, 0.14]))
    painted = np.array([190, 30, 55]) + 30 * np.sin(scene.texture % 7 + np.arange(3))
    return (1 - 0.8 * scene.lipstick) * natural + 0.8 * scene.lipstick * painted


def _draw_mouth_inside(
    layer: Canvas, face: Face, x: np.ndarray, upper: np.ndarray, lower: np.ndarray
) -> None:
    _draw_lip(layer, face, x, upper, lower, (70, 24, 28))
    teeth = upper + np.minimum(0.5 * (lower - upper), 0.05)
    _draw_lip(layer, face, 0.9 * x, upper, teeth, (240, 236, 226))


def draw_eye(layer: Canvas, face: Face, index: int, side: int) -> None:
    """Draws an eye: white, iris, pupil and highlight inside the lids, then lashes and crease."""
    person = face.person
    scene = face.scene
    skin = face.skin
    upper, lower = _lids(face, side)
    edge = np.array([0, 0.03])
    crease = np.array([0, person.lid * (1 - 0.6 * scene.eye_close)])
    curves = np.stack([upper, lower, upper - edge, upper + edge, upper - crease])
    upper, lower, above, below, crease = face.on_skin(*np.moveaxis(curves, -1, 0))
    almond = np.concatenate([upper, lower[::-1]])
    if scene.eye_close < 0.8:
        ball = layer.copy()
        ball.fill(almond, (240, 236, 232))
        ball.soft(np.concatenate([above, below[::-1]]), (90, 80, 85), 0.6, 0.03)
        _draw_iris(ball, face, index)
        layer.show(ball, layer.mask(almond))
    lash = np.array([34.0, 24.0, 22.0]) if not person.male else 0.3 * skin + 0.35 * face.hair
    layer.ribbon(lower, 0.62 * skin, 0.014)
    layer.ribbon(upper, lash, 0.026 if person.male else 0.036 + 0.02 * (scene.eyeshadow > 0))
    layer.ribbon(crease, skin * [0.62, 0.52, 0.50], 0.018)


def _lids(face: Face, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the upper and the lower lid, each (17, 2), from the inner corner outwards."""
    person = face.person
    t = np.linspace(-1, 1, 17)
    arc = np.clip(1 - t**2, 0, 1)
    opening = 2 * person.eye_size * person.eye_open * (1 - min(face.scene.eye_close * 1.1, 1))
    x = side * (person.eye_spacing + person.eye_size * t)
    tilt = -person.eye_tilt * person.eye_size * t
    squint = 0.15 * max(face.scene.smile, 0)
    return (
        np.stack([x, tilt - 0.56 * opening * arc**0.75], axis=1),
        np.stack([x, tilt + (0.44 - squint) * opening * arc + 0.01 * face.scene.eye_close], axis=1),
    )


def _draw_iris(ball: Canvas, face: Face, index: int) -> None:
    person = face.person
    scene = face.scene
    reach = [0.45 * person.eye_size, 0.3 * person.eye_size]
    middle = face.landmarks[index, :2] + np.array(scene.gaze) * reach
    places = np.array([(0, 0), (0, 0), (0, 0.4), (0, 0), (0.35 * np.sign(scene.light[0]), -0.35)])
    radii = np.array([(1, 1), (0.85, 0.85), (0.6, 0.3), (0.45, 0.45), (0.22, 0.22)])
    edge, iris, gleam, pupil, spot = face.rings(middle + IRIS_RADIUS * places, IRIS_RADIUS * radii)
    colour = colour_at(IRIS, person.iris)
    ball.fill(edge, 0.55 * colour)
    ball.fill(iris, colour)
    ball.soft(gleam, 1.35 * colour, 0.6, 0.02)
    ball.fill(pupil, (14, 12, 14))
    ball.fill(spot, (255, 255, 255))


def draw_brow(layer: Canvas, face: Face, side: int) -> None:
    """Draws the brow on the left (-1) or on the right (1)."""
    person = face.person
    scene = face.scene
    t = np.linspace(-1, 1, 17)
    x = person.eye_spacing + 0.01 + person.brow_length * t
    arch = person.brow_arch * (1 - (t - 0.25) ** 2)
    y = -person.brow_height - arch - person.brow_tilt * t - 0.045 * scene.brow_raise
    half = (
        0.5
        * person.brow_thickness
        * (1 - 0.75 * np.clip(t, 0, 1) ** 1.5)
        * (1 - 0.5 * np.clip(-t - 0.7, 0, 1))
    )
    colour = (
        0.75 * colour_at(HAIR, min(person.hair_tone, 0.75)) * (1 - 0.5 * person.gray)
        + 0.5 * person.gray * GRAY
    )
    outline = np.concatenate([np.stack([x, y - half], 1), np.stack([x, y + half], 1)[::-1]])
    layer.soft(face.on_skin(side * outline[:, 0], outline[:, 1]), colour, 0.75, 0.02)
    inner = np.stack([x, y], 1)
    layer.ribbon(
        face.on_skin(side * inner[:, 0], inner[:, 1]), colour, 0.55 * person.brow_thickness
    )
