"""Who is drawn: the traits that a person keeps in all photographs."""

from dataclasses import dataclass

import numpy as np

TRAITS = {  # mean, spread, shift of men (women: the opposite); in head units
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
TRAIT_LIMIT = 2.0  # spreads at which traits are clipped
LONG_HAIR = 0.45  # below the eyes; shorter hair ends at the ears
FRINGE_FROM = 0.78  # of Identity.fringe
BALD_FROM = 0.75  # of Identity.baldness


@dataclass(frozen=True)
class Identity:
    """What stays the same in all photographs of a person.

    Lengths are in head units, tones and shares in [0, 1].
    """

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
    deviation = max(-TRAIT_LIMIT, min(rng.normal(), TRAIT_LIMIT))
    return mean + (shift if male else -shift) + spread * deviation


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

    def has_mustache() -> bool:
        return male and rng.random() < (0.75 if bearded else 0.12)

    return {
        "beard": float(rng.uniform(0.35, 1)) if bearded else 0.0,
        "beard_extent": float(rng.uniform(0.25, 1)),
        "mustache": float(rng.uniform(0.4, 1)) if has_mustache() else 0.0,
    }


def _sample_marks(rng: np.random.Generator) -> tuple[tuple[float, float, float], ...]:
    count = rng.choice(4, p=[0.45, 0.3, 0.17, 0.08])
    spots = [
        (rng.uniform(-0.5, 0.5), rng.uniform(-0.4, 0.85), rng.uniform(0.013, 0.026))
        for _ in range(count)
    ]
    return tuple((float(x), float(y), float(r)) for x, y, r in spots)


def is_bald(person: Identity) -> bool:
    return person.baldness > BALD_FROM


def has_fringe(person: Identity) -> bool:
    return person.fringe > FRINGE_FROM and person.baldness < 0.5
