"""The comparison of all recognisers, in words."""

from collections.abc import Mapping

import pandas as pd

from facerec.evaluation.alignment_comparison import (
    AlignmentResult,
    alignment_sentence,
    alignment_table,
)
from facerec.evaluation.comparison import (
    EvaluatedRecognizer,
    PairedResult,
    recognizers_table,
    slices_table,
    wins_line,
)
from facerec.evaluation.slices import worst

WORST_SLICES = 5


def comparison_report(
    recognizers: Mapping[str, EvaluatedRecognizer],
    by_pair: list[PairedResult],
    by_alignment: list[AlignmentResult],
    slices: pd.DataFrame,
) -> str:
    """Returns the comparison as Markdown.

    Args:
        recognizers: by name.
        by_pair: the results of every two recognisers.
        by_alignment: the results of every two alignments.
        slices: rows of `recognizer`, its name, and of `slices.COLUMNS`.
    """
    metrics = {name: recognizer.metrics for name, recognizer in recognizers.items()}
    lines = ["# Comparison", "", *recognizers_table(metrics), ""]
    lines += _alignment_lines(list(recognizers.values()), by_alignment)
    for result in by_pair:
        lines += [result.sentence(), "", wins_line(result), ""]
    hardest = worst(slices, WORST_SLICES)
    lines += ["The hardest slices:", "", *slices_table(hardest, slices), ""]
    return "\n".join(lines)


def _alignment_lines(
    recognizers: list[EvaluatedRecognizer], results: list[AlignmentResult]
) -> list[str]:
    """Returns the lines on alignments; none if all recognisers have the same."""
    if len({recognizer.alignment for recognizer in recognizers}) < 2:
        return []
    note = "Top-1, %, with 95 % intervals over people."
    lines = ["## Alignment", "", *alignment_table(recognizers), "", note, ""]
    for split in dict.fromkeys(result.split for result in results):
        lines += [alignment_sentence([r for r in results if r.split == split]), ""]
    return [
        *lines,
        "Differences are the mean over the heads that were trained on both alignments.",
        "",
        "## Recognisers",
        "",
    ]
