"""Identification at scale, against one blocked matrix product and against faiss's exact search."""

from typing import Any

import numpy as np
from torch import Tensor

from benchmarks.identification import embeddings, product
from benchmarks.measure import Measured, alternate, speed_of
from facerec.metrics.identification import identification_rate, search_cosines

WIDTH = 512
FPR = 1e-6


def against_product(query: int, distractors: int, repeats: int) -> Measured:
    """Returns the speed of `identification_rate` against the bare product of the same matrices."""
    queries, people, others = embeddings(query, distractors, WIDTH)
    pairs = query * (distractors + query) / 1e6
    ours = speed_of(lambda: identification_rate(queries, people, others, FPR), pairs)
    return alternate(
        ours, speed_of(lambda: product(queries, others), pairs), "million pairs", repeats
    )


def against_faiss(query: int, distractors: int, repeats: int) -> Measured:
    """Returns the speed of `search_cosines` against faiss's exact search.

    faiss holds the distractors and finds each query's nearest; its index is built before the clock
    starts.
    """
    import faiss  # only `make bench` installs it

    queries, people, others = embeddings(query, distractors, WIDTH)
    index = faiss.IndexFlatIP(WIDTH)
    index.add(others.numpy())
    _agree(index, queries, people, others)
    pairs = query * distractors / 1e6
    ours = speed_of(lambda: search_cosines(queries, people, others), pairs)
    theirs = speed_of(lambda: index.search(queries.numpy(), 1), pairs)
    return alternate(ours, theirs, "million pairs", repeats)


def _agree(index: Any, queries: Tensor, people: Tensor, others: Tensor) -> None:
    """Raises ValueError if the two find different best distractors for some of the queries."""
    some = people < min(int(people.max()) + 1, 2)
    alone = people.clone()[some] * 0  # all one person: anybody else is a distractor
    ours = search_cosines(queries[some], alone, others)[1].numpy()
    if not np.allclose(ours, index.search(queries[some].numpy(), 1)[0][:, 0], atol=1e-5):
        raise ValueError("search_cosines and faiss find different cosines")
