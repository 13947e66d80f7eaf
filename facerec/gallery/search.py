"""Whom a face is nearest to: the people of a gallery by the cosine of their best photograph."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from facerec.gallery.records import BLOCK_ROWS, Block, News, Version
from facerec.gallery.store import Gallery

FIRST_ROWS = 2**11  # looked at first: the best of them spare most of the others a second look
QUERIES = 256  # at a time: 64 MiB of cosines with a block


@dataclass(frozen=True)
class Candidate:
    """Somebody whom a face may show.

    Attributes:
        person_id: of the person.
        name: of the person.
        cosine: with the person's most similar photograph.
        face_id: of that photograph.
    """

    person_id: int
    name: str
    cosine: float
    face_id: int


class Search:
    """Exact search in a gallery: every cosine is computed.

    It holds the embeddings, 4 × E bytes a face. Before each search it reads what any process has
    changed; where faces were added, only those. Several threads may use it.
    """

    def __init__(self, gallery: Gallery) -> None:
        self.gallery = gallery
        self._lock = threading.Lock()
        self._version = Version()
        self._names: dict[int, str] = {}
        self._blocks: list[Block] = []

    def refresh(self) -> int:
        """Returns the number of faces, after reading what has changed.

        `nearest` does it too; the first time takes long in a large gallery.
        """
        with self._lock:
            return self._refresh()

    def nearest(self, queries: np.ndarray, k: int) -> list[list[Candidate]]:
        """Returns for each query the k nearest people, the nearest first; fewer if there are fewer.

        A query of zeros, a face that is not usable, has none.

        Args:
            queries: (Q, E) of length 1 or 0.
            k: candidates for each.

        Raises:
            ValueError: queries of another size, or a number in them that is not finite.
        """
        if queries.ndim != 2 or queries.shape[1] != self.gallery.embedding_dim:
            raise ValueError(
                f"queries: expected (Q, {self.gallery.embedding_dim}), got {queries.shape}"
            )
        if not np.isfinite(queries).all():
            raise ValueError("queries: expected finite numbers")
        usable = np.flatnonzero(queries.any(axis=1))
        found: list[list[Candidate]] = [[] for _ in queries]
        with self._lock:
            self._refresh()
            for start in range(0, len(usable), QUERIES):
                rows = usable[start : start + QUERIES]
                for row, best in zip(rows, self._best(queries[rows].astype("f4"), k), strict=True):
                    found[row] = [
                        Candidate(person, self._names[person], cosine, face)
                        for cosine, person, face in best.rows()
                    ]
        return found

    def _refresh(self) -> int:
        news = self.gallery.news(self._version)
        if news.version != self._version:
            self._take(news)
            self._names = news.names
            self._version = news.version
        return self._count()

    def _count(self) -> int:
        return sum(len(block.faces) for block in self._blocks)

    def _take(self, news: News) -> None:
        """Takes the new faces in."""
        if news.is_all:
            self._blocks = []
        for block in news.blocks:
            if self._blocks and len(self._blocks[-1].faces) + len(block.faces) <= BLOCK_ROWS:
                block = self._blocks.pop().followed_by(block)
            self._blocks.append(block)

    def _best(self, queries: np.ndarray, k: int) -> list["Best"]:
        """Returns the k best people for each query (Q, E)."""
        best = [Best.none()] * len(queries)
        limits = np.full(len(queries), -np.inf, "f4")  # cosines up to these change nothing
        for block in self._parts():
            cosines = queries @ block.vectors.T
            for row in np.flatnonzero(cosines.max(axis=1) > limits):
                places = np.flatnonzero(cosines[row] > limits[row])
                more = Best(cosines[row, places], block.people[places], block.faces[places])
                best[row] = best[row].with_others(more, k)
                limits[row] = best[row].limit(k)
        return best

    def _parts(self) -> Iterator[Block]:
        """Yields the blocks, a small one first."""
        for block in self._blocks[:1]:
            yield block[:FIRST_ROWS]
            if len(block.faces) > FIRST_ROWS:
                yield block[FIRST_ROWS:]
        yield from self._blocks[1:]


@dataclass(frozen=True, eq=False)
class Best:
    """Faces that a query resembles.

    Attributes:
        cosines: (B,).
        people: (B,) person_ids.
        faces: (B,) face_ids.
    """

    cosines: np.ndarray
    people: np.ndarray
    faces: np.ndarray

    @classmethod
    def none(cls) -> "Best":
        """Returns no faces."""
        return cls(np.zeros(0, "f4"), np.zeros(0, int), np.zeros(0, int))

    def with_others(self, others: "Best", k: int) -> "Best":
        """Returns the best face of each of the k best people, the best first.

        k passes over the faces are faster than sorting them. Of equal cosines the first counts.
        """
        cosines = np.concatenate([self.cosines, others.cosines])
        people = np.concatenate([self.people, others.people])
        faces = np.concatenate([self.faces, others.faces])
        left = cosines.copy()
        places: list[int] = []
        while len(places) < min(k, len(left)):
            place = int(left.argmax())
            if left[place] == -np.inf:  # fewer than k people
                break
            places.append(place)
            left[people == people[place]] = -np.inf
        return Best(cosines[places], people[places], faces[places])

    def limit(self, k: int) -> float:
        """Returns the cosine that a face must exceed to be one of the k best people's."""
        return float(self.cosines[-1]) if len(self.cosines) == k else -np.inf

    def rows(self) -> Iterator[tuple[float, int, int]]:
        """Yields the cosine, person_id and face_id of each."""
        return zip(self.cosines.tolist(), self.people.tolist(), self.faces.tolist(), strict=True)
