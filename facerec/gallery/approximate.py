"""Search in galleries that are too large for an exact one, by faiss (group `index`).

faiss divides the faces into lists, by k-means, and a query looks through the lists that are nearest
to it (IVFFlat; Jégou, Douze and Schmid 2011, without the compression). Of faiss's indexes with
whole vectors it is the one that is built fastest, and it is built at every start: a gallery's file
has embeddings alone. `benchmarks/gallery.py` measures what it misses.
"""

from typing import Any

import numpy as np

from facerec.gallery.records import Block, News, Version
from facerec.gallery.search import Best, Search
from facerec.gallery.store import Gallery

LISTS = 2.0  # times the square root of the number of faces
FACES_OF_LIST = 64  # that k-means sees
ITERATIONS = 8  # of k-means
GROWTH = 4  # faces for each that the lists were made of; then they are made again
FACES_OF_PERSON = 4  # looked up for each candidate at first


class ApproximateSearch(Search):
    """As `Search`, but it compares a query with a part of the faces only, and may miss somebody.

    Args:
        gallery: to search in.
        probes: lists that a query looks through; more find more and take longer. The attribute may
            be changed at any time.

    Raises:
        ValueError: faiss is not installed.
    """

    def __init__(self, gallery: Gallery, probes: int) -> None:
        super().__init__(gallery)
        try:
            import faiss
        except ImportError:
            raise ValueError(
                "approximate search needs the library faiss: `uv sync --inexact --only-group "
                "index`, or `pip install faiss-cpu`"
            ) from None
        self._faiss = faiss
        self.probes = probes
        self._index: Any = None
        self._lists_made_of = 0
        self._people = np.zeros(0, int)
        self._faces = np.zeros(0, int)

    def _count(self) -> int:
        return len(self._faces)

    def _take(self, news: News) -> None:
        new = sum(len(block.faces) for block in news.blocks)
        if not news.is_all and self._count() + new > GROWTH * self._lists_made_of:
            news = self.gallery.news(Version())
        if news.is_all:
            self._index = self._trained(news.blocks) if news.blocks else None
            self._people = self._faces = np.zeros(0, int)
        self._people = np.concatenate([self._people, *(block.people for block in news.blocks)])
        self._faces = np.concatenate([self._faces, *(block.faces for block in news.blocks)])
        while news.blocks:  # their memory is freed one by one
            self._index.add(news.blocks.pop(0).vectors)

    def _trained(self, blocks: list[Block]) -> Any:
        """Returns an index with lists and no faces in them."""
        count = sum(len(block.faces) for block in blocks)
        lists = max(1, min(round(LISTS * count**0.5), count // FACES_OF_LIST))
        share = min(1.0, lists * FACES_OF_LIST / count)
        rng = np.random.default_rng(0)
        sample = [block.vectors[rng.random(len(block.faces)) <= share] for block in blocks]
        quantizer = self._faiss.IndexFlatIP(self.gallery.embedding_dim)
        index = self._faiss.IndexIVFFlat(
            quantizer, self.gallery.embedding_dim, lists, self._faiss.METRIC_INNER_PRODUCT
        )
        index.cp.niter = ITERATIONS
        index.cp.min_points_per_centroid = 1  # no warnings
        index.cp.spherical = True
        index.train(np.concatenate(sample))
        self._lists_made_of = count
        return index

    def _best(self, queries: np.ndarray, k: int) -> list[Best]:
        if self._index is not None:
            self._index.nprobe = min(self.probes, self._index.nlist)
        best = [Best.none()] * len(queries)
        todo = np.arange(len(queries) if self._index is not None else 0)
        wanted = min(FACES_OF_PERSON * k, self._count())
        while len(todo):
            cosines, places = self._index.search(queries[todo], wanted)
            is_whole = places >= 0  # -1 fills up where the lists have fewer faces
            for row, query in enumerate(todo):
                found = places[row, is_whole[row]]
                faces = Best(cosines[row, is_whole[row]], self._people[found], self._faces[found])
                best[query] = Best.none().with_others(faces, k)
            lacks = np.array([len(best[query].faces) < k for query in todo])
            if wanted == self._count():
                break
            todo = todo[lacks & is_whole.all(axis=1)]
            wanted = min(4 * wanted, self._count())
        return best


def make_search(gallery: Gallery, probes: int | None) -> Search:
    """Returns the exact search in a gallery, or with `probes` an approximate one.

    Raises:
        ValueError: faiss is needed and not installed.
    """
    return Search(gallery) if probes is None else ApproximateSearch(gallery, probes)
