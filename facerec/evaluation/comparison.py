"""Two recognisers on the same photographs: which is better, by how much, and is that chance?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from facerec.metrics.bootstrap import BootstrapParams, bootstrap_interval, mcnemar_p

NAMES = {
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
class PairedResult:
    """Two heads on one split. The difference is the second's share of hits minus the first's, the seeds' mean.

    McNemar's p and the photographs that one wins are the first seed's.

    Attributes:
        first: a head's name.
        second: another's.
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
        """Returns the numbers, named after the pair and the split."""
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
        """Returns who is better and by how many points, or that an interval across 0 leaves it open."""
        first, second = name_of(self.first), name_of(self.second)
        p = "p < 0.0001" if self.p < 0.0001 else f"p = {self.p:.4f}"
        points, low, high = 100 * self.difference, 100 * self.low, 100 * self.high
        if low > 0:
            who, span = (
                f"{second} is better than {first}",
                f"{points:.1f} points ({low:.1f} to {high:.1f})",
            )
        elif high < 0:
            who, span = (
                f"{first} is better than {second}",
                f"{-points:.1f} points ({-high:.1f} to {-low:.1f})",
            )
        else:
            span = f"{points:+.1f} points ({low:+.1f} to {high:+.1f})"
            return f"{second} and {first} are not distinguishable on {self.split}: {span}; {p}."
        return f"{who} by {span} on {self.split}; {p}."


def compare_heads(
    first: str,
    second: str,
    split: str,
    first_rows: pd.DataFrame,
    second_rows: pd.DataFrame,
    params: BootstrapParams,
) -> PairedResult:
    """Returns the paired comparison of two reports on one split.

    Raises:
        ValueError: they are not of the same photographs.
    """
    ours = first_rows[first_rows.split == split].set_index("image_id").sort_index()
    theirs = second_rows[second_rows.split == split].set_index("image_id").sort_index()
    if not ours.index.equals(theirs.index) or not ours.label.equals(theirs.label):
        raise ValueError(
            f"{first} and {second}: their reports on {split} are not of the same photographs"
        )
    hits, others = ours.is_recognized.to_numpy() == 1, theirs.is_recognized.to_numpy() == 1
    gains = theirs.recognized_share.to_numpy(float) - ours.recognized_share.to_numpy(float)
    low, high = bootstrap_interval(gains, ours.label.to_numpy(), params.bootstrap, params.seed)
    wins = [ours.index[only].tolist() for only in (hits & ~others, others & ~hits)]
    return PairedResult(
        first, second, split, float(np.mean(gains)), low, high, mcnemar_p(hits, others), *wins
    )


def heads_table(values: dict[str, dict[str, float]]) -> list[str]:
    """Returns the lines of a Markdown table, a row a head; a metric that no head has makes no column.

    Args:
        values: of each head, its flat metrics.
    """
    columns = {
        title: key
        for title, key in COLUMNS.items()
        if any(key in numbers for numbers in values.values())
    }
    lines = [f"| head | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for head, numbers in values.items():
        lines.append(
            f"| {name_of(head)} | {' | '.join(cell(numbers, key) for key in columns.values())} |"
        )
    seeds = max(int(numbers.get("seeds", 1)) for numbers in values.values())
    spread = (
        f", the mean of {seeds} seeds ± their standard deviation" if seeds > 1 else ", one seed"
    )
    of_first = (
        ["", "p, and who recognises which photograph, are the first seed's."] if seeds > 1 else []
    )
    return [
        *lines,
        "",
        f"Per cent{spread}, with 95 % intervals by resampling people; every score is without a margin.",
        *of_first,
    ]


def wins_line(result: PairedResult) -> str:
    """Returns which photographs one of the two recognises and the other does not."""
    return "\n".join(
        f"- only {name_of(head)}: {len(wins)}{_listed(wins)}"
        for head, wins in ((result.second, result.second_wins), (result.first, result.first_wins))
    )


def name_of(head: str) -> str:
    """Returns how the field writes a head's name; an entry with a name of its own keeps it."""
    return NAMES.get(head, head)


def cell(numbers: dict[str, float], key: str) -> str:
    """Returns a metric as a table shows it, %, with its standard deviation and interval if it has them."""
    if key not in numbers:
        return "–"
    text = f"{100 * numbers[key]:.1f}"
    if f"{key}_sd" in numbers:
        text += f" ± {100 * numbers[f'{key}_sd']:.1f}"
    if f"{key}_low" in numbers:
        text += f" ({100 * numbers[f'{key}_low']:.1f}–{100 * numbers[f'{key}_high']:.1f})"
    return text


def slices_table(chosen: pd.DataFrame, slices: pd.DataFrame) -> list[str]:
    """Returns the lines of a Markdown table, a row a slice, a column a head.

    Args:
        chosen: rows of split, slice, group and photographs.
        slices: rows of head and of `slices.COLUMNS`, in which they are looked up.
    """
    heads = list(dict.fromkeys(slices["head"]))
    lines = [
        f"| split | slice | photographs | {' | '.join(map(name_of, heads))} |",
        "|---" * (3 + len(heads)) + "|",
    ]
    found = slices.set_index(["head", "split", "slice", "group"])
    for row in chosen.itertuples():
        cells = [found.loc[head, row.split, row.slice, row.group] for head in heads]
        shown = [
            f"{100 * cell.top1:.1f} ({100 * cell.low:.1f}–{100 * cell.high:.1f})" for cell in cells
        ]
        lines.append(
            f"| {row.split} | {row.slice}: {row.group} | {row.photographs} | {' | '.join(shown)} |"
        )
    return lines


def _listed(image_ids: list[str]) -> str:
    if not image_ids:
        return ""
    more = f" and {len(image_ids) - LISTED} more" if len(image_ids) > LISTED else ""
    return f" ({', '.join(image_ids[:LISTED])}{more})"
