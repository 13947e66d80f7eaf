"""Folders of people's own photographs, brought into CelebA's layout."""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from facerec.collections import collection
from facerec.collections.choice import NO_XMP, Rule, Shown, people_shown
from facerec.collections.examine import NO_NAMES, NOBODY, Examination, Task, version
from facerec.collections.layouts import Found
from facerec.collections.lock import locked
from facerec.collections.originals import read_original, store
from facerec.collections.records import Face, Journal, Record
from facerec.detection.detector import make_detector
from facerec.detection.params import DetectorParams
from facerec.detection.photographs import NO_FACE
from facerec.parallel import parallel_map

OWN_FOLDER = ".import"  # marks a folder as an import's
JOURNAL = "journal.jsonl"
CHUNK_SIZE = 8  # photographs that a process is given at once
FORMAT = 2  # of the journal; another one begins anew
KINDS = {  # what reasons that name a file or a person have in common
    NO_XMP: "XMP is not readable: the photograph was taken without it, if at all",
    "an exact copy": "an exact copy of another",
    "no face found where": "no face found where somebody is marked",
    "not a photograph": "not a photograph",
    "shows ": "a face that two people claim",
}


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        shown: a row for each image of the collection.
        records: of all photographs, by number.
        passed_over: path and reason of what was not taken.
        kept: photographs that an earlier run had examined.
    """

    shown: list[Shown]
    records: list[Record]
    passed_over: list[tuple[str, str]]
    kept: int

    @property
    def people(self) -> int:
        return len({one.name for one in self.shown})

    @property
    def several(self) -> int:
        """Returns how many photographs show several faces, of which a rule took one."""
        return sum(len(one.record.faces) > 1 and not one.record.named for one in self.shown)

    def reasons(self) -> list[tuple[str, int]]:
        """Returns the reasons and how often each came up; those that name files are one."""
        kinds = Counter(_kind(reason) for _, reason in self.passed_over)
        return kinds.most_common()


def _kind(reason: str) -> str:
    return next((kind for start, kind in KINDS.items() if reason.startswith(start)), reason)


def import_photographs(
    folder: Path,
    found: Found,
    out: Path,
    detector: DetectorParams,
    rule: Rule,
    named_only: bool = False,
    link: bool = False,
) -> Imported:
    """Makes a collection of photographs; what an earlier, ended run has done is kept.

    Args:
        folder: of the originals, which are only read.
        found: what lies in it.
        out: folder of the collection: absent, empty, or of an earlier import.
        detector: finds the faces.
        rule: which of several faces is the person's.
        named_only: whether people come from named faces alone.
        link: whether images are hard links.

    Raises:
        ValueError: `out` is in `folder`, holds other files, or is another import's at this moment,
            or no photograph shows anybody.
        OSError: something cannot be written.
    """
    _refuse(folder, out)
    settings = {
        "format": FORMAT,
        "folder": str(folder.resolve()),
        "detector": detector.model_dump(),
        "named_only": named_only,
        "link": link,
    }
    examination = Examination(
        folder.resolve(),
        (out / collection.IMAGES).resolve(),
        make_detector(detector),
        detector.long_side,
        named_only,
        link,
    )
    with locked(out / OWN_FOLDER, out):
        collection.begin(out)
        records, kept = _records(found, examination, Journal(out / OWN_FOLDER / JOURNAL, settings))
        images = out / collection.IMAGES
        shown, left_out = people_shown(records, rule, partial(_descriptors, images))
        imported = Imported(shown, records, [*found.passed_over, *left_out], kept)
        if not shown:
            reasons = "; ".join(f"{count} × {reason}" for reason, count in imported.reasons())
            raise ValueError(f"{folder}: no photograph shows anybody: {reasons}")
        _store_missing(shown, examination)
        collection.write_collection(out, shown, records, imported.passed_over)
        return imported


def _refuse(folder: Path, out: Path) -> None:
    """Raises ValueError for a folder of the collection that holds something else."""
    inner, outer = out.resolve(), folder.resolve()
    if inner.is_relative_to(outer) or outer.is_relative_to(inner):
        raise ValueError(
            f"{out}: expected a folder outside of {folder}, whose photographs must not change"
        )
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out}: expected a folder, or nothing, got a file")
    if out.is_dir() and any(out.iterdir()) and not (out / OWN_FOLDER).is_dir():
        raise ValueError(
            f"{out}: expected an empty folder, or one of an earlier import; it holds other files"
        )


def _records(found: Found, examination: Examination, journal: Journal) -> tuple[list[Record], int]:
    """Returns the records of all photographs, by number, and how many an earlier run had made.

    Photographs that have changed since, or that could not be read, are examined again.
    """
    earlier = journal.read()
    if earlier is None:
        journal.begin()
        earlier = {}
    kept: list[Record] = []
    tasks: list[Task] = []
    last = max((record.number for record in earlier.values()), default=0)
    for source in found.photographs:
        record = earlier.get(source.path)
        if record is None:
            last += 1
        elif _is_current(record, None if examination.named_only else source.person, examination):
            kept.append(record)
            continue
        tasks.append(Task(last if record is None else record.number, source))
    examined = parallel_map(examination, tasks, "import", processes=True, chunk_size=CHUNK_SIZE)
    with closing(examined):
        new = list(journal.append(examined))
    return sorted([*kept, *new], key=lambda record: record.number), len(kept)


def _is_current(record: Record, person: str | None, examination: Examination) -> bool:
    was_read = record.problem in (None, NO_FACE, NOBODY, NO_NAMES) and not record.xmp_problem
    now = version(examination.folder / record.path)
    return was_read and record.person == person and (record.bytes, record.modified) == now


def _store_missing(shown: list[Shown], examination: Examination) -> None:
    """Copies photographs whose image an earlier run left out, or somebody has deleted."""

    def again(one: Shown) -> None:
        path = examination.folder / one.record.path
        target = examination.images / one.image_id
        store(path, *read_original(path), None, target, examination.link)

    missing = [one for one in shown if not (examination.images / one.image_id).is_file()]
    for _ in parallel_map(again, missing, "copy"):
        pass


def _descriptors(images: Path, faces: list[tuple[Record, Face]]) -> np.ndarray:
    from facerec.collections.likeness import descriptors  # torch takes seconds to import

    return descriptors(images, faces)
