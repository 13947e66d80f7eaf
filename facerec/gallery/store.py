"""A gallery: people, their photographs and embeddings, in one SQLite file.

Several processes may use it at once, and several threads one `Gallery`. What a method has returned
is on the disk: a kill loses nothing of it.
"""

import difflib
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from facerec.gallery.database import connect, is_empty, make_tables
from facerec.gallery.errors import (
    GalleryError,
    NameTaken,
    OtherModel,
    UnknownPerson,
    damaged,
    readable_errors,
)
from facerec.gallery.records import (
    BLOCK_ROWS,
    Enrolled,
    NewFace,
    News,
    Person,
    Photograph,
    Version,
    embedding_bytes,
    normal_name,
)
from facerec.gallery.rows import add_face, as_block, read_photographs, remove_unused
from facerec.gallery.transactions import Transactions

FINGERPRINT_SHOWN = 12  # characters


class Gallery:
    """A gallery that is open; `Gallery.open` opens it. It is a context manager."""

    def __init__(self, path: Path, transactions: Transactions) -> None:
        self.path = path
        self._transactions = transactions

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
                transactions = Transactions(path, connection)
            if fingerprint is not None and transactions.fingerprint != fingerprint:
                raise OtherModel(
                    f"{path}: its embeddings are of "
                    f"{_called(transactions.model, transactions.fingerprint)}, and not of "
                    f"{_called(model, fingerprint)}: cosines between the two mean nothing. "
                    f"`facerec gallery re-embed {path.name}` embeds the photographs again, or "
                    "choose the other model by --model"
                )
        except BaseException:
            connection.close()
            raise
        return cls(path, transactions)

    def close(self) -> None:
        """Closes the file."""
        self._transactions.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def fingerprint(self) -> str:
        """Returns the fingerprint of the model."""
        return self._transactions.fingerprint

    @property
    def embedding_dim(self) -> int:
        """Returns E."""
        return self._transactions.embedding_dim

    @property
    def model(self) -> str:
        """Returns the name of the model, for people to read."""
        return self._transactions.model

    @property
    def change_counter(self) -> int:
        """Returns a number that grows with every change, by whatever process."""
        with self._transactions.reading() as connection:
            return connection.execute("SELECT changes FROM gallery").fetchone()[0]

    def people(self) -> list[Person]:
        """Returns the people, by name."""
        query = (
            "SELECT people.id, name, count(*) FROM people JOIN faces ON person = people.id "
            "GROUP BY people.id"
        )
        with self._transactions.reading() as connection:
            found = [Person(*row) for row in connection.execute(query)]
        return sorted(found, key=lambda person: (person.name.casefold(), person.name))

    def photographs(self, name: str | None = None) -> list[Photograph]:
        """Returns the photographs of a person, or of all people, in the order of enrolment.

        Raises:
            UnknownPerson: nobody has the name.
            GalleryError: the gallery is damaged.
        """
        with self._transactions.reading() as connection:
            person = None if name is None else self._person_id(connection, name)
            try:
                return read_photographs(connection, person)
            except (ValueError, TypeError) as error:
                raise damaged(self.path, error) from None

    def thumbnail(self, face_id: int) -> bytes:
        """Returns the JPEG of a face.

        Raises:
            GalleryError: no such face.
        """
        with self._transactions.reading() as connection:
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
        with self._transactions.reading() as connection:
            changes, rebuilds = connection.execute(
                "SELECT changes, rebuilds FROM gallery"
            ).fetchone()
            if changes == seen.changes:
                return News(seen, {}, [], is_all=False)
            is_all = rebuilds != seen.rebuilds
            last_face = 0 if is_all else seen.last_face
            cursor = connection.execute(query, (last_face,))
            blocks = []
            try:
                while rows := cursor.fetchmany(BLOCK_ROWS):
                    blocks.append(as_block(rows, self.embedding_dim))
            except (ValueError, TypeError) as error:
                raise damaged(self.path, error) from None
            if blocks:
                last_face = int(blocks[-1].faces[-1])
            names = dict(connection.execute("SELECT id, name FROM people"))
            if any(not names.keys() >= set(block.people.tolist()) for block in blocks):
                raise damaged(self.path, "a face is of nobody")
        return News(Version(changes, rebuilds, last_face), names, blocks, is_all)

    def add(self, face: NewFace, force: bool = False) -> Enrolled:
        """Returns what became of a face, which is enrolled; see `add_all`."""
        return self.add_all([face], force)[0]

    def add_all(self, faces: Sequence[NewFace], force: bool = False) -> list[Enrolled]:
        """Returns what became of the faces, which are enrolled together, or none of them.

        People who are new are added. A photograph that the person has already, whatever its path,
        is not added again.

        Args:
            faces: of any people.
            force: whether to enrol a face that is enrolled as somebody else's as well.

        Raises:
            OtherPersonsFace: the same face of the same file is somebody else's.
            GalleryError: a name or an embedding is not usable.
            OSError: the disk is full, the file may only be read, another process holds it.
        """
        with self._transactions.writing(rebuilds=False) as connection:
            return [add_face(connection, face, self.embedding_dim, force) for face in faces]

    def rename(self, old: str, new: str) -> None:
        """Gives a person another name.

        Raises:
            UnknownPerson: nobody has the old name.
            NameTaken: somebody else has the new one.
        """
        name = normal_name(new)
        with self._transactions.writing(rebuilds=False) as connection:
            person = self._person_id(connection, old)
            other = connection.execute("SELECT id FROM people WHERE name = ?", (name,)).fetchone()
            if other is not None and other != (person,):
                raise NameTaken(
                    f"{self.path}: somebody is called {name} already; if the two are one person, "
                    "merge them"
                )
            connection.execute("UPDATE people SET name = ? WHERE id = ?", (name, person))
        self._transactions.empty_log()

    def merge(self, name: str, into: str) -> None:
        """Makes two people one, who keeps the second name and has the photographs of both.

        Raises:
            UnknownPerson: nobody has one of the names.
            GalleryError: both are the same person.
        """
        with self._transactions.writing(rebuilds=True) as connection:
            person, kept = (self._person_id(connection, each) for each in (name, into))
            if person == kept:
                raise GalleryError(f"{self.path}: {name} and {into} are one person already")
            connection.execute(
                "DELETE FROM faces WHERE person = ? AND photograph IN "
                "(SELECT photograph FROM faces WHERE person = ?)",
                (person, kept),
            )
            connection.execute("UPDATE faces SET person = ? WHERE person = ?", (kept, person))
            connection.execute("DELETE FROM people WHERE id = ?", (person,))
        self._transactions.empty_log()

    def remove(self, name: str) -> int:
        """Removes a person with all photographs, embeddings and thumbnails; returns how many.

        Their bytes are overwritten in the gallery's file. The photographs' own files stay.

        Raises:
            UnknownPerson: nobody has the name.
        """
        with self._transactions.writing(rebuilds=True) as connection:
            person = self._person_id(connection, name)
            removed = connection.execute("DELETE FROM faces WHERE person = ?", (person,)).rowcount
            remove_unused(connection)
        self._transactions.empty_log()
        return removed

    def remove_photograph(self, face_id: int) -> None:
        """Removes one photograph of one person, and with the last one the person.

        Raises:
            GalleryError: no such face.
        """
        with self._transactions.writing(rebuilds=True) as connection:
            if not connection.execute("DELETE FROM faces WHERE id = ?", (face_id,)).rowcount:
                raise self._no_face(face_id)
            remove_unused(connection)
        self._transactions.empty_log()

    def replace_embeddings(
        self,
        fingerprint: str,
        embedding_dim: int,
        model: str,
        embeddings: Mapping[int, np.ndarray],
        dropped: Collection[int] = (),
    ) -> list[int]:
        """Changes to another model, all faces at once; returns the face_ids that still need it.

        Args:
            fingerprint: of the model.
            embedding_dim: E of the model.
            model: its name, for people to read.
            embeddings: by face_id, (E,) of length 1. If one is missing, as of a face that another
                process has added meanwhile, then nothing is changed.
            dropped: face_ids that are removed.
        """
        vectors = {
            face_id: embedding_bytes(vector, embedding_dim)
            for face_id, vector in embeddings.items()
        }
        gone = set(dropped)
        with self._transactions.writing(rebuilds=True) as connection:
            faces = [face_id for (face_id,) in connection.execute("SELECT id FROM faces")]
            kept = [face_id for face_id in faces if face_id not in gone]
            if missing := [face_id for face_id in kept if face_id not in vectors]:
                return missing
            connection.executemany("DELETE FROM faces WHERE id = ?", ((one,) for one in gone))
            remove_unused(connection)
            connection.executemany(
                "UPDATE embeddings SET vector = ? WHERE face = ?",
                ((vectors[face_id], face_id) for face_id in kept),
            )
            connection.execute(
                "UPDATE gallery SET fingerprint = ?, embedding_dim = ?, model = ?",
                (fingerprint, embedding_dim, model),
            )
        self._transactions.read_model()
        self._transactions.empty_log()
        return []

    def _person_id(self, connection: sqlite3.Connection, name: str) -> int:
        query = "SELECT id FROM people WHERE name = ?"
        if row := connection.execute(query, (normal_name(name),)).fetchone():
            return row[0]
        names = [other for (other,) in connection.execute("SELECT name FROM people")]
        near = difflib.get_close_matches(name, names, n=3)
        hint = f"; similar: {', '.join(near)}" if near else ""
        raise UnknownPerson(f"{self.path}: nobody is called {name}{hint}")

    def _no_face(self, face_id: int) -> GalleryError:
        return GalleryError(f"{self.path}: no photograph has the number {face_id}")


def _called(model: str, fingerprint: str) -> str:
    """Returns a model's name and the beginning of its fingerprint."""
    return f"{model or 'a model'} ({fingerprint[:FINGERPRINT_SHOWN]})"
