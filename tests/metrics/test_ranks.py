"""The rank of the right person against a slow loop."""

import pytest
import torch
import torch.nn.functional as F
from random_embeddings import random_people, set_block

from facerec.metrics import identification
from facerec.metrics.ranks import NEVER, search_ranks


def slow_rank(embeddings, people, query):
    """Returns the place of the query's person in the list of people by their best photograph."""
    best = {}
    for other in range(len(people)):
        if other != query:
            cosine = float(F.cosine_similarity(embeddings[query], embeddings[other], dim=0))
            person = int(people[other])
            best[person] = max(best.get(person, -2), cosine)
    own = int(people[query])
    return sorted(best, key=lambda person: (-best[person], person == own)).index(own) + 1


@pytest.mark.parametrize("block", [2**22, 100])
def test_ranks_are_those_of_a_slow_loop(monkeypatch, block):
    set_block(monkeypatch, block)
    embeddings, people = random_people(9, 3, 2.0)
    order = torch.randperm(27, generator=torch.Generator().manual_seed(3))
    embeddings, people = embeddings[order], people[order]
    queries = torch.arange(0, 27, 2)
    ranks = search_ranks(embeddings, people, queries)
    expected = [slow_rank(embeddings, people, query) for query in queries.tolist()]
    assert ranks.tolist() == expected and len(set(expected)) > 3


def test_rank_one_is_the_rank_one_accuracy_of_the_search():
    embeddings, people = random_people(12, 4, 1.5)
    bests = identification.search_cosines(embeddings, people, embeddings[:0])
    hits = identification.rank1_hits(*bests)
    ranks = search_ranks(embeddings, people, torch.arange(48))
    assert ((ranks == 1) == hits).all() and 0 < hits.double().mean() < 1


def test_a_query_without_a_face_is_never_found_and_of_equal_people_the_own_comes_last():
    people = torch.tensor([0, 0, 1, 1])
    blank = torch.zeros(4, 3)
    blank[1:] = torch.eye(3)
    assert search_ranks(blank, people, torch.tensor([0])).tolist() == [NEVER]
    alike = torch.ones(4, 3)
    assert search_ranks(alike, people, torch.arange(4)).tolist() == [2] * 4
