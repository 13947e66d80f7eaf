"""What is behind the person."""

import cv2
import numpy as np

from facerec.synthetic.scene import Scene


def draw_background(scene: Scene, zoom: int) -> np.ndarray:
    """Returns the background alone, RGB uint8 (H × zoom, W × zoom, 3)."""
    rng = np.random.default_rng(scene.texture)
    share = PATTERNS[scene.background](rng, scene.width // 2 + 1, scene.height // 2 + 1)
    steps = cv2.convertScaleAbs(np.maximum(share, 0), alpha=255)
    colours = np.linspace(*scene.palette[:2], 256).astype(np.uint8)[:, None]
    small = cv2.LUT(cv2.merge([steps] * 3), colours)
    size = (scene.width * zoom, scene.height * zoom)
    return cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)


def _gradient(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi)
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, width), np.linspace(-0.5, 0.5, height))
    return 0.5 + 0.8 * (x * np.cos(angle) + y * np.sin(angle))


def _clouds(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    clouds = np.zeros((height, width))
    for count in (4, 9, 24):
        noise = rng.random((count, count))
        clouds += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) / count
    return clouds / (1 / 4 + 1 / 9 + 1 / 24)


def _lights(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    share = 0.25 * _gradient(rng, width, height)
    for _ in range(14):
        spot = np.zeros_like(share)
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        radius = int(rng.uniform(0.03, 0.12) * height)
        cv2.circle(spot, centre, radius, float(rng.uniform(0.2, 0.7)), -1)
        share += spot
    return cv2.GaussianBlur(share, (0, 0), 1.5)


def _blocks(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    share = 0.3 * _gradient(rng, width, height)
    for _ in range(7):
        left = int(rng.integers(width))
        top = int(rng.integers(height))
        right = left + int(rng.uniform(0.1, 0.5) * width)
        bottom = top + int(rng.uniform(0.1, 0.6) * height)
        cv2.rectangle(share, (left, top), (right, bottom), float(rng.random()), -1)
    return cv2.GaussianBlur(share, (0, 0), float(rng.uniform(0.5, 6)))


def _stripes(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    angle = rng.uniform(-0.4, 0.4)
    count = rng.uniform(3, 12)
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, width), np.linspace(-0.5, 0.5, height))
    wave = np.sin(2 * np.pi * count * (x * np.cos(angle) + y * np.sin(angle)))
    return 0.4 + 0.25 * np.tanh(3 * wave) + 0.4 * y


PATTERNS = {
    "gradient": _gradient,
    "clouds": _clouds,
    "lights": _lights,
    "blocks": _blocks,
    "stripes": _stripes,
}
