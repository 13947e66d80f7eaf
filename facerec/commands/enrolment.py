"""Photographs of known people, put into a gallery."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np

from facerec.collections.layouts import printable
from facerec.commands.inputs import Source
from facerec.commands.output import Output
from facerec.engine.engine import FaceEngine
from facerec.engine.faces import Face
from facerec.gallery.errors import GalleryError
from facerec.gallery.records import NewFace
from facerec.gallery.store import Gallery
from facerec.parallel import parallel_map

Rule = Literal["alike", "largest", "skip"]
NO_FACE = "no face found"
NOT_USABLE = "a face, but its points are not those of a face"


@dataclass
class Enrolment:
    """Enrols photographs, each as soon as its face is known. What was enrolled outlives a kill.

    Attributes:
        gallery: that takes them.
        engine: that finds the faces.
        output: that is told of each photograph.
        rule: which of several faces is the person's: the one most like the person's others, the
            largest, or none.
        force: whether to enrol a face that is enrolled as somebody else's as well.
        counts: photographs by what became of them: `new`, `there_already`, `several_faces`.
    """

    gallery: Gallery
    engine: FaceEngine
    output: Output
    rule: Rule
    force: bool
    counts: Counter[str] = field(default_factory=Counter)

    def enroll(self, sources: Sequence[Source]) -> None:
        """Enrols photographs; those that a person has already are not looked at again."""
        digests = dict(zip(sources, parallel_map(_digest, sources, "read"), strict=True))
        there = {(photograph.sha256, photograph.name) for photograph in self.gallery.photographs()}
        new = []
        for source, digest in digests.items():
            if isinstance(digest, ValueError):
                self.output.problem(source.path, digest)
            elif (digest, source.person) in there:
                self.counts["there_already"] += 1
            else:
                new.append(source)
        waiting: list[tuple[Source, list[Face]]] = []
        results = self.engine.over_files([source.path for source in new], "enroll")
        for source, (path, faces) in zip(new, results, strict=True):
            if isinstance(faces, ValueError):
                self.output.problem(path, faces)
                continue
            usable = [face for face in faces if face.usable]
            if len(usable) > 1:
                self.counts["several_faces"] += 1
            if not usable:
                self.output.problem(path, NOT_USABLE if faces else NO_FACE)
            elif len(usable) == 1 or self.rule == "largest":
                self._add(source, _largest(usable), digests[source])
            elif self.rule == "skip":
                self.output.problem(path, f"shows {len(usable)} faces")
            else:
                waiting.append((source, usable))
        if waiting:
            means = self._mean_embeddings()
            for source, faces in waiting:
                mean = means.get(source.person)
                face = _largest(faces) if mean is None else _most_alike(faces, mean)
                self._add(source, face, digests[source])

    def _add(self, source: Source, face: Face, digest: str | ValueError) -> None:
        new_face = NewFace(
            name=source.person,
            photograph=source.path,
            sha256=str(digest),
            box=face.box,
            points=face.points,
            embedding=face.embedding,
            thumbnail=thumbnail(face),
        )
        try:
            enrolled = self.gallery.add(new_face, self.force)
        except GalleryError as error:
            self.output.problem(source.path, error)
            return
        self.counts["new" if enrolled.is_new else "there_already"] += 1
        self.output.result(
            "",
            {
                "photograph": printable(str(source.path)),
                "name": source.person,
                "face_id": enrolled.face_id,
                "box": [round(value, 2) for value in face.box.tolist()],
                "is_new": enrolled.is_new,
            },
        )

    def _mean_embeddings(self) -> dict[str, np.ndarray]:
        """Returns the mean embedding (E,) of the people in the gallery, by name."""
        embeddings, people, _ = self.gallery.embeddings()
        return {
            person.name: embeddings[people == person.person_id].mean(axis=0)
            for person in self.gallery.people()
        }


def thumbnail(face: Face) -> bytes:
    """Returns the JPEG of an aligned face, by which a gallery shows the person."""
    return cv2.imencode(".jpg", cv2.cvtColor(face.aligned, cv2.COLOR_RGB2BGR))[1].tobytes()


def _digest(source: Source) -> str | ValueError:
    """Returns the SHA-256 of a photograph, or why it cannot be read."""
    try:
        if not source.path.is_file():  # reading a pipe would never end
            return ValueError("not a file" if source.path.exists() else "no such file")
        with source.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return ValueError(error.strerror or "not readable")


def _largest(faces: Sequence[Face]) -> Face:
    return max(faces, key=lambda face: face.box[2] * face.box[3])


def _most_alike(faces: Sequence[Face], mean: np.ndarray) -> Face:
    return max(faces, key=lambda face: float(face.embedding @ mean))
