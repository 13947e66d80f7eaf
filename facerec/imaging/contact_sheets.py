"""Contact sheets: many small images on one, with points, boxes and captions."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from facerec.imaging.io import read_image

PAPER = (245, 245, 245)
INK = (40, 40, 40)
TRUE = (255, 255, 255)
POINT_COLOURS = [(255, 90, 90), (90, 200, 255), (255, 220, 60), (110, 230, 120), (240, 130, 240)]
GAP = 6
TILE = 160
CAPTION = 18
TEXT_SIZE = 12  # px
SUBPIXEL = 4  # bits of a coordinate after the point: OpenCV draws at sixteenths of a pixel


def contact_sheet(
    tiles: list[np.ndarray], columns: int, tile: int, captions: list[str] | None = None
) -> np.ndarray:
    """Returns one image (H, W, 3) uint8 of all tiles, row by row, each centred and captioned.

    Args:
        tiles: (h, w, 3) uint8 each, scaled down if they are larger than `tile`.
        columns: tiles a row.
        tile: side of a tile, px.
        captions: one per tile.
    """
    step = np.array([tile + GAP, tile + GAP + (CAPTION if captions else 0)])
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * step[1] + GAP, columns * step[0] + GAP, 3), PAPER, np.uint8)
    for index, picture in enumerate(tiles):
        left, top = GAP + step * [index % columns, index // columns]
        picture, _ = fit(picture, tile)
        height, width = picture.shape[:2]
        y, x = top + (tile - height) // 2, left + (tile - width) // 2
        sheet[y : y + height, x : x + width] = picture
        if captions:
            write_caption(sheet, captions[index], left, top + tile, tile)
    return sheet


def write_caption(sheet: np.ndarray, text: str, left: int, top: int, width: int) -> None:
    """Writes one line in place, cut off where it does not fit.

    OpenCV's own fonts have Latin, Greek, Cyrillic, Hebrew, Arabic, Chinese, Japanese and Korean
    letters, and write a question mark for any other.
    """
    font = _font()
    size = sheet.shape[1::-1]
    while text and cv2.getTextSize(size, text, (0, 0), font, TEXT_SIZE)[2] > width:
        text = text[:-1]
    cv2.putText(sheet, text, (int(left), int(top) + CAPTION - 5), INK, font, TEXT_SIZE)


@cache
def _font() -> cv2.FontFace:
    return cv2.FontFace("uni")


def fit(image: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """Returns the image scaled so that its longer side is `side`, and the scale."""
    scale = side / max(image.shape[:2])
    width, height = (max(round(length * scale), 1) for length in image.shape[1::-1])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, (width, height), interpolation=how), scale


def draw_points(
    image: np.ndarray, points: np.ndarray, radius: float = 2.5, colour: tuple | None = None
) -> None:
    """Draws points (5, 2) in place: as dots in POINT_COLOURS, or as rings of one colour."""
    for point, dot_colour in zip(points, POINT_COLOURS, strict=True):
        if np.isfinite(point).all():
            centre = [round(float(value) * 2**SUBPIXEL) for value in point]
            size = round(radius * 2**SUBPIXEL)
            if colour is None:
                cv2.circle(image, centre, size + 16, INK, -1, cv2.LINE_AA, SUBPIXEL)
                cv2.circle(image, centre, size, dot_colour, -1, cv2.LINE_AA, SUBPIXEL)
            else:
                cv2.circle(image, centre, size, colour, 1, cv2.LINE_AA, SUBPIXEL)


def draw_box(image: np.ndarray, box: np.ndarray, colour: tuple = (120, 255, 120)) -> None:
    """Draws a box (x, y, width, height) in place."""
    x, y, width, height = (round(float(value)) for value in box)
    cv2.rectangle(image, (x, y), (x + width - 1, y + height - 1), colour, 1, cv2.LINE_AA)


def annotated(image: np.ndarray, box: np.ndarray, points: np.ndarray, side: int) -> np.ndarray:
    """Returns a whole photograph, `side` px long, with its box and points."""
    small, scale = fit(image, side)
    draw_box(small, box * scale)
    draw_points(small, (points + 0.5) * scale - 0.5, radius=2)
    return small


def landmark_sheet(
    faces: np.ndarray,
    true: np.ndarray,
    predicted: np.ndarray,
    heatmaps: np.ndarray,
    side: int = TILE,
) -> np.ndarray:
    """Returns crops with predicted points (dots) and true ones (rings), and with heatmaps beside.

    Args:
        faces: (N, P, P, 3) uint8.
        true: (N, 5, 2), px of the crop.
        predicted: (N, 5, 2).
        heatmaps: (N, 5, S, S).
        side: side of a tile, px.
    """
    tiles = []
    for face, truth, guess, maps in zip(faces, true, predicted, heatmaps, strict=True):
        with_points, scale = fit(face, side)
        with_heatmaps = overlay(with_points, maps)
        draw_points(with_points, (guess + 0.5) * scale - 0.5)
        draw_points(with_points, (truth + 0.5) * scale - 0.5, radius=5, colour=TRUE)
        tiles += [with_points, with_heatmaps]
    return contact_sheet(tiles, columns=8, tile=side)


def overlay(face: np.ndarray, heatmaps: np.ndarray) -> np.ndarray:
    """Returns the face, dimmed, with heatmaps (5, S, S) in the points' colours."""
    glow = np.zeros(face.shape, np.float32)
    for heatmap, colour in zip(heatmaps, POINT_COLOURS, strict=True):
        large = cv2.resize(heatmap, face.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        glow += large.clip(0, 1)[..., None] * np.array(colour, np.float32)
    return (0.45 * face + glow).clip(0, 255).astype(np.uint8)


def evenly_spaced(image_ids: pd.Series, count: int) -> list[str]:
    """Returns `count` ids from all over the table, or all ids if there are fewer."""
    rows = np.linspace(0, len(image_ids) - 1, min(count, len(image_ids))).astype(int)
    return image_ids.iloc[rows].tolist()


def face_sheet(folder: Path, image_ids: list[str], columns: int, side: int = 112) -> np.ndarray:
    """Returns the faces of a folder, row by row."""
    return contact_sheet(
        [read_image(folder / image_id) for image_id in image_ids], columns, tile=side
    )


def alignment_sheet(folders: dict[int, Path], image_ids: list[str], side: int = 112) -> np.ndarray:
    """Returns the same faces aligned by each number of points, one row per method."""
    tiles = [read_image(folder / image_id) for folder in folders.values() for image_id in image_ids]
    captions = [f"{count} points" for count in folders for _ in image_ids]
    return contact_sheet(tiles, columns=len(image_ids), tile=side, captions=captions)
