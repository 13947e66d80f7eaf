"""Draws faces with known identity, landmarks and attributes.

A person is a set of traits, a scene is what changes from photograph to photograph. Both meet in a simple 3-D head:
every feature is a point or curve on its surface, turned and projected, so the five landmarks are exact.

The head's frame has its origin between the eyes, x to the image's right, y down, z towards the camera; one unit is
the distance from the eyes to an average chin. Colours are RGB.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from statistics import NormalDist

import cv2
import numpy as np

FLAWS = ("tiny", "blurred", "profile", "covered")

TRAITS = {  # mean, spread, shift of men (women shift the other way); lengths in head units
    "head_width": (0.75, 0.045, 0.012),  # half, at the temples
    "head_top": (0.98, 0.05, 0.0),
    "cheek": (0.93, 0.04, 0.0),  # of head_width, at the nose
    "jaw": (0.75, 0.065, 0.03),  # of head_width, at the mouth
    "chin_width": (0.33, 0.065, 0.025),
    "chin": (1.02, 0.05, 0.02),
    "skin_warmth": (0.0, 1.0, 0.0),
    "hair_warmth": (0.0, 1.0, 0.0),
    "hair_volume": (0.10, 0.035, -0.01),
    "hairline": (0.60, 0.06, 0.02),
    "parting": (0.0, 0.45, 0.0),
    "curl": (0.3, 0.35, -0.1),
    "brow_thickness": (0.048, 0.014, 0.008),
    "brow_arch": (0.045, 0.028, -0.012),
    "brow_tilt": (-0.005, 0.024, 0.0),
    "brow_height": (0.205, 0.03, -0.018),
    "brow_length": (0.20, 0.022, 0.005),
    "eye_size": (0.135, 0.017, -0.006),  # half width
    "eye_open": (0.50, 0.11, -0.03),  # height of the opening, of its width
    "eye_spacing": (0.305, 0.026, 0.0),  # half
    "eye_tilt": (0.10, 0.11, -0.02),
    "lid": (0.045, 0.016, 0.0),
    "nose_length": (0.40, 0.042, 0.008),
    "nose_width": (0.145, 0.026, 0.010),  # half, at the nostrils
    "nose_height": (0.23, 0.045, 0.01),
    "nose_tip": (0.075, 0.015, 0.004),
    "mouth_y": (0.69, 0.03, 0.0),
    "mouth_width": (0.245, 0.03, 0.006),  # half
    "lip_upper": (0.050, 0.016, -0.006),
    "lip_lower": (0.072, 0.020, -0.008),
    "lip_red": (0.4, 0.25, -0.15),
    "ear": (0.19, 0.025, 0.01),
}
LIMIT = 2.0  # spreads at which traits are clipped

SKIN = np.array(
    [[248, 219, 198], [235, 190, 156], [204, 150, 112], [158, 105, 72], [104, 67, 47]], float
)
HAIR = np.array(
    [[26, 22, 24], [48, 34, 28], [84, 54, 36], [122, 82, 48], [176, 130, 72], [222, 184, 118]],
    float,
)
IRIS = np.array(
    [[58, 36, 22], [96, 62, 34], [120, 100, 50], [88, 118, 82], [92, 130, 158], [120, 164, 200]],
    float,
)
GRAY = np.array([182, 180, 178], float)
BLACK_TO, BLOND_FROM = 0.3, 0.72  # of the hair's tone

LONG_HAIR = 0.45  # below the eyes; shorter hair ends at the ears
FRINGE_FROM = 0.78
BALD_FROM = 0.75
IRIS_RADIUS = 0.07  # much the same in all people

CAMERA = 7.0  # distance of the camera, in head units
POWER = 2.4  # of the superellipse that a horizontal cut through the head is
SUBPIXEL = 4  # bits after the point that OpenCV's drawing takes
FINE_UNIT = 120.0  # px; smaller faces are drawn twice as large, then averaged down
SHADE_UNIT = 44.0  # px of a head unit in the map of the light
SHADE_ONE = 128.0  # what the map holds for "as bright as painted"
SIDEWAYS = 0.5  # sine of the yaw from which one ear is hidden, and the other in front of the head
NORMAL = np.array(
    [NormalDist().inv_cdf((step + 0.5) / 256) for step in range(256)]
)  # quantiles: noise from bytes
FACE_FRONT = np.radians(80.0)  # angle from straight ahead to the sideburns

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Identity:
    """What stays the same in all photographs of a person. Lengths in head units, tones and shares in [0, 1]."""

    male: bool
    age: float
    skin_tone: float
    hair_tone: float
    gray: float
    baldness: float
    hair_length: float  # below the eyes; under LONG_HAIR it ends at the ears
    fringe: float
    iris: float
    beard: float
    beard_extent: float
    mustache: float
    freckles: float
    marks: tuple[tuple[float, float, float], ...]  # x, y, radius
    texture: int
    head_width: float
    head_top: float
    cheek: float
    jaw: float
    chin_width: float
    chin: float
    skin_warmth: float
    hair_warmth: float
    hair_volume: float
    hairline: float
    parting: float
    curl: float
    brow_thickness: float
    brow_arch: float
    brow_tilt: float
    brow_height: float
    brow_length: float
    eye_size: float
    eye_open: float
    eye_spacing: float
    eye_tilt: float
    lid: float
    nose_length: float
    nose_width: float
    nose_height: float
    nose_tip: float
    mouth_y: float
    mouth_width: float
    lip_upper: float
    lip_lower: float
    lip_red: float
    ear: float


@dataclass(frozen=True)
class Scene:
    """What changes from photograph to photograph. Angles in radians, lengths in px, shares in [0, 1]."""

    width: int
    height: int
    unit: float  # px from the eyes to an average chin
    centre: tuple[
        float, float
    ]  # where the point between the eyes and the mouth lies, before the head turns
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


@dataclass(frozen=True)
class Photograph:
    """A drawn photograph and the truth about it.

    Attributes:
        jpeg: the encoded file.
        landmarks: (5, 2) px, in the order of tables.POINTS.
        box: x, y, width, height, px.
        attributes: of celeba.ATTRIBUTES, those that hold.
        flaw: one of FLAWS, or none.
    """

    jpeg: bytes
    landmarks: np.ndarray
    box: tuple[int, int, int, int]
    attributes: frozenset[str]
    flaw: str


def photograph(seed: int, person: int, photo: int, bad_share: float) -> Photograph:
    """Returns one photograph, the same bytes whenever the arguments are the same.

    Args:
        seed: of the collection.
        person: which person of it.
        photo: which photograph of this person.
        bad_share: probability that the photograph is tiny, blurred, in profile or covered.
    """
    identity = sample_identity(np.random.default_rng([seed, 0, person]))
    rng = np.random.default_rng([seed, 1, person, photo])
    scene = sample_scene(rng, identity, bad_share)
    return Photograph(
        encode(render(identity, scene), scene.quality),
        landmarks(identity, scene),
        detector_box(identity, scene, rng),
        attributes(identity, scene),
        scene.flaw,
    )


def encode(image: np.ndarray, quality: int) -> bytes:
    """Returns RGB uint8 (H, W, 3) as a JPEG file."""
    _, content = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return content.tobytes()


# ---- Who: the traits of a person ----


def sample_identity(rng: np.random.Generator) -> Identity:
    """Returns a person."""
    male = bool(rng.random() < 0.5)
    age = float(rng.beta(1.6, 2.2))
    skin_tone = float(rng.beta(1.5, 2.3))
    traits = {name: _trait(rng, male, *numbers) for name, numbers in TRAITS.items()}
    return Identity(
        male=male,
        age=age,
        skin_tone=skin_tone,
        iris=float(rng.beta(1.0, 1.6)),
        freckles=float(max(rng.normal(-0.3, 0.6), 0)),
        marks=_sample_marks(rng),
        texture=int(rng.integers(1 << 31)),
        **_sample_hair(rng, male, age, skin_tone),
        **_sample_beard(rng, male),
        **traits,
    )


def _trait(rng: np.random.Generator, male: bool, mean: float, spread: float, shift: float) -> float:
    return mean + (shift if male else -shift) + spread * max(-LIMIT, min(rng.normal(), LIMIT))


def _sample_hair(
    rng: np.random.Generator, male: bool, age: float, skin_tone: float
) -> dict[str, float]:
    old = max(age - 0.55, 0) / 0.45
    length = rng.normal(0.15, 0.15) if male else rng.normal(0.85, 0.45)
    return {
        "hair_tone": float(rng.beta(0.9, 1.1) * (1 - 0.7 * skin_tone)),
        "gray": float(np.clip(old * rng.uniform(0.3, 1.6), 0, 1)),
        "baldness": float(rng.beta(1.2, 3) * (0.55 + 0.9 * age)) if male else 0.0,
        "hair_length": float(np.clip(length, 0.05, 1.6)),
        "fringe": float(rng.random()),
    }


def _sample_beard(rng: np.random.Generator, male: bool) -> dict[str, float]:
    bearded = male and rng.random() < 0.45
    return {
        "beard": float(rng.uniform(0.35, 1)) if bearded else 0.0,
        "beard_extent": float(rng.uniform(0.25, 1)),
        "mustache": float(rng.uniform(0.4, 1))
        if male and rng.random() < (0.75 if bearded else 0.12)
        else 0.0,
    }


def _sample_marks(rng: np.random.Generator) -> tuple[tuple[float, float, float], ...]:
    count = rng.choice(4, p=[0.45, 0.3, 0.17, 0.08])
    spots = [
        (rng.uniform(-0.5, 0.5), rng.uniform(-0.4, 0.85), rng.uniform(0.013, 0.026))
        for _ in range(count)
    ]
    return tuple((float(x), float(y), float(r)) for x, y, r in spots)


# ---- How: the scene of a photograph ----


def sample_scene(rng: np.random.Generator, identity: Identity, bad_share: float) -> Scene:
    """Returns what a photograph of this person looks like; `bad_share` is the probability of a flaw."""
    flaw = str(rng.choice(FLAWS)) if rng.random() < bad_share else "none"
    unit = (
        rng.uniform(20, 40)
        if flaw == "tiny"
        else float(np.clip(rng.lognormal(np.log(90), 0.28), 68, 170))
    )
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


def _sample_pose(rng: np.random.Generator, flaw: str) -> dict[str, float]:
    yaw = np.clip(rng.normal(0, 8), -20, 20)
    if flaw == "profile":
        yaw = rng.choice([-1, 1]) * rng.uniform(50, 80)
    pitch, roll = np.clip(rng.normal(0, 9), -20, 20), np.clip(rng.normal(0, 6.5), -18, 18)
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
    azimuth, elevation = np.radians(rng.uniform(-80, 80)), np.radians(rng.normal(25, 25))
    flat = np.cos(elevation)
    warmth, tint = rng.normal(0, 0.10), rng.normal(0, 0.035)
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
    return (
        float(rng.uniform(0.045, 0.08) * unit + 1.0)
        if flaw == "blurred"
        else float(rng.uniform(0, 0.9))
    )


def _any_colour(rng: np.random.Generator, low: float = 0.15, high: float = 0.95) -> Colour:
    hue, saturation, value = (
        rng.uniform(0, 180),
        255 * rng.beta(1.5, 2),
        255 * rng.uniform(low, high),
    )
    pixel = np.array([[[hue, saturation, value]]], np.uint8)
    return tuple(float(channel) for channel in cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0])


# ---- Truth: landmarks, boxes, attributes ----


def landmarks(identity: Identity, scene: Scene) -> np.ndarray:
    """Returns the five points (5, 2) in the order of tables.POINTS, px of the photograph, pixel centres at integers."""
    face = Face(identity, scene, 1)
    return face.project(face.landmarks)


def detector_box(
    identity: Identity, scene: Scene, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """Returns x, y, width, height around the face, px, as far off as a detector is; it may leave the picture."""
    face = Face(identity, scene, 1)
    head = face.project(face.shell(*_grid((-1.6, 1.6), (-0.75, face.chin)))).reshape(-1, 2)
    low, high = head.min(axis=0), head.max(axis=0)
    size = (high - low) * rng.uniform(0.88, 1.12, 2)
    corner = (low + high - size) / 2 + (high - low) * rng.uniform(-0.08, 0.08, 2)
    x, y, width, height = np.rint([*corner, *size]).astype(int).tolist()
    return x, y, width, height


def attributes(identity: Identity, scene: Scene) -> frozenset[str]:
    """Returns those of celeba.ATTRIBUTES that the drawing shows."""
    truth = {**_lasting_attributes(identity, scene), **_passing_attributes(identity, scene)}
    return frozenset(name for name, holds in truth.items() if holds)


def _lasting_attributes(who: Identity, scene: Scene) -> dict[str, bool]:
    bald, tone = _bald(who), _hair_tone(who, scene)
    coloured = not bald and who.gray < 0.5
    return {
        "Male": who.male,
        "Young": who.age < 0.6,
        "Bald": bald,
        "Receding_Hairline": who.baldness > 0.5 and not bald,
        "Bangs": _has_fringe(who) and scene.hat == "none",
        "Gray_Hair": not bald and who.gray >= 0.5,
        "Black_Hair": coloured and tone < BLACK_TO,
        "Brown_Hair": coloured and BLACK_TO <= tone < BLOND_FROM,
        "Blond_Hair": coloured and tone >= BLOND_FROM,
        "Wavy_Hair": not bald and who.curl > 0.5,
        "Straight_Hair": not bald and who.curl < 0.1,
        "Arched_Eyebrows": who.brow_arch > 0.06,
        "Bushy_Eyebrows": who.brow_thickness > 0.06,
        "Big_Nose": who.nose_width > 0.165,
        "Pointy_Nose": who.nose_height > 0.26 and who.nose_width < 0.15,
        "Big_Lips": who.lip_upper + who.lip_lower > 0.145,
        "Chubby": who.jaw > 0.82,
        "Pale_Skin": who.skin_tone < 0.12,
    }


def _passing_attributes(who: Identity, scene: Scene) -> dict[str, bool]:
    beard, mustache, opening = who.beard > 0, who.mustache > 0, who.eye_open * (1 - scene.eye_close)
    return {
        "No_Beard": not beard and not mustache and scene.stubble < 0.15,
        "Goatee": beard and who.beard_extent < 0.5,
        "Sideburns": beard and who.beard_extent > 0.85,
        "Mustache": mustache,
        "5_o_Clock_Shadow": not beard and scene.stubble >= 0.15,
        "Bags_Under_Eyes": who.age > 0.7,
        "Narrow_Eyes": opening < 0.35,
        "Eyeglasses": scene.glasses != "none" or scene.cover == "sunglasses",
        "Wearing_Hat": scene.hat != "none",
        "Wearing_Lipstick": scene.lipstick > 0,
        "Heavy_Makeup": scene.eyeshadow > 0.3,
        "Wearing_Earrings": scene.earrings,
        "Smiling": scene.smile > 0.4,
        "Mouth_Slightly_Open": scene.mouth_open > 0,
        "Blurry": scene.flaw == "blurred",
    }


def _bald(who: Identity) -> bool:
    return who.baldness > BALD_FROM


def _has_fringe(who: Identity) -> bool:
    return who.fringe > FRINGE_FROM and who.baldness < 0.5


def _hair_tone(who: Identity, scene: Scene) -> float:
    return float(np.clip(who.hair_tone + scene.hair_shift, 0, 1))


# ---- The head in space ----


class Face:
    """A person's head in a scene: where its points are in space, and where the picture shows them."""

    def __init__(self, who: Identity, scene: Scene, zoom: int) -> None:
        self.who, self.scene, self.zoom = who, scene, zoom
        self.unit = scene.unit * zoom
        self.rotation = rotation(scene.yaw, scene.pitch, scene.roll)
        self.chin = who.chin + 0.07 * scene.mouth_open
        self._profiles = _head_profiles(who, self.chin)
        middle = self.rotation @ np.array([0, 0.3, 0.4])
        self.origin = (np.array(scene.centre) + 0.5) * zoom - 0.5 - self.unit * middle[:2]

    @cached_property
    def skin(self) -> np.ndarray:
        """Its colour (3,)."""
        return _ramp(SKIN, self.who.skin_tone) * (
            1 + 0.015 * self.who.skin_warmth * np.array([1.0, 0.0, -1.6])
        )

    @cached_property
    def hair(self) -> np.ndarray:
        """Its colour (3,)."""
        tone, warmth, gray = _hair_tone(self.who, self.scene), self.who.hair_warmth, self.who.gray
        colour = _ramp(HAIR, tone) * (1 + 0.10 * warmth * np.array([1.2, 0.0, -1.0]))
        return (1 - gray) * colour + gray * GRAY

    def width(self, y: np.ndarray) -> np.ndarray:
        """Returns the head's half width at heights `y`."""
        return np.interp(y, *self._profiles[0])

    def shell(
        self, angle: np.ndarray, y: np.ndarray, inflate: float | np.ndarray = 1.0
    ) -> np.ndarray:
        """Returns points (..., 3) of the bare head at angles from straight ahead, radians, and heights."""
        side, ahead = np.sin(angle), np.cos(angle)
        depth = np.where(
            ahead >= 0, np.interp(y, *self._profiles[1]), np.interp(y, *self._profiles[2])
        )
        x = self.width(y) * _superellipse(side, POWER)
        z = depth * _superellipse(ahead, POWER)
        return np.stack(
            np.broadcast_arrays(inflate * x, inflate * (y + 0.2) - 0.2, inflate * z), axis=-1
        )

    def relief(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Returns how far nose, brows, eye sockets, cheeks, lips and chin stand out of the bare head."""
        who = self.who
        under_tip = np.maximum(y / who.nose_length - 1, 0) / 0.16
        wide = 0.05 + who.nose_tip * np.maximum(y, 0)
        rise = np.clip(0.18 + 0.82 * y / who.nose_length, 0, 1)  # 1 at the tip
        nose = who.nose_height * rise * np.exp(-((x / wide) ** 2) - under_tip**2)
        height, at_x, spread_x, at_y, spread_y = self._bumps
        across = (np.abs(x)[..., None] - at_x) / spread_x
        down = (y[..., None] - at_y) / spread_y
        return nose + np.exp(-(across**2) - down**2) @ height

    @cached_property
    def _bumps(self) -> np.ndarray:
        """Bell-shaped, the same on both sides (5, N): height, place and spread in x, place and spread in y."""
        who = self.who
        sockets = (-0.08, who.eye_spacing, 0.12, 0.0, 0.09)
        ridge = (0.035, 0.25, 0.2, -0.16, 0.06)
        cheeks = (0.04 * (1 + self.scene.smile), 0.38, 0.13, 0.33, 0.13)
        lips = (0.06, 0.0, 0.2, who.mouth_y, 0.08)
        dip = (-0.03, 0.0, 0.15, who.mouth_y + 0.16, 0.05)
        chin = (0.05, 0.0, 0.14, self.chin - 0.12, 0.08)
        return np.array([sockets, ridge, cheeks, lips, dip, chin]).T

    def surface(self, x: np.ndarray, y: np.ndarray, lift: float = 0.0) -> np.ndarray:
        """Returns points (..., 3) of the face that lie at x and y, `lift` in front of the skin."""
        across = np.minimum(np.abs(x) / np.maximum(self.width(y), 1e-6), 1)
        bare = np.interp(y, *self._profiles[1]) * (1 - across**POWER) ** (1 / POWER)
        return np.stack([x, y, bare + self.relief(x, y) + lift], axis=-1)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Returns where points (..., 3) appear, px (..., 2)."""
        turned = points @ self.rotation.T
        return self.origin + self.unit * turned[..., :2] * (CAMERA / (CAMERA - turned[..., 2:]))

    def on_skin(self, x: np.ndarray, y: np.ndarray, lift: float = 0.0) -> np.ndarray:
        """Returns where the face's points at x and y appear, px (..., 2)."""
        return self.project(self.surface(x, y, lift))

    def rings(self, centres: np.ndarray | tuple, radii: np.ndarray | tuple) -> np.ndarray:
        """Returns where ellipses on the face appear, px (..., 32, 2), of centres and radii (..., 2)."""
        return self.on_skin(*np.moveaxis(_ring(centres, radii), -1, 0))

    def facing(self, x: float) -> bool:
        """Returns whether the camera sees the face at x, near the height of the eyes."""
        angle = np.arcsin(np.clip(x / self.who.head_width, -1, 1))
        return bool(np.cos(angle + self.scene.yaw) > 0.02)

    @cached_property
    def landmarks(self) -> np.ndarray:
        """The five points (5, 3): eyes, tip of the nose, corners of the mouth."""
        eye, mouth, corner = self.who.eye_spacing, self.mouth_half, self.mouth_line(np.array(1.0))
        x = np.array([-eye, eye, 0, -mouth, mouth])
        return self.surface(x, np.array([0, 0, self.who.nose_length, corner, corner]))

    @property
    def mouth_half(self) -> float:
        return self.who.mouth_width * (1 + 0.2 * self.scene.smile - 0.1 * self.scene.mouth_open)

    def mouth_line(self, t: np.ndarray) -> np.ndarray:
        """Returns the height of the line between the lips at t, from -1 (left corner) to 1."""
        bend = self.scene.smile * (0.025 - 0.075 * t**2)
        return self.who.mouth_y + bend


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Returns the matrix (3, 3) of a head that turns by yaw, then nods by pitch, then tilts by roll, radians."""
    (cy, cp, cr), (sy, sp, sr) = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    tilt = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return tilt @ nod @ turn


def _head_profiles(who: Identity, chin: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns half width, front depth and back depth, each (2, N): heights, rising, and the values there."""
    width, top = who.head_width, -who.head_top
    jaw = min(who.jaw, who.cheek) * width
    sides = [
        (top, 0),
        (top, 0.45),
        (0.8 * top, 0.9),
        (0.5 * top, 1.02),
        (-0.2, 1.02),
        (0.12, 1),
        (0.38, who.cheek),
    ]
    lower = [
        (0.74, jaw),
        (0.97 * chin, who.chin_width),
        (1.02 * chin, 0.6 * who.chin_width),
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
    y, value = _smooth(np.array(controls, float), 3).T
    return np.stack([y + 1e-6 * np.arange(len(y)), value])


def _smooth(points: np.ndarray, rounds: int, closed: bool = False) -> np.ndarray:
    """Returns a curve (M, 2) that rounds the corners of a polygon (N, 2), by Chaikin's corner cutting."""
    return _corner_cutting(len(points), rounds, closed) @ points


@cache
def _corner_cutting(count: int, rounds: int, closed: bool) -> np.ndarray:
    """Returns the matrix (M, count) that makes a smoothed curve of a polygon."""
    points = np.eye(count)
    for _ in range(rounds):
        after = np.roll(points, -1, axis=0)
        cut = np.stack([0.75 * points + 0.25 * after, 0.25 * points + 0.75 * after], axis=1)
        inside = cut[:-1].reshape(-1, count)
        points = (
            cut.reshape(-1, count) if closed else np.concatenate([points[:1], inside, points[-1:]])
        )
    return points


def _bell(x: np.ndarray, spread: float | np.ndarray) -> np.ndarray:
    return np.exp(-((x / spread) ** 2))


def _grid(
    angles: tuple[float, float], heights: tuple[float, float], count: int = 28
) -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid(np.linspace(*angles, count), np.linspace(*heights, count))


# ---- The canvas ----


class Canvas:
    """An RGB picture to draw on, with sub-pixel accuracy; widths and softness are in head units.

    It is `zoom` times as large as the photograph that it is averaged down to.
    """

    def __init__(self, pixels: np.ndarray, unit: float, zoom: int) -> None:
        self.pixels, self.unit, self.zoom = pixels, unit, zoom

    def fill(self, points: np.ndarray, colour: Colour) -> None:
        cv2.fillPoly(self.pixels, [_fixed(points)], colour, cv2.LINE_AA, SUBPIXEL)

    def line(self, points: np.ndarray, colour: Colour, width: float, closed: bool = False) -> None:
        thickness = max(round(width * self.unit), 1)
        cv2.polylines(
            self.pixels, [_fixed(points)], closed, colour, thickness, cv2.LINE_AA, SUBPIXEL
        )

    def strands(self, curves: np.ndarray, colours: np.ndarray, width: float) -> None:
        """Draws curves (N, M, 2), each in its own of the colours (N, 3)."""
        thickness = max(round(width * self.unit), 1)
        edges = cv2.LINE_8 if self.zoom > 1 else cv2.LINE_AA  # hard ones take a third of the time
        for curve, colour in zip(_fixed(curves), colours.tolist(), strict=True):
            cv2.polylines(self.pixels, [curve], False, colour, thickness, edges, SUBPIXEL)

    def ribbon(self, points: np.ndarray, colour: Colour, width: float) -> None:
        """Draws a curve (N, 2) that is `width` thick in its middle and tapers to both ends."""
        along = np.concatenate([points[1:], points[-1:]]) - np.concatenate(
            [points[:1], points[:-1]]
        )
        across = along[:, ::-1] * [-1, 1] / (np.hypot(*along.T) + 1e-9)[:, None]
        taper = np.sin(np.linspace(0.05, np.pi - 0.05, len(points)))[:, None] ** 0.6
        offset = across * taper * (width * self.unit / 2)
        self.fill(np.concatenate([points + offset, (points - offset)[::-1]]), colour)

    def soft(self, points: np.ndarray, colour: Colour, alpha: float, softness: float) -> None:
        """Lays a colour over a polygon, `alpha` opaque, with edges `softness` wide."""
        reach = max(round(softness * self.unit), 1)
        height, width = self.pixels.shape[:2]
        x, y, across, down = cv2.boundingRect(points.astype(np.float32))
        left, right = max(x - reach - 2, 0), min(x + across + reach + 2, width)
        top, bottom = max(y - reach - 2, 0), min(y + down + reach + 2, height)
        if right <= left or bottom <= top:
            return
        mask = np.zeros((bottom - top, right - left), np.uint8)
        cv2.fillPoly(mask, [_fixed(points - [left, top])], 255, cv2.LINE_AA, SUBPIXEL)
        for _ in range(2):
            mask = cv2.blur(mask, (2 * (reach // 2) + 1,) * 2, borderType=cv2.BORDER_REPLICATE)
        row = np.full((1, right - left, 3), np.clip(colour, 0, 255), np.uint8)
        _blend(self.pixels[top:bottom, left:right], row, cv2.convertScaleAbs(mask, alpha=alpha))

    def mask(self, points: np.ndarray) -> np.ndarray:
        """Returns a polygon (N, 2) as a mask (H, W), 255 inside."""
        mask = np.zeros(self.pixels.shape[:2], np.uint8)
        cv2.fillPoly(mask, [_fixed(points)], 255, cv2.LINE_AA, SUBPIXEL)
        return mask

    def copy(self) -> "Canvas":
        return Canvas(self.pixels.copy(), self.unit, self.zoom)

    def show(self, layer: "Canvas", mask: np.ndarray) -> None:
        """Takes over what another canvas shows where the mask (H, W) is set."""
        x, y, width, height = cv2.boundingRect(mask)
        part = np.s_[y : y + height, x : x + width]
        _blend(self.pixels[part], layer.pixels[part], mask[part])


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.rint(points * (1 << SUBPIXEL)).astype(np.int32)


def _blend(below: np.ndarray, above: np.ndarray, mask: np.ndarray) -> None:
    """Lays `above`, pixels (H, W, 3) or a row (1, W, 3), over those of `below`, as opaque as the mask (H, W) says."""
    rows = below.reshape(
        len(mask), -1
    )  # numpy is eight times as fast without the short axis of the colours
    weight = cv2.merge([mask] * 3).reshape(rows.shape).astype(np.uint16)
    mixed = above.reshape(len(above), -1) * weight
    mixed += rows * (255 - weight)
    mixed += 127
    np.floor_divide(mixed, 255, out=rows, casting="unsafe")


def _hull(points: np.ndarray) -> np.ndarray:
    return cv2.convexHull(points.reshape(-1, 2).astype(np.float32))[:, 0]


def _ring(centre: np.ndarray | tuple, radii: np.ndarray | tuple, power: float = 2.0) -> np.ndarray:
    """Returns superellipses (..., 32, 2), not turned, of centres and radii (..., 2)."""
    return np.asarray(centre)[..., None, :] + np.asarray(radii)[..., None, :] * _unit_ring(power)


@cache
def _unit_ring(power: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _superellipse(circle, power)


def _superellipse(circle: np.ndarray, power: float) -> np.ndarray:
    """Returns coordinates on a superellipse for those on a circle; both have radius 1."""
    return np.copysign(np.abs(circle) ** (2 / power), circle)


def _ramp(colours: np.ndarray, tone: float) -> np.ndarray:
    """Returns the colour at a tone from 0, the first of the colours (N, 3), to 1, the last."""
    place = np.clip(tone, 0, 1) * (len(colours) - 1)
    before = min(int(place), len(colours) - 2)
    return colours[before] + (place - before) * (colours[before + 1] - colours[before])


# ---- The picture, from back to front ----


def render(identity: Identity, scene: Scene) -> np.ndarray:
    """Returns the photograph, RGB uint8 (H, W, 3), before JPEG."""
    zoom = 2 if scene.unit < FINE_UNIT else 1
    face = Face(identity, scene, zoom)
    canvas = Canvas(_background(scene, zoom), face.unit, zoom)
    _long_hair_behind(canvas, face)
    _body(canvas, face)
    sideways = abs(np.sin(scene.yaw)) > SIDEWAYS
    if not sideways:
        _ears(canvas, face)
    _head(canvas, face)
    _hair_in_front(canvas, face)
    if sideways and (identity.hair_length < LONG_HAIR or scene.tuck):
        _ears(canvas, face)
    _hat(canvas, face)
    _glasses(canvas, face)
    _cover(canvas, face)
    image = cv2.resize(canvas.pixels, (scene.width, scene.height), interpolation=cv2.INTER_AREA)
    return _develop(_light(image, Face(identity, scene, 1)), scene)


def _background(scene: Scene, zoom: int) -> np.ndarray:
    """Returns an empty backdrop (H × zoom, W × zoom, 3)."""
    rng = np.random.default_rng(scene.texture)
    share = _BACKDROPS[scene.background](rng, scene.width // 2 + 1, scene.height // 2 + 1)
    steps = cv2.convertScaleAbs(np.maximum(share, 0), alpha=255)
    small = cv2.LUT(
        cv2.merge([steps] * 3), np.linspace(*scene.palette[:2], 256).astype(np.uint8)[:, None]
    )
    return cv2.resize(
        small, (scene.width * zoom, scene.height * zoom), interpolation=cv2.INTER_LINEAR
    )


def _gradient(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi)
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, width), np.linspace(-0.5, 0.5, height))
    return 0.5 + 0.8 * (x * np.cos(angle) + y * np.sin(angle))


def _clouds(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    layers = [
        cv2.resize(rng.random((n, n)), (width, height), interpolation=cv2.INTER_CUBIC) / n
        for n in (4, 9, 24)
    ]
    return sum(layers) / sum(1 / n for n in (4, 9, 24))


def _lights(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    share = 0.25 * _gradient(rng, width, height)
    for _ in range(14):
        spot = np.zeros_like(share)
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(
            spot, centre, int(rng.uniform(0.03, 0.12) * height), float(rng.uniform(0.2, 0.7)), -1
        )
        share += spot
    return cv2.GaussianBlur(share, (0, 0), 1.5)


def _blocks(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    share = 0.3 * _gradient(rng, width, height)
    for _ in range(7):
        low = (int(rng.integers(width)), int(rng.integers(height)))
        high = (
            low[0] + int(rng.uniform(0.1, 0.5) * width),
            low[1] + int(rng.uniform(0.1, 0.6) * height),
        )
        cv2.rectangle(share, low, high, float(rng.random()), -1)
    return cv2.GaussianBlur(share, (0, 0), float(rng.uniform(0.5, 6)))


def _stripes(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    angle, count = rng.uniform(-0.4, 0.4), rng.uniform(3, 12)
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, width), np.linspace(-0.5, 0.5, height))
    wave = np.sin(2 * np.pi * count * (x * np.cos(angle) + y * np.sin(angle)))
    return 0.4 + 0.25 * np.tanh(3 * wave) + 0.4 * y


_BACKDROPS = {
    "gradient": _gradient,
    "clouds": _clouds,
    "lights": _lights,
    "blocks": _blocks,
    "stripes": _stripes,
}


def _body(canvas: Canvas, face: Face) -> None:
    """Draws neck, shoulders and clothes; the body stays upright while the head turns."""
    skin, half = face.skin, 0.42 if face.who.male else 0.36
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
    canvas.fill(_smooth(place([*neck, (-half + lean, 0.35)]), 2, closed=True), 0.9 * skin)
    canvas.soft(place(_ring((0, 0.12), (half, 0.24)).tolist()), 0.45 * skin, 0.55, 0.16)
    depth = face.scene.neckline
    collar = [
        (-half - 0.12, 0.34),
        (-0.5 * half, 0.5 + depth),
        (0.5 * half, 0.5 + depth),
        (half + 0.12, 0.34),
    ]
    wide = 1.55 if face.who.male else 1.3
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
    canvas.fill(_smooth(place(clothes), 3), shirt)
    canvas.line(_smooth(place(collar), 3), 0.75 * shirt, 0.05)
    for side in (-1, 1):
        canvas.ribbon(
            _smooth(place([(side * 1.0, 1.0), (side * 0.9, 1.5), (side * 0.95, 2.4)]), 2),
            0.8 * shirt,
            0.05,
        )


def _ears(canvas: Canvas, face: Face) -> None:
    who, skin = face.who, face.skin
    for side in (-1, 1):
        if side * np.sin(face.scene.yaw) > SIDEWAYS:  # behind the head
            continue
        x = side * (face.width(np.array(0.1)) + 0.03)
        across = _ring((0.0, 0.12), (0.085, who.ear), 2.3)
        outer = np.stack(
            [x + side * 0.8 * across[:, 0], across[:, 1], -0.1 - 0.6 * across[:, 0]], axis=1
        )
        inner = outer.mean(axis=0) + 0.6 * (outer - outer.mean(axis=0))
        canvas.fill(face.project(outer), 0.93 * skin)
        canvas.fill(face.project(inner), 0.78 * skin)
        if face.scene.earrings:
            lobe = np.array([x + side * 0.02, 0.12 + who.ear, -0.1])
            canvas.fill(_ring(tuple(face.project(lobe)), (0.035 * face.unit,) * 2), (238, 205, 110))


def _head(canvas: Canvas, face: Face) -> None:
    """Draws the head and all that lies on its skin, cut off at its silhouette."""
    layer = canvas.copy()
    head = _silhouette(face)
    mask = canvas.mask(head)
    nose = _hull(face.on_skin(*_grid((-0.1, 0.1), (0.0, 1.1 * face.who.nose_length), 9)))
    cv2.fillPoly(
        mask, [_fixed(nose)], 255, cv2.LINE_AA, SUBPIXEL
    )  # in profile it stands out of the head
    layer.fill(head, face.skin)
    layer.fill(nose, face.skin)
    for draw in (_complexion, _beard, _nose, _mouth, _wrinkles, _marks):
        draw(layer, face)
    for index, side in enumerate((-1, 1)):
        if face.facing(side * face.who.eye_spacing):
            _eye(layer, face, index, side)
            _brow(layer, face, side)
    canvas.show(layer, mask)


def _silhouette(face: Face) -> np.ndarray:
    angles, heights = _grid((-np.pi, np.pi), (-face.who.head_top, 1.02 * face.chin), 36)
    return _hull(face.project(face.shell(angles, heights)))


def _complexion(layer: Canvas, face: Face) -> None:
    """Draws blushed cheeks and nose, shadowed eye sockets, and freckles."""
    who, skin = face.who, face.skin
    rosy, dark = skin * [1.0, 0.72, 0.70], 0.6 * skin
    places = np.array([(0.4, 0.38), (who.eye_spacing - 0.02, -0.02), (who.eye_spacing, -0.05)])
    radii = np.array([(0.17, 0.12), (0.2, 0.12), (who.eye_size, 0.07)])
    for cheek, socket, lid in face.rings([places * (-1, 1), places], radii):
        layer.soft(cheek, rosy, 0.45, 0.2)
        layer.soft(socket, dark, 0.32, 0.12)
        if face.scene.eyeshadow:
            layer.soft(lid, 0.6 * np.array(face.scene.palette[1]), face.scene.eyeshadow, 0.06)
    layer.soft(face.rings((0.0, who.nose_length), (who.nose_tip, 0.06)), rosy, 0.4, 0.08)
    rng = np.random.default_rng(who.texture)
    places = rng.normal([0, 0.28], [0.28, 0.12], (int(40 * who.freckles), 2))
    for freckle in face.rings(places, (0.011, 0.011)):
        layer.fill(freckle, skin * [0.82, 0.72, 0.66])


def _marks(layer: Canvas, face: Face) -> None:
    for x, y, radius in face.who.marks:
        layer.fill(face.rings((x, y), (radius, radius)), face.skin * [0.45, 0.35, 0.32])


def _wrinkles(layer: Canvas, face: Face) -> None:
    """Draws the folds of age and smile."""
    who, dark = face.who, face.skin * [0.72, 0.62, 0.60]
    t = np.linspace(0, 1, 9)
    fold = np.clip(0.8 * (who.age - 0.35) + 0.45 * face.scene.smile, 0, 0.8)
    for side in (-1, 1):
        x = who.nose_width + 0.03 + (face.mouth_half + 0.06 - who.nose_width) * t**1.5
        y = who.nose_length - 0.03 + (who.mouth_y - who.nose_length + 0.03) * t
        line = face.on_skin(side * x, y)
        layer.soft(np.concatenate([line, line[::-1] + 0.025 * face.unit]), dark, fold, 0.03)
        if who.age > 0.7:
            bag = face.on_skin(
                side * who.eye_spacing + who.eye_size * np.linspace(-0.8, 0.8, 9),
                0.12 - 0.03 * (2 * t - 1) ** 2,
            )
            layer.ribbon(bag, 0.86 * face.skin, 0.025)
    for row in range(int(max(who.age - 0.6, 0) * 9)):
        brow = face.on_skin(0.3 * (2 * t - 1), -0.4 - 0.07 * row + 0.02 * (2 * t - 1) ** 2)
        layer.ribbon(brow, 0.86 * face.skin, 0.02)


def _beard(layer: Canvas, face: Face) -> None:
    who, hair = face.who, 0.85 * face.hair
    cover = max(who.beard, face.scene.stubble)
    if cover:
        extent = who.beard_extent if who.beard else 1.0
        area = _beard_area(face, extent)
        layer.soft(area, hair, 0.85 * cover if who.beard else 0.8 * cover, 0.07)
        if who.beard > 0.4:
            _bristles(layer, face, extent, hair)
    if who.mustache:
        t = np.linspace(-1, 1, 17)
        y = 0.5 * (who.nose_length + who.mouth_y) + 0.03 + 0.07 * t**2
        layer.ribbon(
            face.on_skin(t * (face.mouth_half + 0.03), y, 0.01), hair, 0.06 + 0.06 * who.mustache
        )


def _beard_area(face: Face, extent: float) -> np.ndarray:
    """Returns the outline, px (N, 2), of a beard: a goatee at `extent` 0.25, up to the sideburns at 1."""
    t = np.linspace(-1, 1, 41)
    angle = t * extent * FACE_FRONT
    middle = face.who.mouth_y + 0.13 + 0.06 * face.scene.mouth_open
    beside = np.clip((np.abs(angle) / FACE_FRONT - 0.2) / 0.8, 0, 1)
    upper = middle - (middle - 0.12) * beside**0.75
    lower = np.full_like(t, 1.02 * face.chin)
    rows = np.concatenate([upper, lower[::-1]])
    return face.project(
        face.shell(_visible(face, np.concatenate([angle, angle[::-1]])), rows, 1.01)
    )


def _bristles(layer: Canvas, face: Face, extent: float, hair: np.ndarray) -> None:
    rng = np.random.default_rng(face.who.texture + 1)
    side, depth, tone = rng.uniform([-extent, 0.1, 0.7], [extent, 1, 1.3], (90, 3)).T[..., None]
    top = face.who.mouth_y + 0.16 - 0.3 * np.maximum(np.abs(side) - 0.25, 0)
    y = top + (0.96 * face.chin - top) * depth + [0, 0.05]
    angle = np.broadcast_to(_visible(face, side * FACE_FRONT), y.shape)
    layer.strands(face.project(face.shell(angle, y, 1.02)), hair * tone, 0.008)


def _visible(face: Face, angle: np.ndarray) -> np.ndarray:
    """Returns the angles, those turned away from the camera moved to the silhouette."""
    edge = np.radians(93)
    return np.clip(angle, -edge - face.scene.yaw, edge - face.scene.yaw)


def _nose(layer: Canvas, face: Face) -> None:
    who, skin = face.who, face.skin
    tip, half = who.nose_length, who.nose_width
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
    wing = _smooth(
        np.array([(0.75, -0.08), (1.05, -0.02), (1.05, 0.06), (0.7, 0.085)]) * [half, 1] + [0, tip],
        2,
    )
    nostril = _ring((0.5 * half, tip + 0.068), (0.30 * half, 0.020))
    for side in (-1, 1):
        curves = face.on_skin(*(np.concatenate([wing, nostril]) * (side, 1)).T)
        layer.ribbon(curves[: len(wing)], skin * [0.62, 0.52, 0.50], 0.026)
        layer.fill(curves[len(wing) :], skin * [0.32, 0.22, 0.20])
    shine, bridge = face.rings(
        [(0.0, tip - 0.03), (0.0, 0.4 * tip)], [(0.022, 0.035), (0.018, 0.3 * tip)]
    )
    layer.soft(shine, (255, 250, 245), 0.40, 0.03)
    layer.soft(bridge, (255, 250, 240), 0.22, 0.04)


def _mouth(layer: Canvas, face: Face) -> None:
    who, scene = face.who, face.scene
    t = np.linspace(-1, 1, 25)
    x, line = t * face.mouth_half, face.mouth_line(t)
    gap = 0.15 * scene.mouth_open * np.clip(1 - t**2, 0, 1) ** 0.7
    body = np.clip(1 - t**2, 0, 1) ** 0.65
    bow = 1 - 0.28 * _bell(t, 0.14) + 0.1 * _bell(np.abs(t) - 0.25, 0.15)
    thin = 1 - 0.25 * max(scene.smile, 0)
    upper, lower = line - 0.35 * gap, line + 0.65 * gap
    red = _lip_colour(face)
    below = face.rings((0, who.mouth_y + 0.15 + 0.1 * scene.mouth_open), (0.14, 0.03))
    layer.soft(below, 0.55 * face.skin, 0.4, 0.06)
    _lip(layer, face, x, upper - thin * who.lip_upper * body * bow, upper, 0.86 * red)
    _lip(layer, face, x, lower, lower + thin * who.lip_lower * body, red)
    if scene.mouth_open:
        _mouth_inside(layer, face, x, upper, lower)
    layer.ribbon(
        face.on_skin(x, 0.5 * (upper + lower) if not scene.mouth_open else upper), 0.35 * red, 0.02
    )
    shine = face.rings((0.0, lower[12] + 0.45 * who.lip_lower), (0.08, 0.15 * who.lip_lower))
    layer.soft(shine, (255, 240, 235), 0.25 + 0.2 * scene.lipstick, 0.025)


def _lip(
    layer: Canvas,
    face: Face,
    x: np.ndarray,
    top: np.ndarray,
    bottom: np.ndarray,
    colour: np.ndarray,
) -> None:
    layer.fill(
        face.on_skin(np.concatenate([x, x[::-1]]), np.concatenate([top, bottom[::-1]])), colour
    )


def _lip_colour(face: Face) -> np.ndarray:
    who, scene, skin = face.who, face.scene, face.skin
    natural = skin * (np.array([0.90, 0.66, 0.64]) - who.lip_red * np.array([0.05, 0.18, 0.14]))
    painted = np.array([190, 30, 55]) + 30 * np.sin(scene.texture % 7 + np.arange(3))
    return (1 - 0.8 * scene.lipstick) * natural + 0.8 * scene.lipstick * painted


def _mouth_inside(
    layer: Canvas, face: Face, x: np.ndarray, upper: np.ndarray, lower: np.ndarray
) -> None:
    _lip(layer, face, x, upper, lower, (70, 24, 28))
    teeth = upper + np.minimum(0.5 * (lower - upper), 0.05)
    _lip(layer, face, 0.9 * x, upper, teeth, (240, 236, 226))


def _eye(layer: Canvas, face: Face, index: int, side: int) -> None:
    """Draws an eye: white, iris, pupil and highlight inside the lids, then lashes and crease."""
    who, scene, skin = face.who, face.scene, face.skin
    upper, lower = _lids(face, side)
    edge, crease = np.array([0, 0.03]), np.array([0, who.lid * (1 - 0.6 * scene.eye_close)])
    curves = np.stack([upper, lower, upper - edge, upper + edge, upper - crease])
    upper, lower, above, below, crease = face.on_skin(*np.moveaxis(curves, -1, 0))
    almond = np.concatenate([upper, lower[::-1]])
    if scene.eye_close < 0.8:
        ball = layer.copy()
        ball.fill(almond, (240, 236, 232))
        ball.soft(np.concatenate([above, below[::-1]]), (90, 80, 85), 0.6, 0.03)
        _iris(ball, face, index)
        layer.show(ball, layer.mask(almond))
    lash = np.array([34.0, 24.0, 22.0]) if not who.male else 0.3 * skin + 0.35 * face.hair
    layer.ribbon(lower, 0.62 * skin, 0.014)
    layer.ribbon(upper, lash, 0.026 if who.male else 0.036 + 0.02 * (scene.eyeshadow > 0))
    layer.ribbon(crease, skin * [0.62, 0.52, 0.50], 0.018)


def _lids(face: Face, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the upper and the lower lid, each (17, 2): x and y on the face, from the inner corner outwards."""
    who = face.who
    t = np.linspace(-1, 1, 17)
    arc = np.clip(1 - t**2, 0, 1)
    opening = 2 * who.eye_size * who.eye_open * (1 - min(face.scene.eye_close * 1.1, 1))
    x = side * (who.eye_spacing + who.eye_size * t)
    tilt = -who.eye_tilt * who.eye_size * t
    squint = 0.15 * max(face.scene.smile, 0)
    return (
        np.stack([x, tilt - 0.56 * opening * arc**0.75], axis=1),
        np.stack([x, tilt + (0.44 - squint) * opening * arc + 0.01 * face.scene.eye_close], axis=1),
    )


def _iris(ball: Canvas, face: Face, index: int) -> None:
    who, scene = face.who, face.scene
    middle = face.landmarks[index, :2] + np.array(scene.gaze) * [
        0.45 * who.eye_size,
        0.3 * who.eye_size,
    ]
    places = np.array([(0, 0), (0, 0), (0, 0.4), (0, 0), (0.35 * np.sign(scene.light[0]), -0.35)])
    radii = np.array([(1, 1), (0.85, 0.85), (0.6, 0.3), (0.45, 0.45), (0.22, 0.22)])
    edge, iris, gleam, pupil, spot = face.rings(middle + IRIS_RADIUS * places, IRIS_RADIUS * radii)
    colour = _ramp(IRIS, who.iris)
    ball.fill(edge, 0.55 * colour)
    ball.fill(iris, colour)
    ball.soft(gleam, 1.35 * colour, 0.6, 0.02)
    ball.fill(pupil, (14, 12, 14))
    ball.fill(spot, (255, 255, 255))


def _brow(layer: Canvas, face: Face, side: int) -> None:
    who, scene = face.who, face.scene
    t = np.linspace(-1, 1, 17)
    x = who.eye_spacing + 0.01 + who.brow_length * t
    arch = who.brow_arch * (1 - (t - 0.25) ** 2)
    y = -who.brow_height - arch - who.brow_tilt * t - 0.045 * scene.brow_raise
    half = (
        0.5
        * who.brow_thickness
        * (1 - 0.75 * np.clip(t, 0, 1) ** 1.5)
        * (1 - 0.5 * np.clip(-t - 0.7, 0, 1))
    )
    colour = (
        0.75 * _ramp(HAIR, min(who.hair_tone, 0.75)) * (1 - 0.5 * who.gray) + 0.5 * who.gray * GRAY
    )
    outline = np.concatenate([np.stack([x, y - half], 1), np.stack([x, y + half], 1)[::-1]])
    layer.soft(face.on_skin(side * outline[:, 0], outline[:, 1]), colour, 0.75, 0.02)
    inner = np.stack([x, y], 1)
    layer.ribbon(face.on_skin(side * inner[:, 0], inner[:, 1]), colour, 0.55 * who.brow_thickness)


# ---- Hair ----


def _long_hair_behind(canvas: Canvas, face: Face) -> None:
    """Draws hair that falls behind the neck."""
    who = face.who
    if _bald(who) or who.hair_length < LONG_HAIR:
        return
    swell = 1 + who.hair_volume
    angles, heights = _grid((-np.pi, np.pi), (-who.head_top, 0.3))
    head = face.shell(angles, heights, swell).reshape(-1, 3)
    wide = who.head_width * (swell + 0.12 + 0.25 * max(who.curl, 0))
    ends = np.array(
        [[side * wide, who.hair_length * depth, -0.35] for side in (-1, 1) for depth in (0.6, 0.9)]
    )
    tips = np.array([[x, who.hair_length + 0.08, -0.35] for x in (-0.7 * wide, 0.7 * wide)])
    outline = _hull(face.project(np.concatenate([head, ends, tips])))
    mask = canvas.mask(outline)
    layer = canvas.copy()
    hair = 0.8 * face.hair
    layer.fill(outline, hair)
    _falling_strands(layer, face, hair, wide, -0.35)
    canvas.show(layer, mask)


def _falling_strands(
    layer: Canvas, face: Face, hair: np.ndarray, wide: float, depth: float
) -> None:
    rng = np.random.default_rng(face.who.texture + 2)
    y = np.linspace(-0.3, face.who.hair_length + 0.1, 14)
    x, tone, phase = rng.uniform([-wide, 0.72, 0], [wide, 1.25, 6.28], (46, 3)).T[..., None]
    wave = 0.05 * max(face.who.curl, 0) * np.sin(7 * y + phase)
    curves = np.stack(np.broadcast_arrays(x + wave, y, depth), axis=-1)
    layer.strands(face.project(curves), hair * tone, 0.018)


def _hair_in_front(canvas: Canvas, face: Face) -> None:
    """Draws the hair on the head, open where the face is, and the locks beside it."""
    who = face.who
    if _bald(who):
        return
    if (
        who.hair_length >= LONG_HAIR
        and not face.scene.tuck
        and abs(np.sin(face.scene.yaw)) < SIDEWAYS
    ):
        for side in (-1, 1):
            _lock(canvas, face, side)
    angles, heights = _grid((-np.pi, np.pi), (-who.head_top, 0.1))
    cap = _hull(face.project(face.shell(angles, heights, 1 + who.hair_volume)))
    mask = canvas.mask(cap)
    cv2.fillPoly(mask, [_fixed(_face_opening(face))], 0, cv2.LINE_AA, SUBPIXEL)
    layer = canvas.copy()
    hair = face.hair
    layer.fill(cap, hair)
    _combed_strands(layer, face, hair)
    canvas.soft(_shadow_of_hair(face), 0.5 * face.skin, 0.35, 0.06)
    canvas.show(layer, mask)


def _hairline(face: Face, t: np.ndarray) -> np.ndarray:
    """Returns the height where the hair begins at t, from -1 (left sideburn) to 1."""
    who = face.who
    receding = 0.35 * max(who.baldness - 0.3, 0)
    middle = -min(who.hairline + receding, who.head_top - 0.1)
    temples = -0.14 * max(who.baldness, 0.1) * _bell(np.abs(t) - 0.5, 0.2)
    if _has_fringe(who):
        middle, temples = -0.32 + 0.08 * (1 - who.fringe), 0.025 * np.sin(17 * t + who.texture % 6)
    sideburn = 0.08 if who.hair_length > 0.12 else -0.05
    swept = 0.10 * (1 - np.abs(t)) * np.abs(t - 0.6 * who.parting)
    return (
        middle
        + temples
        + swept
        + (sideburn - middle) * np.abs(t) ** (3.2 if not _has_fringe(who) else 5)
    )


def _face_opening(face: Face) -> np.ndarray:
    """Returns the outline, px (N, 2), of what the hair leaves free."""
    t = np.linspace(-1, 1, 61)
    line = face.shell(_visible(face, t * FACE_FRONT), _hairline(face, t), 1.01)
    down = face.shell(
        _visible(face, np.array([1.15, -1.15]) * FACE_FRONT), np.array([0.6, 0.6]), 1.25
    )
    return face.project(np.concatenate([line, down]))


def _shadow_of_hair(face: Face) -> np.ndarray:
    t = np.linspace(-0.9, 0.9, 31)
    line = _hairline(face, t)
    angle = _visible(face, np.concatenate([t, t[::-1]]) * FACE_FRONT)
    return face.project(face.shell(angle, np.concatenate([line - 0.05, line[::-1] + 0.05]), 1.01))


def _combed_strands(layer: Canvas, face: Face, hair: np.ndarray) -> None:
    """Draws strands from the parting over the head to the hairline."""
    who = face.who
    rng = np.random.default_rng(who.texture + 3)
    s = np.linspace(0, 1, 10)
    end, tone, phase, beyond = rng.uniform(
        [-1.5, 0.7, 0, -0.25], [1.5, 1.35, 6.28, 0.1], (90, 4)
    ).T[..., None]
    goal = np.where(np.abs(end) < 1, _hairline(face, np.clip(end, -1, 1)) + beyond, 0.1)
    start = 0.7 * who.parting + 0.15 * end
    angle = (start + (end - start) * s**0.8) * FACE_FRONT + 0.07 * max(who.curl, 0) * np.sin(
        9 * s + phase
    )
    y = -0.99 * who.head_top + (goal + 0.99 * who.head_top) * s**1.6
    strands = face.project(face.shell(angle, y, 1 + who.hair_volume * (1 - 0.6 * s)))
    layer.strands(strands, hair * tone + 10 * (tone - 1), 0.016)


def _lock(canvas: Canvas, face: Face, side: int) -> None:
    who = face.who
    y = np.linspace(-0.45, who.hair_length, 12)
    wave = 0.06 * max(who.curl, 0) * np.sin(8 * y + who.texture % 5)
    inner = (
        np.minimum(face.width(np.clip(y, -1, 0.3)), who.head_width) * 1.0
        - 0.05 * np.clip(y, 0, 1)
        + wave
    )
    outer = who.head_width * (1.08 + who.hair_volume + 0.08 * np.clip(y, 0, 1)) + 0.5 * wave
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


# ---- What is worn, and what covers ----


def _hat(canvas: Canvas, face: Face) -> None:
    if face.scene.hat == "none":
        return
    colour = np.array(face.scene.hat_colour)
    rim = -0.5
    angles, heights = _grid((-np.pi, np.pi), (-face.who.head_top, rim))
    swell = 1.1 + face.who.hair_volume * (0 if _bald(face.who) else 0.7)
    canvas.fill(_hull(face.project(face.shell(angles, heights, swell))), colour)
    front = np.linspace(-1.45, 1.45, 25)
    band = [face.shell(_visible(face, front), np.full(25, y), swell) for y in (rim - 0.2, rim)]
    canvas.fill(face.project(np.concatenate([band[0], band[1][::-1]])), 0.72 * colour)
    if face.scene.hat != "beanie":
        _brim(canvas, face, 0.6 * colour, swell, rim)


def _brim(canvas: Canvas, face: Face, colour: np.ndarray, swell: float, rim: float) -> None:
    whole = face.scene.hat == "brim"
    angle = np.linspace(-np.pi, np.pi, 49) if whole else np.linspace(-1.1, 1.1, 25)
    inner = face.shell(angle, np.full(len(angle), rim), swell)
    reach = 0.38 if whole else 0.5 * np.cos(angle * 1.3)
    outer = inner + np.stack(
        [reach * np.sin(angle), np.full(len(angle), 0.06), reach * np.cos(angle)], axis=1
    )
    canvas.fill(_hull(face.project(np.concatenate([inner, outer]))), colour)
    if whole:
        return
    canvas.line(face.project(outer), 0.8 * colour, 0.03)


def _glasses(canvas: Canvas, face: Face) -> None:
    shape = face.scene.glasses
    if shape != "none":
        radii, power = {
            "round": ((0.19, 0.18), 2.0),
            "square": ((0.2, 0.15), 4.0),
            "narrow": ((0.21, 0.115), 3.0),
        }[shape]
        _spectacles(canvas, face, radii, power, face.scene.frame, (225, 235, 240), 0.14)


def _spectacles(
    canvas: Canvas,
    face: Face,
    radii: tuple[float, float],
    power: float,
    frame: Colour,
    lens: Colour,
    alpha: float,
) -> None:
    """Draws a frame in front of the eyes; `alpha` is how opaque the lenses are."""
    who, depth = face.who, face.landmarks[0, 2] + 0.13
    for side in (-1, 1):
        rim = _ring((side * (who.eye_spacing + 0.01), 0.01), radii, power)
        points = face.project(
            np.column_stack([rim, np.full(len(rim), depth) - 0.25 * np.abs(rim[:, 0]) ** 2])
        )
        canvas.soft(points, lens, alpha, 0.01)
        canvas.line(points, frame, 0.03, closed=True)
        if side * face.scene.yaw < 0.3:
            hinge = np.array([side * (who.eye_spacing + radii[0]), -0.02, depth - 0.07])
            ear = np.array([side * (who.head_width + 0.03), -0.02, -0.05])
            canvas.line(face.project(np.stack([hinge, ear])), frame, 0.03)
    inner = who.eye_spacing - radii[0] + 0.01
    x = np.linspace(-inner, inner, 7)
    canvas.line(
        face.project(np.stack([x, -0.03 - 0.03 * np.cos(8 * x), np.full(7, depth + 0.02)], axis=1)),
        frame,
        0.03,
    )


def _cover(canvas: Canvas, face: Face) -> None:
    """Draws what hides a part of the face."""
    if face.scene.cover == "sunglasses":
        _spectacles(canvas, face, (0.27, 0.22), 3.0, (25, 25, 28), (20, 20, 24), 0.95)
    elif face.scene.cover == "scarf":
        _scarf(canvas, face)
    elif face.scene.cover == "hand":
        _hand(canvas, face)


def _scarf(canvas: Canvas, face: Face) -> None:
    colour = np.array(face.scene.palette[1])
    t = np.linspace(-1.05, 1.05, 25)
    top = face.who.nose_length - 0.12 + 0.06 * t**2
    angle = _visible(face, np.concatenate([t, t[::-1]]) * FACE_FRONT)
    rows = np.concatenate([top, np.full(25, 1.05 * face.chin)])
    canvas.fill(_hull(face.project(face.shell(angle, rows, 1.1))), colour)
    for fold in (0.15, 0.35, 0.55):
        line = face.shell(_visible(face, t * FACE_FRONT), top + fold + 0.08 * t, 1.1)
        canvas.ribbon(face.project(line), 0.75 * colour, 0.04)


def _hand(canvas: Canvas, face: Face) -> None:
    skin = 0.95 * face.skin
    side = 1 if face.scene.texture % 2 else -1
    palm = face.project(np.array([side * 0.75, 1.15, 0.75]))
    for number, (x, y) in enumerate([(-0.3, 0.42), (-0.38, 0.6), (-0.36, 0.78), (-0.26, 0.94)]):
        tip = face.project(np.array([side * x, y, 0.95]))
        knuckle = palm + face.unit * np.array([side * -0.12, -0.28 + 0.13 * number])
        canvas.line(np.stack([knuckle, tip]), 0.7 * skin, 0.185)
        canvas.line(np.stack([knuckle, tip]), skin, 0.155)
    canvas.fill(_ring(tuple(palm), (0.32 * face.unit, 0.4 * face.unit), 2.6), skin)


# ---- Light and camera ----


def _light(pixels: np.ndarray, face: Face) -> np.ndarray:
    """Returns the picture lit by the scene's light, with the shadows that the head's relief casts on itself."""
    height, width = pixels.shape[:2]
    scale = SHADE_UNIT / face.unit
    side = (
        np.linspace(-0.5, 0.5, round(width * scale) + 1) * face.scene.light[0] * face.scene.contrast
    )
    shade = np.repeat(
        SHADE_ONE * (0.9 + 0.5 * side)[None], round(height * scale) + 1, axis=0
    ).astype(np.uint8)
    shade = np.ascontiguousarray(shade)
    _shade_head(shade, face, scale)
    shade = cv2.GaussianBlur(shade, (0, 0), 1.3)
    placed = cv2.warpAffine(
        shade, np.array([[scale, 0, 0], [0, scale, 0]]), (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    lit = cv2.multiply(pixels, cv2.merge([placed] * 3), scale=face.scene.exposure / SHADE_ONE)
    return cv2.LUT(lit, _cast_table(face.scene))


def _shade_head(shade: np.ndarray, face: Face, scale: float) -> None:
    """Draws how bright each part of the head is, the far ones first."""
    angles, heights = _grid((-1.9, 1.9), (-face.who.head_top, 1.02 * face.chin), 26)
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
    for quad, value in zip(_fixed(corners[seen][order]), values[seen][order].tolist(), strict=True):
        cv2.fillConvexPoly(shade, quad, value, cv2.LINE_8, SUBPIXEL)


def brightness(normals: np.ndarray, scene: Scene) -> np.ndarray:
    """Returns how bright (...) a surface with unit normals (..., 3) is, 1 for as bright as painted."""
    facing = np.clip(normals @ np.array(scene.light), 0, 1)
    return np.clip(1.0 - 0.62 * scene.contrast + 0.85 * scene.contrast * facing, 0, 1.9)


def _cast_table(scene: Scene) -> np.ndarray:
    return np.clip(np.arange(256)[:, None] * np.array(scene.cast), 0, 255).astype(np.uint8)[:, None]


def _develop(image: np.ndarray, scene: Scene) -> np.ndarray:
    """Returns the picture blurred and noisy, as the camera makes it."""
    if scene.blur > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), scene.blur)
    rng = np.random.default_rng(scene.texture + 1)
    uniform = rng.integers(256, size=image.shape[:2], dtype=np.uint8)
    noise = cv2.LUT(uniform, np.rint(scene.noise * NORMAL).astype(np.int16))
    return cv2.add(image, cv2.merge([noise] * 3), dtype=cv2.CV_8U)
