"""The truth about a photograph: landmarks, box and attributes."""

import numpy as np

from facerec.synthetic.head import Face, hair_tone
from facerec.synthetic.identity import Identity, has_fringe, is_bald
from facerec.synthetic.scene import Scene
from facerec.synthetic.shapes import grid

BLACK_TO = 0.3  # tone of the hair
BLOND_FROM = 0.72


def landmarks(identity: Identity, scene: Scene) -> np.ndarray:
    """Returns the five points (5, 2), px, in the order of annotation_names.POINTS."""
    face = Face(identity, scene, 1)
    return face.project(face.landmarks)


def detector_box(
    identity: Identity, scene: Scene, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """Returns the face's box: x, y, width, height, px.

    It is as inaccurate as a detector's, and may reach beyond the photograph.
    """
    face = Face(identity, scene, 1)
    head = face.project(face.shell(*grid((-1.6, 1.6), (-0.75, face.chin)))).reshape(-1, 2)
    low = head.min(axis=0)
    high = head.max(axis=0)
    size = (high - low) * rng.uniform(0.88, 1.12, 2)
    corner = (low + high - size) / 2 + (high - low) * rng.uniform(-0.08, 0.08, 2)
    x, y, width, height = np.rint([*corner, *size]).astype(int).tolist()
    return x, y, width, height


def attributes(identity: Identity, scene: Scene) -> frozenset[str]:
    """Returns the attributes that the photograph shows, of annotation_names.ATTRIBUTES."""
    holds = {**_lasting_attributes(identity, scene), **_passing_attributes(identity, scene)}
    return frozenset(name for name, value in holds.items() if value)


def _lasting_attributes(person: Identity, scene: Scene) -> dict[str, bool]:
    bald = is_bald(person)
    tone = hair_tone(person, scene)
    coloured = not bald and person.gray < 0.5
    return {
        "Male": person.male,
        "Young": person.age < 0.6,
        "Bald": bald,
        "Receding_Hairline": person.baldness > 0.5 and not bald,
        "Bangs": has_fringe(person) and scene.hat == "none",
        "Gray_Hair": not bald and person.gray >= 0.5,
        "Black_Hair": coloured and tone < BLACK_TO,
        "Brown_Hair": coloured and BLACK_TO <= tone < BLOND_FROM,
        "Blond_Hair": coloured and tone >= BLOND_FROM,
        "Wavy_Hair": not bald and person.curl > 0.5,
        "Straight_Hair": not bald and person.curl < 0.1,
        "Arched_Eyebrows": person.brow_arch > 0.06,
        "Bushy_Eyebrows": person.brow_thickness > 0.06,
        "Big_Nose": person.nose_width > 0.165,
        "Pointy_Nose": person.nose_height > 0.26 and person.nose_width < 0.15,
        "Big_Lips": person.lip_upper + person.lip_lower > 0.145,
        "Chubby": person.jaw > 0.82,
        "Pale_Skin": person.skin_tone < 0.12,
    }


def _passing_attributes(person: Identity, scene: Scene) -> dict[str, bool]:
    beard = person.beard > 0
    mustache = person.mustache > 0
    opening = person.eye_open * (1 - scene.eye_close)
    return {
        "No_Beard": not beard and not mustache and scene.stubble < 0.15,
        "Goatee": beard and person.beard_extent < 0.5,
        "Sideburns": beard and person.beard_extent > 0.85,
        "Mustache": mustache,
        "5_o_Clock_Shadow": not beard and scene.stubble >= 0.15,
        "Bags_Under_Eyes": person.age > 0.7,
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
