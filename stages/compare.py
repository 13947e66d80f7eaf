"""Set the recognisers side by side, on the same photographs."""

from itertools import combinations
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import ConfigDict
from typer import Option

from facerec import tables
from facerec.evaluation.alignment_comparison import compare_alignments
from facerec.evaluation.comparison import EvaluatedRecognizer, compare_recognizers
from facerec.evaluation.params import EvaluateParams
from facerec.evaluation.report import comparison_report
from facerec.files import write_bytes
from facerec.params import Params
from stages.cli import read_metrics, run, write_csv, write_metrics

SPLITS = ("val", "wild")


class AllRecognizers(Params):
    """The section `recognizers`; only alignments and types of heads are read."""

    model_config = ConfigDict(extra="allow", frozen=True)


def main(
    metrics: Annotated[Path, Option(help="folder of each recogniser's metrics")],
    reports: Annotated[Path, Option(help="folder of each recogniser's report")],
    rocs: Annotated[Path, Option(help="folder of each recogniser's ROC")],
    histories: Annotated[Path, Option(help="folder of each recogniser's training history")],
    slices: Annotated[Path, Option(help="folder of each recogniser's accuracy by slice")],
    cosines: Annotated[Path, Option(help="folder of each recogniser's cosines of pairs")],
    reliability: Annotated[Path, Option(help="folder of each recogniser's calibration")],
    comparison: Annotated[Path, Option(help="output: all metrics, and their differences")],
    summary: Annotated[Path, Option(help="output: the comparison in words")],
    all_rocs: Annotated[Path, Option(help="output: all ROCs in one table")],
    all_histories: Annotated[Path, Option(help="output: all training histories in one table")],
    all_slices: Annotated[Path, Option(help="output: all accuracies by slice in one table")],
    all_cosines: Annotated[Path, Option(help="output: all cosines of pairs in one table")],
    all_reliability: Annotated[Path, Option(help="output: all calibrations in one table")],
) -> None:
    """Set the recognisers side by side, on the same photographs."""
    params = EvaluateParams.load("evaluate")
    entries = AllRecognizers.load("recognizers").model_extra or {}
    recognizers = {
        name: EvaluatedRecognizer(
            head=entry["head"]["type"] if "head" in entry else name,  # a reference is alone
            alignment=entry["alignment"],
            report=tables.read(reports / f"{name}.csv", tables.REPORT),
            metrics=read_metrics(metrics / f"{name}.json"),
        )
        for name, entry in entries.items()
    }
    by_pair = [
        compare_recognizers(
            first, second, split, recognizers[first].report, recognizers[second].report, params
        )
        for first, second in combinations(recognizers, 2)
        for split in SPLITS
        if (recognizers[first].report.split == split).any()
    ]
    by_alignment = [
        result
        for split in SPLITS
        for result in compare_alignments(list(recognizers.values()), split, params)
    ]
    numbers = {
        f"{name}.{key}": value
        for name, recognizer in recognizers.items()
        for key, value in recognizer.metrics.items()
    }
    for pair in by_pair:
        numbers |= pair.metrics()
    for alignment in by_alignment:
        numbers |= alignment.metrics()
    write_metrics(comparison, numbers)

    slice_rows = _together(slices, recognizers)
    text = comparison_report(recognizers, by_pair, by_alignment, slice_rows)
    write_bytes(summary, text.encode())
    write_csv(all_slices, slice_rows)
    write_csv(all_rocs, _together(rocs, recognizers))
    write_csv(all_histories, _together(histories, recognizers))
    write_csv(all_cosines, _together(cosines, recognizers))
    write_csv(all_reliability, _together(reliability, recognizers))


def _together(folder: Path, names: dict[str, EvaluatedRecognizer]) -> pd.DataFrame:
    """Returns the recognisers' tables as one; its first column, `recognizer`, has their names."""
    frames = []
    for name in names:
        frame = pd.read_csv(folder / f"{name}.csv").drop(columns="recognizer", errors="ignore")
        frame.insert(0, "recognizer", name)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


if __name__ == "__main__":
    run(main)
