"""Set the recognisers side by side, on the same photographs."""

from itertools import combinations
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import ConfigDict
from typer import Option

from facerec import tables
from facerec.evaluation import folder
from facerec.evaluation.alignment_comparison import compare_alignments
from facerec.evaluation.comparison import EvaluatedRecognizer, compare_recognizers
from facerec.evaluation.report import comparison_report
from facerec.files import write_bytes
from facerec.params import Params
from stages.cli import read_metrics, run, write_csv, write_metrics

SPLITS = ("val", "wild")


class AllRecognizers(Params):
    """The section `recognizers`; only alignments and types of heads are read."""

    model_config = ConfigDict(extra="allow", frozen=True)


def main(
    evaluations: Annotated[Path, Option(help="folder of each recogniser's evaluation")],
    rocs: Annotated[Path, Option(help="folder of each recogniser's ROC")],
    histories: Annotated[Path, Option(help="folder of each recogniser's training history")],
    comparison: Annotated[Path, Option(help="output: all metrics, and their differences")],
    summary: Annotated[Path, Option(help="output: the comparison in words")],
    all_rocs: Annotated[Path, Option(help="output: all ROCs in one table")],
    all_histories: Annotated[Path, Option(help="output: all training histories in one table")],
    all_slices: Annotated[Path, Option(help="output: all accuracies by slice in one table")],
    all_cosines: Annotated[Path, Option(help="output: all cosines of pairs in one table")],
    all_reliability: Annotated[Path, Option(help="output: all calibrations in one table")],
    all_error_rates: Annotated[Path, Option(help="output: all FMR(T) and FNMR(T) in one table")],
    all_cmc: Annotated[Path, Option(help="output: all CMC curves in one table")],
    all_search: Annotated[Path, Option(help="output: all FNIR against FPIR in one table")],
    all_discard: Annotated[
        Path, Option(help="output: all error-versus-discard curves in one table")
    ],
) -> None:
    """Set the recognisers side by side, on the same photographs."""
    entries = AllRecognizers.load("recognizers").model_extra or {}
    recognizers = {
        name: EvaluatedRecognizer(
            head=entry["head"]["type"] if "head" in entry else name,  # a reference is alone
            alignment=entry["alignment"],
            report=tables.read(evaluations / name / folder.REPORT, tables.REPORT),
            metrics=read_metrics(evaluations / name / folder.METRICS),
        )
        for name, entry in entries.items()
    }
    by_pair = [
        compare_recognizers(
            first, second, split, recognizers[first].report, recognizers[second].report
        )
        for first, second in combinations(recognizers, 2)
        for split in SPLITS
        if (recognizers[first].report.split == split).any()
    ]
    by_alignment = [
        result
        for split in SPLITS
        for result in compare_alignments(list(recognizers.values()), split)
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

    paths = {
        "slices": all_slices,
        "cosines": all_cosines,
        "reliability": all_reliability,
        "error_rates": all_error_rates,
        "cmc": all_cmc,
        "search": all_search,
        "discard": all_discard,
    }
    together = {
        table: _together({name: evaluations / name / f"{table}.csv" for name in recognizers})
        for table in paths
    }
    text = comparison_report(recognizers, by_pair, by_alignment, together["slices"])
    write_bytes(summary, text.encode())
    write_csv(all_rocs, _together({name: rocs / f"{name}.csv" for name in recognizers}))
    write_csv(all_histories, _together({name: histories / f"{name}.csv" for name in recognizers}))
    for table, path in paths.items():
        write_csv(path, together[table])


def _together(files: dict[str, Path]) -> pd.DataFrame:
    """Returns the recognisers' tables as one; its first column, `recognizer`, has their names.

    Args:
        files: a CSV by recogniser.
    """
    frames = []
    for name, file in files.items():
        frame = pd.read_csv(file).drop(columns="recognizer", errors="ignore")
        frame.insert(0, "recognizer", name)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


if __name__ == "__main__":
    run(main)
