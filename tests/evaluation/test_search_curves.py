"""CMC and FNIR against FPIR, with loops from their definitions."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from random_embeddings import random_people

from facerec.evaluation.search_curves import CMC, RANKS, SEARCH, cmc_curve, search_curves
from facerec.metrics.intervals import share_interval


def test_the_cmc_is_the_share_found_up_to_each_rank():
    rng = np.random.default_rng(0)
    ranks = rng.integers(1, 40, 200)
    people = rng.integers(0, 10, 200)
    curve = cmc_curve("val", ranks, people, 500)
    assert list(curve) == CMC and curve["rank"].tolist() == list(range(1, RANKS + 1))
    for row in curve.itertuples():
        assert row.rate == pytest.approx(np.mean([rank <= row.rank for rank in ranks]))
        band = share_interval(ranks <= row.rank, people)
        assert (row.low, row.high) == pytest.approx(band, abs=1e-6)
    assert curve.rate.is_monotonic_increasing
    assert cmc_curve("val", ranks, people, 6)["rank"].max() == 6
    assert cmc_curve("val", ranks[:0], people[:0], 6).empty


@pytest.fixture(scope="module")
def gallery():
    """Returns query embeddings, their people, distractors and theirs."""
    embeddings, people = random_people(16, 4, 1.0)
    return embeddings[:28], people[:28], embeddings[28:], people[28:]


def slow_rates(query, people, distractors, threshold):
    """Returns FPIR and FNIR by searching each photograph with and without its person."""
    others = F.normalize(torch.cat([query, distractors]))
    names = [*people.tolist(), *[-1] * len(distractors)]
    alarms, missed, searches = 0, 0, 0
    for probe in range(len(query)):
        cosines = (others @ others[probe]).tolist()
        mates = [c for j, c in enumerate(cosines) if names[j] == names[probe] and j != probe]
        strangers = [c for j, c in enumerate(cosines) if names[j] != names[probe]]
        alarms += max(strangers) > threshold
        if mates:
            searches += 1
            missed += not (max(mates) > threshold and max(mates) > max(strangers))
    return alarms / len(query), missed / searches


def test_the_largest_gallery_is_the_search_of_the_definition(gallery):
    query, people, distractors, _ = gallery
    table = search_curves(*gallery, 1)
    assert list(table) == SEARCH
    assert table.gallery_people.unique().tolist() == [7, 10, 12, 16]
    largest = table[table.gallery_people == 16]
    cosines = F.normalize(query) @ F.normalize(torch.cat([query, distractors])).T
    names = torch.cat([people, torch.full((36,), -1)])
    best_other = cosines.masked_fill(people[:, None] == names, -2).amax(dim=1)
    for row in largest.itertuples():
        alarms = round(row.fpir * 28)
        threshold = -1.5 if alarms == 28 else float(best_other.sort(descending=True)[0][alarms])
        fpir, fnir = slow_rates(query, people, distractors, threshold + 1e-6)
        assert row.fnir == pytest.approx(fnir, abs=1e-6)
        assert row.fpir >= fpir - 1e-6  # two who find each other raise one cosine, and two alarms
        assert row.low <= row.fnir <= row.high


def test_a_larger_gallery_finds_no_more(gallery):
    table = search_curves(*gallery, 1)
    at_once = table.pivot(index="fpir", columns="gallery_people", values="fnir")
    assert (at_once.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    assert (table.groupby("gallery_people").fnir.diff().dropna() <= 0).all()


def test_without_distractors_there_is_one_gallery_and_one_person_is_none(gallery):
    query, people, distractors, names = gallery
    table = search_curves(query, people, distractors[:0], names[:0], 1)
    assert table.gallery_people.unique().tolist() == [7]
    assert search_curves(query[:4], people[:4], distractors[:0], names[:0], 1).empty
