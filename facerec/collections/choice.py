"""Which face of each photograph is whose, and which photographs show the same twice."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from facerec.collections.records import Face, Record

NO_XMP = "its XMP is not readable, so nothing was taken from that"
Rule = Literal["largest", "alike"]
Descriptors = Callable[[list[tuple[Record, Face]]], np.ndarray]  # rows of length 1


@dataclass(frozen=True)
class Shown:
    """A person on a photograph.

    Attributes:
        record: of the photograph.
        image_id: of its copy for this person.
        name: of the person.
        face: index of the face in the record.
        box: x, y, width, height, px.
    """

    record: Record
    image_id: str
    name: str
    face: int
    box: list[float]


def people_shown(
    records: Sequence[Record], rule: Rule, descriptors: Descriptors
) -> tuple[list[Shown], list[tuple[str, str]]]:
    """Returns who is shown, and the paths of what is left out with the reasons, XMP too.

    A face that somebody has named is that person's, with the box as it was drawn. Otherwise the
    photograph shows whom its folder or the table names, and of several faces the rule takes one.

    Args:
        records: of the photographs, in the order of their numbers.
        rule: `largest`, or `alike`: the face that is most like the person's other photographs.
        descriptors: what `alike` compares faces by.
    """
    chosen = _most_alike(records, descriptors) if rule == "alike" else {}
    shown: list[Shown] = []
    left_out: list[tuple[str, str]] = []
    for record in records:
        if record.xmp_problem:
            left_out.append((record.path, f"{NO_XMP}: {record.xmp_problem}"))
        if record.problem and not record.faces:
            left_out.append((record.path, record.problem))
            continue
        if not record.named:
            assert record.person is not None
            face = chosen.get(record.path, largest(record.faces))
            (image_id,) = record.image_ids()
            box = record.faces[face].box
            shown.append(Shown(record, image_id, record.person, face, box))
        for named, image_id in zip(record.named, record.image_ids(), strict=False):
            if named.face is None:
                left_out.append((record.path, f"no face found where {named.name} is marked"))
            else:
                shown.append(Shown(record, image_id, named.name, named.face, named.box))
    kept, copies = without_copies(shown)
    return kept, left_out + copies


def largest(faces: Sequence[Face]) -> int:
    """Returns the index of the face with the largest box."""
    return max(range(len(faces)), key=lambda index: faces[index].area)


def without_copies(shown: Sequence[Shown]) -> tuple[list[Shown], list[tuple[str, str]]]:
    """Returns the rows without exact copies of a file, and the paths left out with the reasons.

    Of copies of one person's photograph the first stays. A face that two people claim is nobody's:
    one of the two is wrong, and nothing here says which.
    """
    claims: dict[tuple[str, int], list[Shown]] = defaultdict(list)
    for one in shown:
        claims[one.record.sha256, one.face].append(one)
    kept, left_out = [], []
    for one in shown:
        claimed = claims[one.record.sha256, one.face]
        others = [other for other in claimed if other.name != one.name]
        if others:
            other = others[0].record.path
            where = f"{other}, an exact copy," if other != one.record.path else "the same face"
            reason = f"shows {one.name}, but {where} shows {others[0].name}: neither was taken"
            left_out.append((one.record.path, reason))
        elif claimed[0] is not one:
            left_out.append((one.record.path, f"an exact copy of {claimed[0].record.path}"))
        else:
            kept.append(one)
    return kept, left_out


def _most_alike(records: Sequence[Record], descriptors: Descriptors) -> dict[str, int]:
    """Returns the face that each photograph with several was given, by path.

    A face's likeness is the mean, over the person's other photographs, of the cosine to the most
    similar face there.
    """
    by_person: Mapping[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.faces and not record.named and record.person is not None:
            by_person[record.person].append(record)
    chosen = {}
    for photographs in by_person.values():
        has_choice = any(len(record.faces) > 1 for record in photographs)
        if not has_choice or len(photographs) < 2:
            continue
        faces = [(record, face) for record in photographs for face in record.faces]
        vectors = descriptors(faces)
        starts = np.cumsum([0, *(len(record.faces) for record in photographs)])[:-1]
        cosines = vectors @ vectors.T
        best = np.maximum.reduceat(cosines, starts, axis=1)  # (faces, photographs)
        for place, record in enumerate(photographs):
            rows = slice(starts[place], starts[place] + len(record.faces))
            likeness = np.delete(best[rows], place, axis=1).mean(axis=1)
            chosen[record.path] = int(np.argmax(likeness))
    return chosen
