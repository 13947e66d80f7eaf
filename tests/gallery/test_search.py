"""Search in a gallery against a slow loop over all faces."""

import sys

import numpy as np
import pytest
from new_faces import DIM, new_face, unit_vectors

from facerec.gallery import search as search_module
from facerec.gallery.approximate import ApproximateSearch
from facerec.gallery.search import Search
from facerec.gallery.store import Gallery


@pytest.fixture
def gallery(tmp_path):
    with Gallery.open(tmp_path / "gallery.db", "model", DIM, create=True) as gallery:
        yield gallery


def slow_nearest(gallery, query, k):
    """Returns (name, cosine) of the k best people, by a loop over all faces."""
    names = {person.person_id: person.name for person in gallery.people()}
    best: dict[str, float] = {}
    for vector, person, _ in zip(*gallery.embeddings(), strict=True):
        cosine = float(np.dot(vector.astype(float), query))
        best[names[person]] = max(best.get(names[person], -2.0), cosine)
    return sorted(best.items(), key=lambda item: -item[1])[:k]


def check(gallery, search, queries, k):
    for query, found in zip(queries, search.nearest(queries, k), strict=True):
        expected = slow_nearest(gallery, query, k)
        assert [one.name for one in found] == [name for name, _ in expected]
        assert np.allclose([one.cosine for one in found], [cosine for _, cosine in expected])


def approximate(gallery):
    """Returns a search that looks through all lists, and is exact by that."""
    pytest.importorskip("faiss")
    return ApproximateSearch(gallery, probes=10**6)


SIZES = [(1, 3), (7, 3), (7, 7), (7, 20), (60, 5), (200, 1)]


@pytest.mark.parametrize("kind", [Search, approximate])
@pytest.mark.parametrize(("people", "k"), SIZES)
def test_search_equals_a_loop(gallery, monkeypatch, people, k, kind):
    for module in ("facerec.gallery.search", "facerec.gallery.store"):
        monkeypatch.setattr(f"{module}.BLOCK_ROWS", 32)
    monkeypatch.setattr(search_module, "FIRST_ROWS", 8)
    monkeypatch.setattr(search_module, "QUERIES", 5)
    rng = np.random.default_rng(people)
    vectors = unit_vectors(200, rng)
    gallery.add_all([new_face(f"p{i % people}", i, vector) for i, vector in enumerate(vectors)])
    check(gallery, kind(gallery), unit_vectors(12, rng), k)


@pytest.mark.parametrize("kind", [Search, approximate])
def test_search_follows_every_change(gallery, monkeypatch, kind):
    monkeypatch.setattr(search_module, "BLOCK_ROWS", 16)
    rng = np.random.default_rng(0)
    queries = unit_vectors(4, rng)
    search = kind(gallery)
    assert search.nearest(queries, 3) == [[], [], [], []]
    for number, vector in enumerate(unit_vectors(40, rng)):
        gallery.add(new_face(f"p{number % 5}", number, vector))
        check(gallery, search, queries, 3)
    with Gallery.open(gallery.path, None, None) as other:  # as another process would
        for change in (
            lambda: other.rename("p0", "new"),
            lambda: other.merge("p1", "p2"),
            lambda: other.remove_photograph(other.photographs("p3")[0].face_id),
            lambda: other.remove("p3"),
            lambda: other.add(new_face("p9", 99, queries[0])),
        ):
            change()
            check(gallery, search, queries, 3)
            check(gallery, kind(gallery), queries, 3)
    assert search.nearest(queries[:1], 1)[0][0].name == "p9"


def test_a_face_that_is_not_usable_finds_nobody(gallery):
    gallery.add(new_face("Ann", 1))
    assert Search(gallery).nearest(np.zeros((1, DIM)), 3) == [[]]


@pytest.mark.parametrize(
    "queries", [np.ones((2, DIM + 1)), np.ones(DIM), np.full((1, DIM), np.nan)]
)
def test_bad_queries_are_refused(gallery, queries):
    with pytest.raises(ValueError, match="queries: expected"):
        Search(gallery).nearest(queries, 1)


def test_approximate_search_finds_people_who_are_well_apart(gallery):
    pytest.importorskip("faiss")
    rng = np.random.default_rng(0)
    centres = unit_vectors(40, rng)
    vectors = np.repeat(centres, 25, axis=0) + 0.05 * unit_vectors(1000, rng)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    gallery.add_all([new_face(f"p{i // 25}", i, vector) for i, vector in enumerate(vectors)])
    found = ApproximateSearch(gallery, probes=4).nearest(centres, 1)
    assert [one[0].name for one in found] == [f"p{i}" for i in range(40)]


def test_approximate_search_says_what_it_needs(gallery, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ValueError, match=r"needs the library faiss: .*`pip install faiss-cpu`"):
        ApproximateSearch(gallery, probes=4)
