"""The files of an imported collection: CelebA's annotations, and what became of each photograph."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from facerec.annotation_names import LANDMARKS
from facerec.collections.choice import Shown
from facerec.collections.records import Record
from facerec.data.identity import read_names
from facerec.files import write_bytes
from facerec.tables import BOX

IMAGES = "images"
BOXES = "list_bbox.txt"
POINTS = "list_landmarks.txt"
NAMES = "names.csv"
PHOTOGRAPHS = "photographs.csv"
FACES = "faces.csv"
REPORT = "import_report.csv"
IDENTITY = "identity.txt"  # written last: a collection without it is not whole


def person_ids(folder: Path, shown: Iterable[Shown]) -> dict[str, int]:
    """Returns the number of each person, by name: those of an earlier import, then new ones.

    Raises:
        ValueError: the earlier names are not of this form.
    """
    file = folder / NAMES
    try:
        earlier = read_names(file) if file.is_file() else {}
        ids = {name: int(number) for number, name in earlier.items()}
    except ValueError as error:
        raise ValueError(f"{error}; delete {file} to number people anew") from None
    new = sorted({one.name for one in shown} - set(ids))
    start = max(ids.values(), default=0) + 1
    return ids | {name: number for number, name in enumerate(new, start)}


def begin(folder: Path) -> None:
    """Makes the folder, and takes away the mark that its collection is whole."""
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    (folder / IDENTITY).unlink(missing_ok=True)


def write_collection(
    folder: Path,
    shown: Sequence[Shown],
    records: Sequence[Record],
    passed_over: Sequence[tuple[str, str]],
) -> None:
    """Writes the tables, the list of people last, and removes images of no row.

    Args:
        folder: of the collection.
        shown: a row for each image.
        records: of all photographs.
        passed_over: path and reason of what was not taken.
    """
    shown = sorted(shown, key=lambda one: one.image_id)
    ids = person_ids(folder, shown)
    is_taken = {(one.record.path, one.face): one for one in shown}
    _write_csv(folder / NAMES, ["person_id", "name"], ((ids[name], name) for name in ids))
    _write_csv(
        folder / PHOTOGRAPHS,
        ["image_id", "person_id", "original"],
        ((one.image_id, ids[one.name], one.record.path) for one in shown),
    )
    _write_csv(
        folder / FACES,
        ["original", "face", "image_id", "name", "score", *BOX, *LANDMARKS],
        (
            [
                record.path,
                place + 1,
                *_taken(is_taken.get((record.path, place))),
                face.score,
                *face.box,
                *(value for point in face.points for value in point),
            ]
            for record in records
            for place, face in enumerate(record.faces)
        ),
    )
    _write_csv(folder / REPORT, ["original", "reason"], sorted(passed_over))
    boxes = [[one.image_id, *map(round, _at_least_1_px(one.box))] for one in shown]
    points = [
        [one.image_id, *(value for point in one.record.faces[one.face].points for value in point)]
        for one in shown
    ]
    write_bytes(folder / BOXES, _celeba(" ".join(["image_id", *BOX]), boxes))
    write_bytes(folder / POINTS, _celeba(" ".join(LANDMARKS), points))
    image_ids = {one.image_id for one in shown}
    for image in (folder / IMAGES).iterdir():
        if image.name not in image_ids:
            image.unlink()
    identity = "".join(f"{one.image_id} {ids[one.name]}\n" for one in shown)
    write_bytes(folder / IDENTITY, identity.encode())


def _taken(one: Shown | None) -> tuple[str, str]:
    return (one.image_id, one.name) if one else ("", "")


def _at_least_1_px(box: list[float]) -> list[float]:
    return [*box[:2], max(box[2], 1.0), max(box[3], 1.0)]


def _celeba(header: str, rows: Sequence[Sequence[object]]) -> bytes:
    """Returns CelebA's form of a table: the count, the header, and values between blanks."""
    lines = [str(len(rows)), header, *(" ".join(map(str, row)) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def _write_csv(path: Path, header: list[str], rows: Iterable[Sequence[object]]) -> None:
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_bytes(path, content.getvalue().encode("utf-8", "backslashreplace"))
