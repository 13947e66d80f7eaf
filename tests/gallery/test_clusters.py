"""Groups of unnamed faces against scikit-learn's average linkage of all pairs."""

import numpy as np
import pytest
from new_faces import unit_vectors
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score

from facerec.gallery import clusters
from facerec.gallery.clusters import group_faces


def people(count: int, photographs: int, spread: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns embeddings (N, 32) in any order, and who is on each (N,)."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat(np.arange(count), photographs))
    centres = unit_vectors(count, rng, 32)
    vectors = centres[truth] + spread * unit_vectors(len(truth), rng, 32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), truth


@pytest.mark.parametrize("spread", [0.3, 0.9, 1.5])
@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_groups_equal_average_linkage_of_all_pairs(monkeypatch, spread, threshold):
    monkeypatch.setattr(clusters, "BLOCK_ROWS", 16)
    vectors, _ = people(20, 8, spread, seed=1)
    expected = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=1 - threshold
    ).fit_predict(vectors.astype(float))
    found = group_faces(vectors, threshold)
    sizes = np.bincount(expected)
    assert ((found == -1) == (sizes[expected] == 1)).all()
    grouped = found >= 0
    assert adjusted_rand_score(expected[grouped], found[grouped]) == 1


def test_people_who_are_well_apart_are_found(monkeypatch):
    vectors, truth = people(12, 5, 0.4, seed=2)
    assert adjusted_rand_score(truth, group_faces(vectors, 0.6)) == 1
    monkeypatch.setattr(clusters, "MAX_PART", 7)  # several parts are divided at higher thresholds
    assert adjusted_rand_score(truth, group_faces(vectors, 0.05)) > 0.99


def test_the_largest_group_is_the_first_and_faces_alone_have_none():
    one, two, three = np.eye(3, dtype="f4")
    vectors = np.stack([one, two, two, np.zeros(3), three, two, one, np.zeros(3)])
    assert group_faces(vectors, 0.5).tolist() == [1, 0, 0, -1, -1, 0, 1, -1]


def test_many_copies_are_one_group(monkeypatch):
    monkeypatch.setattr(clusters, "MAX_PART", 10)
    assert group_faces(np.eye(4)[[0] * 30 + [1, 1, 2]], 0.5).tolist() == [0] * 30 + [1, 1, -1]


def test_copies_whose_cosine_is_rounded_to_more_than_1_are_one_group():
    vectors = np.full((40, 3), 0.5773504, "f4")
    assert (vectors @ vectors.T).max() > 1
    assert (group_faces(vectors, 0.5) == 0).all()


def test_few_faces():
    assert group_faces(np.zeros((0, 4)), 0.5).tolist() == []
    assert group_faces(np.zeros((2, 4)), 0.5).tolist() == [-1, -1]
    assert group_faces(np.eye(4)[:1], 0.5).tolist() == [-1]


@pytest.mark.parametrize("threshold", [0.0, 1.0, float("nan")])
def test_a_threshold_that_is_no_cosine_is_refused(threshold):
    with pytest.raises(ValueError, match=r"threshold: expected a cosine in \(0, 1\)"):
        group_faces(np.eye(4), threshold)
