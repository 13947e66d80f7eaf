"""A gallery for another model: its photographs are embedded again."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from facerec.gallery.errors import GalleryError
from facerec.gallery.records import Photograph, box_overlap
from facerec.gallery.store import Gallery

SAME_PLACE = 0.3  # intersection over union of a face's box and of the one that is found now
SHOWN = 3  # problems in a message


class FoundFace(Protocol):
    """What is needed of `facerec.engine.faces.Face`."""

    @property
    def box(self) -> np.ndarray: ...

    @property
    def embedding(self) -> np.ndarray: ...

    @property
    def usable(self) -> bool: ...


class Engine(Protocol):
    """What is needed of `facerec.engine.engine.FaceEngine`."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def embedding_dim(self) -> int: ...

    def over_files(
        self, paths: Sequence[Path], title: str | None
    ) -> Iterator[tuple[Path, Sequence[FoundFace] | ValueError]]: ...


@dataclass(frozen=True)
class ReEmbedded:
    """What became of a gallery's faces.

    Attributes:
        faces: how many have an embedding of the new model.
        dropped: how many were removed, because it cannot be made.
    """

    faces: int
    dropped: int


def re_embed(gallery: Gallery, engine: Engine, model: str, drop: bool) -> ReEmbedded:
    """Embeds all photographs again and changes the gallery to the new model, all at once.

    Until that instant the gallery is as before, for other processes too. What they add meanwhile
    is embedded as well.

    Args:
        gallery: of any model.
        engine: of the new model.
        model: its name, for people to read.
        drop: whether to remove faces that cannot be embedded again: the file is no longer there,
            has been changed, or the face is not found in it.

    Raises:
        GalleryError: there are such faces, and they are not to be removed.
    """
    found: dict[int, np.ndarray] = {}
    problems: dict[int, str] = {}
    todo = gallery.photographs()
    while True:
        for photograph, result in _embedded(todo, engine):
            if isinstance(result, str):
                problems[photograph.face_id] = f"{photograph.path}: {result}"
            else:
                found[photograph.face_id] = result
        if problems and not drop:
            first = "; ".join(list(problems.values())[:SHOWN])
            raise GalleryError(
                f"{gallery.path}: {len(problems)} of {len(found) + len(problems)} faces cannot be "
                f"embedded again, and nothing was changed: {first}. Put the photographs back, or "
                "remove these faces with --drop"
            )
        missing = gallery.replace_embeddings(
            engine.fingerprint, engine.embedding_dim, model, found, list(problems)
        )
        if not missing:
            return ReEmbedded(len(found), len(problems))
        todo = [one for one in gallery.photographs() if one.face_id in set(missing)]


def _embedded(
    photographs: Sequence[Photograph], engine: Engine
) -> Iterator[tuple[Photograph, np.ndarray | str]]:
    """Yields each photograph with the embedding (E,) of the face, or why there is none."""
    by_path: dict[Path, list[Photograph]] = {}
    for photograph in photographs:
        if problem := _problem(photograph):
            yield photograph, problem
        else:
            by_path.setdefault(photograph.path, []).append(photograph)
    for path, faces in engine.over_files(list(by_path), "embed"):
        for photograph in by_path[path]:
            yield photograph, _match(photograph, faces)


def _problem(photograph: Photograph) -> str | None:
    """Returns why a photograph's file cannot be used."""
    try:
        with photograph.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return error.strerror or "cannot be read"
    return None if digest == photograph.sha256 else "the file was changed after it was enrolled"


def _match(photograph: Photograph, faces: Sequence[FoundFace] | ValueError) -> np.ndarray | str:
    """Returns the embedding of the face that is where the enrolled one was."""
    if isinstance(faces, ValueError):
        return str(faces).removeprefix(f"{photograph.path}: ")
    usable = [face for face in faces if face.usable]
    overlaps = [box_overlap(photograph.box, face.box) for face in usable]
    if not usable or max(overlaps) < SAME_PLACE:
        return "no usable face is found where it was"
    return usable[int(np.argmax(overlaps))].embedding
