"""What the page does: photographs are looked at, compared with the gallery, and enrolled in it."""

from dataclasses import dataclass

import cv2
import numpy as np

from facerec.app import answers, messages
from facerec.app.heatmaps import heatmap_pictures
from facerec.app.kept import KeptPhotographs
from facerec.app.looking import SAME_FACE_OVERLAP, Engine, Seen, look, overlap, thumbnail
from facerec.app.other import OtherRecogniser
from facerec.app.together import Together
from facerec.app.uploads import Upload
from facerec.engine.faces import Face
from facerec.gallery.approximate import make_search
from facerec.gallery.errors import UnknownPerson
from facerec.gallery.records import NewFace
from facerec.gallery.store import Gallery

CANDIDATES = 5  # of a face
JPEG_QUALITY = 90  # of a thumbnail


@dataclass(frozen=True)
class Limits:
    """What one request may ask for.

    Attributes:
        max_bytes: of a photograph.
        max_pixels: of a photograph.
    """

    max_bytes: int = 64 * 2**20
    max_pixels: int = 100_000_000


class Service:
    """All that the page can do. Several threads may use it.

    Args:
        engine: whose embeddings the gallery holds.
        gallery: the people.
        other: another recogniser to show beside it.
        limits: of a request.
        probes: lists of an approximate index that are searched; None searches all faces.

    Raises:
        ValueError: `probes` needs a library that is not installed.
    """

    def __init__(
        self,
        engine: Engine,
        gallery: Gallery,
        other: OtherRecogniser | None = None,
        limits: Limits | None = None,
        probes: int | None = None,
    ) -> None:
        self.engine, self.gallery, self.other = engine, gallery, other
        self.limits = limits or Limits()
        self._faces = Together(engine).faces
        self._search = make_search(gallery, probes)
        self._kept = KeptPhotographs(gallery)
        self._kept.delete_unnamed()

    def about(self) -> messages.About:
        """Returns what the page works with."""
        people = self.gallery.people()
        photographs = sum(person.photographs for person in people)
        recognisers = [answers.recogniser(self.engine, photographs)]
        if self.other is not None:
            recognisers.append(answers.recogniser(self.other.engine, self.other.progress[0]))
        return messages.About(
            gallery=self.gallery.path.name,
            people=len(people),
            photographs=photographs,
            recognisers=recognisers,
            max_bytes=self.limits.max_bytes,
            max_pixels=self.limits.max_pixels,
        )

    def detect(self, upload: Upload, with_heatmaps: bool) -> messages.Detected:
        """Returns the faces of a photograph.

        Raises:
            Refused: it cannot be read.
        """
        seen = self._look(upload)
        heatmaps: list[list[np.ndarray]] = [[] for _ in seen.faces]
        if with_heatmaps:
            heatmaps = heatmap_pictures(self.engine, upload, seen)
        return messages.Detected(
            width=seen.header.width,
            height=seen.header.height,
            faces=[
                answers.found_face(face, of_face)
                for face, of_face in zip(seen.faces, heatmaps, strict=True)
            ],
        )

    def identify(self, upload: Upload, with_embeddings: bool) -> messages.Identified:
        """Returns the faces of a photograph, each with the people whom it may show.

        Raises:
            Refused: it cannot be read.
        """
        seen = self._look(upload)
        opinions = self._opinions(upload, seen)
        embeddings = np.zeros((len(seen.faces), self.engine.embedding_dim), "f4")
        for row, face in zip(embeddings, seen.faces, strict=True):
            row[:] = face.embedding
        found = self._search.nearest(embeddings, CANDIDATES)
        faces = [
            messages.IdentifiedFace(
                **answers.found_face(face, []).model_dump(),
                name=answers.name_of(self.engine, people),
                candidates=answers.candidates(self.engine, people),
                other=opinion,
                embedding=(
                    answers.as_text(face.embedding) if with_embeddings and face.usable else None
                ),
            )
            for face, people, opinion in zip(seen.faces, found, opinions, strict=True)
        ]
        return messages.Identified(width=seen.header.width, height=seen.header.height, faces=faces)

    def names(self, embeddings: list[str]) -> messages.NamedFaces:
        """Returns whom faces may show that were looked at before.

        Args:
            embeddings: as `identify` gives them.

        Raises:
            ValueError: one is none of this engine.
        """
        queries = answers.as_embeddings(embeddings, self.engine.embedding_dim)
        return messages.NamedFaces(
            faces=[
                messages.NamedFace(
                    name=answers.name_of(self.engine, people),
                    candidates=answers.candidates(self.engine, people),
                )
                for people in self._search.nearest(queries, CANDIDATES)
            ]
        )

    def verify(self, first: Upload, second: Upload) -> messages.Compared:
        """Returns whether the largest faces of two photographs are one person.

        Raises:
            Refused: one cannot be read, or has no face that can be compared.
        """
        seen = [self._look(each) for each in (first, second)]
        faces = [each.largest() for each in seen]
        judgements = [answers.judgement(self.engine, *faces)]
        if self.other is not None:
            theirs = [
                self._by_other(upload, face)
                for upload, face in zip((first, second), faces, strict=True)
            ]
            if theirs[0] is not None and theirs[1] is not None:
                judgements.append(answers.judgement(self.other.engine, theirs[0], theirs[1]))
        return messages.Compared(
            judgements=judgements, faces=[answers.found_face(face, []) for face in faces]
        )

    def enroll(
        self, upload: Upload, name: str, box: np.ndarray | None, force: bool
    ) -> messages.Enrolled:
        """Returns what became of a face, which is enrolled.

        Args:
            upload: the photograph. It is kept.
            name: of the person, who is new or has photographs already.
            box: (4,) of the face, px; None where there is only one.
            force: whether to enrol a face that is enrolled as somebody else's as well.

        Raises:
            Refused: the photograph cannot be used.
            GalleryError: the gallery refuses the name or the face.
            OSError: the gallery cannot be written.
        """
        seen = self._look(upload)
        face = seen.face_at(box)
        picture = cv2.cvtColor(thumbnail(upload, face), cv2.COLOR_RGB2BGR)
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
        with self._kept.keeping(upload, seen.header.suffix) as path:
            enrolled = self.gallery.add(
                NewFace(
                    name=name,
                    photograph=path,
                    sha256=upload.sha256,
                    box=face.box,
                    points=face.points,
                    embedding=face.embedding,
                    thumbnail=jpeg.tobytes(),
                ),
                force,
            )
        return messages.Enrolled(
            person=enrolled.person_id,
            name=self._name(enrolled.person_id),
            photograph=enrolled.face_id,
            is_new=enrolled.is_new,
        )

    def people(self, query: str, limit: int) -> messages.People:
        """Returns the people whose names contain a text, by name."""
        everybody = self.gallery.people()
        wanted = query.strip().casefold()
        chosen = [each for each in everybody if wanted in each.name.casefold()][:limit]
        photographs: dict[str, list[int]] = {each.name: [] for each in chosen}
        for photograph in self.gallery.photographs() if chosen else []:
            if photograph.name in photographs:
                photographs[photograph.name].append(photograph.face_id)
        return messages.People(
            people=[
                messages.Person(
                    person=each.person_id, name=each.name, photographs=photographs[each.name]
                )
                for each in chosen
            ],
            total=len(everybody),
        )

    def rename(self, person: int, name: str) -> None:
        """Gives a person another name; raises as `Gallery.rename`."""
        self.gallery.rename(self._name(person), name)

    def merge(self, person: int, into: int) -> None:
        """Makes two people one, who keeps the second's name; raises as `Gallery.merge`."""
        self.gallery.merge(self._name(person), self._name(into))

    def remove(self, person: int) -> None:
        """Removes a person and the photographs; raises as `Gallery.remove`."""
        self.gallery.remove(self._name(person))
        self._kept.delete_unnamed()

    def remove_photograph(self, photograph: int) -> None:
        """Removes a photograph of a person; raises as `Gallery.remove_photograph`."""
        self.gallery.remove_photograph(photograph)
        self._kept.delete_unnamed()

    def _look(self, upload: Upload) -> Seen:
        return look(self._faces, upload, self.limits.max_pixels)

    def _name(self, person: int) -> str:
        for each in self.gallery.people():
            if each.person_id == person:
                return each.name
        raise UnknownPerson(f"nobody has the number {person} any more: load the page again")

    def _opinions(self, upload: Upload, seen: Seen) -> list[messages.Opinion | None]:
        """Returns what the other recogniser says of each face."""
        if self.other is None or not seen.faces:
            return [None] * len(seen.faces)
        theirs = look(self.other.faces, upload, self.limits.max_pixels).faces
        return [self._opinion(_same_face(face, theirs)) for face in seen.faces]

    def _opinion(self, face: Face | None) -> messages.Opinion:
        assert self.other is not None
        engine = self.other.engine
        people = self.other.nearest(face.embedding, CANDIDATES) if face is not None else []
        compared_with, photographs = self.other.progress
        return messages.Opinion(
            recogniser=answers.recogniser_name(engine),
            names=engine.operating_point is not None,
            name=answers.name_of(engine, people),
            candidates=answers.candidates(engine, people),
            compared_with=compared_with,
            photographs=photographs,
        )

    def _by_other(self, upload: Upload, face: Face) -> Face | None:
        assert self.other is not None
        theirs = look(self.other.faces, upload, self.limits.max_pixels).faces
        return _same_face(face, [each for each in theirs if each.usable])


def _same_face(face: Face, others: list[Face]) -> Face | None:
    """Returns the one of other faces that has the same box, if there is one."""
    found = max(others, key=lambda each: overlap(each.box, face.box), default=None)
    is_same = found is not None and overlap(found.box, face.box) >= SAME_FACE_OVERLAP
    return found if is_same else None
