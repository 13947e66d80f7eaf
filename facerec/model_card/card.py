"""A model card with its data statement, in Hugging Face's format, from measured figures.

Mitchell et al. 2019, Model Cards for Model Reporting; Bender and Friedman 2018, Data Statements.
The metadata at its head: https://huggingface.co/docs/hub/model-cards#model-card-metadata
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import yaml

from facerec.metrics.operating_points import OPERATING_FPRS

TEMPLATE = Path(__file__).with_name("model_card.md.j2")
SLICES_SHOWN = 10
MIN_PHOTOGRAPHS = 20  # of a group that is shown
SHIFTS_SHOWN = 10
DRAWN = "data/synthetic/"  # where the pipeline draws its own collection
RATES = {"fnmr": "false non-match rate", "fmr": "false match rate"}
Row = dict[str, str]  # of a table, by column

EXAMS = {  # of val and wild
    "val": "val: other selected photographs of the people trained on",
    "wild": "wild: their photographs as they come, set aside before any rule",
}
RESULTS = {  # metric: exam, type as Hugging Face names it, title
    "val_top1": ("val", "accuracy", "Top-1 accuracy"),
    "val_top5": ("val", "accuracy", "Top-5 accuracy"),
    "wild_top1": ("wild", "accuracy", "Top-1 accuracy"),
    "wild_top5": ("wild", "accuracy", "Top-5 accuracy"),
    "openset_auc": ("openset", "roc_auc", "ROC AUC"),
    "openset_eer": ("openset", "equal_error_rate", "Equal error rate"),
    "openset_tpr_at_fpr_1e-1": ("openset", "recall", "TPR at FPR 0.1"),
    "openset_tpr_at_fpr_1e-2": ("openset", "recall", "TPR at FPR 0.01"),
    "openset_tpr_at_fpr_1e-3": ("openset", "recall", "TPR at FPR 0.001"),
    "identification_rate_at_fpr_1e-2": ("openset", "recall", "Identification rate at FPR 0.01"),
    "search_rank1": ("openset", "accuracy", "1:N search, rank 1"),
}
TASKS = {
    "val": "Closed-set face identification",
    "wild": "Closed-set face identification",
    "openset": "Face verification and search, people never trained on",
}


@dataclass(frozen=True)
class Published:
    """What is known of a recogniser that is published.

    Attributes:
        name: entry of `recognizers` in params.yaml.
        params: all sections of params.yaml.
        metrics: all metrics of the recogniser, with intervals.
        threshold: the published operating point; empty if none could be measured.
        selection: the numbers of the stage select.
        landmarks: the metrics of the hourglass.
        slices: top-1 by slice: split, slice, group, photographs, top1, low, high.
        error_slices: error rates at one threshold: slice, group, photographs, people, fnmr and fmr
            with their intervals, threshold.
    """

    name: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    threshold: Mapping[str, Any]
    selection: Mapping[str, float]
    landmarks: Mapping[str, float]
    slices: list[Row]
    error_slices: list[Row]

    @property
    def is_drawn(self) -> bool:
        """Whether the faces are drawn by the pipeline, so that they are nobody's."""
        return str(self.params["dataset"]["images"]).startswith(DRAWN)

    @property
    def collection(self) -> str:
        """The name of the collection: drawn faces, or that of the photographs' folder."""
        return "drawn faces" if self.is_drawn else Path(self.params["dataset"]["images"]).name


def model_card(published: Published) -> str:
    """Returns the card as Markdown with YAML metadata at its head."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {"cell": _cell, "rate": _rate}
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    body = template.render(
        {
            "it": published,
            "entry": published.params["recognizers"][published.name],
            "recognizer": published.params["recognizer"],
            "exams": EXAMS,
            "results": {
                exam: [
                    (title, figure(published.metrics, key))
                    for key, (of_exam, _, title) in RESULTS.items()
                    if of_exam == exam and key in published.metrics
                ]
                for exam in TASKS
            },
            "operating_point": _operating_point(published),
            "rarest": _rarest_false_match(published.metrics),
            "hardest": _hardest(published.slices),
            "errors": _worst_errors(published.error_slices),
            "rates": RATES,
            "ratios": {rate: largest_ratio(published.error_slices, rate) for rate in RATES},
            "shifts": _shifts(published.selection),
            "funnel": _funnel(published.selection),
            "landmarks": figure(published.landmarks, "nme", 1) if published.landmarks else None,
            "not_aligned": figure(published.metrics, "fta") if "fta" in published.metrics else None,
            "min_photographs": MIN_PHOTOGRAPHS,
            "settings": yaml.safe_dump(_settings(published), sort_keys=False, allow_unicode=True),
        }
    )
    head = yaml.safe_dump(metadata(published), sort_keys=False, allow_unicode=True)
    return f"---\n{head}---\n\n{body}"


def metadata(published: Published) -> dict[str, Any]:
    """Returns the metadata of the card, as Hugging Face's model-card specification names them."""
    results = []
    for exam, task in TASKS.items():
        metrics = [
            {"type": kind, "name": title, "value": published.metrics[key]}
            for key, (of_exam, kind, title) in RESULTS.items()
            if of_exam == exam and key in published.metrics
        ]
        if metrics:
            results.append(
                {
                    "task": {"type": "image-feature-extraction", "name": task},
                    "dataset": {
                        "type": "custom",
                        "name": f"{published.collection}, {exam}",
                        "split": exam,
                    },
                    "metrics": metrics,
                }
            )
    return {
        "license": "other",
        "license_name": "see-licence-section",
        "license_link": "README.md#licence",
        "library_name": "pytorch",
        "pipeline_tag": "image-feature-extraction",
        "tags": ["face-recognition", "face-verification", "face-alignment", "metric-learning"],
        "metrics": ["accuracy", "roc_auc", "recall"],
        "model-index": [{"name": f"facerec-{published.name}", "results": results}],
    }


def figure(metrics: Mapping[str, float], key: str, scale: float = 100, digits: int = 1) -> str:
    """Returns a metric with its standard deviation and its 95 % interval, by default in %."""

    def shown(name: str) -> str:
        return f"{scale * metrics[name]:.{digits}f}"

    deviation = f" ± {shown(f'{key}_sd')}" if f"{key}_sd" in metrics else ""
    interval = ""
    if f"{key}_low" in metrics:
        interval = f" ({shown(f'{key}_low')} to {shown(f'{key}_high')})"
    return shown(key) + deviation + interval


def largest_ratio(rows: list[Row], rate: str) -> tuple[Row, Row, float] | None:
    """Returns the worst and the best group of the slice that differ most, and their ratio.

    Groups of different slices overlap, so they are not compared. None if no slice has two groups of
    which the better one has errors at all.

    Args:
        rows: error rates by slice.
        rate: fnmr or fmr.
    """
    slices: dict[str, list[Row]] = {}
    for row in _shown(rows, rate):
        slices.setdefault(row["slice"], []).append(row)
    found = []
    for groups in slices.values():
        ordered = sorted(groups, key=lambda row: float(row[rate]))
        best, worst = ordered[0], ordered[-1]
        if len(groups) > 1 and float(best[rate]) > 0:
            found.append((worst, best, float(worst[rate]) / float(best[rate])))
    return max(found, key=lambda pair: pair[2], default=None)


def _shown(rows: list[Row], column: str) -> list[Row]:
    """Returns the rows of groups that are large enough and were measured."""
    return [row for row in rows if row[column] and int(row["photographs"]) >= MIN_PHOTOGRAPHS]


def _hardest(slices: list[Row]) -> list[Row]:
    """Returns the groups of val with the lowest top-1."""
    rows = [row for row in _shown(slices, "top1") if row["split"] == "val"]
    return sorted(rows, key=lambda row: float(row["top1"]))[:SLICES_SHOWN]


def _worst_errors(rows: list[Row]) -> list[Row]:
    """Returns the groups with the highest false non-match rate."""
    return sorted(_shown(rows, "fnmr"), key=lambda row: -float(row["fnmr"]))[:SLICES_SHOWN]


def _operating_point(published: Published) -> dict[str, str] | None:
    """Returns threshold, rate and what it accepts; None if no threshold could be measured."""
    if not published.threshold:
        return None
    fpr = published.threshold["fpr"]
    name = next(name for name, rate in OPERATING_FPRS.items() if rate == fpr)
    return {
        "cosine": f"{published.threshold['cosine_threshold']:.4f}",
        "fpr": f"{100 * fpr:g}",
        "tpr": figure(published.metrics, f"openset_tpr_at_fpr_{name}"),
    }


def _rarest_false_match(metrics: Mapping[str, float]) -> int | None:
    """Returns in how many pairs of two people the rarest false match was measured; None if none."""
    rates = [
        rate for name, rate in OPERATING_FPRS.items() if f"openset_tpr_at_fpr_{name}" in metrics
    ]
    return round(1 / min(rates)) if rates else None


def _shifts(selection: Mapping[str, float]) -> list[tuple[str, float]]:
    """Returns the attributes whose share the selection changed most, with points of %."""
    shifts = [
        (name.removeprefix("shift_"), value)
        for name, value in selection.items()
        if name.startswith("shift_")
    ]
    return sorted(shifts, key=lambda shift: -abs(shift[1]))[:SHIFTS_SHOWN]


def _funnel(selection: Mapping[str, float]) -> list[tuple[str, int, int]]:
    """Returns each step of the selection with the photographs and the people that it left."""
    return [
        (step.replace("_", " "), int(value), int(selection[f"people.{step}"]))
        for name, value in selection.items()
        if (step := name.removeprefix("photographs.")) != name
    ]


def _settings(published: Published) -> dict[str, Any]:
    params = published.params
    return {
        "recognizer": params["recognizer"],
        "recognizers": {published.name: params["recognizers"][published.name]},
        "align": params["align"],
        "publish": params["publish"],
    }


def _rate(row: Row, rate: str) -> str:
    """Returns a rate of a table's row with its interval, in %."""
    prefix = "" if f"{rate}_low" not in row else f"{rate}_"
    names = {rate: rate, f"{rate}_low": f"{prefix}low", f"{rate}_high": f"{prefix}high"}
    values = {name: float(row[column]) for name, column in names.items() if row[column]}
    return figure(values, rate) if rate in values else "–"


def _cell(text: object) -> str:
    """Returns a text that cannot break a table's row, or be taken for HTML."""
    escapes = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "\\|", "\n": " "}
    return "".join(escapes.get(letter, letter) for letter in str(text))
