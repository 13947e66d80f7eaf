"""What goes into a gallery and comes out of it, and what a name must be."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from facerec.gallery.errors import GalleryError

BLOCK_ROWS = 2**16  # embeddings in one array
NORM_TOLERANCE = 1e-3  # of an embedding's length, which is 1


@dataclass(frozen=True, eq=False)
class NewFace:
    """A face to be enrolled.

    Attributes:
        name: of the person, any Unicode text; it is kept without blanks around it, in the normal
            form NFC.
        photograph: its file; the gallery keeps the path, to embed it again for another model.
        sha256: of the file, hexadecimal.
        box: (4,) x, y, width, height, px of the upright photograph.
        points: (5, 2), px of the upright photograph.
        embedding: (E,) of length 1.
        thumbnail: JPEG of the face, to show it.
    """

    name: str
    photograph: Path
    sha256: str
    box: np.ndarray
    points: np.ndarray
    embedding: np.ndarray
    thumbnail: bytes


@dataclass(frozen=True)
class Enrolled:
    """What became of a face that was handed in.

    Attributes:
        face_id: it is never given to another face.
        person_id: as `face_id`.
        is_new: False if the person had this photograph already.
    """

    face_id: int
    person_id: int
    is_new: bool


@dataclass(frozen=True)
class Person:
    """Somebody in the gallery.

    Attributes:
        person_id: it stays when the person is renamed.
        name: no other person has it.
        photographs: their number.
    """

    person_id: int
    name: str
    photographs: int


@dataclass(frozen=True, eq=False)
class Photograph:
    """A photograph of somebody in the gallery.

    Attributes:
        face_id: of the person's face on it; another person on it has another one.
        name: of the person.
        path: where the file was when it was enrolled.
        sha256: of the file then, hexadecimal.
        box: (4,) x, y, width, height, px of the upright photograph.
        points: (5, 2), px of the upright photograph.
    """

    face_id: int
    name: str
    path: Path
    sha256: str
    box: np.ndarray
    points: np.ndarray


@dataclass(frozen=True, eq=False)
class Block:
    """Some faces of a gallery, by face_id.

    Attributes:
        vectors: (B, E) float32 of length 1.
        people: (B,) person_ids.
        faces: (B,) face_ids.
    """

    vectors: np.ndarray
    people: np.ndarray
    faces: np.ndarray

    def __getitem__(self, rows: slice) -> Self:
        """Returns some of the faces, as views."""
        return type(self)(self.vectors[rows], self.people[rows], self.faces[rows])

    def followed_by(self, other: Self) -> Self:
        """Returns the faces of both."""
        return type(self)(
            np.concatenate([self.vectors, other.vectors]),
            np.concatenate([self.people, other.people]),
            np.concatenate([self.faces, other.faces]),
        )


@dataclass(frozen=True)
class Version:
    """What somebody has read of a gallery.

    Attributes:
        changes: grows with every change.
        rebuilds: grows with every change but added faces and new names.
        last_face: the highest face_id.
    """

    changes: int = -1
    rebuilds: int = -1
    last_face: int = 0


@dataclass(frozen=True)
class News:
    """What has changed in a gallery.

    Attributes:
        version: as of now; the same as before if nothing has changed.
        names: of all people by person_id, if anything has changed.
        blocks: faces that are new; all faces if `is_all`.
        is_all: whether what was read before is to be forgotten.
    """

    version: Version
    names: dict[int, str]
    blocks: list[Block]
    is_all: bool


def normal_name(name: str) -> str:
    """Returns a name as the gallery keeps it: in the normal form NFC, without blanks around it.

    Raises:
        GalleryError: nothing is left, or it has a control character or half a surrogate pair.
    """
    normal = unicodedata.normalize("NFC", name).strip()
    if not normal:
        raise GalleryError(f"a person's name: expected some text, got {name!r}")
    if bad := [char for char in normal if unicodedata.category(char) in ("Cc", "Cs")]:
        raise GalleryError(
            f"a person's name: expected text in one line, got {name!r}, which has {bad[0]!r}"
        )
    return normal


def embedding_bytes(embedding: np.ndarray, embedding_dim: int) -> bytes:
    """Returns an embedding as the gallery keeps it: float32, little-endian.

    Raises:
        GalleryError: it has another size, or its length is not 1, as that of an unusable face.
    """
    vector = np.asarray(embedding, "<f4")
    if vector.shape != (embedding_dim,):
        raise GalleryError(f"an embedding: expected ({embedding_dim},), got {vector.shape}")
    length = float(np.linalg.norm(vector))
    if not abs(length - 1) <= NORM_TOLERANCE:  # NaN too
        raise GalleryError(
            f"an embedding: expected length 1, got {length:g}: the face is not usable; take "
            "another photograph"
        )
    return vector.tobytes()


def box_overlap(first: np.ndarray, second: np.ndarray | Sequence[float]) -> float:
    """Returns the intersection over union of two boxes (4,) x, y, width, height."""
    x, y, width, height = first
    other_x, other_y, other_width, other_height = second
    across = min(x + width, other_x + other_width) - max(x, other_x)
    down = min(y + height, other_y + other_height) - max(y, other_y)
    common = max(0.0, across) * max(0.0, down)
    return common / (width * height + other_width * other_height - common)
