"""Hair and beards."""

import cv2
import numpy as np

from facerec.synthetic.canvas import SUBPIXEL, Canvas, fixed_point
from facerec.synthetic.head import FACE_FRONT, SIDEWAYS, Face, visible_angles
from facerec.synthetic.identity import LONG_HAIR, has_fringe, is_bald
from facerec.synthetic.shapes import bell, grid, hull


def draw_beard(layer: Canvas, face: Face) -> None:
    person = face.person
    hair = 0.85 * face.hair
    cover = max(person.beard, face.scene.stubble)
    if cover:
        extent = person.beard_extent if person.beard else 1.0
        area = _beard_area(face, extent)
        layer.soft(area, hair, 0.85 * cover if person.beard else 0.8 * cover, 0.07)
        if person.beard > 0.4:
            _draw_bristles(layer, face, extent, hair)
    if person.mustache:
        t = np.linspace(-1, 1, 17)
        y = 0.5 * (person.nose_length + person.mouth_y) + 0.03 + 0.07 * t**2
        mustache = face.on_skin(t * (face.mouth_half + 0.03), y, 0.01)
        layer.ribbon(mustache, hair, 0.06 + 0.06 * person.mustache)


def _beard_area(face: Face, extent: float) -> np.ndarray:
    """Returns the outline of a beard, px (N, 2).

    An `extent` of 0.25 is a goatee, 1 reaches up to the sideburns.
    """
    t = np.linspace(-1, 1, 41)
    angle = t * extent * FACE_FRONT
    middle = face.person.mouth_y + 0.13 + 0.06 * face.scene.mouth_open
    beside = np.clip((np.abs(angle) / FACE_FRONT - 0.2) / 0.8, 0, 1)
    upper = middle - (middle - 0.12) * beside**0.75
    lower = np.full_like(t, 1.02 * face.chin)
    rows = np.concatenate([upper, lower[::-1]])
    angles = visible_angles(face, np.concatenate([angle, angle[::-1]]))
    return face.project(face.shell(angles, rows, 1.01))


def _draw_bristles(layer: Canvas, face: Face, extent: float, hair: np.ndarray) -> None:
    rng = np.random.default_rng(face.person.texture + 1)
    side, depth, tone = rng.uniform([-extent, 0.1, 0.7], [extent, 1, 1.3], (90, 3)).T[..., None]
    top = face.person.mouth_y + 0.16 - 0.3 * np.maximum(np.abs(side) - 0.25, 0)
    y = top + (0.96 * face.chin - top) * depth + [0, 0.05]
    angle = np.broadcast_to(visible_angles(face, side * FACE_FRONT), y.shape)
    layer.strands(face.project(face.shell(angle, y, 1.02)), hair * tone, 0.008)


def draw_hair_behind(canvas: Canvas, face: Face) -> None:
    """Draws hair that falls behind the neck."""
    person = face.person
    if is_bald(person) or person.hair_length < LONG_HAIR:
        return
    swell = 1 + person.hair_volume
    angles, heights = grid((-np.pi, np.pi), (-person.head_top, 0.3))
    head = face.shell(angles, heights, swell).reshape(-1, 3)
    wide = person.head_width * (swell + 0.12 + 0.25 * max(person.curl, 0))
    length = person.hair_length
    sides = [[x, length * share, -0.35] for x in (-wide, wide) for share in (0.6, 0.9)]
    tips = [[x, length + 0.08, -0.35] for x in (-0.7 * wide, 0.7 * wide)]
    outline = hull(face.project(np.concatenate([head, sides, tips])))
    mask = canvas.mask(outline)
    layer = canvas.copy()
    hair = 0.8 * face.hair
    layer.fill(outline, hair)
    _draw_falling_strands(layer, face, hair, wide, -0.35)
    canvas.show(layer, mask)


def _draw_falling_strands(
    layer: Canvas, face: Face, hair: np.ndarray, wide: float, depth: float
) -> None:
    rng = np.random.default_rng(face.person.texture + 2)
    y = np.linspace(-0.3, face.person.hair_length + 0.1, 14)
    x, tone, phase = rng.uniform([-wide, 0.72, 0], [wide, 1.25, 6.28], (46, 3)).T[..., None]
    wave = 0.05 * max(face.person.curl, 0) * np.sin(7 * y + phase)
    curves = np.stack(np.broadcast_arrays(x + wave, y, depth), axis=-1)
    layer.strands(face.project(curves), hair * tone, 0.018)


def draw_hair_in_front(canvas: Canvas, face: Face) -> None:
    """Draws the hair on the head, open where the face is, and the locks beside it."""
    person = face.person
    if is_bald(person):
        return
    frontal = abs(np.sin(face.scene.yaw)) < SIDEWAYS
    if person.hair_length >= LONG_HAIR and not face.scene.tuck and frontal:
        for side in (-1, 1):
            _draw_lock(canvas, face, side)
    angles, heights = grid((-np.pi, np.pi), (-person.head_top, 0.1))
    cap = hull(face.project(face.shell(angles, heights, 1 + person.hair_volume)))
    mask = canvas.mask(cap)
    cv2.fillPoly(mask, [fixed_point(_face_opening(face))], 0, cv2.LINE_AA, SUBPIXEL)
    layer = canvas.copy()
    hair = face.hair
    layer.fill(cap, hair)
    _draw_combed_strands(layer, face, hair)
    canvas.soft(_shadow_of_hair(face), 0.5 * face.skin, 0.35, 0.06)
    canvas.show(layer, mask)


def _hairline(face: Face, t: np.ndarray) -> np.ndarray:
    """Returns the height where the hair begins at t, from -1 (left sideburn) to 1."""
    person = face.person
    receding = 0.35 * max(person.baldness - 0.3, 0)
    middle = -min(person.hairline + receding, person.head_top - 0.1)
    temples = -0.14 * max(person.baldness, 0.1) * bell(np.abs(t) - 0.5, 0.2)
    if has_fringe(person):
        middle = -0.32 + 0.08 * (1 - person.fringe)
        temples = 0.025 * np.sin(17 * t + person.texture % 6)
    sideburn = 0.08 if person.hair_length > 0.12 else -0.05
    swept = 0.10 * (1 - np.abs(t)) * np.abs(t - 0.6 * person.parting)
    sides = (sideburn - middle) * np.abs(t) ** (5 if has_fringe(person) else 3.2)
    return middle + temples + swept + sides


def _face_opening(face: Face) -> np.ndarray:
    """Returns the outline of the part that the hair leaves free, px (N, 2)."""
    t = np.linspace(-1, 1, 61)
    line = face.shell(visible_angles(face, t * FACE_FRONT), _hairline(face, t), 1.01)
    down = face.shell(
        visible_angles(face, np.array([1.15, -1.15]) * FACE_FRONT), np.array([0.6, 0.6]), 1.25
    )
    return face.project(np.concatenate([line, down]))


def _shadow_of_hair(face: Face) -> np.ndarray:
    """Returns the outline of the shadow below the hairline, px (N, 2)."""
    t = np.linspace(-0.9, 0.9, 31)
    line = _hairline(face, t)
    angle = visible_angles(face, np.concatenate([t, t[::-1]]) * FACE_FRONT)
    return face.project(face.shell(angle, np.concatenate([line - 0.05, line[::-1] + 0.05]), 1.01))


def _draw_combed_strands(layer: Canvas, face: Face, hair: np.ndarray) -> None:
    """Draws strands from the parting over the head to the hairline."""
    person = face.person
    rng = np.random.default_rng(person.texture + 3)
    s = np.linspace(0, 1, 10)
    end, tone, phase, beyond = rng.uniform(
        [-1.5, 0.7, 0, -0.25], [1.5, 1.35, 6.28, 0.1], (90, 4)
    ).T[..., None]
    goal = np.where(np.abs(end) < 1, _hairline(face, np.clip(end, -1, 1)) + beyond, 0.1)
    start = 0.7 * person.parting + 0.15 * end
    wave = 0.07 * max(person.curl, 0) * np.sin(9 * s + phase)
    angle = (start + (end - start) * s**0.8) * FACE_FRONT + wave
    y = -0.99 * person.head_top + (goal + 0.99 * person.head_top) * s**1.6
    strands = face.project(face.shell(angle, y, 1 + person.hair_volume * (1 - 0.6 * s)))
    layer.strands(strands, hair * tone + 10 * (tone - 1), 0.016)


def _draw_lock(canvas: Canvas, face: Face, side: int) -> None:
    person = face.person
    y = np.linspace(-0.45, person.hair_length, 12)
    wave = 0.06 * max(person.curl, 0) * np.sin(8 * y + person.texture % 5)
    head_width = np.minimum(face.width(np.clip(y, -1, 0.3)), person.head_width)
    inner = head_width - 0.05 * np.clip(y, 0, 1) + wave
    outer = person.head_width * (1.08 + person.hair_volume + 0.08 * np.clip(y, 0, 1)) + 0.5 * wave
    rows = np.concatenate([np.stack([inner, y], 1), np.stack([outer, y], 1)[::-1]])
    outline = face.project(
        np.column_stack([side * rows[:, 0], rows[:, 1], np.full(len(rows), 0.12)])
    )
    hair = face.hair
    canvas.fill(outline, 0.93 * hair)
    share = np.array([[0.15], [0.35], [0.55], [0.8]])
    strands = np.stack(
        np.broadcast_arrays(side * (inner + share * (outer - inner)), y, 0.12), axis=-1
    )
    canvas.strands(face.project(strands), hair * (0.75 + 0.5 * share), 0.018)
