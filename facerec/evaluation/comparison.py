"""Two recognisers on the same photographs: which is better, by how much, and is that chance?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from facerec.metrics.intervals import difference_interval, mcnemar_p

DISPLAY_NAMES = {  # by recogniser; the others keep their names
    "ce": "CE",
    "arcface": "ArcFace",
    "cosface": "CosFace",
    "subcenter_arcface": "Sub-centre ArcFace",
    "adaface": "AdaFace",
    "triplet": "Triplet",
    "arcface_triplet": "ArcFace + triplet",
}
COLUMNS = {
    "val top-1": "val_top1",
    "val top-5": "val_top5",
    "wild top-1": "wild_top1",
    "wild top-5": "wild_top5",
    "open-set AUC": "openset_auc",
    "EER": "openset_eer",
    "TPR at FPR 1e-2": "openset_tpr_at_fpr_1e-2",
    "identification rate at FPR 1e-2": "identification_rate_at_fpr_1e-2",
}
LISTED = 20  # image_ids named in the text


@dataclass(frozen=True)
class EvaluatedRecognizer:
    """A recogniser's settings and results.

    Attributes:
        head: the type of its head.
        alignment: number of points by which its faces are aligned.
        report: its REPORT table.
        metrics: its metrics.
    """

    head: str
    alignment: int
    report: pd.DataFrame
    metrics: dict[str, float]


@dataclass(frozen=True)
class PairedResult:
    """Two recognisers on one split.

    The difference is the second's top-1 accuracy minus the first's, the mean over the seeds.
    McNemar's p and the photographs that one wins are the first seed's.

    Attributes:
        first: a recogniser's name.
        second: another's name.
        split: val or wild.
        difference: in [-1, 1].
        low: of its 95 % interval.
        high: of its 95 % interval.
        p: McNemar's, exact.
        first_wins: image_ids that only the first recognises.
        second_wins: image_ids that only the second recognises.
    """

    first: str
    second: str
    split: str
    difference: float
    low: float
    high: float
    p: float
    first_wins: list[str]
    second_wins: list[str]

    def metrics(self) -> dict[str, float]:
        """Returns the numbers as metrics named after the pair and the split."""
        key = f"{self.second}_vs_{self.first}.{self.split}"
        return {
            f"{key}_top1_difference": round(self.difference, 6),
            f"{key}_top1_difference_low": round(self.low, 6),
            f"{key}_top1_difference_high": round(self.high, 6),
            f"{key}_mcnemar_p": round(self.p, 6),
            f"{key}_wins_of_{self.second}": len(self.second_wins),
            f"{key}_wins_of_{self.first}": len(self.first_wins),
        }

    def sentence(self) -> str:
        """Returns who is better and by how many points, or that the interval holds 0."""
        first, second = display_name(self.first), display_name(self.second)
        p = "p < 0.0001" if self.p < 0.0001 else f"p = {self.p:.4f}"
        points = 100 * self.difference
        low = 100 * self.low
        high = 100 * self.high
        if low > 0:
            span = f"{points:.1f} points ({low:.1f} to {high:.1f})"
            return f"{second} is better than {first} by {span} on {self.split}; {p}."
        if high < 0:
            span = f"{-points:.1f} points ({-high:.1f} to {-low:.1f})"
            return f"{first} is better than {second} by {span} on {self.split}; {p}."
        span = f"{points:+.1f} points ({low:+.1f} to {high:+.1f})"
        return f"{second} and {first} are not distinguishable on {self.split}: {span}; {p}."


def compare_recognizers(
    first: str,
    second: str,
    split: str,
    first_report: pd.DataFrame,
    second_report: pd.DataFrame,
) -> PairedResult:
    """Returns the paired comparison of two recognisers on one split.

    Args:
        first: a recogniser's name.
        second: another's name.
        split: val or wild.
        first_report: the first's REPORT table.
        second_report: the second's REPORT table.

    Raises:
        ValueError: they are not of the same photographs.
    """
    rows, other_rows = (
        report[report.split == split].set_index("image_id").sort_index()
        for report in (first_report, second_report)
    )
    if not rows.index.equals(other_rows.index) or not rows.label.equals(other_rows.label):
        raise ValueError(
            f"{first} and {second}: their reports on {split} are not of the same photographs"
        )
    hits = rows.is_recognized.to_numpy() == 1
    other_hits = other_rows.is_recognized.to_numpy() == 1
    gains = other_rows.recognized_share.to_numpy(float) - rows.recognized_share.to_numpy(float)
    low, high = difference_interval(gains, rows.label.to_numpy())
    return PairedResult(
        first=first,
        second=second,
        split=split,
        difference=float(np.mean(gains)),
        low=low,
        high=high,
        p=mcnemar_p(hits, other_hits),
        first_wins=rows.index[hits & ~other_hits].tolist(),
        second_wins=rows.index[other_hits & ~hits].tolist(),
    )


def recognizers_table(values: dict[str, dict[str, float]]) -> list[str]:
    """Returns the lines of a Markdown table with a row a recogniser; empty columns are left out.

    Args:
        values: the metrics of each recogniser.
    """
    columns = {
        title: key
        for title, key in COLUMNS.items()
        if any(key in numbers for numbers in values.values())
    }
    lines = [f"| recogniser | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, metrics in values.items():
        cells = [cell(metrics, key) for key in columns.values()]
        lines.append(f"| {display_name(name)} | {' | '.join(cells)} |")
    seeds_of = {name: int(metrics.get("seeds", 1)) for name, metrics in values.items()}
    seeds = max(seeds_of.values())
    note = f"the mean of {seeds} seeds ± their standard deviation" if seeds > 1 else "one seed"
    lines += [
        "",
        f"Per cent, {note}, with 95 % intervals over people; every score is without a margin.",
    ]
    if seeds > 1:
        lines += ["", "p, and who recognises which photograph, are the first seed's."]
        if single := [display_name(name) for name, number in seeds_of.items() if number == 1]:
            lines += ["", f"Not trained, so with one result: {', '.join(single)}."]
    return lines


def wins_line(result: PairedResult) -> str:
    """Returns the photographs that only one of the two recognises, as Markdown."""
    wins = {result.second: result.second_wins, result.first: result.first_wins}
    return "\n".join(
        f"- only {display_name(name)}: {len(image_ids)}{_listed(image_ids)}"
        for name, image_ids in wins.items()
    )


def display_name(name: str) -> str:
    """Returns a recogniser's name for tables: that of the head it is named after, or its own."""
    return DISPLAY_NAMES.get(name, name)


def cell(metrics: dict[str, float], key: str, scale: float = 100, digits: int = 1) -> str:
    """Returns a metric, with its standard deviation and interval if it has them.

    By default it is a share, shown in %.
    """
    if key not in metrics:
        return "–"

    def shown(name: str) -> str:
        return f"{scale * metrics[name]:.{digits}f}"

    text = shown(key)
    if f"{key}_sd" in metrics:
        text += f" ± {shown(f'{key}_sd')}"
    if f"{key}_low" in metrics:
        text += f" ({shown(f'{key}_low')}–{shown(f'{key}_high')})"
    return text


def slices_table(chosen: pd.DataFrame, slices: pd.DataFrame) -> list[str]:
    """Returns the lines of a Markdown table with a row a slice and a column a recogniser.

    Args:
        chosen: the slices to list: rows of split, slice, group and photographs.
        slices: their accuracies: rows of `recognizer`, its name, and of `slices.COLUMNS`.
    """
    names = list(dict.fromkeys(slices.recognizer))
    lines = [
        f"| split | slice | photographs | {' | '.join(map(display_name, names))} |",
        "|---" * (3 + len(names)) + "|",
    ]
    accuracies = slices.set_index(["recognizer", "split", "slice", "group"])
    for row in chosen.itertuples():
        cells = []
        for name in names:
            top1, low, high = accuracies.loc[
                (name, row.split, row.slice, row.group), ["top1", "low", "high"]
            ]
            cells.append(f"{100 * top1:.1f} ({100 * low:.1f}–{100 * high:.1f})")
        title = f"{row.slice}: {row.group}"
        lines.append(f"| {row.split} | {title} | {row.photographs} | {' | '.join(cells)} |")
    return lines


def _listed(image_ids: list[str]) -> str:
    if not image_ids:
        return ""
    more = f" and {len(image_ids) - LISTED} more" if len(image_ids) > LISTED else ""
    return f" ({', '.join(image_ids[:LISTED])}{more})"
