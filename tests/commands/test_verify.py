"""facerec verify: one person or two."""

import json

import numpy as np
import pytest
from collections_drawn import picture, side_by_side
from commands_used import MODEL, facerec

from facerec.engine.load import calibrated
from facerec.imaging.io import write_image

FIRST, OTHER = "photographs/Person 1/Foto ñ 1.jpg", "photographs/Person 2/Foto ñ 2.jpg"


def test_one_person_and_two_people_with_the_rate_of_errors(folder):
    result = facerec(folder, "verify", FIRST, "new/1.jpg", "--threshold", "-1")
    assert result.stdout.startswith("the same person: cosine ")
    assert result.stdout.endswith("one person above a cosine of -1, as --threshold says\n")
    result = facerec(folder, "verify", FIRST, FIRST)
    answer, rate = result.stdout.splitlines()
    assert answer == "the same person: cosine 1.000, probability of one person 98 %"
    assert rate == (
        "one person above a cosine of 0.750, which 1.00% of different-person pairs exceed, "
        "measured on 200 photographs of 40 people of drawn faces"
    )
    result = facerec(folder, "verify", FIRST, OTHER)
    assert result.returncode == 0 and result.stdout.startswith("different people: cosine ")


def test_json(folder):
    values = json.loads(facerec(folder, "verify", FIRST, FIRST, "--json").stdout)
    assert values["is_same"] is True and values["cosine"] == pytest.approx(1)
    assert values["threshold"] == 0.75 and values["measured"]["fpr"] == 0.01
    assert len(values["faces"]) == 2 and values["faces"][0]["other_faces"] == 0


def test_of_several_faces_the_largest_is_compared(folder):
    side_by_side(picture(3), picture(0).resize((900, 1100))).save(folder / "both.png")
    lines = facerec(folder, "verify", "both.png", FIRST).stdout.splitlines()
    assert lines[0].startswith("the same person")
    assert lines[2].startswith("the first photograph shows 2 faces: the largest was compared, at [")


def test_no_face_no_photograph_and_no_threshold(folder):
    write_image(folder / "nobody.jpg", np.full((90, 90, 3), 128, np.uint8))
    result = facerec(folder, "verify", "nobody.jpg", FIRST)
    assert result.returncode == 1
    assert result.stderr == "error: nobody.jpg: no face found that can be compared\n"
    result = facerec(folder, "verify", FIRST, "none.jpg")
    assert (result.returncode, result.stderr) == (1, "error: none.jpg: no such file\n")
    calibrated(folder / MODEL).unlink()
    result = facerec(folder, "verify", FIRST, FIRST)
    assert result.stdout.startswith("no answer: cosine 1.000\nno threshold was measured")
