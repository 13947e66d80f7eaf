"""A run's folder in miniature, written by hand: what the report reads, without any training."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from facerec import tables
from facerec.annotation_names import LANDMARKS
from facerec.cli import STAGES
from facerec.imaging.io import write_image
from facerec.report.run import Run, RunFiles
from tools.profile import composed

QUALITY = ["sharpness", "exposure", "eye_distance", "yaw", "confidence", "embedding_norm"]
FACE = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], float)  # px of 100 × 120
EMPTY = {  # headers of what a run may not be able to measure
    "cosines": "pairs,cosine,share",
    "reliability": "predicted,observed,weight,pairs",
    "error_rates": "threshold,fmr,fmr_low,fmr_high,fnmr,fnmr_low,fnmr_high",
    "search": "gallery_people,fpir,fnir,low,high",
    "error_slices": "slice,group,photographs,people,fnmr,fnmr_low,fnmr_high,fmr,fmr_low,fmr_high,"
    "threshold",
    "roc": "fpr,tpr,low,high",
}


@dataclass(frozen=True)
class Kind:
    """What a run is like.

    Attributes:
        heads: names of the recognisers.
        attributes: names of the collection's attributes.
        has_openset: whether there are strangers to test on.
        has_mistakes: whether any recogniser fails.
        people: how many are known.
        names: of the first people; the others have none.
        image_ids: the first photographs' names, in place of numbers.
        audit: whether the audit ran.
        reference: the name of a recogniser that is not trained.
        allow_rejected: whether rejected photographs filled up.
        seeds: of the recognisers.
    """

    heads: tuple[str, ...] = ("ce", "arcface")
    attributes: tuple[str, ...] = ("Male", "Smiling")
    has_openset: bool = True
    has_mistakes: bool = True
    people: int = 6
    names: tuple[str, ...] = ()
    image_ids: tuple[str, ...] = ()
    audit: bool = False
    reference: str = ""
    allow_rejected: bool = False
    seeds: tuple[int, ...] = (1,)

    @property
    def recognizers(self) -> tuple[str, ...]:
        return (*self.heads, self.reference) if self.reference else self.heads


CODE = "<img src=x onerror=window.hacked=1>"
CLOSING = "</script><script>window.hacked=1</script>"
HOSTILE = Kind(
    heads=(CODE, "שלום \u202eevil"),
    attributes=(CLOSING, "a 'quoted' \"name\"", "line\u2028separator"),
    names=(CLOSING, "O'Brien \"&<b>", "محمد", "=1+1", "{{ 7 * 7 }}"),
    image_ids=(f"{CODE}.jpg", "a \"b\" 'c'.jpg", "\u202egpj.exe.jpg"),
)


def write_run(folder: Path, kind: Kind | None = None) -> Run:
    """Writes the files of a run, and returns it as the stage `report` would read it."""
    kind = kind or Kind()
    writer = _Writer(folder, kind)
    writer.write_photographs()
    writer.write_selection()
    writer.write_landmarks()
    writer.write_recognizers()
    params = yaml.safe_load(_first_run())
    params["recognizers"] = {
        name: {"alignment": 5, "head": {"type": "ce", "label_smoothing": 0.0}}
        for name in kind.heads
    }
    if kind.reference:
        reference = {"type": "onnx", "alignment": 5, "model": "public.onnx"}
        params["recognizers"] |= {kind.reference: reference}
    params["publish"]["recognizer"] = kind.heads[-1]
    params["recognizer"]["seeds"] = list(kind.seeds)
    params["audit"]["runs"] = ["audit"] if kind.audit else []
    params["select"]["allow_rejected"] = kind.allow_rejected
    return Run(files_of(folder), params, STAGES)


@cache
def _first_run() -> str:
    return composed("first_run")


def files_of(folder: Path) -> RunFiles:
    data, metrics = folder / "data", folder / "metrics"
    return RunFiles(
        selection=data / "selection.json",
        hourglass=data / "hourglass.json",
        alignment=data / "alignment.json",
        evaluations=data / "evaluations",
        comparison=data / "comparison.json",
        threshold=folder / "models/recognizer.json",
        plots=metrics / "plots",
        sheets=metrics / "sheets",
        val=data / "val.csv",
        openset=data / "openset.csv",
        people=data / "people.csv",
        predicted=data / "predicted_landmarks.csv",
        alignments=data / "alignment.csv",
        photographs=data / "photographs",
        aligned={count: data / f"aligned_{count}" for count in (2, 3, 5)},
        audit=data / "audit.csv",
        audit_people=data / "audit_people.csv",
        records=folder / ".runs",
        lock=folder / "dvc.lock",
    )


class _Writer:
    def __init__(self, folder: Path, kind: Kind) -> None:
        self.folder, self.kind = folder, kind
        self.files = files_of(folder)
        self.rng = np.random.default_rng(0)
        count = min(2 * kind.people, 40)  # photographs with files
        self.image_ids = [*kind.image_ids, *(f"{n:06d}.jpg" for n in range(count))][:count]
        self.people = [7 + index % kind.people for index in range(count)]
        self.names = {person: str(person) for person in self.people}
        self.names |= dict(enumerate(kind.names, start=7))

    def json(self, path: Path, values: dict) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def csv(self, path: Path, header: str, rows: list = ()) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        frame = pd.DataFrame(list(rows), columns=header.split(","))
        frame.to_csv(path, index=False, lineterminator="\n")

    def write_photographs(self) -> None:
        for index, image_id in enumerate(self.image_ids):
            shade = np.full((120, 100, 3), 40 + 5 * index % 200, np.uint8)
            write_image(self.files.photographs / image_id, shade)
            for folder in self.files.aligned.values():
                if index != 1:  # one face could not be aligned
                    write_image(folder / image_id, shade[:32, :32])
        frame = pd.DataFrame({"image_id": self.image_ids})
        frame["person_id"] = self.people
        frame[LANDMARKS] = FACE.ravel()
        frame[tables.BOX] = [10.0, 10.0, 80.0, 100.0]
        for name in self.kind.attributes:
            frame[name] = 1
        named = [[person, self.names[person]] for person in range(7, 7 + len(self.kind.names))]
        self.csv(self.files.people, "person_id,name", named)
        half = len(frame) // 2
        tables.write(frame[:half].assign(label=0), self.files.val, tables.SELECTED)
        strangers = frame[half:] if self.kind.has_openset else frame[:0]
        strangers = strangers.assign(role="query", label=np.nan)
        tables.write(strangers, self.files.openset, tables.OPENSET)
        found = frame[["image_id", *LANDMARKS]].assign(confidence=0.5)
        found[LANDMARKS] += self.rng.normal(0, 2, (len(frame), 10))
        flags = {f"aligned_{count}": 1 for count in (2, 3, 5)}
        tables.write(found.assign(**flags), self.files.predicted, tables.PREDICTED)
        record = frame[["image_id"]].assign(points_outside=0, distorted_3=0, fault="none")
        measures = {name: 0.25 for name in tables.ALIGNED.blank}
        tables.write(record.assign(**measures), self.files.alignments, tables.ALIGNED)

    def write_selection(self) -> None:
        rejected = 3 if self.kind.allow_rejected else 0
        self.json(
            self.files.selection,
            {
                "photographs.in_all_tables": 1280,
                "people.in_all_tables": 64,
                "photographs.selected": 12 * self.kind.people,
                "people.selected": self.kind.people,
                "train": 8 * self.kind.people,
                "val": 4 * self.kind.people,
                "rejected_allowed": rejected,
                "near_duplicates_left_out": 5,
                "dropped_unreadable": 0,
                "incomplete": 2,
            },
        )
        steps = [["in_all_tables", 1280, 64], ["plausible", 1100, 60]]
        steps += [["rejected_allowed", 1280, 64]] if rejected else []
        plots = self.files.plots
        self.csv(plots / "selection_funnel.csv", "step,photographs,people", steps)
        balance = [[name, 40.5, 39.25, -1.25] for name in self.kind.attributes]
        self.csv(plots / "selection_balance.csv", "attribute,before,after,shift", balance)
        criteria = [["sharpness", v / 10, 20.0, "kept", 0.25] for v in range(5)]
        self.csv(plots / "selection_criteria.csv", "criterion,value,share,kept,bound", criteria)
        for name in ("criteria", "selected", "landmarks"):
            write_image(self.files.sheets / f"{name}.jpg", np.full((60, 200, 3), 200, np.uint8))
        if self.kind.audit:
            header = "image_id,person_id,suggested_person_id,score,action"
            rows = [["a.jpg", 7, 8, 2.5, "exclude"], ["b.jpg", 8, 9, 1.5, "review"]]
            self.csv(self.files.audit, header, rows)
            self.csv(self.files.audit_people, "person_id,other_person_id,score,action")
            write_image(self.files.sheets / "audit.jpg", np.full((60, 200, 3), 99, np.uint8))

    def write_landmarks(self) -> None:
        with_ends = {"nme": 3.5144, "nme_low": 3.0152, "nme_high": 4.019}
        others = {"failure_rate_at_8": 0.0583, "nme_mean_shape": 41.4, "faces": 240}
        self.json(self.files.hourglass, {**with_ends, **others, "faces_not_found": 0})
        numbers = {"faces": 800, "distorted_by_3_points": 16}
        for count in (2, 3, 5):
            numbers |= {f"median_residual_of_{count}_points": 2.6745}
            numbers |= {f"not_aligned_by_{count}_points": 1}
        self.json(self.files.alignment, numbers)
        curve = [["all", "hourglass", e / 4, min(e / 20, 1)] for e in range(24)]
        self.csv(self.files.plots / "landmark_errors.csv", "faces,curve,error,share", curve)
        history = [[epoch, 2 / epoch, 25 / epoch, 0.01] for epoch in range(1, 6)]
        path = self.files.plots / "training/hourglass.csv"
        self.csv(path, "epoch,train_loss,val_nme,learning_rate", history)

    def write_recognizers(self) -> None:
        self.csv(
            self.files.plots / "training.csv",
            "recognizer,epoch,train_loss,val_top1,learning_rate",
            [[n, e, 3 / e, 1 - 1 / (e + 1), 0.1] for n in self.kind.heads for e in range(1, 6)],
        )
        for number, name in enumerate(self.kind.recognizers):
            self._write_recognizer(name, 0.01 * number)
        for table in ("cosines", "reliability", "roc", "error_rates", "cmc", "search"):
            self._write_together(table)
        numbers = {}
        for place, second in enumerate(self.kind.recognizers):
            for first in self.kind.recognizers[:place]:
                key = f"{second}_vs_{first}.val"
                numbers |= {f"{key}_top1_difference": 0.0125, f"{key}_mcnemar_p": 0.625}
                numbers |= {f"{key}_top1_difference_low": -0.0125}
                numbers |= {f"{key}_top1_difference_high": 0.0375}
        self.json(self.files.comparison, numbers)
        published = {"fpr": 0.01, "cosine_threshold": 0.549101, "collection": "photographs"}
        self.json(self.files.threshold, published if self.kind.has_openset else {})

    def _write_together(self, table: str) -> None:
        frames = []
        for name in self.kind.recognizers:
            path = self.files.evaluations / name / f"{table}.csv"
            frame = pd.read_csv(path)
            frame.insert(0, "recognizer", name)
            frames.append(frame)
        self.files.plots.mkdir(parents=True, exist_ok=True)
        pd.concat(frames).to_csv(self.files.plots / f"{table}.csv", index=False)

    def _write_recognizer(self, name: str, better: float) -> None:
        folder = self.files.evaluations / name
        values = {"seeds": len(self.kind.seeds), "fta": 0.00125, "fte": 0.0}
        rates = {"val_top1": 0.9125, "val_top5": 0.975, "wild_top1": 0.8125}
        if self.kind.has_openset:
            rates |= {"openset_auc": 0.92111, "fnmr_at_fmr_1e-2": 0.468182, "openset_eer": 0.16}
        for key, value in rates.items():
            values |= {key: value + better, f"{key}_low": value - 0.04, f"{key}_high": value + 0.03}
            values |= {f"{key}_sd": 0.0123} if len(self.kind.seeds) > 1 else {}
        self.json(folder / "metrics.json", values)
        cmc = [[exam, r, 1 - 0.1 / r, 0.8, 1] for exam in ("val", "wild") for r in range(1, 21)]
        self.csv(folder / "cmc.csv", "exam,rank,rate,low,high", cmc)
        header = "exam,measure,discarded,error,photographs"
        curve = [["val", m, d / 10, 0.1 - d / 150, 90 - 9 * d] for m in QUALITY for d in range(9)]
        self.csv(folder / "discard.csv", header, curve)
        x, y = self.rng.normal(0, 5, (2, len(self.image_ids))).round(4)
        split = ["train"] * len(x)
        path = self.files.plots / f"map/{name}.csv"
        people = [self.names[person] for person in self.people]
        points = list(zip([name] * len(x), x, y, people, split, self.image_ids, strict=True))
        self.csv(path, "recognizer,x,y,person,split,image_id", points)
        self._write_openset(folder)
        self._write_failures(folder)

    def _write_openset(self, folder: Path) -> None:
        if not self.kind.has_openset:
            for table, header in EMPTY.items():
                self.csv(folder / f"{table}.csv", header)
            self.json(folder / "thresholds.json", {})
            return
        grid = np.linspace(0.01, 1, 40).round(4)
        rates = [[t, 1 - t, 0.9 * (1 - t), min(1.1 * (1 - t), 1), t, 0.9 * t, t] for t in grid]
        self.csv(folder / "error_rates.csv", EMPTY["error_rates"], rates)
        self.csv(folder / "roc.csv", EMPTY["roc"], [[f, f**0.2, f, 1] for f in grid])
        hills = [[p, c / 10, 0.05] for p in ("same person", "others") for c in range(-10, 11)]
        self.csv(folder / "cosines.csv", EMPTY["cosines"], hills)
        promised = [[p / 10, p / 11, 0.1, 50] for p in range(10)]
        self.csv(folder / "reliability.csv", EMPTY["reliability"], promised)
        searches = [[g, f, 1 - f**0.3, 0, 1] for g in (5, 10) for f in grid]
        self.csv(folder / "search.csv", EMPTY["search"], searches)
        groups = [["yaw", "frontal"], ["yaw", "profile"]]
        groups += [[name, word] for name in self.kind.attributes for word in ("yes", "no")]
        slices = [
            [*group, 40, 10, 0.1 * k + 0.1, 0.1 * k, 0.1 * k + 0.2, 0.02, 0.01, 0.04, 0.549]
            for k, group in enumerate(groups)
        ]
        self.csv(folder / "error_slices.csv", EMPTY["error_slices"], slices)
        self.json(folder / "thresholds.json", {"threshold_at_fpr_1e-2": 0.549101})

    def _write_failures(self, folder: Path) -> None:
        header = "exam,kind,image_id,person_id,taken_for_image_id,taken_for_person_id"
        header += f",really_image_id,cosine,threshold,{','.join(QUALITY)}"
        header = ",".join([header, *self.kind.attributes])
        kinds = [["val", "wrong_person"], ["wild", "wrong_person"]]
        if self.kind.has_openset:
            kinds += [["openset", "false_match"], ["openset", "false_non_match"]]
        rows = []
        for exam, kind in kinds if self.kind.has_mistakes else []:
            for index in range(min(len(self.image_ids) - 1, 30)):
                other = index + 1
                really = "" if kind == "false_match" else self.image_ids[index - 1]
                row = [exam, kind, self.image_ids[index], self.people[index]]
                row += [self.image_ids[other], self.people[other], really, 0.9 - index / 50, 0.549]
                row += [index / 10, 120 - index, 30 + index, 0.3, np.nan, 12 + index]
                rows.append(row + [1 if index % 2 else -1] * len(self.kind.attributes))
        self.csv(folder / "failures.csv", header, rows)
