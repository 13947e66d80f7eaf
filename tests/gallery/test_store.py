"""What a gallery promises: names, photographs once, merging, removing, other models."""

import dataclasses
import sqlite3
import unicodedata
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from new_faces import DIM, new_face, unit_vectors

from facerec.gallery.errors import (
    GalleryError,
    NameTaken,
    OtherModel,
    OtherPersonsFace,
    UnknownPerson,
)
from facerec.gallery.search import Search
from facerec.gallery.store import Gallery


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "people é ?#%.gallery"


@pytest.fixture
def gallery(path):
    with Gallery.open(path, "model a", DIM, "A", create=True) as gallery:
        yield gallery


def counts(gallery) -> dict[str, int]:
    return {person.name: person.photographs for person in gallery.people()}


def test_what_went_in_comes_out(gallery, path):
    face = new_face("Ann", 1)
    enrolled = gallery.add(face)
    gallery.add(new_face("Bob", 2))
    gallery.close()
    with Gallery.open(path, "model a", DIM) as again:
        (photograph,) = again.photographs("Ann")
        assert photograph.face_id == enrolled.face_id and photograph.name == "Ann"
        assert photograph.path == face.photograph and photograph.sha256 == face.sha256
        assert (photograph.box == face.box).all() and (photograph.points == face.points).all()
        assert again.thumbnail(enrolled.face_id) == face.thumbnail
        vectors, people, faces = again.embeddings()
        assert vectors.dtype == np.float32 and (vectors[0] == face.embedding).all()
        assert people[0] == enrolled.person_id and faces[0] == enrolled.face_id
        assert [one.name for one in again.photographs()] == ["Ann", "Bob"]
        assert again.model == "A"
    assert [file.name for file in path.parent.iterdir()] == [path.name]  # one file


def test_a_file_name_that_is_no_text_is_kept(gallery):
    odd = Path("/photographs/\udcff.jpg")
    gallery.add(dataclasses.replace(new_face("Ann", 1), photograph=odd))
    assert gallery.photographs("Ann")[0].path == odd


NAMES = ["Ann", "Zoë", "王小明", "José 🎈", "o'Brien; DROP TABLE people", "%_", "أحمد"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_in_its_normal_form(gallery, name):
    gallery.add(new_face(f"  {unicodedata.normalize('NFD', name)} ", 1))
    gallery.add(new_face(name, 2))
    assert counts(gallery) == {unicodedata.normalize("NFC", name): 2}
    assert len(gallery.photographs(unicodedata.normalize("NFD", name))) == 2


@pytest.mark.parametrize("name", ["", " \t", "two\nlines", "nul\0", "half \ud800"])
def test_names_that_are_refused(gallery, name):
    with pytest.raises(GalleryError, match="a person's name: expected"):
        gallery.add(new_face(name, 1))
    assert counts(gallery) == {}


@pytest.mark.parametrize(
    "vector", [np.zeros(DIM), np.full(DIM, np.nan), np.ones(DIM), np.eye(DIM + 1)[0]]
)
def test_embeddings_that_are_refused(gallery, vector):
    with pytest.raises(GalleryError, match="an embedding: expected"):
        gallery.add(new_face("Ann", 1, vector))
    assert counts(gallery) == {}


def test_a_photograph_is_enrolled_once(gallery):
    first = gallery.add(new_face("Ann", 1))
    moved = dataclasses.replace(new_face("Ann", 1), photograph=Path("/moved/1.jpg"))
    again = gallery.add(moved)
    assert first.is_new and not again.is_new and again.face_id == first.face_id
    assert [one.path for one in gallery.photographs("Ann")] == [Path("/moved/1.jpg")]


def test_one_face_is_not_two_people_unless_forced(gallery):
    gallery.add(new_face("Ann", 1))
    with pytest.raises(OtherPersonsFace, match=r"1\.jpg: this face is enrolled as Ann, and not as"):
        gallery.add_all([new_face("Bob", 2), new_face("Bob", 1)])
    assert counts(gallery) == {"Ann": 1}  # all or nothing
    beside = dataclasses.replace(new_face("Bob", 1), box=np.array([200.0, 20, 30, 40]))
    assert gallery.add(beside).is_new  # another face of a group
    assert gallery.add(new_face("Cid", 1), force=True).is_new
    assert counts(gallery) == {"Ann": 1, "Bob": 1, "Cid": 1}


def test_renaming(gallery):
    gallery.add_all([new_face("Ann", 1), new_face("Bob", 2)])
    gallery.rename("Ann", "Zoë")
    gallery.rename("Zoë", "Zoe\u0308")  # the same in another form
    with pytest.raises(NameTaken, match=r"somebody is called Bob already; .* merge them"):
        gallery.rename("Zoë", "Bob")
    with pytest.raises(UnknownPerson, match="nobody is called Bop; similar: Bob"):
        gallery.rename("Bop", "Ann")
    assert counts(gallery) == {"Bob": 1, "Zoë": 1}


def test_merging_keeps_every_photograph_once(gallery):
    both = [new_face("Ann", 1), new_face("Ann", 2), new_face("Bob", 3), new_face("Bob", 2)]
    gallery.add_all(both, force=True)
    gallery.merge("Ann", "Bob")
    assert counts(gallery) == {"Bob": 3}
    assert len({one.sha256 for one in gallery.photographs("Bob")}) == 3
    with pytest.raises(GalleryError, match="are one person already"):
        gallery.merge("Bob", "Bob")


def test_removing_leaves_nothing_in_the_file(gallery, path):
    ann = dataclasses.replace(new_face("Ann Removed", 1), thumbnail=bytes(range(256)) * 200)
    gallery.add_all([ann, new_face("Bob", 2), new_face("Ann Removed", 3)])
    (_, third) = gallery.photographs("Ann Removed")
    gallery.remove_photograph(third.face_id)
    assert counts(gallery) == {"Ann Removed": 1, "Bob": 1}
    gallery.rename("Ann Removed", "Zoë")
    assert gallery.remove("Zoë") == 1 and counts(gallery) == {"Bob": 1}
    content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    vector = np.asarray(ann.embedding, "<f4").tobytes()
    names = (b"Ann Removed", "Zoë".encode(), b"1.jpg", ann.sha256.encode())
    for secret in (*names, vector, bytes(range(256)), new_face("", 3).thumbnail):
        assert secret not in content
    assert b"Bob" in content
    with pytest.raises(GalleryError, match="no photograph has the number"):
        gallery.thumbnail(third.face_id)


def test_a_person_goes_with_the_last_photograph(gallery):
    enrolled = gallery.add(new_face("Ann", 1))
    gallery.remove_photograph(enrolled.face_id)
    assert counts(gallery) == {}
    assert gallery.add(new_face("Ann", 1)).face_id > enrolled.face_id  # numbers are not reused


def test_another_model_is_refused_with_the_reason(gallery, path):
    message = r"are of A \(model a\), and not of B \(model b\).*re-embed"
    with pytest.raises(OtherModel, match=message):
        Gallery.open(path, "model b", DIM, "B")
    with Gallery.open(path, None, None) as any_model:
        assert any_model.fingerprint == "model a"


def test_a_process_notices_that_another_has_changed_the_model(gallery, path):
    gallery.add(new_face("Ann", 1))
    with Gallery.open(path, None, None) as other:
        (face,) = other.photographs()
        vector = unit_vectors(1, np.random.default_rng(1), 4)[0]
        assert other.replace_embeddings("model b", 4, "B", {}) == [face.face_id]  # one is missing
        assert gallery.add(new_face("Ann", 2)).is_new
        two = {one.face_id: vector for one in other.photographs()}
        assert other.replace_embeddings("model b", 4, "B", two) == []
        assert other.embeddings()[0].shape == (2, 4)
    for use in (gallery.people, gallery.embeddings, lambda: gallery.add(new_face("Ann", 3))):
        with pytest.raises(OtherModel, match="another process has embedded the gallery again"):
            use()
    with pytest.raises(OtherModel):
        Gallery.open(path, "model a", DIM, "A")


def test_threads_share_a_gallery(gallery):
    search = Search(gallery)

    def work(first: int) -> None:
        for number in range(first, first + 10):
            gallery.add(new_face(f"p{first}", number))
            assert search.nearest(new_face("", number).embedding[None], 1)[0]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, (0, 100, 200, 300)))
    assert set(counts(gallery).values()) == {10} and search.refresh() == 40


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["add", "rename", "merge", "remove", "remove photograph"]),
        st.sampled_from("abc"),
        st.sampled_from("abcd"),
        st.integers(0, 5),
    ),
    max_size=12,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=CHANGES)
def test_changes_do_what_a_dictionary_of_sets_does(tmp_path_factory, changes):
    path = tmp_path_factory.mktemp("model") / "gallery"
    people: dict[str, set[int]] = defaultdict(set)
    with Gallery.open(path, "model a", DIM, create=True) as gallery:
        gallery._transactions._connection.execute("PRAGMA synchronous = OFF")  # faster
        for change, name, other, number in changes:
            before = gallery.change_counter
            if change == "add":
                gallery.add(new_face(name, number), force=True)
                people[name].add(number)
            elif change == "remove photograph":
                if not people[name]:
                    continue
                photograph = gallery.photographs(name)[number % len(people[name])]
                gallery.remove_photograph(photograph.face_id)
                people[name].remove(int(photograph.sha256, 16))
            elif not people[name] or (change == "merge" and (name == other or not people[other])):
                with pytest.raises(GalleryError):
                    apply(gallery, change, name, other)
                continue
            elif change == "rename" and people[other] and name != other:
                with pytest.raises(NameTaken):
                    gallery.rename(name, other)
                continue
            else:
                apply(gallery, change, name, other)
                photographs = people.pop(name)
                if change != "remove":
                    people[other] |= photographs
            assert gallery.change_counter > before
            found = {
                person.name: {int(one.sha256, 16) for one in gallery.photographs(person.name)}
                for person in gallery.people()
            }
            assert found == {name: numbers for name, numbers in people.items() if numbers}
            assert len(gallery.embeddings()[0]) == sum(map(len, people.values()))
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    shown = "SELECT count(*) FROM photographs WHERE id NOT IN (SELECT photograph FROM faces)"
    assert connection.execute(shown).fetchone() == (0,)
    connection.close()


def apply(gallery: Gallery, change: str, name: str, other: str) -> None:
    if change == "rename":
        gallery.rename(name, other)
    elif change == "merge":
        gallery.merge(name, other)
    else:
        gallery.remove(name)
