"""How a person is photographed: pose, expression, light, clothes, camera."""

from dataclasses import dataclass

import cv2
import numpy as np

from facerec.synthetic.identity import Identity

FLAWS = ("tiny", "blurred", "profile", "covered")
Colour = np.ndarray | tuple[float, float, float]  # RGB


@dataclass(frozen=True)
class Scene:
    """What changes from photograph to photograph.

    Angles are in radians, lengths in px, shares in [0, 1].
    """

    width: int
    height: int
    unit: float  # px from the eyes to an average chin
    centre: tuple[float, float]  # of the face, between eyes and mouth, before the head turns
    yaw: float  # positive: turned to the image's right
    pitch: float  # positive: looking down
    roll: float  # positive: clockwise
    smile: float
    mouth_open: float
    brow_raise: float
    eye_close: float
    gaze: tuple[float, float]
    light: tuple[float, float, float]  # direction to the light, of length 1
    contrast: float
    exposure: float
    cast: Colour
    background: str
    palette: tuple[Colour, Colour, Colour]  # background, its second colour, clothes
    neckline: float
    glasses: str
    frame: Colour
    hat: str
    hat_colour: Colour
    hair_shift: float
    tuck: bool
    lipstick: float
    eyeshadow: float
    stubble: float
    earrings: bool
    blur: float
    noise: float
    quality: int  # of the JPEG file
    cover: str
    flaw: str
    texture: int


def sample_scene(rng: np.random.Generator, identity: Identity, flaw_prob: float) -> Scene:
    """Returns a scene for a photograph of this person; `flaw_prob` is the probability of a flaw."""
    flaw = str(rng.choice(FLAWS)) if rng.random() < flaw_prob else "none"
    if flaw == "tiny":
        unit = rng.uniform(20, 40)
    else:
        unit = float(np.clip(rng.lognormal(np.log(90), 0.28), 68, 170))
    return Scene(
        **_sample_frame(rng, unit, flaw),
        **_sample_pose(rng, flaw),
        **_sample_expression(rng),
        **_sample_light(rng),
        **_sample_wear(rng, identity, flaw),
        background=str(rng.choice(["gradient", "clouds", "lights", "blocks", "stripes"])),
        palette=(_any_colour(rng), _any_colour(rng), _any_colour(rng)),
        blur=_sample_blur(rng, unit, flaw),
        noise=float(rng.gamma(1.5, 2.0)),
        quality=int(rng.integers(55, 97)),
        flaw=flaw,
        texture=int(rng.integers(1 << 31)),
    )


def _sample_frame(rng: np.random.Generator, unit: float, flaw: str) -> dict:
    room = rng.uniform(4.0, 7.0) if flaw == "tiny" else rng.uniform(2.4, 3.4)
    height = int(np.clip(room * unit, 150, 460))
    width = int(np.clip(height * rng.uniform(0.68, 1.15), max(150, 2.0 * unit), 460))
    centre = (width * rng.normal(0.5, 0.05), height * rng.normal(0.47, 0.03))
    return {
        "width": width,
        "height": height,
        "unit": float(unit),
        "centre": (float(centre[0]), float(centre[1])),
    }


def _sample_pose(rng: np.random.Generator, flaw: str) -> dict:
    yaw = np.clip(rng.normal(0, 8), -20, 20)
    if flaw == "profile":
        yaw = rng.choice([-1, 1]) * rng.uniform(50, 80)
    pitch = np.clip(rng.normal(0, 9), -20, 20)
    roll = np.clip(rng.normal(0, 6.5), -18, 18)
    return {
        "yaw": float(np.radians(yaw)),
        "pitch": float(np.radians(pitch)),
        "roll": float(np.radians(roll)),
    }


def _sample_expression(rng: np.random.Generator) -> dict:
    smiling = rng.random() < 0.5
    blink = rng.random() < 0.05
    return {
        "smile": float(rng.uniform(0.45, 1) if smiling else rng.uniform(-0.15, 0.25)),
        "mouth_open": float(rng.uniform(0.2, 1)) if rng.random() < 0.35 else 0.0,
        "brow_raise": float(rng.normal(0, 0.35)),
        "eye_close": float(
            rng.uniform(0.85, 1) if blink else np.clip(rng.normal(0.08, 0.12), 0, 0.45)
        ),
        "gaze": (
            float(np.clip(rng.normal(0, 0.25), -0.6, 0.6)),
            float(np.clip(rng.normal(0, 0.15), -0.4, 0.4)),
        ),
    }


def _sample_light(rng: np.random.Generator) -> dict:
    azimuth = np.radians(rng.uniform(-80, 80))
    elevation = np.radians(rng.normal(25, 25))
    flat = np.cos(elevation)
    warmth = rng.normal(0, 0.10)
    tint = rng.normal(0, 0.035)
    return {
        "light": (
            float(flat * np.sin(azimuth)),
            float(-np.sin(elevation)),
            float(flat * np.cos(azimuth)),
        ),
        "contrast": float(rng.uniform(0.2, 1.0)),
        "exposure": float(np.exp(rng.normal(0, 0.22))),
        "cast": (float(np.exp(warmth)), float(np.exp(tint)), float(np.exp(-warmth))),
    }


def _sample_wear(rng: np.random.Generator, identity: Identity, flaw: str) -> dict:
    makeup = not identity.male and rng.random() < 0.5
    cover = str(rng.choice(["scarf", "hand", "sunglasses"])) if flaw == "covered" else "none"
    glasses = str(rng.choice(["round", "square", "narrow"])) if rng.random() < 0.16 else "none"
    return {
        "glasses": "none" if cover == "sunglasses" else glasses,
        "frame": _any_colour(rng, 0.1, 0.5),
        "hat": str(rng.choice(["beanie", "cap", "brim"])) if rng.random() < 0.08 else "none",
        "hat_colour": _any_colour(rng),
        "hair_shift": float(rng.normal(0, 0.06)),
        "tuck": bool(rng.random() < 0.5),
        "lipstick": float(rng.uniform(0.5, 1)) if makeup else 0.0,
        "eyeshadow": float(rng.uniform(0.2, 0.6)) if makeup and rng.random() < 0.6 else 0.0,
        "stubble": float(rng.uniform(0, 0.35)) if identity.male and rng.random() < 0.5 else 0.0,
        "earrings": bool(not identity.male and rng.random() < 0.3),
        "neckline": float(rng.uniform(0.05, 0.55)),
        "cover": cover,
    }


def _sample_blur(rng: np.random.Generator, unit: float, flaw: str) -> float:
    if flaw == "blurred":
        return float(rng.uniform(0.045, 0.08) * unit + 1.0)
    return float(rng.uniform(0, 0.9))


def _any_colour(rng: np.random.Generator, low: float = 0.15, high: float = 0.95) -> Colour:
    hue = rng.uniform(0, 180)
    saturation = 255 * rng.beta(1.5, 2)
    value = 255 * rng.uniform(low, high)
    pixel = np.array([[[hue, saturation, value]]], np.uint8)
    red, green, blue = cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0].tolist()
    return float(red), float(green), float(blue)
