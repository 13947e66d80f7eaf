"""A gallery for another model, and a gallery in files that any program reads."""

import csv
import dataclasses
import hashlib
from types import SimpleNamespace

import numpy as np
import pytest
from new_faces import DIM, new_face, unit_vectors

from facerec.gallery.errors import GalleryError
from facerec.gallery.export import export
from facerec.gallery.re_embed import re_embed
from facerec.gallery.store import Gallery

BOX = new_face("", 1).box


class FakeEngine:
    """Finds two faces on each photograph; the enrolled one has a vector of the file's bytes."""

    fingerprint = "model b"
    embedding_dim = 4

    def over_files(self, paths, title):
        for path in paths:
            if path.read_bytes() == b"unreadable":
                yield path, ValueError(f"{path}: not a readable image")
                continue
            other = SimpleNamespace(box=BOX + 500, embedding=None, usable=True)
            dark = SimpleNamespace(box=BOX, embedding=np.zeros(4), usable=False)
            same = SimpleNamespace(box=BOX + 2, embedding=vector(path), usable=True)
            yield path, [other, dark, same]


def vector(path):
    return unit_vectors(1, np.random.default_rng(list(path.read_bytes())), 4)[0]


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.jpg").write_bytes(b"photograph %d" % number)
    return folder


@pytest.fixture
def gallery(tmp_path, photographs):
    with Gallery.open(tmp_path / "gallery", "model a", DIM, "A", create=True) as gallery:
        for number in range(4):
            gallery.add(enrolled(photographs / f"{number}.jpg", f"p{number // 2}", number))
        yield gallery


def enrolled(path, name, number):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return dataclasses.replace(new_face(name, number), photograph=path, sha256=digest)


def test_all_photographs_are_embedded_again(gallery, photographs):
    result = re_embed(gallery, FakeEngine(), "B", drop=False)
    assert (result.faces, result.dropped) == (4, 0)
    assert (gallery.model, gallery.fingerprint) == ("B", "model b")
    expected = np.stack([vector(photographs / f"{number}.jpg") for number in range(4)])
    assert np.allclose(gallery.embeddings()[0], expected)
    Gallery.open(gallery.path, "model b", 4).close()


def test_faces_that_cannot_be_embedded_stop_it_or_are_dropped(gallery, photographs):
    (photographs / "0.jpg").unlink()
    (photographs / "1.jpg").write_bytes(b"another photograph")
    before = gallery.embeddings()[0]
    with pytest.raises(
        GalleryError, match=r"2 of 4 faces .* nothing was changed: .*0\.jpg: No such"
    ):
        re_embed(gallery, FakeEngine(), "B", drop=False)
    assert (gallery.embeddings()[0] == before).all() and gallery.model == "A"
    result = re_embed(gallery, FakeEngine(), "B", drop=True)
    assert (result.faces, result.dropped) == (2, 2)
    assert [person.name for person in gallery.people()] == ["p1"]


def test_a_face_that_is_not_found_again_is_a_problem(gallery, photographs, tmp_path):
    unreadable = photographs / "unreadable.jpg"
    unreadable.write_bytes(b"unreadable")
    gallery.add(enrolled(unreadable, "p3", 7))
    elsewhere = dataclasses.replace(
        enrolled(photographs / "0.jpg", "p4", 8), box=np.array([300.0, 300, 20, 20])
    )
    gallery.add(elsewhere)
    with pytest.raises(GalleryError) as raised:
        re_embed(gallery, FakeEngine(), "B", drop=False)
    assert "unreadable.jpg: not a readable image" in str(raised.value)
    assert "0.jpg: no usable face is found where it was" in str(raised.value)


def test_what_others_add_meanwhile_is_embedded_too(gallery, photographs):
    class Slow(FakeEngine):
        calls = 0

        def over_files(self, paths, title):
            Slow.calls += 1
            if Slow.calls == 1:
                late = photographs / "late.jpg"
                late.write_bytes(b"late")
                with Gallery.open(gallery.path, "model a", DIM) as other:
                    other.add(enrolled(late, "late", 9))
            return super().over_files(paths, title)

    assert re_embed(gallery, Slow(), "B", drop=False).faces == 5
    assert len(gallery.embeddings()[0]) == 5 and Slow.calls == 2


def test_an_export_has_everything(gallery, photographs, tmp_path):
    out = tmp_path / "out"
    assert export(gallery, out) == 4
    rows = list(csv.DictReader((out / "faces.csv").open(encoding="utf-8")))
    assert [row["name"] for row in rows] == ["p0", "p0", "p1", "p1"]
    assert rows[0]["photograph"] == str(photographs / "0.jpg")
    assert [float(rows[0][column]) for column in ("x", "y", "width", "height")] == BOX.tolist()
    assert (np.load(out / "embeddings.npy") == gallery.embeddings()[0]).all()
    for row in rows:
        thumbnail = (out / f"thumbnails/{row['face_id']}.jpg").read_bytes()
        assert thumbnail == gallery.thumbnail(int(row["face_id"]))
    assert (out / "model.txt").read_text() == "A\nmodel a\n"
    with pytest.raises(ValueError, match="expected no such folder, or an empty one"):
        export(gallery, out)
