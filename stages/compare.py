"""Set the recognisers side by side, on the same photographs."""

from itertools import combinations
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import ConfigDict
from typer import Argument

from facerec import tables
from facerec.evaluation.alignment_comparison import (
    AlignmentResult,
    Entry,
    alignment_sentence,
    alignment_table,
    compare_alignments,
)
from facerec.evaluation.comparison import (
    PairedResult,
    compare_heads,
    heads_table,
    slices_table,
    wins_line,
)
from facerec.evaluation.slices import worst
from facerec.files import write_bytes
from facerec.metrics.bootstrap import BootstrapParams
from facerec.params import Params
from stages.cli import read_metrics, run, write_csv, write_metrics

SPLITS = ("val", "wild")
WORST = 5  # slices named


class HeadNames(Params):
    """The entries of `heads`; of what is in them, only type and alignment are looked at."""

    model_config = ConfigDict(extra="allow", frozen=True)


def main(
    metrics: Annotated[Path, Argument(help="folder of each recogniser's metrics")],
    reports: Annotated[Path, Argument(help="folder of each recogniser's report")],
    rocs: Annotated[Path, Argument(help="folder of each recogniser's ROC")],
    histories: Annotated[Path, Argument(help="folder of each recogniser's training history")],
    slices: Annotated[Path, Argument(help="folder of each recogniser's accuracy by slice")],
    cosines: Annotated[Path, Argument(help="folder of each recogniser's cosines of pairs")],
    reliability: Annotated[Path, Argument(help="folder of each recogniser's calibration")],
    numbers: Annotated[Path, Argument(help="output: all heads' metrics, and their differences")],
    summary: Annotated[Path, Argument(help="output: the same in words")],
    roc: Annotated[Path, Argument(help="output: all heads' ROCs in one table")],
    training: Annotated[Path, Argument(help="output: all heads' training histories in one table")],
    all_slices: Annotated[Path, Argument(help="output: all heads' accuracy by slice in one table")],
    all_cosines: Annotated[Path, Argument(help="output: all heads' cosines of pairs in one table")],
    all_reliability: Annotated[Path, Argument(help="output: all heads' calibration in one table")],
) -> None:
    """Set the recognisers side by side, on the same photographs."""
    params = BootstrapParams.load("evaluate")
    sections = HeadNames.load("heads").model_extra or {}
    heads = list(sections)
    values = {head: read_metrics(metrics / f"{head}.json") for head in heads}
    frames = {head: tables.read(reports / f"{head}.csv", tables.REPORT) for head in heads}

    results = [
        compare_heads(first, second, split, frames[first], frames[second], params)
        for first, second in combinations(heads, 2)
        for split in SPLITS
        if (frames[first].split == split).any()
    ]
    flat = {f"{head}.{key}": value for head in heads for key, value in values[head].items()}
    entries = [
        Entry(own["type"], own["alignment"], frames[head], values[head])
        for head, own in sections.items()
    ]
    aligned = [result for split in SPLITS for result in compare_alignments(entries, split, params)]
    for measured in [
        *(result.metrics() for result in results),
        *(result.metrics() for result in aligned),
    ]:
        flat |= measured
    write_metrics(numbers, flat)
    by_slice = _long(slices, heads)
    write_bytes(
        summary, _markdown(values, results, _alignments(entries, aligned), by_slice).encode()
    )
    for path, folder in (
        (roc, rocs),
        (training, histories),
        (all_cosines, cosines),
        (all_reliability, reliability),
    ):
        write_csv(path, _long(folder, heads))
    write_csv(all_slices, by_slice)


def _alignments(entries: list[Entry], results: list[AlignmentResult]) -> list[str]:
    """Returns the lines on alignments; none if all heads have the same."""
    if len({entry.alignment for entry in entries}) < 2:
        return []
    note = "Top-1, %, with 95 % intervals by resampling people."
    lines = ["## Alignment", "", *alignment_table(entries), "", note, ""]
    for split in SPLITS:
        if of_split := [result for result in results if result.split == split]:
            lines += [alignment_sentence(of_split), ""]
    return [
        *lines,
        "Differences are the mean over the heads that were trained on both alignments.",
        "",
        "## Heads",
        "",
    ]


def _markdown(
    values: dict[str, dict[str, float]],
    results: list[PairedResult],
    alignments: list[str],
    slices: pd.DataFrame,
) -> str:
    lines = ["# Comparison", "", *heads_table(values), "", *alignments]
    for result in results:
        lines += [result.sentence(), "", wins_line(result), ""]
    lines += ["The hardest slices:", "", *slices_table(worst(slices, WORST), slices), ""]
    return "\n".join(lines)


def _long(folder: Path, heads: list[str]) -> pd.DataFrame:
    """Returns one table of the heads' own, with a first column that names the head."""
    frames = []
    for head in heads:
        frame = pd.read_csv(folder / f"{head}.csv").drop(columns="head", errors="ignore")
        frame.insert(0, "head", head)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


if __name__ == "__main__":
    run(main)
