"""What a person wears on the head, and what covers the face."""

import numpy as np

from facerec.synthetic.canvas import Canvas
from facerec.synthetic.head import FACE_FRONT, Face, visible_angles
from facerec.synthetic.identity import is_bald
from facerec.synthetic.scene import Colour
from facerec.synthetic.shapes import grid, hull, ring


def draw_hat(canvas: Canvas, face: Face) -> None:
    if face.scene.hat == "none":
        return
    colour = np.array(face.scene.hat_colour)
    rim = -0.5
    angles, heights = grid((-np.pi, np.pi), (-face.person.head_top, rim))
    swell = 1.1 + face.person.hair_volume * (0 if is_bald(face.person) else 0.7)
    canvas.fill(hull(face.project(face.shell(angles, heights, swell))), colour)
    front = np.linspace(-1.45, 1.45, 25)
    band = [
        face.shell(visible_angles(face, front), np.full(25, y), swell) for y in (rim - 0.2, rim)
    ]
    canvas.fill(face.project(np.concatenate([band[0], band[1][::-1]])), 0.72 * colour)
    if face.scene.hat != "beanie":
        _draw_brim(canvas, face, 0.6 * colour, swell, rim)


def _draw_brim(canvas: Canvas, face: Face, colour: np.ndarray, swell: float, rim: float) -> None:
    whole = face.scene.hat == "brim"
    angle = np.linspace(-np.pi, np.pi, 49) if whole else np.linspace(-1.1, 1.1, 25)
    inner = face.shell(angle, np.full(len(angle), rim), swell)
    reach = 0.38 if whole else 0.5 * np.cos(angle * 1.3)
    outer = inner + np.stack(
        [reach * np.sin(angle), np.full(len(angle), 0.06), reach * np.cos(angle)], axis=1
    )
    canvas.fill(hull(face.project(np.concatenate([inner, outer]))), colour)
    if not whole:
        canvas.line(face.project(outer), 0.8 * colour, 0.03)


def draw_glasses(canvas: Canvas, face: Face) -> None:
    shape = face.scene.glasses
    if shape != "none":
        radii, power = {
            "round": ((0.19, 0.18), 2.0),
            "square": ((0.2, 0.15), 4.0),
            "narrow": ((0.21, 0.115), 3.0),
        }[shape]
        _draw_spectacles(canvas, face, radii, power, face.scene.frame, (225, 235, 240), 0.14)


def _draw_spectacles(
    canvas: Canvas,
    face: Face,
    radii: tuple[float, float],
    power: float,
    frame: Colour,
    lens: Colour,
    alpha: float,
) -> None:
    """Draws a frame in front of the eyes; `alpha` is the opacity of the lenses."""
    person = face.person
    depth = face.landmarks[0, 2] + 0.13
    for side in (-1, 1):
        rim = ring((side * (person.eye_spacing + 0.01), 0.01), radii, power)
        z = np.full(len(rim), depth) - 0.25 * np.abs(rim[:, 0]) ** 2
        points = face.project(np.column_stack([rim, z]))
        canvas.soft(points, lens, alpha, 0.01)
        canvas.line(points, frame, 0.03, closed=True)
        if side * face.scene.yaw < 0.3:
            hinge = np.array([side * (person.eye_spacing + radii[0]), -0.02, depth - 0.07])
            ear = np.array([side * (person.head_width + 0.03), -0.02, -0.05])
            canvas.line(face.project(np.stack([hinge, ear])), frame, 0.03)
    inner = person.eye_spacing - radii[0] + 0.01
    x = np.linspace(-inner, inner, 7)
    bridge = np.stack([x, -0.03 - 0.03 * np.cos(8 * x), np.full(7, depth + 0.02)], axis=1)
    canvas.line(face.project(bridge), frame, 0.03)


def draw_cover(canvas: Canvas, face: Face) -> None:
    """Draws the scarf, hand or sunglasses that hide a part of the face."""
    if face.scene.cover == "sunglasses":
        _draw_spectacles(canvas, face, (0.27, 0.22), 3.0, (25, 25, 28), (20, 20, 24), 0.95)
    elif face.scene.cover == "scarf":
        _draw_scarf(canvas, face)
    elif face.scene.cover == "hand":
        _draw_hand(canvas, face)


def _draw_scarf(canvas: Canvas, face: Face) -> None:
    colour = np.array(face.scene.palette[1])
    t = np.linspace(-1.05, 1.05, 25)
    top = face.person.nose_length - 0.12 + 0.06 * t**2
    angle = visible_angles(face, np.concatenate([t, t[::-1]]) * FACE_FRONT)
    rows = np.concatenate([top, np.full(25, 1.05 * face.chin)])
    canvas.fill(hull(face.project(face.shell(angle, rows, 1.1))), colour)
    for fold in (0.15, 0.35, 0.55):
        line = face.shell(visible_angles(face, t * FACE_FRONT), top + fold + 0.08 * t, 1.1)
        canvas.ribbon(face.project(line), 0.75 * colour, 0.04)


def _draw_hand(canvas: Canvas, face: Face) -> None:
    skin = 0.95 * face.skin
    side = 1 if face.scene.texture % 2 else -1
    palm = face.project(np.array([side * 0.75, 1.15, 0.75]))
    for number, (x, y) in enumerate([(-0.3, 0.42), (-0.38, 0.6), (-0.36, 0.78), (-0.26, 0.94)]):
        tip = face.project(np.array([side * x, y, 0.95]))
        knuckle = palm + face.unit * np.array([side * -0.12, -0.28 + 0.13 * number])
        canvas.line(np.stack([knuckle, tip]), 0.7 * skin, 0.185)
        canvas.line(np.stack([knuckle, tip]), skin, 0.155)
    canvas.fill(ring(tuple(palm), (0.32 * face.unit, 0.4 * face.unit), 2.6), skin)
