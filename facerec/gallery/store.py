"""A gallery: people, their photographs and embeddings, in one SQLite file.

Several processes may use it at once, and several threads one `Gallery`. What a method has returned
is on the disk: a kill loses nothing of it.
"""

import difflib
import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from facerec.gallery.database import (
    READ_ONLY,
    connect,
    damaged,
    is_empty,
    make_tables,
    readable_errors,
)
from facerec.gallery.records import (
    BLOCK_ROWS,
    NORM_TOLERANCE,
    Block,
    Enrolled,
    GalleryError,
    NameTaken,
    NewFace,
    News,
    OtherModel,
    OtherPersonsFace,
    Person,
    Photograph,
    UnknownPerson,
    Version,
    embedding_bytes,
    normal_name,
)

SAME_FACE_OVERLAP = 0.5  # intersection over union of two boxes of one face
FINGERPRINT_SHOWN = 12  # characters


class Gallery:
    """A gallery that is open; `Gallery.open` opens it. It is a context manager."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.RLock()
        self._file = os.stat(path)
        row = connection.execute("SELECT fingerprint, embedding_dim, model FROM gallery").fetchone()
        if row is None:
            raise damaged(path, "the model is not recorded")
        self.fingerprint: str
        self.embedding_dim: int
        self.model: str
        self.fingerprint, self.embedding_dim, self.model = row

    @classmethod
    def open(
        cls,
        path: Path,
        fingerprint: str | None,
        embedding_dim: int | None,
        model: str = "",
        create: bool = False,
    ) -> Self:
        """Returns the gallery of a file.

        Args:
            path: of the file.
            fingerprint: of the model whose embeddings are compared; None opens the gallery of any
                model, for what needs none.
            embedding_dim: E; None as for the fingerprint.
            model: its name, for people to read.
            create: whether to make a gallery if there is none. It needs a fingerprint.

        Raises:
            GalleryError: no gallery, a damaged one, or one of a newer version.
            OtherModel: it has the embeddings of another model.
            OSError: it cannot be opened.
        """
        connection = connect(path, create)
        try:
            with readable_errors(path):
                if is_empty(connection):
                    if fingerprint is None or embedding_dim is None:
                        raise ValueError("a new gallery needs the fingerprint of a model")
                    connection.execute("BEGIN IMMEDIATE")
                    make_tables(connection, fingerprint, embedding_dim, model)
                    connection.execute("COMMIT")
                gallery = cls(path, connection)
            if fingerprint is not None and gallery.fingerprint != fingerprint:
                raise OtherModel(
                    f"{path}: its embeddings are of {_called(gallery.model, gallery.fingerprint)}, "
                    f"and not of {_called(model, fingerprint)}: cosines between the two mean "
                    f"nothing. `facerec gallery re-embed {path.name}` embeds the photographs "
                    "again, or choose the other model by --model"
                )
        except BaseException:
            connection.close()
            raise
        return gallery

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def change_counter(self) -> int:
        """Returns a number that grows with every change, by whatever process."""
        with self._reading() as connection:
            return connection.execute("SELECT changes FROM gallery").fetchone()[0]

    def people(self) -> list[Person]:
        """Returns the people, by name."""
        query = (
            "SELECT people.id, name, count(faces.id) FROM people LEFT JOIN faces "
            "ON faces.person = people.id GROUP BY people.id"
        )
        with self._reading() as connection:
            found = [Person(*row) for row in connection.execute(query)]
        return sorted(found, key=lambda person: (person.name.casefold(), person.name))

    def photographs(self, name: str | None = None) -> list[Photograph]:
        """Returns the photographs of a person, or of all people, in the order of enrolment.

        Raises:
            UnknownPerson: nobody has the name.
        """
        query = (
            "SELECT faces.id, name, path, sha256, box, points FROM faces "
            "JOIN people ON people.id = person JOIN photographs ON photographs.id = photograph"
        )
        with self._reading() as connection:
            if name is None:
                rows = connection.execute(f"{query} ORDER BY faces.id").fetchall()
            else:
                person = self._person_id(name)
                rows = connection.execute(
                    f"{query} WHERE person = ? ORDER BY faces.id", (person,)
                ).fetchall()
        try:
            return [
                Photograph(
                    face_id=face_id,
                    name=person_name,
                    path=Path(os.fsdecode(path)),
                    sha256=sha256,
                    box=np.array(json.loads(box), float).reshape(4),
                    points=np.array(json.loads(points), float).reshape(5, 2),
                )
                for face_id, person_name, path, sha256, box, points in rows
            ]
        except ValueError as error:
            raise damaged(self.path, error) from None

    def thumbnail(self, face_id: int) -> bytes:
        """Returns the JPEG of a face.

        Raises:
            GalleryError: no such face.
        """
        with self._reading() as connection:
            row = connection.execute(
                "SELECT jpeg FROM thumbnails WHERE face = ?", (face_id,)
            ).fetchone()
        if row is None:
            raise self._no_face(face_id)
        return row[0]

    def embeddings(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns embeddings (N, E) float32, person_ids (N,) and face_ids (N,), by face_id.

        Raises:
            GalleryError: an embedding is damaged.
        """
        blocks = self.news(Version()).blocks
        if not blocks:
            return np.zeros((0, self.embedding_dim), "f4"), np.zeros(0, int), np.zeros(0, int)
        return (
            np.concatenate([block.vectors for block in blocks]),
            np.concatenate([block.people for block in blocks]),
            np.concatenate([block.faces for block in blocks]),
        )

    def news(self, seen: Version) -> News:
        """Returns what has changed since a search has read the gallery, in one view of it.

        Args:
            seen: what it read last; `Version()` reads all.

        Raises:
            GalleryError: an embedding is damaged.
        """
        query = (
            "SELECT face, person, vector FROM embeddings JOIN faces ON faces.id = face "
            "WHERE face > ? ORDER BY face"
        )
        with self._reading() as connection:
            changes, rebuilds = connection.execute(
                "SELECT changes, rebuilds FROM gallery"
            ).fetchone()
            if changes == seen.changes:
                return News(seen, {}, [], is_all=False)
            is_all = rebuilds != seen.rebuilds
            last_face = 0 if is_all else seen.last_face
            blocks = []
            cursor = connection.execute(query, (last_face,))
            while rows := cursor.fetchmany(BLOCK_ROWS):
                blocks.append(self._block(rows))
            if blocks:
                last_face = int(blocks[-1].faces[-1])
            names = dict(connection.execute("SELECT id, name FROM people"))
        return News(Version(changes, rebuilds, last_face), names, blocks, is_all)

    def _block(self, rows: list[tuple[int, int, bytes]]) -> Block:
        faces, people, vectors = zip(*rows, strict=True)
        content = b"".join(vectors)
        if len(content) != len(rows) * self.embedding_dim * 4:
            raise damaged(self.path, "an embedding has another size")
        block = np.frombuffer(content, "<f4").reshape(len(rows), self.embedding_dim)
        squares = np.einsum("ij,ij->i", block, block)
        if not (abs(squares - 1) <= 3 * NORM_TOLERANCE).all():  # of NaN too
            raise damaged(self.path, "the length of an embedding is not 1")
        return Block(block, np.array(people), np.array(faces))

    def add(self, face: NewFace, force: bool = False) -> Enrolled:
        """Returns what became of a face, which is enrolled, and its person if new; see `add_all`.

        A photograph that the person has already is not added again.
        """
        return self.add_all([face], force)[0]

    def add_all(self, faces: Sequence[NewFace], force: bool = False) -> list[Enrolled]:
        """Returns what became of the faces, which are enrolled together, or none of them.

        Args:
            faces: of any people.
            force: whether to enrol a face that is enrolled as somebody else's as well.

        Raises:
            OtherPersonsFace: the same face of the same file is somebody else's.
            GalleryError: a name or an embedding is not usable.
            OSError: the disk is full, the file may only be read, another process holds it.
        """
        with self._writing(rebuilds=False) as connection:
            return [self._add(connection, face, force) for face in faces]

    def rename(self, old: str, new: str) -> None:
        """Gives a person another name.

        Raises:
            UnknownPerson: nobody has the old name.
            NameTaken: somebody else has the new one.
        """
        name = normal_name(new)
        with self._writing(rebuilds=False) as connection:
            person = self._person_id(old)
            other = connection.execute("SELECT id FROM people WHERE name = ?", (name,)).fetchone()
            if other is not None and other != (person,):
                raise NameTaken(
                    f"{self.path}: somebody is called {name} already; to make the two one person, "
                    "merge them"
                )
            connection.execute("UPDATE people SET name = ? WHERE id = ?", (name, person))

    def merge(self, name: str, into: str) -> None:
        """Makes two people one, who keeps the second name and has the photographs of both.

        Raises:
            UnknownPerson: nobody has one of the names.
            GalleryError: both are the same person.
        """
        with self._writing(rebuilds=True) as connection:
            person, kept = self._person_id(name), self._person_id(into)
            if person == kept:
                raise GalleryError(f"{self.path}: {name} and {into} are one person already")
            connection.execute(
                "DELETE FROM faces WHERE person = ? AND photograph IN "
                "(SELECT photograph FROM faces WHERE person = ?)",
                (person, kept),
            )
            connection.execute("UPDATE faces SET person = ? WHERE person = ?", (kept, person))
            connection.execute("DELETE FROM people WHERE id = ?", (person,))

    def remove(self, name: str) -> int:
        """Removes a person with all photographs, embeddings and thumbnails; returns how many.

        The bytes are overwritten in the gallery's file. The photographs' files stay.

        Raises:
            UnknownPerson: nobody has the name.
        """
        with self._writing(rebuilds=True) as connection:
            person = self._person_id(name)
            removed = connection.execute("DELETE FROM faces WHERE person = ?", (person,)).rowcount
            connection.execute("DELETE FROM people WHERE id = ?", (person,))
            self._remove_unused(connection)
        self._forget_log()
        return removed

    def remove_photograph(self, face_id: int) -> None:
        """Removes one photograph of one person, and the person with the last one.

        Raises:
            GalleryError: no such face.
        """
        with self._writing(rebuilds=True) as connection:
            if not connection.execute("DELETE FROM faces WHERE id = ?", (face_id,)).rowcount:
                raise self._no_face(face_id)
            self._remove_unused(connection)
        self._forget_log()

    def replace_embeddings(
        self, fingerprint: str, embedding_dim: int, model: str, embeddings: dict[int, np.ndarray]
    ) -> list[int]:
        """Changes to another model, all faces at once; returns the faces that still need it.

        Args:
            fingerprint: of the model.
            embedding_dim: E of the model.
            model: its name, for people to read.
            embeddings: by face_id, (E,) of length 1. Those of faces that are gone by now are left
                out. If one is missing, because another process has added its face meanwhile, then
                nothing is changed.
        """
        vectors = {
            face_id: embedding_bytes(vector, embedding_dim)
            for face_id, vector in embeddings.items()
        }
        with self._writing(rebuilds=True) as connection:
            faces = [face_id for (face_id,) in connection.execute("SELECT id FROM faces")]
            missing = [face_id for face_id in faces if face_id not in vectors]
            if missing:
                return missing
            connection.executemany(
                "UPDATE embeddings SET vector = ? WHERE face = ?",
                [(vectors[face_id], face_id) for face_id in faces],
            )
            connection.execute(
                "UPDATE gallery SET fingerprint = ?, embedding_dim = ?, model = ?",
                (fingerprint, embedding_dim, model),
            )
        self.fingerprint, self.embedding_dim, self.model = fingerprint, embedding_dim, model
        self._forget_log()
        return []

    def _add(self, connection: sqlite3.Connection, face: NewFace, force: bool) -> Enrolled:
        name = normal_name(face.name)
        vector = embedding_bytes(face.embedding, self.embedding_dim)
        box = np.asarray(face.box, float).reshape(4)
        path = os.fsencode(os.path.abspath(face.photograph))
        connection.execute(
            "INSERT INTO photographs (sha256, path) VALUES (?, ?) "
            "ON CONFLICT (sha256) DO UPDATE SET path = excluded.path",
            (face.sha256, path),
        )
        (photograph,) = connection.execute(
            "SELECT id FROM photographs WHERE sha256 = ?", (face.sha256,)
        ).fetchone()
        connection.execute("INSERT OR IGNORE INTO people (name) VALUES (?)", (name,))
        (person,) = connection.execute("SELECT id FROM people WHERE name = ?", (name,)).fetchone()
        there = connection.execute(
            "SELECT faces.id, person, name, box FROM faces JOIN people ON people.id = person "
            "WHERE photograph = ?",
            (photograph,),
        ).fetchall()
        for face_id, other, other_name, other_box in there:
            if other == person:
                return Enrolled(face_id, person, is_new=False)
            if not force and _overlap(box, json.loads(other_box)) >= SAME_FACE_OVERLAP:
                raise OtherPersonsFace(
                    f"{face.photograph}: this face is enrolled as {other_name}, and not as {name}; "
                    "remove it there, merge the two, or enrol it for both with --force"
                )
        points = np.asarray(face.points, float).reshape(5, 2)
        face_id = connection.execute(
            "INSERT INTO faces (person, photograph, box, points) VALUES (?, ?, ?, ?)",
            (person, photograph, json.dumps(box.tolist()), json.dumps(points.tolist())),
        ).lastrowid
        connection.execute("INSERT INTO embeddings VALUES (?, ?)", (face_id, vector))
        connection.execute("INSERT INTO thumbnails VALUES (?, ?)", (face_id, face.thumbnail))
        assert face_id is not None
        return Enrolled(face_id, person, is_new=True)

    def _person_id(self, name: str) -> int:
        query = "SELECT id FROM people WHERE name = ?"
        if row := self._connection.execute(query, (normal_name(name),)).fetchone():
            return row[0]
        names = [other for (other,) in self._connection.execute("SELECT name FROM people")]
        near = difflib.get_close_matches(name, names, n=3)
        hint = f"; similar: {', '.join(near)}" if near else ""
        raise UnknownPerson(f"{self.path}: nobody is called {name}{hint}")

    def _no_face(self, face_id: int) -> GalleryError:
        return GalleryError(f"{self.path}: no photograph has the number {face_id}")

    @staticmethod
    def _remove_unused(connection: sqlite3.Connection) -> None:
        """Removes photographs that show nobody, and people without photographs."""
        connection.execute("DELETE FROM photographs WHERE id NOT IN (SELECT photograph FROM faces)")
        connection.execute("DELETE FROM people WHERE id NOT IN (SELECT person FROM faces)")

    def _forget_log(self) -> None:
        """Empties the write-ahead log, where what was removed may still be.

        While another process reads, it stays until the next time or until all have closed.
        """
        with self._lock:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One view of the gallery for all that is read inside, whatever others write."""
        with self._lock, readable_errors(self.path):
            if self._connection.in_transaction:  # inside another one
                yield self._connection
                return
            self._connection.execute("BEGIN")
            try:
                self._check_model()
                yield self._connection
            finally:
                self._connection.execute("ROLLBACK")

    @contextmanager
    def _writing(self, rebuilds: bool) -> Iterator[sqlite3.Connection]:
        """All or nothing of what is written inside; it is on the disk afterwards."""
        with self._lock, readable_errors(self.path):
            self._check_file()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._check_model()
                yield self._connection
                self._connection.execute(
                    "UPDATE gallery SET changes = changes + 1, rebuilds = rebuilds + ?", (rebuilds,)
                )
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite ends it itself on a full disk
                    self._connection.execute("ROLLBACK")
                raise

    def _check_file(self) -> None:
        """Raises OSError if the file is no longer there: what is written would be lost."""
        if not self.path.exists() or not os.path.samestat(self._file, os.stat(self.path)):
            raise FileNotFoundError(
                2, "the gallery was moved, replaced or deleted after it was opened", str(self.path)
            )
        if not os.access(self.path, os.W_OK):
            raise PermissionError(13, READ_ONLY, str(self.path))

    def _check_model(self) -> None:
        """Raises OtherModel if another process has changed the model since this one opened it."""
        (now,) = self._connection.execute("SELECT fingerprint FROM gallery").fetchone()
        if now != self.fingerprint:
            raise OtherModel(
                f"{self.path}: another process has embedded the gallery again for another model; "
                "open it again with that"
            )


def _called(model: str, fingerprint: str) -> str:
    """Returns a model's name and the beginning of its fingerprint."""
    return f"{model or 'a model'} ({fingerprint[:FINGERPRINT_SHOWN]})"


def _overlap(first: np.ndarray, second: Sequence[float]) -> float:
    """Returns the intersection over union of two boxes (4,) x, y, width, height."""
    x, y, width, height = first
    other_x, other_y, other_width, other_height = second
    across = min(x + width, other_x + other_width) - max(x, other_x)
    down = min(y + height, other_y + other_height) - max(y, other_y)
    common = max(0.0, across) * max(0.0, down)
    return common / (width * height + other_width * other_height - common)
