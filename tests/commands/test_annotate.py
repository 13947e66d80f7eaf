"""facerec annotate: pictures with names, and sidecars that the import reads."""

from pathlib import Path

import numpy as np
import pytest
from collections_drawn import face, overlap
from commands_used import facerec, objects
from PIL import Image

from facerec.collections.originals import read_original
from facerec.collections.xmp import TURNS, named_regions, read_regions
from facerec.imaging.io import read_image

GALLERY = ("--gallery", "people.gallery")


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("people.gallery-")
    }


def test_boxes_points_and_names_are_drawn_on_copies(folder):
    before = files(folder)
    result = facerec(folder, "annotate", "new", "strangers/11.jpg", "out", *GALLERY)
    assert result.returncode == 0, result.stderr
    first, _, stranger, counts, *_ = result.stdout.splitlines()
    assert first.startswith("new/1.jpg → out/1.jpg  Person 1  ")
    assert stranger == "strangers/11.jpg → out/11.jpg  unknown"
    assert counts == "3 pictures written"
    after = files(folder)
    assert set(after) - set(before) == {"out/1.jpg", "out/2.jpg", "out/11.jpg"}
    assert all(after[name] == content for name, content in before.items())
    drawn, original = read_image(folder / "out/1.jpg"), read_image(folder / "new/1.jpg")
    assert drawn.shape == original.shape
    assert (np.abs(drawn.astype(int) - original).max(axis=2) > 60).mean() > 0.02


def test_without_a_gallery_there_are_no_names(folder):
    result = facerec(folder, "annotate", "new/1.jpg", "drawn.png", "--json")
    (one,), summary = objects(result)
    assert one["written"] == "drawn.png" and "name" not in one["faces"][0]
    assert summary["written"] == 1 and (folder / "drawn.png").is_file()


@pytest.mark.parametrize("out", ["new", "new/2.jpg", "photographs/Person 1/Foto ñ 1.jpg"])
def test_nothing_is_overwritten(folder, out):
    before = files(folder)
    result = facerec(folder, "annotate", "new/1.jpg", out, *GALLERY)
    assert result.returncode == 3 and "nothing is overwritten" in result.stderr
    assert "0 pictures written; 1 passed over" in result.stdout and files(folder) == before


def test_two_photographs_of_one_name_do_not_overwrite_each_other(folder):
    (folder / "other").mkdir()
    (folder / "other/1.jpg").write_bytes(face(2, 4).jpeg)
    result = facerec(folder, "annotate", "new/1.jpg", "other/1.jpg", "out")
    assert result.returncode == 3 and "other/1.jpg: out/1.jpg is there already" in result.stderr


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_sidecars_name_the_faces_where_they_are_on_the_stored_picture(folder, orientation):
    photograph = folder / "new/1.jpg"
    exif = Image.Exif()
    exif[0x112] = orientation
    turned = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}
    turned |= {8: Image.Transpose.ROTATE_270}
    upright = Image.open(photograph).convert("RGB")
    stored = upright if orientation == 1 else upright.transpose(turned[orientation])
    stored.save(photograph, exif=exif, quality=98)
    before = photograph.read_bytes()
    result = facerec(folder, "annotate", "new", "new", "--xmp", *GALLERY)
    assert result.returncode == 0, result.stderr
    assert "2 sidecars written" in result.stdout and photograph.read_bytes() == before
    _, header = read_original(photograph)
    regions = read_regions(photograph)
    assert [one.name for one in regions.faces] == ["Person 1"] and regions.size == stored.size
    (box,) = regions.boxes(header.width, header.height, header.orientation)
    assert overlap(box, np.array(face(0, 4).box)) > 0.4
    result = facerec(folder, "identify", "new/1.jpg", "people.gallery", "--json")
    found = objects(result)[0][0]["faces"][0]["box"]
    np.testing.assert_allclose(box, found, atol=0.02)


@pytest.mark.parametrize("sidecar", ["1.jpg.xmp", "1.xmp"])
def test_a_sidecar_that_is_there_stays_as_it_is(folder, sidecar):
    (folder / "new" / sidecar).write_text("of another program")
    result = facerec(folder, "annotate", "new", "new", "--xmp", *GALLERY)
    assert result.returncode == 3 and f"new/{sidecar} is there already" in result.stderr
    assert (folder / "new" / sidecar).read_text() == "of another program"
    assert {path.name for path in (folder / "new").glob("*.xmp")} == {sidecar, "2.jpg.xmp"}


def test_strangers_get_no_sidecar(folder):
    result = facerec(folder, "annotate", "strangers", "out", "--xmp", *GALLERY)
    assert "0 sidecars written; 1 photograph without a named face" in result.stdout
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["new", "out", "--xmp"], "--xmp writes names, so it needs --gallery"),
        (["new", "out", "--threshold", "0.5"], "--threshold says who is named"),
        (["new", "out.jpg"], "out.jpg: expected a folder"),
        (["new/1.jpg", "1.xmp", "--xmp", *GALLERY], "1.xmp: expected a folder: a sidecar"),
        (["new/1.jpg", "people.gallery"], "people.gallery: expected a folder, or the name"),
    ],
)
def test_what_cannot_be_begun_is_one_line(folder, words, problem):
    result = facerec(folder, "annotate", *words)
    assert result.returncode == 1 and result.stderr.startswith(f"error: {problem}")


@pytest.mark.parametrize("orientation", TURNS)
def test_regions_undo_what_exif_does_to_boxes(orientation):
    boxes = np.array([[10.0, 20.0, 30.0, 50.0], [70.5, 5.0, 12.0, 9.0]])
    regions = named_regions(["Ann", "Bea"], boxes, 120, 90, orientation)
    np.testing.assert_allclose(regions.boxes(120, 90, orientation), boxes, atol=1e-9)
    assert regions.size == ((90, 120) if orientation > 4 else (120, 90))
