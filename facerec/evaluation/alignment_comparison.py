"""Recognisers on faces aligned by different numbers of points: which alignment is best?"""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd

from facerec.evaluation.comparison import EvaluatedRecognizer, cell, display_name
from facerec.metrics.intervals import difference_interval

TOP1 = {"val": "val_top1", "wild": "wild_top1"}


@dataclass(frozen=True)
class AlignmentResult:
    """Two alignments on one split.

    The difference is the second's top-1 accuracy minus the first's, the mean over the heads that
    were trained on both.

    Attributes:
        first: number of points.
        second: number of points.
        split: val or wild.
        difference: in [-1, 1].
        low: of its 95 % interval over people.
        high: of its 95 % interval.
    """

    first: int
    second: int
    split: str
    difference: float
    low: float
    high: float

    def metrics(self) -> dict[str, float]:
        """Returns the numbers as metrics named after the pair and the split."""
        key = f"alignment_{self.second}_vs_{self.first}.{self.split}_top1_difference"
        ends = {"": self.difference, "_low": self.low, "_high": self.high}
        return {f"{key}{end}": round(value, 6) for end, value in ends.items()}

    def seen_from(self, alignment: int) -> "AlignmentResult":
        """Returns the result with this alignment as the second one."""
        if alignment == self.second:
            return self
        return AlignmentResult(
            self.second, self.first, self.split, -self.difference, -self.high, -self.low
        )


def compare_alignments(recognizers: list[EvaluatedRecognizer], split: str) -> list[AlignmentResult]:
    """Returns the paired comparison of every two alignments that share a type of head.

    A split without photographs has no results.

    Args:
        recognizers: all of them; several of one head and alignment count as their mean.
        split: val or wild.
    """
    kinds = {(recognizer.head, recognizer.alignment) for recognizer in recognizers}
    shares = {kind: _recognized_shares(recognizers, *kind, split) for kind in kinds}
    results = []
    for first, second in combinations(sorted({alignment for _, alignment in kinds}), 2):
        heads = sorted({head for head, _ in kinds if {(head, first), (head, second)} <= kinds})
        if not heads or shares[heads[0], first].empty:
            continue
        gains = sum(shares[head, second] - shares[head, first] for head in heads) / len(heads)
        people = gains.index.get_level_values("label")
        low, high = difference_interval(gains.to_numpy(), people)
        results.append(AlignmentResult(first, second, split, float(gains.mean()), low, high))
    return results


def _recognized_shares(
    recognizers: list[EvaluatedRecognizer], head: str, alignment: int, split: str
) -> pd.Series:
    """Returns how often each photograph of a split is recognised, by image_id and label.

    Several recognisers of this head and alignment count as their mean.

    Raises:
        ValueError: a recogniser was evaluated on other photographs.
    """
    expected = _rows_of(recognizers[0].report, split).index
    reports = [
        _rows_of(recognizer.report, split)
        for recognizer in recognizers
        if (recognizer.head, recognizer.alignment) == (head, alignment)
    ]
    if any(not report.index.equals(expected) for report in reports):
        raise ValueError(
            f"{head} on {alignment} points: its report on {split} is not of the others' photographs"
        )
    return sum(report.recognized_share.astype(float) for report in reports) / len(reports)


def _rows_of(report: pd.DataFrame, split: str) -> pd.DataFrame:
    return report[report.split == split].set_index(["image_id", "label"]).sort_index()


def alignment_table(recognizers: list[EvaluatedRecognizer]) -> list[str]:
    """Returns the lines of a Markdown table with a row an alignment and a column a head and split.

    Args:
        recognizers: all of them.
    """
    heads = list(dict.fromkeys(recognizer.head for recognizer in recognizers))
    columns = [(split, head) for split in TOP1 for head in heads]
    titles = " | ".join(f"{display_name(head)}, {split}" for split, head in columns)
    lines = [f"| aligned by | {titles} |", "|---" * (len(columns) + 1) + "|"]
    for alignment in sorted({recognizer.alignment for recognizer in recognizers}):
        cells = []
        for split, head in columns:
            texts = [
                cell(recognizer.metrics, TOP1[split])
                for recognizer in recognizers
                if (recognizer.head, recognizer.alignment) == (head, alignment)
            ]
            cells.append("; ".join(texts) or "–")
        lines.append(f"| {alignment} points | {' | '.join(cells)} |")
    return lines


def alignment_sentence(results: list[AlignmentResult]) -> str:
    """Returns which alignment is best on a split, and from which others it can be distinguished.

    Args:
        results: of every two alignments on one split; at least one.
    """
    split = results[0].split
    alignments = sorted({points for result in results for points in (result.first, result.second)})
    if len(results) < comb(len(alignments), 2):
        clauses = []
        for result in results:
            better = result.seen_from(result.first if result.difference < 0 else result.second)
            clauses.append(f"{better.second} points are {_clause(better)}")
        return f"On {split}, where not every two alignments share a head: {'; '.join(clauses)}."
    mean_lead = {
        points: np.mean([result.seen_from(points).difference for result in _with(results, points)])
        for points in alignments
    }
    best = max(alignments, key=mean_lead.__getitem__)
    comparisons = [result.seen_from(best) for result in _with(results, best)]
    is_certain = any(result.low > 0 for result in comparisons)
    verdict = "are recognised best" if is_certain else "lead, but cannot be told to be best"
    clauses = [_clause(result) for result in comparisons]
    return f"On {split}, faces aligned by {best} points {verdict}: {'; '.join(clauses)}."


def _with(results: list[AlignmentResult], points: int) -> list[AlignmentResult]:
    return [result for result in results if points in (result.first, result.second)]


def _clause(result: AlignmentResult) -> str:
    gain, low, high = (100 * value for value in (result.difference, result.low, result.high))
    first = f"{result.first} points"
    if low > 0:
        return f"better than by {first}, by {gain:.1f} points ({low:.1f} to {high:.1f})"
    return f"not distinguishable from {first}, {gain:+.1f} points ({low:+.1f} to {high:+.1f})"
