"""Folders of drawn photographs through `facerec import`."""

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from collections_drawn import face, overlap, picture, side_by_side, write_people
from commands import as_command
from PIL import Image

from facerec.collections.lock import locked
from facerec.collections.xmp import Region, write_sidecar
from facerec.data.celeba import read_boxes, read_identity, read_landmarks
from facerec.data.identity import read_names
from facerec.imaging.io import read_image
from facerec.tables import BOX, points

ROOT = Path(__file__).parents[2]
TABLES = ["identity.txt", "list_bbox.txt", "list_landmarks.txt", "names.csv", "photographs.csv"]
TABLES += ["faces.csv", "import_report.csv"]


def imported(folder: Path, out: Path, *options: str) -> str:
    result = as_command(folder.parent, "stages.import_photographs", folder, out, *options)
    assert result.returncode == 0, result.stderr
    return result.stdout


def failed(folder: Path, out: Path, *options: str) -> str:
    result = as_command(folder.parent, "stages.import_photographs", folder, out, *options)
    said = result.stderr.splitlines()[-1]  # after the progress
    assert result.returncode == 1 and said.startswith("error: "), result.stderr
    return said


def rows(out: Path) -> pd.DataFrame:
    """Returns a row an image: original, name, box, points."""
    names = pd.read_csv(out / "names.csv").set_index("person_id").name
    tables = [read_identity, read_boxes, read_landmarks]
    files = ["identity.txt", "list_bbox.txt", "list_landmarks.txt"]
    frame = pd.read_csv(out / "photographs.csv")
    for read, file in zip(tables, files, strict=True):
        frame = frame.merge(read(out / file), how="outer", validate="one_to_one")
    assert frame.notna().all(axis=None)
    return frame.assign(name=frame.person_id.map(names)).set_index("original")


def reasons(out: Path) -> dict[str, str]:
    return dict(pd.read_csv(out / "import_report.csv", dtype=str).to_numpy().tolist())


def contents(folder: Path) -> dict[str, tuple]:
    """Returns the checksum, time and permissions of each file."""
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
            path.stat().st_mode,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_a_person_becomes_a_collection(tmp_path):
    folder = write_people(tmp_path / "photos", 3, 2)
    before = contents(folder)
    said = imported(folder, tmp_path / "out")
    assert "6 photographs of 3 people" in said and contents(folder) == before
    frame = rows(tmp_path / "out")
    assert sorted(frame.name.unique()) == ["Person 1", "Person 2", "Person 3"]
    for original, row in frame.iterrows():
        copy = tmp_path / "out/images" / row.image_id
        assert copy.read_bytes() == (folder / original).read_bytes()
        person, photo = int(original[7]) - 1, int(original[-5]) - 1
        drawn = face(person, photo)
        eyes = np.linalg.norm(drawn.landmarks[1] - drawn.landmarks[0])
        found = points(row.to_frame().T)[0]
        assert np.linalg.norm(found - drawn.landmarks, axis=1).mean() < 0.2 * eyes
        assert overlap(row[BOX].to_numpy(float), np.array(drawn.box, float)) > 0.4


def test_every_format_and_turn_is_imported_upright(tmp_path):
    pytest.importorskip("pillow_heif").register_heif_opener()
    upright = picture(0)
    turns = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}
    kinds = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "tif": "TIFF", "bmp": "BMP"}
    kinds |= {"avif": "AVIF", "heic": "HEIF"}
    folder = tmp_path / "photos" / "Ann"
    folder.mkdir(parents=True)
    for suffix, kind in kinds.items():
        for orientation in [1] if kind == "BMP" else [1, *turns]:
            exif = Image.Exif()
            exif[0x112] = orientation
            stored = upright.transpose(turns[orientation]) if orientation > 1 else upright
            options = {"exif": exif.tobytes()} if kind != "BMP" else {}
            options |= {"quality": 95} if kind in {"JPEG", "WEBP", "AVIF", "HEIF"} else {}
            stored.save(folder / f"{orientation}.{suffix}", kind, **options)
    gray = np.asarray(upright.convert("L")).astype(np.uint16) * 257
    Image.fromarray(gray).save(folder / "deep.tif")
    upright.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    upright.convert("P").save(folder / "palette.png")
    upright.convert("RGBA").save(folder / "alpha.png")
    upright.save(folder / "a PNG.jpg", "PNG")
    imported(tmp_path / "photos", tmp_path / "out")
    frame = rows(tmp_path / "out")
    assert set(frame.index) == {f"Ann/{path.name}" for path in folder.iterdir()}
    for original, row in frame.iterrows():
        image = read_image(tmp_path / "out/images" / row.image_id)
        assert image.shape == np.asarray(upright).shape, original
        if original not in {"Ann/deep.tif", "Ann/cmyk.jpg", "Ann/palette.png"}:
            difference = np.abs(image.astype(int) - np.asarray(upright)).mean()
            assert difference < 6, original
        found = points(row.to_frame().T)[0]
        assert np.linalg.norm(found - face(0).landmarks, axis=1).mean() < 8, original
    assert frame.image_id["Ann/a PNG.jpg"].endswith(".png")
    assert frame.image_id["Ann/1.heic"].endswith(".jpg")


def test_heic_without_its_library_is_listed_with_what_to_do(tmp_path, monkeypatch):
    pytest.importorskip("pillow_heif").register_heif_opener()
    folder = write_people(tmp_path / "photos", 1, 1)
    picture(0, 1).save(folder / "Person 1" / "new.heic")
    monkeypatch.setattr("facerec.collections.originals._register_heif", lambda: False)
    monkeypatch.setitem(Image.OPEN, "HEIF", (lambda *_: None, lambda _: False))
    imported(folder, tmp_path / "out")
    said = reasons(tmp_path / "out")["Person 1/new.heic"]
    assert "`uv sync --inexact --only-group heic`, or `pip install pillow-heif`" in said
    monkeypatch.undo()
    assert "2 photographs of 1 people" in imported(folder, tmp_path / "out")


def test_the_bytes_decide_what_a_photograph_is_not_its_ending(tmp_path):
    pytest.importorskip("pillow_heif").register_heif_opener()
    folder = write_people(tmp_path / "photos", 1, 1)
    for name, kind in {"a.jpg": "HEIF", "b.png": "AVIF", "c.heic": "JPEG", "d.tif": "WEBP"}.items():
        photo = "abcd".index(name[0]) + 1
        picture(0, photo).save(folder / "Person 1" / name, kind, quality=95)
    (folder / "Person 1" / "e.heic").write_bytes(b"not a photograph")
    imported(folder, tmp_path / "out")
    suffixes = rows(tmp_path / "out").image_id.str[-4:].to_dict()
    expected = {"a.jpg": ".jpg", "b.png": ".jpg", "c.heic": ".jpg", "d.tif": "webp"}
    assert suffixes == {
        "Person 1/Foto ñ 1.jpg": ".jpg",
        **{f"Person 1/{name}": suffix for name, suffix in expected.items()},
    }
    assert reasons(tmp_path / "out") == {"Person 1/e.heic": "not a readable image"}


def test_photographs_that_cannot_be_used_are_listed(tmp_path):
    folder = write_people(tmp_path / "photos", 1, 1)
    ann = folder / "Person 1"
    whole = face(0, 1).jpeg
    (ann / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (ann / "empty.jpg").write_bytes(b"")
    (ann / "text.png").write_bytes(b"not a photograph")
    (ann / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(ann / "pipe.jpg")
    Image.new("RGB", (300, 200), (90, 120, 90)).save(ann / "meadow.jpg")
    (folder / "stray.jpg").write_bytes(whole)
    imported(folder, tmp_path / "out")
    assert reasons(tmp_path / "out") == {
        "Person 1/cut.jpg": "not a readable image",
        "Person 1/empty.jpg": "empty file",
        "Person 1/text.png": "not a readable image",
        "Person 1/gone.jpg": "no such file",
        "Person 1/pipe.jpg": "not a file",
        "Person 1/meadow.jpg": "no face found",
        "stray.jpg": "lies in no person's folder, and no face in it is named",
    }
    assert len(os.listdir(tmp_path / "out/images")) == 1


def test_exact_copies_are_listed_and_a_face_that_two_people_claim_is_nobodys(tmp_path):
    folder = write_people(tmp_path / "photos", 3, 2)
    (folder / "Person 1" / "again.jpg").write_bytes(face(0, 0).jpeg)
    (folder / "Person 2" / "hers.jpg").write_bytes(face(2, 1).jpeg)
    imported(folder, tmp_path / "out")
    said = reasons(tmp_path / "out")
    assert said["Person 1/again.jpg"] == "an exact copy of Person 1/Foto ñ 1.jpg"
    assert said["Person 2/hers.jpg"] == (
        "shows Person 2, but Person 3/Foto ñ 2.jpg, an exact copy, shows Person 3: "
        "neither was taken"
    )
    assert "Person 3/Foto ñ 2.jpg" in said
    assert len(rows(tmp_path / "out")) == 5


def test_of_several_faces_the_rule_takes_one_and_all_are_listed(tmp_path):
    folder = write_people(tmp_path / "photos", 2, 5)
    guest = picture(1, 9)
    larger = guest.resize((round(1.4 * guest.width), round(1.4 * guest.height)))
    side_by_side(picture(0, 8), larger).save(folder / "Person 1" / "two.jpg", quality=95)
    said = imported(folder, tmp_path / "largest")
    assert "1 photographs show several faces: the largest" in said
    faces = pd.read_csv(tmp_path / "largest/faces.csv", index_col="original")
    two = faces.loc["Person 1/two.jpg"]
    assert len(two) == 2 and two.image_id.notna().sum() == 1
    assert rows(tmp_path / "largest").x_1["Person 1/two.jpg"] > picture(0, 8).width - 40
    imported(folder, tmp_path / "alike", "--several", "alike")
    alike = rows(tmp_path / "alike")
    assert alike.x_1["Person 1/two.jpg"] < picture(0, 8).width / 2
    pd.testing.assert_frame_equal(
        alike.drop("Person 1/two.jpg"), rows(tmp_path / "largest").drop("Person 1/two.jpg")
    )


def shares(person: int, photo: int, left: float, whole: Image.Image) -> tuple:
    x, y, width, height = face(person, photo).box
    return (left + x) / whole.width, y / whole.height, width / whole.width, height / whole.height


def test_faces_that_people_have_named_are_taken_as_they_are(tmp_path):
    folder = tmp_path / "photos"
    (folder / "Summer").mkdir(parents=True)
    whole = side_by_side(picture(0), picture(1))
    whole.save(folder / "Summer" / "both.jpg", quality=95)
    named = [
        Region("Zoë", shares(1, 0, picture(0).width, whole)),
        Region("Ann", shares(0, 0, 0, whole)),
        Region("Ghost", (0.0, 0.0, 0.02, 0.02)),
    ]
    write_sidecar(folder / "Summer" / "both.jpg.xmp", named, whole.width, whole.height)
    picture(2).save(folder / "Summer" / "other.jpg", quality=95)
    packet = (folder / "Summer" / "both.jpg.xmp").read_bytes()
    whole.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(
        folder / "mirrored.webp", xmp=packet, quality=95
    )
    before = contents(folder)
    imported(folder, tmp_path / "out", "--named-only")
    assert contents(folder) == before
    said = reasons(tmp_path / "out")
    assert said["Summer/other.jpg"] == "no face in it is named"
    assert said["Summer/both.jpg"] == "no face found where Ghost is marked"
    both = rows(tmp_path / "out").loc["Summer/both.jpg"].set_index("name")
    assert set(both.index) == {"Zoë", "Ann"}
    left = {"Zoë": picture(0).width, "Ann": 0}
    for name, row in both.iterrows():
        drawn = face(int(name == "Zoë"), 0)
        np.testing.assert_allclose(
            row[BOX].to_numpy(float), np.add(drawn.box, [left[name], 0, 0, 0]), atol=1
        )
        found = points(row.to_frame().T)[0] - [left[name], 0]
        assert np.linalg.norm(found - drawn.landmarks, axis=1).mean() < 8
        assert (tmp_path / "out/images" / row.image_id).is_file()
    imported(folder, tmp_path / "folders")
    assert rows(tmp_path / "folders").name["Summer/other.jpg"] == "Summer"


def test_a_photograph_with_damaged_xmp_shows_whom_its_folder_names(tmp_path):
    folder = write_people(tmp_path / "photos", 1, 2)
    sidecar = folder / "Person 1" / "Foto ñ 1.jpg.xmp"
    sidecar.write_bytes(b"<x")
    picture(0, 2).save(folder / "Person 1" / "3.jpg", quality=95, xmp=b"<x")
    picture(0, 3).save(folder / "stray.png")
    (folder / "stray.xmp").write_bytes(b"\0")
    said = imported(folder, tmp_path / "out")
    assert "3 photographs of 1 people" in said and "import_report.csv" in said
    assert "  3  XMP is not readable: the photograph was taken without it, if at all" in said
    frame = pd.read_csv(tmp_path / "out/import_report.csv").set_index("original").reason
    named = "its XMP is not readable, so nothing was taken from that: "
    assert frame["Person 1/Foto ñ 1.jpg"].startswith(f"{named}Foto ñ 1.jpg.xmp: ")
    assert frame["Person 1/3.jpg"].startswith(f"{named}the XMP in the photograph: ")
    stray = frame["stray.png"].tolist()
    assert len(stray) == 2 and any(row.startswith("lies in no person's folder") for row in stray)
    whole = picture(0)
    write_sidecar(sidecar, [Region("Ann", shares(0, 0, 0, whole))], whole.width, whole.height)
    imported(folder, tmp_path / "out")
    assert rows(tmp_path / "out").name["Person 1/Foto ñ 1.jpg"] == "Ann"


def test_two_imports_into_one_folder_at_once_do_not_disturb_each_other(tmp_path):
    folder = write_people(tmp_path / "photos", 2, 1)
    with locked(tmp_path / "out/.import", tmp_path / "out"):
        script = [sys.executable, "-m", "stages.import_photographs", folder, tmp_path / "out"]
        other = subprocess.run(script, cwd=ROOT, capture_output=True, text=True)
        assert other.returncode == 1 and not (tmp_path / "out/images").exists()
        said = f"error: {tmp_path / 'out'}: another import is at work there; wait for its end"
        assert other.stderr.startswith(said)
    assert "2 photographs of 2 people" in imported(folder, tmp_path / "out")


def test_a_name_is_one_that_the_pipeline_takes(tmp_path):
    folder = tmp_path / "photos"
    names = ["x" * 250, 'O\'Neil, "Pat"', "tab\there \x01", "NA"]
    for person, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        (folder / name / "1.jpg").write_bytes(face(person).jpeg)
    imported(folder, tmp_path / "out")
    expected = {"x" * 200, 'O\'Neil, "Pat"', "tab here", "NA"}
    assert set(read_names(tmp_path / "out/names.csv").values()) == expected
    again = imported(folder, tmp_path / "out")
    assert "4 photographs had been examined" in again
    (tmp_path / "out/names.csv").write_text("person_id,name\none,Ann\n")
    assert "names.csv to number people anew" in failed(folder, tmp_path / "out")


def test_yunet_needs_its_file(tmp_path):
    folder = write_people(tmp_path / "photos", 1, 1)
    assert "expected --yunet-model" in failed(folder, tmp_path / "out", "--detector", "yunet")


def test_an_import_goes_on_where_it_ended_and_gives_the_same(tmp_path):
    folder = write_people(tmp_path / "photos", 3, 3)
    imported(folder, tmp_path / "whole")
    imported(folder, tmp_path / "cut")
    journal = tmp_path / "cut/.import/journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:4]) + lines[4][:20])  # as a kill leaves it
    (tmp_path / "cut/identity.txt").unlink()
    for image in [*(tmp_path / "cut/images").iterdir()][2:]:
        image.unlink()
    said = imported(folder, tmp_path / "cut")
    assert "3 photographs had been examined by an earlier run" in said
    for name in [*TABLES, *(f"images/{name}" for name in os.listdir(tmp_path / "whole/images"))]:
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert len(os.listdir(tmp_path / "cut/images")) == 9


def test_a_second_import_examines_only_what_has_changed(tmp_path):
    folder = write_people(tmp_path / "photos", 2, 2)
    imported(folder, tmp_path / "out")
    ids = rows(tmp_path / "out").image_id
    (folder / "Anna").mkdir()
    (folder / "Anna" / "1.jpg").write_bytes(face(3).jpeg)
    (folder / "Person 1" / "Foto ñ 1.jpg").unlink()
    (folder / "Person 2" / "Foto ñ 2.jpg").write_bytes(face(1, 7).jpeg)
    said = imported(folder, tmp_path / "out")
    assert "2 photographs had been examined" in said
    frame = rows(tmp_path / "out")
    assert frame.image_id["Anna/1.jpg"] == "000005.jpg"
    assert frame.person_id["Anna/1.jpg"] == 3  # the others keep their numbers
    kept = ids.drop("Person 1/Foto ñ 1.jpg")
    assert frame.image_id[kept.index].equals(kept)
    changed = tmp_path / "out/images" / ids["Person 2/Foto ñ 2.jpg"]
    assert changed.read_bytes() == face(1, 7).jpeg
    assert set(os.listdir(tmp_path / "out/images")) == set(frame.image_id)


def test_other_settings_begin_anew(tmp_path):
    folder = write_people(tmp_path / "photos", 1, 2)
    imported(folder, tmp_path / "out")
    assert "earlier run" not in imported(folder, tmp_path / "out", "--long-side", "320")
    assert "earlier run" in imported(folder, tmp_path / "out", "--long-side", "320")


def test_links_share_the_originals_bytes(tmp_path):
    folder = write_people(tmp_path / "photos", 1, 1)
    imported(folder, tmp_path / "out", "--link")
    (original,) = (folder / "Person 1").iterdir()
    assert (tmp_path / "out/images/000001.jpg").samefile(original)


def test_a_folder_with_other_files_is_not_written_into(tmp_path):
    folder = write_people(tmp_path / "photos", 1, 1)
    assert "expected a folder outside of" in failed(folder, folder / "out")
    assert "expected a folder outside of" in failed(folder, tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("x")
    assert "it holds other files" in failed(folder, tmp_path / "other")
    assert os.listdir(tmp_path / "other") == ["thesis.txt"]
    assert "got a file" in failed(folder, tmp_path / "other" / "thesis.txt")


def test_an_import_that_finds_nobody_says_why(tmp_path):
    folder = tmp_path / "photos"
    (folder / "Ann").mkdir(parents=True)
    for shade in (60, 90):
        Image.new("RGB", (300, 200), (shade, shade, shade)).save(folder / f"Ann/{shade}.jpg")
    assert "no photograph shows anybody: 2 × no face found" in failed(folder, tmp_path / "out")
    assert not (tmp_path / "out/identity.txt").exists()


def test_a_damaged_journal_is_named(tmp_path):
    folder = write_people(tmp_path / "photos", 1, 1)
    imported(folder, tmp_path / "out")
    journal = tmp_path / "out/.import/journal.jsonl"
    journal.write_bytes(journal.read_bytes() + json.dumps({"path": 1}).encode() + b"\n")
    assert "journal.jsonl: not an import's journal" in failed(folder, tmp_path / "out")


def test_a_large_photograph_is_found_at_a_fraction_of_its_size(tmp_path):
    large = picture(0).resize((8 * picture(0).width, 8 * picture(0).height))
    (tmp_path / "photos" / "Ann").mkdir(parents=True)
    content = io.BytesIO()
    large.save(content, "JPEG", quality=90)
    (tmp_path / "photos" / "Ann" / "1.jpg").write_bytes(content.getvalue())
    imported(tmp_path / "photos", tmp_path / "out")
    found = points(rows(tmp_path / "out"))[0]
    exact = 8 * face(0).landmarks + 3.5
    assert np.linalg.norm(found - exact, axis=1).mean() < 8 * 8
