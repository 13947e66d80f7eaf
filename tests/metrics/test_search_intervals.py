"""Intervals of 1:N search against searches that are repeated without each person."""

import numpy as np
import pytest
import torch
from random_embeddings import random_people, set_block

from facerec.metrics import identification
from facerec.metrics.intervals import jackknife_interval, share_interval
from facerec.metrics.ranks import search_ranks
from facerec.metrics.search_intervals import RankIntervals, SearchIntervals

PEOPLE, EACH = 14, 4


def exam(noise=1.0):
    """Returns query, its people, distractors and their people: the last four are distractors."""
    embeddings, people = random_people(PEOPLE, EACH, noise)
    is_query = people < PEOPLE - 4
    return embeddings[is_query], people[is_query], embeddings[~is_query], people[~is_query]


def intervals(query, people, distractors, distractor_people):
    best_same, _ = identification.search_cosines(query, people, distractors)
    return SearchIntervals(query, people, distractors, distractor_people, best_same)


def test_the_best_of_all_groups_is_the_best_of_all(monkeypatch):
    set_block(monkeypatch, 300)
    query, people, distractors, distractor_people = exam()
    best = identification.best_other_by_group(
        query, people, people % 5, distractors, distractor_people % 5
    )
    _, best_other = identification.search_cosines(query, people, distractors)
    assert best.shape == (len(query), 5)
    torch.testing.assert_close(best.amax(dim=1), best_other)


def test_intervals_are_those_of_searches_repeated_without_each_person():
    query, people, distractors, distractor_people = exam()
    rank1, found = [], []
    for person in range(PEOPLE):
        kept = people != person
        cosines = identification.search_cosines(
            query[kept], people[kept], distractors[distractor_people != person]
        )
        rank1.append(identification.rank1_hits(*cosines).double().mean().item())
        found.append(identification.detection_rate(*cosines, 0.1)[0])
    cosines = identification.search_cosines(query, people, distractors)
    counts = np.full(PEOPLE - 4, EACH)
    share = identification.rank1_hits(*cosines).double().mean().item()
    ours = intervals(query, people, distractors, distractor_people)
    assert ours.rank1(share) == pytest.approx(jackknife_interval(share, np.array(rank1), counts))
    share, _ = identification.detection_rate(*cosines, 0.1)
    low, high = ours.found(share, 0.1)
    assert (low, high) == pytest.approx(jackknife_interval(share, np.array(found), counts))
    assert low < share < high


def test_the_cmcs_intervals_are_those_of_ranks_without_each_person_and_at_rank_one_the_searchs():
    query, people, distractors, distractor_people = exam()
    embeddings, everybody = torch.cat([query, distractors]), torch.cat([people, distractor_people])
    queries = torch.arange(len(query))
    ours = RankIntervals(embeddings, everybody, queries)
    for rank in (1, 3):
        left_out = []
        for person in range(PEOPLE):
            kept = everybody != person
            names = everybody[kept].unique(return_inverse=True)[1]
            ranks = search_ranks(embeddings[kept], names, torch.arange((people != person).sum()))
            left_out.append((ranks <= rank).double().mean().item())
        share = (ours.ranks <= rank).double().mean().item()
        expected = jackknife_interval(share, np.array(left_out), np.full(PEOPLE - 4, EACH))
        assert ours.within(rank) == pytest.approx(expected)
    share = (ours.ranks == 1).double().mean().item()
    of_search = intervals(query, people, distractors, distractor_people).rank1(share)
    assert ours.within(1) == pytest.approx(of_search)


def test_without_gallery_effects_the_jackknife_is_the_interval_of_a_share():
    hits = np.random.default_rng(0).random((30, 4)) < 0.8
    left_out = (hits.sum() - hits.sum(axis=1)) / (hits.size - 4)
    people = np.repeat(np.arange(30), 4)
    assert jackknife_interval(hits.mean(), left_out, np.full(30, 4)) == pytest.approx(
        share_interval(hits.ravel(), people)
    )


def test_a_search_that_always_finds_has_a_width():
    query, people, distractors, distractor_people = exam(noise=0.01)
    low, high = intervals(query, people, distractors, distractor_people).rank1(1.0)
    assert 0.5 < low < 1 and high == 1


def test_one_person_says_nothing_of_others():
    query, people, distractors, distractor_people = exam()
    alone = people == 0
    ours = intervals(query[alone], people[alone], distractors, distractor_people)
    assert ours.rank1(1.0) == ours.found(1.0, 0.5) == (0, 1)
