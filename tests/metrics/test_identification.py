"""Identification rate and 1:N search against brute-force loops."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from random_embeddings import random_people, set_block

from facerec.metrics import identification, verification


def brute_identification(query, people, distractors, fpr):
    query, distractors = F.normalize(query).tolist(), F.normalize(distractors).tolist()
    true = []
    false = []
    for i, j in combinations(range(len(query)), 2):
        cosine = sum(a * b for a, b in zip(query[i], query[j], strict=True))
        (true if people[i] == people[j] else false).append(cosine)
    false += [sum(a * b for a, b in zip(q, d, strict=True)) for q in query for d in distractors]
    false.sort(reverse=True)
    threshold = false[int(fpr * len(false) + 1e-9)]
    return sum(c > threshold for c in true) / len(true), threshold


def test_a_rate_accepts_a_share_counted_in_decimals():
    """In binary 0.29 · 100 is less than 29."""
    other = torch.arange(100) / 100
    assert identification.detection_rate(other, other, 0.29)[1] == other[70]


@pytest.mark.filterwarnings(
    "error"
)  # torch's, of a buffer of another shape than what is written into it
@pytest.mark.parametrize("block", [2**22, 2000, 64])
@pytest.mark.parametrize("fpr", [5e-4, 1e-2, 0.1, 0.5, 0.9])
def test_identification_rate_is_the_brute_force(monkeypatch, block, fpr):
    """Small blocks also take the sampled bracket, its misses, and the many-pass path."""
    set_block(monkeypatch, block)
    query, people = random_people(12, 4, 1.0)
    distractors = torch.randn(301, 16, generator=torch.Generator().manual_seed(5))
    rate, threshold = identification.identification_rate(query, people, distractors, fpr)
    expected_rate, expected_threshold = brute_identification(query, people, distractors, fpr)
    assert rate == expected_rate
    assert threshold == pytest.approx(expected_threshold, abs=1e-6)


def test_a_pair_that_only_reaches_the_threshold_is_not_accepted():
    """All cosines are 0, those of the same person too."""
    rate, threshold = identification.identification_rate(
        torch.eye(4), torch.tensor([0, 0, 1, 1]), torch.zeros(0, 4), 0.5
    )
    assert (rate, threshold) == (0, 0)


@pytest.mark.parametrize("fpr", [0.02, 0.1, 0.34, 0.66, 0.9])
def test_the_threshold_is_exact_wherever_the_sample_places_it(monkeypatch, fpr):
    """Two small samples place it too high at 0.02, too low at 0.34 and 0.66."""
    set_block(monkeypatch, 2000)
    monkeypatch.setattr(identification, "SAMPLED", 0.1)
    monkeypatch.setattr(identification, "GROUPS", 2)
    query, people = random_people(12, 5, 1.0)
    distractors = torch.randn(3000, 16, generator=torch.Generator().manual_seed(5))
    rate, threshold = identification.identification_rate(query, people, distractors, fpr)

    query, distractors = F.normalize(query), F.normalize(distractors)
    i, j = torch.triu_indices(len(query), len(query), 1)
    cosines = (query @ query.t())[i, j]
    is_same = people[i] == people[j]
    false = torch.cat([cosines[~is_same], (query @ distractors.t()).ravel()])
    expected = false.sort(descending=True).values[int(fpr * len(false) + 1e-9)].item()
    assert threshold == pytest.approx(expected, abs=1e-6)
    assert rate == pytest.approx((cosines[is_same] > expected).double().mean().item())


def test_the_threshold_of_faces_that_are_all_alike_is_found(monkeypatch):
    """All samples place it alike, and so do not tell how far off they are."""
    set_block(monkeypatch, 2000)
    monkeypatch.setattr(identification, "SAMPLED", 0.5)
    query, people = torch.ones(60, 16), torch.arange(60) // 5
    _, threshold = identification.identification_rate(query, people, torch.ones(3000, 16), 0.5)
    assert threshold == pytest.approx(1, abs=1e-6)


def test_the_identification_rate_draws_no_global_random_numbers(monkeypatch):
    set_block(monkeypatch, 2000)
    query, people = random_people(12, 5, 1.0)
    before = torch.get_rng_state()
    identification.identification_rate(query, people, torch.ones(320, 16), 0.1)
    assert torch.equal(before, torch.get_rng_state())


def test_cosines_stay_on_the_device_of_the_embeddings():
    """The meta device computes nothing, and refuses to be mixed with any other."""
    faces, people = (
        torch.zeros(6, 4, device="meta"),
        torch.zeros(6, dtype=torch.int64, device="meta"),
    )
    results = [
        *next(verification.pair_blocks(faces)),
        *identification.search_cosines(faces, people, faces),
    ]
    assert {tensor.device.type for tensor in results} == {"meta"}


def test_identification_rate_without_distractors_and_with_every_pair():
    query, people = random_people(6, 3, 0.5)
    none = torch.zeros(0, 16)
    assert (
        identification.identification_rate(query, people, none, 0.1)[0]
        == brute_identification(query, people, none, 0.1)[0]
    )
    assert identification.identification_rate(query, people, none, 1.0) == (1.0, -math.inf)


def test_identification_rate_says_what_is_missing():
    query, people = random_people(3, 2, 0.5)
    with pytest.raises(
        ValueError, match=r"^fpr 0\.001 needs at least 1000 different-person pairs, got 72$"
    ):
        identification.identification_rate(query, people, torch.randn(10, 16), 0.001)
    with pytest.raises(
        ValueError, match=r"^there is no same-person pair: no person has two photographs$"
    ):
        identification.identification_rate(query, torch.arange(6), torch.randn(10, 16), 0.1)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_embedding_that_is_not_finite_is_named(bad):
    query, people = random_people(6, 3, 0.5)
    others = torch.randn(10, 16)
    others[7, 3] = bad
    with pytest.raises(ValueError, match="embedding in row 7 is not finite"):
        identification.identification_rate(query, people, others, 0.1)
    with pytest.raises(ValueError, match="embedding in row 0 is not finite"):
        identification.identification_rate(torch.full_like(query, bad), people, others[:7], 0.1)


def test_an_own_face_that_is_no_nearer_than_somebody_elses_is_not_found_first():
    best_same = torch.tensor([0.5, 0.6, 0.4, -math.inf])
    best_other = torch.tensor([0.5, 0.5, 0.5, 0.9])
    assert identification.rank1_hits(best_same, best_other).tolist() == [False, True, False]


def test_ten_searches_resolve_one_false_alarm_in_ten():
    best_same = torch.tensor([0.95, *[0.5] * 9])
    best_other = torch.tensor([0.9, 0.6, *[0.1] * 8])
    assert identification.detection_rate(best_same, best_other, 0.1) == (0.1, pytest.approx(0.6))
    assert identification.detection_rate(best_same, best_other, 0.9) == (0.9, pytest.approx(0.1))
    assert identification.detection_rate(best_same, best_other, 1.0) == (0.9, -math.inf)
    with pytest.raises(
        ValueError, match=r"^false-alarm rate 0\.09 needs at least 12 searches, got 10$"
    ):
        identification.detection_rate(best_same, best_other, 0.09)
    with pytest.raises(ValueError, match="no person has two photographs"):
        identification.detection_rate(torch.full((10,), -math.inf), best_other, 0.1)


@pytest.mark.parametrize("block", [2**22, 100, 50])
def test_search_is_the_brute_force(monkeypatch, block):
    set_block(monkeypatch, block)
    query, people = random_people(10, 3, 1.2)
    query, people = torch.cat([query, torch.randn(1, 16)]), torch.cat([people, torch.tensor([99])])
    distractors = torch.randn(40, 16, generator=torch.Generator().manual_seed(5))
    gallery = torch.cat([query, distractors])
    names = [*people.tolist(), *[-1] * 40]
    best_same = []
    best_other = []
    hits = []
    for i in range(len(query)):
        cosines = [F.cosine_similarity(query[i], face, dim=0).item() for face in gallery]
        mates = [c for j, c in enumerate(cosines) if j != i and names[j] == names[i]]
        best_other.append(max(c for j, c in enumerate(cosines) if names[j] != names[i]))
        best_same.append(max(mates, default=-math.inf))
        if mates:
            best = max((j for j in range(len(gallery)) if j != i), key=cosines.__getitem__)
            hits.append(names[best] == names[i])
    cosines = identification.search_cosines(query, people, distractors)
    np.testing.assert_allclose(cosines[0], best_same, atol=1e-6)
    np.testing.assert_allclose(cosines[1], best_other, atol=1e-6)
    assert identification.rank1_hits(*cosines).tolist() == hits
    threshold = sorted(best_other, reverse=True)[3]
    expected = np.mean(
        [
            same > other and same > threshold
            for same, other in zip(best_same, best_other, strict=True)
            if same > -math.inf
        ]
    )
    assert identification.detection_rate(*cosines, 0.1) == (
        pytest.approx(expected),
        pytest.approx(threshold, abs=1e-6),
    )
    with pytest.raises(ValueError, match="needs at least 1000 searches, got 31"):
        identification.detection_rate(*cosines, 0.001)
    for rate in (0.0, -0.1, 1.5):
        with pytest.raises(ValueError, match=f"at most 1, got {rate}"):
            identification.detection_rate(*cosines, rate)
