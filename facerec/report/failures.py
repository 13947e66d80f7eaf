"""Part 8: the failures themselves, and part 9: the map of embeddings."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from facerec.report.charts import Chart, spec
from facerec.report.figures import Table, shown
from facerec.report.pictures import Pictures
from facerec.report.run import Recognizer, Run

ROWS = 600  # on the page; each has up to three pictures
EXAMS = ("val", "wild", "open set")
KINDS = ("wrong person", "false match", "false non-match")
QUALITY = {  # title and digits
    "sharpness": ("sharpness", 2),
    "exposure": ("exposure", 0),
    "eye_distance": ("eye distance, px", 0),
    "yaw": ("yaw, °", 0),
    "confidence": ("landmark confidence", 2),
    "embedding_norm": ("embedding norm", 2),
}
FIXED = [
    "recognizer",
    "exam",
    "kind",
    "image_id",
    "person_id",
    "taken_for_image_id",
    "taken_for_person_id",
    "really_image_id",
    "cosine",
    "threshold",
    *QUALITY,
]


@dataclass(frozen=True)
class Face:
    """One picture of a failure.

    Attributes:
        role: probe, taken for, or really.
        person: whom it shows, as the page calls them.
        image_id: of the photograph.
        picture: its class; None if the face could not be aligned.
    """

    role: str
    person: str
    image_id: str
    picture: str | None


@dataclass(frozen=True)
class Failure:
    """One failure.

    Attributes:
        recognizer: whose.
        exam: val, wild or open set.
        kind: of the failure.
        faces: probe, whom it was taken for, who it really is.
        cosine: of the pair, in words.
        threshold: in words.
        quality: the probe's measures, by their titles.
        groups: numbers of the slices that the probe is in.
    """

    recognizer: str
    exam: str
    kind: str
    faces: list[Face]
    cosine: str
    threshold: str
    quality: dict[str, str]
    groups: list[int]


def failures(run: Run, pictures: Pictures) -> dict:
    """Returns the failures of all recognisers, worst first, and what they can be filtered by."""
    lists = [
        (recognizer, part)
        for recognizer in run.recognizers
        for _, part in _frame(recognizer).groupby(["exam", "kind"], sort=False)
    ]
    total = sum(len(part) for _, part in lists)
    most = ROWS // max(len(lists), 1)
    kept = [(recognizer, part.head(most)) for recognizer, part in lists]
    groups = _groups(pd.concat([part for _, part in kept])) if kept else {}
    numbers = {title: number for number, title in enumerate(groups)}
    found = [
        failure
        for recognizer, part in kept
        for failure in _failures(run, recognizer, part, groups, numbers, pictures)
    ]
    return {
        "failures": found,
        "total": total,
        "most": most,
        "is_cut": total > len(found),
        "recognizers": [each.title for each in run.recognizers],
        "exams": _present([failure.exam for failure in found], EXAMS),
        "kinds": _present([failure.kind for failure in found], KINDS),
        "groups": numbers,
        "published": run.published.title,
    }


def _frame(recognizer: Recognizer) -> pd.DataFrame:
    frame = recognizer.table("failures").frame()
    frame.index = pd.Index([f"{recognizer.name} {row}" for row in range(len(frame))])
    return frame


def _present(values: list[str], titles: tuple[str, ...]) -> list[str]:
    return [title for title in titles if title in values]


def _groups(frame: pd.DataFrame) -> dict[str, set[str]]:
    """Returns, by slice, the rows that are in it: attributes, and the ends of each measure."""
    groups: dict[str, set[str]] = {}
    for name in QUALITY:
        values = frame[name].dropna()
        if values.nunique() > 1:
            low, high = np.quantile(values, [0.25, 0.75])
            title = QUALITY[name][0].split(",")[0]
            groups[f"{title}: lowest quarter"] = set(values.index[values <= low])
            groups[f"{title}: highest quarter"] = set(values.index[values >= high])
    for name in [name for name in frame if name not in FIXED]:
        values = frame[name].dropna()
        for word, members in (("yes", values.index[values > 0]), ("no", values.index[values <= 0])):
            if len(members):
                groups[f"{name}: {word}"] = set(members)
    return groups


def _failures(
    run: Run,
    recognizer: Recognizer,
    part: pd.DataFrame,
    groups: dict[str, set[str]],
    numbers: dict[str, int],
    pictures: Pictures,
) -> Iterator[Failure]:
    folder = run.files.aligned[recognizer.alignment]
    for key, row in part.iterrows():
        people = [row.person_id, row.taken_for_person_id, row.person_id]
        image_ids = [row.image_id, row.taken_for_image_id, row.really_image_id]
        roles = ["probe", "taken for", "really"]
        if row.kind == "false non-match":
            roles[1] = "not matched with"
        yield Failure(
            recognizer=recognizer.title,
            exam=row.exam,
            kind=row.kind,
            faces=[
                Face(role, run.people[int(person)], image_id, pictures.face(folder / image_id))
                for role, person, image_id in zip(roles, people, image_ids, strict=True)
                if image_id
            ],
            cosine=shown(row.cosine, 3) if np.isfinite(row.cosine) else "–",
            threshold=shown(row.threshold, 3) if np.isfinite(row.threshold) else "–",
            quality={
                title: shown(row[name], digits)
                for name, (title, digits) in QUALITY.items()
                if np.isfinite(row[name])
            },
            groups=[numbers[title] for title, members in groups.items() if key in members],
        )


def maps(run: Run, pictures: Pictures) -> dict:
    """Returns a map a recogniser, the published one's first, and each photograph's picture."""
    ordered = sorted(run.recognizers, key=lambda each: each != run.published)
    charts = []
    faces: dict[str, dict[str, str]] = {}
    for number, recognizer in enumerate(ordered):
        table = Table.read(run.files.plots / f"map/{recognizer.name}.csv", recognizer.title)
        if not table.rows:
            continue
        name = f"map-{number}"
        folder = run.files.aligned[recognizer.alignment]
        place = table.columns.index("image_id")
        found = {row[place]: pictures.face(folder / row[place]) for row in table.rows}
        faces[name] = {image_id: picture for image_id, picture in found.items() if picture}
        charts.append(
            Chart(
                name,
                f"Map of embeddings, {recognizer.title}",
                "Each mark is a photograph, each colour a person. Near means alike; the distance "
                "between far groups means nothing (t-SNE).",
                spec("map", "x", "y"),
                table,
                collapsed=number > 0,
            )
        )
    return {"charts": charts, "faces": faces}
