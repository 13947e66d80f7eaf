"""A second recogniser beside the gallery's own, so that people see where the two disagree.

The gallery holds embeddings of its own model alone. Those of the other one are made from the
gallery's photographs, in the background, and are only in memory.
"""

import logging
import threading
from dataclasses import dataclass

import numpy as np

from facerec.app.looking import SAME_FACE_OVERLAP, Engine, overlap
from facerec.gallery.errors import GalleryError
from facerec.gallery.records import Photograph
from facerec.gallery.search import Candidate
from facerec.gallery.store import Gallery

PAUSE = 2.0  # s between two looks at the gallery
AT_ONCE = 64  # photographs between two updates of what a search sees
MAX_FACES = 20_000  # more would be worked on for too long; the others are left out

log = logging.getLogger("facerec.app")


@dataclass(frozen=True, eq=False)
class Known:
    """The faces of the gallery that the other recogniser has seen.

    Attributes:
        vectors: (N, E).
        faces: (N,) face_ids.
        people: person_id and name by face_id.
        total: faces in the gallery.
    """

    vectors: np.ndarray
    faces: np.ndarray
    people: dict[int, tuple[int, str]]
    total: int


class OtherRecogniser:
    """Candidates by another engine, for faces of the same gallery.

    Args:
        engine: of the other recogniser.
        gallery: whose photographs it looks at.
    """

    def __init__(self, engine: Engine, gallery: Gallery) -> None:
        self.engine = engine
        self._gallery = gallery
        self._vectors: dict[int, np.ndarray | None] = {}  # None: its photograph is of no use
        self._seen_changes = -1
        self._known = Known(np.zeros((0, engine.embedding_dim), "f4"), np.zeros(0, int), {}, 0)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Begins to look at the gallery's photographs."""
        self._thread.start()

    def close(self) -> None:
        """Ends the work; it returns after the photographs at hand."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def progress(self) -> tuple[int, int]:
        """How many of the gallery's faces it can compare with, and how many there are."""
        known = self._known
        return len(known.faces), known.total

    def nearest(self, query: np.ndarray, k: int) -> list[Candidate]:
        """Returns the k people whose best photograph is the most similar, the nearest first.

        Args:
            query: (E,) of length 1; zeros have no candidates.
            k: at most.
        """
        known = self._known
        if not len(known.faces) or not query.any():
            return []
        cosines = known.vectors @ query
        best: dict[int, Candidate] = {}
        for place in np.argsort(-cosines, kind="stable").tolist():
            face = int(known.faces[place])
            person, name = known.people[face]
            best.setdefault(person, Candidate(person, name, float(cosines[place]), face))
            if len(best) == k:
                break
        return [*best.values()]

    def catch_up(self) -> None:
        """Looks at the photographs that are new in the gallery, and forgets those that are gone."""
        changes = self._gallery.change_counter
        if changes == self._seen_changes:
            return
        ids = {person.name: person.person_id for person in self._gallery.people()}
        photographs = self._gallery.photographs()
        here = {each.face_id for each in photographs}
        self._vectors = {face: self._vectors[face] for face in here & self._vectors.keys()}
        self._show(photographs, ids)
        new = [each for each in photographs if each.face_id not in self._vectors][:MAX_FACES]
        for start in range(0, len(new), AT_ONCE):
            if self._ended.is_set():
                return
            self._embed(new[start : start + AT_ONCE])
            self._show(photographs, ids)
        self._seen_changes = changes

    def _embed(self, photographs: list[Photograph]) -> None:
        paths = [each.path for each in photographs]
        for each, (_, found) in zip(photographs, self.engine.over_files(paths, None), strict=True):
            faces = [] if isinstance(found, ValueError) else [one for one in found if one.usable]
            face = max(faces, key=lambda one: overlap(one.box, each.box), default=None)
            is_same = face is not None and overlap(face.box, each.box) >= SAME_FACE_OVERLAP
            self._vectors[each.face_id] = face.embedding if face and is_same else None

    def _show(self, photographs: list[Photograph], ids: dict[str, int]) -> None:
        vectors = {face: vector for face, vector in self._vectors.items() if vector is not None}
        self._known = Known(
            np.stack([*vectors.values()]) if vectors else self._known.vectors[:0],
            np.array([*vectors], int),
            {each.face_id: (ids.get(each.name, 0), each.name) for each in photographs},
            len(photographs),
        )

    def _work(self) -> None:
        while True:
            try:
                self.catch_up()
            except (GalleryError, OSError) as error:
                log.warning("the other recogniser waits: %s", type(error).__name__)
            if self._ended.wait(PAUSE):
                return
