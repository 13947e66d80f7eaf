"""A picture to draw on, with sub-pixel accuracy."""

import cv2
import numpy as np

from facerec.synthetic.scene import Colour

SUBPIXEL = 4  # fractional bits of the coordinates that OpenCV draws with


class Canvas:
    """An RGB picture to draw on, with sub-pixel accuracy; widths and softness are in head units.

    It is `zoom` times as large as the photograph that it is averaged down to.
    """

    def __init__(self, pixels: np.ndarray, unit: float, zoom: int) -> None:
        self.pixels, self.unit, self.zoom = pixels, unit, zoom

    def fill(self, points: np.ndarray, colour: Colour) -> None:
        """Draws a polygon (N, 2)."""
        cv2.fillPoly(self.pixels, [fixed_point(points)], tuple(colour), cv2.LINE_AA, SUBPIXEL)

    def line(self, points: np.ndarray, colour: Colour, width: float, closed: bool = False) -> None:
        thickness = max(round(width * self.unit), 1)
        curves = [fixed_point(points)]
        cv2.polylines(self.pixels, curves, closed, tuple(colour), thickness, cv2.LINE_AA, SUBPIXEL)

    def strands(self, curves: np.ndarray, colours: np.ndarray, width: float) -> None:
        """Draws curves (N, M, 2) in colours (N, 3)."""
        thickness = max(round(width * self.unit), 1)
        edges = cv2.LINE_8 if self.zoom > 1 else cv2.LINE_AA  # hard edges take a third of the time
        for curve, colour in zip(fixed_point(curves), colours.tolist(), strict=True):
            cv2.polylines(self.pixels, [curve], False, colour, thickness, edges, SUBPIXEL)

    def ribbon(self, points: np.ndarray, colour: Colour, width: float) -> None:
        """Draws a curve (N, 2) that is `width` thick in its middle and tapers to both ends."""
        after = np.concatenate([points[1:], points[-1:]])
        before = np.concatenate([points[:1], points[:-1]])
        along = after - before
        across = along[:, ::-1] * [-1, 1] / (np.hypot(*along.T) + 1e-9)[:, None]
        taper = np.sin(np.linspace(0.05, np.pi - 0.05, len(points)))[:, None] ** 0.6
        offset = across * taper * (width * self.unit / 2)
        self.fill(np.concatenate([points + offset, (points - offset)[::-1]]), colour)

    def soft(self, points: np.ndarray, colour: Colour, alpha: float, softness: float) -> None:
        """Lays a colour over a polygon, `alpha` opaque, with edges `softness` wide."""
        reach = max(round(softness * self.unit), 1)
        height, width = self.pixels.shape[:2]
        x, y, across, down = cv2.boundingRect(points.astype(np.float32))
        left = max(x - reach - 2, 0)
        right = min(x + across + reach + 2, width)
        top = max(y - reach - 2, 0)
        bottom = min(y + down + reach + 2, height)
        if right <= left or bottom <= top:
            return
        mask = np.zeros((bottom - top, right - left), np.uint8)
        cv2.fillPoly(mask, [fixed_point(points - [left, top])], 255, cv2.LINE_AA, SUBPIXEL)
        for _ in range(2):
            mask = cv2.blur(mask, (2 * (reach // 2) + 1,) * 2, borderType=cv2.BORDER_REPLICATE)
        row = np.full((1, right - left, 3), np.clip(colour, 0, 255), np.uint8)
        _blend(self.pixels[top:bottom, left:right], row, cv2.convertScaleAbs(mask, alpha=alpha))

    def mask(self, points: np.ndarray) -> np.ndarray:
        """Returns a polygon (N, 2) as a mask (H, W), 255 inside."""
        mask = np.zeros(self.pixels.shape[:2], np.uint8)
        cv2.fillPoly(mask, [fixed_point(points)], 255, cv2.LINE_AA, SUBPIXEL)
        return mask

    def copy(self) -> "Canvas":
        return Canvas(self.pixels.copy(), self.unit, self.zoom)

    def show(self, layer: "Canvas", mask: np.ndarray) -> None:
        """Copies another canvas where the mask (H, W) is set."""
        x, y, width, height = cv2.boundingRect(mask)
        part = np.s_[y : y + height, x : x + width]
        _blend(self.pixels[part], layer.pixels[part], mask[part])


def fixed_point(points: np.ndarray) -> np.ndarray:
    """Returns coordinates in OpenCV's fixed-point format."""
    return np.rint(points * (1 << SUBPIXEL)).astype(np.int32)


def _blend(below: np.ndarray, above: np.ndarray, mask: np.ndarray) -> None:
    """Blends `above` into `below` (H, W, 3), with the mask (H, W) as opacity.

    `above` is (H, W, 3), or one row (1, W, 3) for all.
    """
    # numpy is eight times as fast without the short axis of the colours
    rows = below.reshape(len(mask), -1)
    weight = cv2.merge([mask] * 3).reshape(rows.shape).astype(np.uint16)
    mixed = above.reshape(len(above), -1) * weight
    mixed += rows * (255 - weight)
    mixed += 127
    np.floor_divide(mixed, 255, out=rows, casting="unsafe")
