"""The rows of a gallery's tables: how faces get into them, and out again."""

import json
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facerec.gallery.errors import OtherPersonsFace
from facerec.gallery.records import (
    NORM_TOLERANCE,
    Block,
    Enrolled,
    NewFace,
    Photograph,
    box_overlap,
    embedding_bytes,
    normal_name,
)

SAME_FACE_OVERLAP = 0.5  # intersection over union of two boxes of one face


def add_face(
    connection: sqlite3.Connection, face: NewFace, embedding_dim: int, force: bool
) -> Enrolled:
    """Returns what became of a face, whose rows are written; see `Gallery.add_all`."""
    name = normal_name(face.name)
    vector = embedding_bytes(face.embedding, embedding_dim)
    box = np.asarray(face.box, float).reshape(4)
    points = np.asarray(face.points, float).reshape(5, 2)
    photograph = _photograph_id(connection, face)
    (person,) = connection.execute(
        "INSERT INTO people (name) VALUES (?) "
        "ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id",
        (name,),
    ).fetchone()
    there = connection.execute(
        "SELECT faces.id, person, name, box FROM faces JOIN people ON people.id = person "
        "WHERE photograph = ?",
        (photograph,),
    ).fetchall()
    for face_id, other, _, _ in there:
        if other == person:
            return Enrolled(face_id, person, is_new=False)
    for _, _, other_name, other_box in there:
        if not force and box_overlap(box, json.loads(other_box)) >= SAME_FACE_OVERLAP:
            raise OtherPersonsFace(
                f"{face.photograph}: this face is enrolled as {other_name}, and not as {name}; "
                "remove it there, merge the two, or enrol it for both with --force"
            )
    new = connection.execute(
        "INSERT INTO faces (person, photograph, box, points) VALUES (?, ?, ?, ?)",
        (person, photograph, json.dumps(box.tolist()), json.dumps(points.tolist())),
    ).lastrowid
    assert new is not None
    connection.execute("INSERT INTO embeddings VALUES (?, ?)", (new, vector))
    connection.execute("INSERT INTO thumbnails VALUES (?, ?)", (new, face.thumbnail))
    return Enrolled(new, person, is_new=True)


def _photograph_id(connection: sqlite3.Connection, face: NewFace) -> int:
    """Returns the id of a photograph; its path is where it was seen last."""
    return connection.execute(
        "INSERT INTO photographs (sha256, path) VALUES (?, ?) "
        "ON CONFLICT (sha256) DO UPDATE SET path = excluded.path RETURNING id",
        (face.sha256, os.fsencode(os.path.abspath(face.photograph))),
    ).fetchone()[0]


def remove_unused(connection: sqlite3.Connection) -> None:
    """Removes photographs that show nobody, and people without photographs."""
    connection.execute("DELETE FROM photographs WHERE id NOT IN (SELECT photograph FROM faces)")
    connection.execute("DELETE FROM people WHERE id NOT IN (SELECT person FROM faces)")


def read_photographs(connection: sqlite3.Connection, person: int | None) -> list[Photograph]:
    """Returns the photographs of a person, or of all, by face_id.

    Raises:
        ValueError: a box or points are damaged.
    """
    rows = connection.execute(
        "SELECT faces.id, name, path, sha256, box, points FROM faces "
        "JOIN people ON people.id = person JOIN photographs ON photographs.id = photograph "
        "WHERE :person IS NULL OR person = :person ORDER BY faces.id",
        {"person": person},
    ).fetchall()
    return [
        Photograph(
            face_id=face_id,
            name=name,
            path=Path(os.fsdecode(path)),
            sha256=sha256,
            box=np.array(json.loads(box), float).reshape(4),
            points=np.array(json.loads(points), float).reshape(5, 2),
        )
        for face_id, name, path, sha256, box, points in rows
    ]


def as_block(rows: Sequence[tuple[int, int, bytes]], embedding_dim: int) -> Block:
    """Returns rows of face_id, person_id and embedding as arrays.

    Raises:
        ValueError: an embedding is damaged.
    """
    faces, people, vectors = zip(*rows, strict=True)
    content = b"".join(vectors)
    if len(content) != len(rows) * embedding_dim * 4:
        raise ValueError("an embedding has another size")
    block = np.frombuffer(content, "<f4").reshape(len(rows), embedding_dim)
    squares = np.einsum("ij,ij->i", block, block)
    if not (abs(squares - 1) <= 3 * NORM_TOLERANCE).all():  # of NaN too
        raise ValueError("the length of an embedding is not 1")
    return Block(block, np.array(people), np.array(faces))
