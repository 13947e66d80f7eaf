"""What a run left behind, as the page's parts read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from facerec.data.names import PersonNames, read_person_names
from facerec.evaluation.comparison import display_name
from facerec.report.figures import Measured, Table, read_json


@dataclass(frozen=True)
class RunFiles:
    """The files and folders of a run.

    Attributes:
        selection: what the selection counted, JSON.
        hourglass: the landmarks' errors, JSON.
        alignment: what the alignments did, JSON.
        evaluations: a folder a recogniser, with its metrics and tables.
        comparison: all differences between recognisers, JSON.
        threshold: the published threshold, JSON.
        plots: folder of the tables behind the charts.
        sheets: folder of the contact sheets.
        val: the photographs of known people that meet the criteria, CSV.
        openset: the photographs of strangers, CSV.
        people: the people's names, CSV; of people without one the number is shown.
        predicted: the points that the hourglass found, CSV.
        alignments: what each alignment did to each face, CSV.
        photographs: folder of the photographs.
        aligned: folders of the aligned faces, by the number of points.
        audit: the photographs that the audit lists, CSV; there only if it ran.
        audit_people: the pairs of people that it lists, CSV; there only if it ran.
        records: folder of the stages' records; may be absent.
        lock: dvc.lock; may be absent.
    """

    selection: Path
    hourglass: Path
    alignment: Path
    evaluations: Path
    comparison: Path
    threshold: Path
    plots: Path
    sheets: Path
    val: Path
    openset: Path
    people: Path
    predicted: Path
    alignments: Path
    photographs: Path
    aligned: Mapping[int, Path]
    audit: Path
    audit_people: Path
    records: Path
    lock: Path


@dataclass(frozen=True)
class Recognizer:
    """One recogniser's results.

    Attributes:
        name: its entry in params.yaml.
        is_trained: whether this run trained it; a reference, somebody else's model, is not.
        alignment: the number of points by which its faces are aligned.
        folder: of its evaluation.
    """

    name: str
    is_trained: bool
    alignment: int
    folder: Path

    @property
    def title(self) -> str:
        return display_name(self.name)

    @cached_property
    def metrics(self) -> Measured:
        return Measured.read(self.folder / "metrics.json")

    @cached_property
    def thresholds(self) -> Measured:
        return Measured.read(self.folder / "thresholds.json")

    def table(self, name: str) -> Table:
        """Returns one of its tables, with a first column `recognizer`."""
        return Table.read(self.folder / f"{name}.csv", self.title)


@dataclass(frozen=True)
class Run:
    """A run of the pipeline.

    Attributes:
        files: where its results are.
        params: all of params.yaml.
        stages: names of the pipeline's stages, in their order.
    """

    files: RunFiles
    params: Mapping[str, Any]
    stages: tuple[str, ...]

    @cached_property
    def recognizers(self) -> list[Recognizer]:
        return [
            Recognizer(name, "head" in entry, entry["alignment"], self.files.evaluations / name)
            for name, entry in self.params["recognizers"].items()
        ]

    @property
    def published(self) -> Recognizer:
        wanted = self.params["publish"]["recognizer"]
        return next(each for each in self.recognizers if each.name == wanted)

    @property
    def fpr(self) -> float:
        """The false-match rate of the published threshold."""
        return float(self.params["publish"]["fpr"])

    @cached_property
    def people(self) -> PersonNames:
        return read_person_names(self.files.people)

    @cached_property
    def threshold(self) -> Measured:
        """The published threshold; without values if the open set could not give one."""
        values = read_json(self.files.threshold)
        numbers = {key: value for key, value in values.items() if not isinstance(value, str)}
        return Measured(str(self.files.threshold), numbers)

    @property
    def seeds(self) -> list[int]:
        return list(self.params["recognizer"]["seeds"])

    def plot(self, name: str) -> Table:
        """Returns the table behind a chart."""
        return Table.read(self.files.plots / f"{name}.csv")
