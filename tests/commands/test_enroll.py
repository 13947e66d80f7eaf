"""facerec enroll: who is put into a gallery, and who is not."""

from pathlib import Path

import numpy as np
import pytest
from collections_drawn import face, picture, side_by_side
from commands_used import facerec, objects

from facerec.gallery.store import Gallery
from facerec.imaging.io import write_image

GALLERY = "people.gallery"


def people(folder: Path) -> dict[str, int]:
    with Gallery.open(folder / GALLERY, None, None) as gallery:
        return {person.name: person.photographs for person in gallery.people()}


def faces_of(folder: Path, name: str) -> list[np.ndarray]:
    with Gallery.open(folder / GALLERY, None, None) as gallery:
        return [photograph.box for photograph in gallery.photographs(name)]


def test_a_folder_for_each_person_becomes_a_gallery(folder):
    assert people(folder) == {f"Person {number}": 4 for number in range(1, 5)}


def test_again_only_what_is_new_is_looked_at(folder):
    (folder / "photographs/Person 1/more.jpg").write_bytes(face(0, 5).jpeg)
    result = facerec(folder, "enroll", "photographs", GALLERY)
    assert result.stdout == (
        f"{GALLERY}: 1 photograph enrolled, 16 had been before; 17 photographs of 4 people are in "
        "it\n"
    )
    result = facerec(folder, "enroll", "photographs", GALLERY, "--json")
    photographs, summary = objects(result)
    assert photographs == [] and summary["there_already"] == 17


def test_a_name_says_whom_files_and_folders_show(folder):
    result = facerec(folder, "enroll", "strangers", "new/1.jpg", GALLERY, "--name", " Zoe\u0308 ")
    assert result.returncode == 0, result.stderr
    assert people(folder)["Zo\u00eb"] == 2
    assert facerec(folder, "enroll", "new", GALLERY, "--name", " ").stderr.startswith(
        "error: a person's name: expected some text"
    )


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["new/1.jpg"], "new/1.jpg: whom does it show? Say it by --name"),
        (["new"], "new: it has no folder for each person"),
        (["none"], "none: expected a folder of photographs, there is none"),
    ],
)
def test_nobody_is_enrolled_without_a_name(folder, words, problem):
    result = facerec(folder, "enroll", *words, "other.gallery")
    assert result.returncode == 1 and result.stderr.startswith(f"error: {problem}")
    assert not (folder / "other.gallery").exists()


def test_bad_photographs_are_passed_over_and_counted(folder):
    person = folder / "photographs/Person 5"
    person.mkdir()
    (person / "good.jpg").write_bytes(face(4).jpeg)
    (person / "text.jpg").write_text("<html>")
    write_image(person / "nobody.jpg", np.full((90, 90, 3), 128, np.uint8))
    (folder / "photographs/loose.jpg").write_bytes(face(5).jpeg)
    result = facerec(folder, "enroll", "photographs", GALLERY)
    assert result.returncode == 3 and people(folder)["Person 5"] == 1
    assert sorted(result.stderr.splitlines()) == [
        "photographs/Person 5/nobody.jpg: no face found",
        "photographs/Person 5/text.jpg: not a readable image",
        "photographs/loose.jpg: lies in no person's folder; --name says whom a photograph shows",
    ]
    assert "1 photograph enrolled, 16 had been before, 3 passed over" in result.stdout


@pytest.mark.parametrize(("rule", "place"), [("alike", 0), ("largest", 1), ("skip", None)])
def test_several_faces_on_a_photograph(folder, rule, place):
    small = picture(0, 5)
    large = picture(10, 5).resize((900, 1100))
    small.load()
    side_by_side(small, large).save(folder / "photographs/Person 1/both.png")
    result = facerec(folder, "enroll", "photographs", GALLERY, "--several", rule)
    boxes = faces_of(folder, "Person 1")
    if place is None:
        assert result.returncode == 3 and "both.png: shows 2 faces" in result.stderr
        assert len(boxes) == 4
    else:
        assert result.returncode == 0 and "1 show several faces" in result.stdout
        middle = boxes[-1][0] + boxes[-1][2] / 2
        assert (middle > small.width) == place


def test_without_other_photographs_the_largest_of_several_faces_is_taken(folder):
    side_by_side(picture(0, 5), picture(10, 5).resize((900, 1100))).save(folder / "both.png")
    facerec(folder, "enroll", "both.png", GALLERY, "--name", "Somebody new")
    assert faces_of(folder, "Somebody new")[0][0] > picture(0, 5).width


def test_one_face_is_not_enrolled_for_two_people_unless_forced(folder):
    photograph = "photographs/Person 1/Foto ñ 1.jpg"
    result = facerec(folder, "enroll", photograph, GALLERY, "--name", "Other")
    assert result.returncode == 3 and "this face is enrolled as Person 1" in result.stderr
    assert "Other" not in people(folder)
    facerec(folder, "enroll", photograph, GALLERY, "--name", "Other", "--force")
    assert people(folder)["Other"] == 1


def test_the_photographs_are_only_read(folder):
    def content() -> dict[Path, bytes]:
        files = (folder / "photographs").rglob("*.*")
        return {path: path.read_bytes() for path in files}

    before = content()
    facerec(folder, "enroll", "photographs", "again.gallery")
    assert content() == before


def test_a_gallery_in_a_folder_that_may_only_be_read_is_a_clear_error(folder):
    result = facerec(folder, "enroll", "photographs", "/proc/none/people.gallery")
    assert result.returncode == 1 and result.stderr.startswith("error: ")
    assert "/proc/none" in result.stderr and "Traceback" not in result.stderr
