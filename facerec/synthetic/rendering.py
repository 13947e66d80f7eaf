"""Draws a person in a scene, from back to front."""

import cv2
import numpy as np

from facerec.synthetic.accessories import draw_cover, draw_glasses, draw_hat
from facerec.synthetic.background import draw_background
from facerec.synthetic.canvas import SUBPIXEL, Canvas, fixed_point
from facerec.synthetic.features import (
    draw_brow,
    draw_complexion,
    draw_eye,
    draw_marks,
    draw_mouth,
    draw_nose,
    draw_wrinkles,
)
from facerec.synthetic.hair import draw_beard, draw_hair_behind, draw_hair_in_front
from facerec.synthetic.head import SIDEWAYS, Face
from facerec.synthetic.identity import LONG_HAIR, Identity
from facerec.synthetic.light import develop, light_up
from facerec.synthetic.scene import Scene
from facerec.synthetic.shapes import grid, hull, ring, smooth

FINE_UNIT = 120.0  # px; smaller faces are drawn twice as large, then averaged down


def render(identity: Identity, scene: Scene) -> np.ndarray:
    """Returns the photograph, RGB uint8 (H, W, 3), before JPEG."""
    zoom = 2 if scene.unit < FINE_UNIT else 1
    face = Face(identity, scene, zoom)
    canvas = Canvas(draw_background(scene, zoom), face.unit, zoom)
    draw_hair_behind(canvas, face)
    _draw_body(canvas, face)
    sideways = abs(np.sin(scene.yaw)) > SIDEWAYS
    if not sideways:
        _draw_ears(canvas, face)
    _draw_head(canvas, face)
    draw_hair_in_front(canvas, face)
    if sideways and (identity.hair_length < LONG_HAIR or scene.tuck):
        _draw_ears(canvas, face)
    draw_hat(canvas, face)
    draw_glasses(canvas, face)
    draw_cover(canvas, face)
    image = cv2.resize(canvas.pixels, (scene.width, scene.height), interpolation=cv2.INTER_AREA)
    return develop(light_up(image, Face(identity, scene, 1)), scene)


def _draw_body(canvas: Canvas, face: Face) -> None:
    """Draws neck, shoulders and clothes; the body stays upright while the head turns."""
    skin = face.skin
    half = 0.42 if face.person.male else 0.36
    base = face.project(np.array([0, 0.75, -0.35]))
    lean = np.sin(face.scene.roll) * 0.3

    def place(points: list[tuple[float, float]]) -> np.ndarray:
        return base + face.unit * np.array(points)

    neck = [
        (-half, -0.5),
        (half, -0.5),
        (half + lean, 0.35),
        (half + 0.35, 0.8),
        (0, 1.6),
        (-half - 0.35, 0.8),
    ]
    canvas.fill(smooth(place([*neck, (-half + lean, 0.35)]), 2, closed=True), 0.9 * skin)
    canvas.soft(place(ring((0, 0.12), (half, 0.24)).tolist()), 0.45 * skin, 0.55, 0.16)
    depth = face.scene.neckline
    collar = [
        (-half - 0.12, 0.34),
        (-0.5 * half, 0.5 + depth),
        (0.5 * half, 0.5 + depth),
        (half + 0.12, 0.34),
    ]
    wide = 1.55 if face.person.male else 1.3
    clothes = [
        (-wide - 0.3, 4),
        (-wide, 0.95),
        (-0.9, 0.62),
        *collar,
        (0.9, 0.62),
        (wide, 0.95),
        (wide + 0.3, 4),
    ]
    shirt = np.array(face.scene.palette[2])
    canvas.fill(smooth(place(clothes), 3), shirt)
    canvas.line(smooth(place(collar), 3), 0.75 * shirt, 0.05)
    for side in (-1, 1):
        fold = place([(side * 1.0, 1.0), (side * 0.9, 1.5), (side * 0.95, 2.4)])
        canvas.ribbon(smooth(fold, 2), 0.8 * shirt, 0.05)


def _draw_ears(canvas: Canvas, face: Face) -> None:
    person = face.person
    skin = face.skin
    for side in (-1, 1):
        if side * np.sin(face.scene.yaw) > SIDEWAYS:  # behind the head
            continue
        x = side * (face.width(np.array(0.1)) + 0.03)
        across = ring((0.0, 0.12), (0.085, person.ear), 2.3)
        outer = np.stack(
            [x + side * 0.8 * across[:, 0], across[:, 1], -0.1 - 0.6 * across[:, 0]], axis=1
        )
        inner = outer.mean(axis=0) + 0.6 * (outer - outer.mean(axis=0))
        canvas.fill(face.project(outer), 0.93 * skin)
        canvas.fill(face.project(inner), 0.78 * skin)
        if face.scene.earrings:
            lobe = np.array([x + side * 0.02, 0.12 + person.ear, -0.1])
            canvas.fill(ring(tuple(face.project(lobe)), (0.035 * face.unit,) * 2), (238, 205, 110))


def _draw_head(canvas: Canvas, face: Face) -> None:
    """Draws the head with everything on its skin, cut off at its silhouette."""
    layer = canvas.copy()
    head = _silhouette(face)
    mask = canvas.mask(head)
    nose = hull(face.on_skin(*grid((-0.1, 0.1), (0.0, 1.1 * face.person.nose_length), 9)))
    # in profile the nose stands out of the head
    cv2.fillPoly(mask, [fixed_point(nose)], 255, cv2.LINE_AA, SUBPIXEL)
    layer.fill(head, face.skin)
    layer.fill(nose, face.skin)
    for draw in (draw_complexion, draw_beard, draw_nose, draw_mouth, draw_wrinkles, draw_marks):
        draw(layer, face)
    for index, side in enumerate((-1, 1)):
        if face.facing(side * face.person.eye_spacing):
            draw_eye(layer, face, index, side)
            draw_brow(layer, face, side)
    canvas.show(layer, mask)


def _silhouette(face: Face) -> np.ndarray:
    angles, heights = grid((-np.pi, np.pi), (-face.person.head_top, 1.02 * face.chin), 36)
    return hull(face.project(face.shell(angles, heights)))
