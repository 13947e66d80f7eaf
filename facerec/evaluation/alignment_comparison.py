"""Recognisers on faces aligned by different numbers of points: which alignment is best, and is that chance?"""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd

from facerec.evaluation.comparison import cell, name_of
from facerec.metrics.bootstrap import BootstrapParams, bootstrap_interval

TOP1 = {"val": "val_top1", "wild": "wild_top1"}


@dataclass(frozen=True)
class Entry:
    """A head's place in the table.

    Attributes:
        type: of the head.
        alignment: number of points that its faces are aligned by.
        report: a REPORT table.
        values: its flat metrics.
    """

    type: str
    alignment: int
    report: pd.DataFrame
    values: dict[str, float]


@dataclass(frozen=True)
class AlignmentResult:
    """Two alignments on one split: the second's top-1 minus the first's, the mean over the types that have both.

    Attributes:
        first: number of points.
        second: number of points.
        split: val or wild.
        difference: in [-1, 1].
        low: of its 95 % interval by resampling people.
        high: of its 95 % interval.
    """

    first: int
    second: int
    split: str
    difference: float
    low: float
    high: float

    def metrics(self) -> dict[str, float]:
        """Returns the numbers, named after the pair and the split."""
        key = f"alignment_{self.second}_vs_{self.first}.{self.split}_top1_difference"
        ends = {"": self.difference, "_low": self.low, "_high": self.high}
        return {f"{key}{end}": round(value, 6) for end, value in ends.items()}

    def seen_from(self, alignment: int) -> "AlignmentResult":
        """Returns the same with this alignment as the second."""
        if alignment == self.second:
            return self
        return AlignmentResult(
            self.second, self.first, self.split, -self.difference, -self.high, -self.low
        )


def compare_alignments(
    entries: list[Entry], split: str, params: BootstrapParams
) -> list[AlignmentResult]:
    """Returns the paired comparison of every two alignments that some type of head was trained on both of.

    A split without photographs compares nothing.

    Args:
        entries: of all heads; several of one type and alignment count as their mean.
        split: val or wild.
        params: of the intervals.
    """
    shares = {
        key: _shares(entries, *key, split)
        for key in {(entry.type, entry.alignment) for entry in entries}
    }
    results = []
    for first, second in combinations(sorted({alignment for _, alignment in shares}), 2):
        types = sorted(
            kind for kind, alignment in shares if alignment == first and (kind, second) in shares
        )
        if types and len(shares[types[0], first]):
            gains = sum(shares[kind, second] - shares[kind, first] for kind in types) / len(types)
            low, high = bootstrap_interval(
                gains.to_numpy(),
                gains.index.get_level_values("label"),
                params.bootstrap,
                params.seed,
            )
            results.append(AlignmentResult(first, second, split, float(gains.mean()), low, high))
    return results


def _shares(entries: list[Entry], kind: str, alignment: int, split: str) -> pd.Series:
    """Returns how often each photograph of a split was recognised, by image_id and label, mean over like heads.

    Raises:
        ValueError: two heads were not examined on the same photographs.
    """
    reports = [
        entry.report for entry in entries if (entry.type, entry.alignment) == (kind, alignment)
    ]
    rows = [
        report[report.split == split].set_index(["image_id", "label"]).sort_index()
        for report in reports
    ]
    everything = entries[0].report
    expected = (
        everything[everything.split == split].set_index(["image_id", "label"]).sort_index().index
    )
    if any(not row.index.equals(expected) for row in rows):
        raise ValueError(
            f"{kind} on {alignment} points: its report on {split} is not of the others' photographs"
        )
    return sum(row.recognized_share.astype(float) for row in rows) / len(rows)


def alignment_table(entries: list[Entry]) -> list[str]:
    """Returns the lines of a Markdown table, a row an alignment, a column a type of head on a split."""
    types = list(dict.fromkeys(entry.type for entry in entries))
    columns = [(split, kind) for split in TOP1 for kind in types]
    titles = " | ".join(f"{name_of(kind)}, {split}" for split, kind in columns)
    lines = [f"| aligned by | {titles} |", "|---" * (len(columns) + 1) + "|"]
    for alignment in sorted({entry.alignment for entry in entries}):
        row = [entry for entry in entries if entry.alignment == alignment]
        cells = [
            [cell(e.values, TOP1[split]) for e in row if e.type == kind] or ["–"]
            for split, kind in columns
        ]
        lines.append(f"| {alignment} points | {' | '.join('; '.join(found) for found in cells)} |")
    return lines


def alignment_sentence(results: list[AlignmentResult]) -> str:
    """Returns which alignment does best on a split, and whether it can be told from each of the others.

    Args:
        results: of every two alignments, on one split, at least one.
    """
    alignments = sorted({points for result in results for points in (result.first, result.second)})
    if len(results) < comb(len(alignments), 2):
        better = [
            result.seen_from(result.first if result.difference < 0 else result.second)
            for result in results
        ]
        pairs = [f"{result.second} points are {_clause(result)}" for result in better]
        return f"On {results[0].split}, where not every two alignments share a head: {'; '.join(pairs)}."
    lead = {
        points: np.mean([r.seen_from(points).difference for r in _with(results, points)])
        for points in alignments
    }
    best = max(alignments, key=lead.__getitem__)
    seen = [result.seen_from(best) for result in _with(results, best)]
    told = (
        "are recognised best"
        if any(result.low > 0 for result in seen)
        else "lead, but cannot be told to be best"
    )
    return f"On {results[0].split}, faces aligned by {best} points {told}: {'; '.join(map(_clause, seen))}."


def _with(results: list[AlignmentResult], points: int) -> list[AlignmentResult]:
    return [result for result in results if points in (result.first, result.second)]


def _clause(result: AlignmentResult) -> str:
    gain, low, high = (100 * value for value in (result.difference, result.low, result.high))
    if low > 0:
        return (
            f"better than by {result.first} points, by {gain:.1f} points ({low:.1f} to {high:.1f})"
        )
    return f"not distinguishable from {result.first} points, {gain:+.1f} points ({low:+.1f} to {high:+.1f})"
