"""All that a gallery holds, in files that any program reads."""

import csv
import io
import os
from pathlib import Path

import numpy as np

from facerec.annotation_names import LANDMARKS
from facerec.files import write_bytes
from facerec.gallery.store import Gallery

BOX = ["x", "y", "width", "height"]
COLUMNS = ["face_id", "name", "photograph", "sha256", *BOX, *LANDMARKS]


def export(gallery: Gallery, folder: Path) -> int:
    """Writes a gallery's content into a folder; returns the number of faces.

    faces.csv has a row for each face, embeddings.npy (N, E) the same rows, and thumbnails/N.jpg a
    picture for each face_id. The model's name and fingerprint are in model.txt.

    Args:
        gallery: nobody may change it meanwhile.
        folder: is made; it must be empty.

    Raises:
        ValueError: the folder has files in it, or the gallery was changed meanwhile.
        OSError: a file cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder}: expected no such folder, or an empty one")
    changes = gallery.change_counter
    photographs = gallery.photographs()
    vectors, _, _ = gallery.embeddings()
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for one in photographs:
        numbers = [*one.box.tolist(), *one.points.ravel().tolist()]
        rows.writerow([one.face_id, one.name, one.path, one.sha256, *numbers])
        write_bytes(folder / f"thumbnails/{one.face_id}.jpg", gallery.thumbnail(one.face_id))
    if gallery.change_counter != changes:
        raise ValueError(f"{gallery.path}: another process has changed it meanwhile; try again")
    # A path may hold bytes that are no text.
    write_bytes(folder / "faces.csv", os.fsencode(text.getvalue()))
    array = io.BytesIO()
    np.save(array, vectors)
    write_bytes(folder / "embeddings.npy", array.getbuffer())
    write_bytes(folder / "model.txt", f"{gallery.model}\n{gallery.fingerprint}\n".encode())
    return len(photographs)
