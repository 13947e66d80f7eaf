"""Parts 5 and 6: how the recognisers learned, and what they can do."""

from typing import Any

from facerec.report.charts import Chart, spec, with_threshold
from facerec.report.figures import Figure, Measured, Table
from facerec.report.run import Run

HEADS = {  # rows of the table of heads
    "val_top1": "val: right person",
    "val_top5": "val: among five",
    "wild_top1": "wild: right person",
    "wild_top5": "wild: among five",
    "openset_auc": "AUC",
    "openset_eer": "EER",
}
BY_RATE = {  # further ones, at the published false-match rate
    "fnmr_at_fmr": "FNMR at FMR",
    "identification_rate_at_fpr": "identification rate at FPR",
    "fnir_at_fpir": "FNIR at FPIR",
}
PLAIN = {0.1: "1e-1", 0.01: "1e-2", 0.001: "1e-3"}  # as in the metrics' names
THRESHOLD = "threshold"


def training(run: Run) -> list[Chart]:
    """Returns the curves of all heads, and the hourglass'."""
    history = run.plot("training")
    hourglass = Table.read(run.files.plots / "training/hourglass.csv", "hourglass")
    return [
        Chart(
            "training-top1",
            "Right person on val, after each epoch",
            "An epoch is one pass over all photographs to learn from.",
            spec("training", "epoch", "val_top1", y_label="val: share right"),
            history,
        ),
        Chart(
            "training-loss",
            "Training loss, after each epoch",
            "What training makes small. Heads measure it differently: compare shapes, not heights.",
            spec("training", "epoch", "train_loss", y_label="training loss"),
            history,
        ),
        Chart(
            "training-hourglass",
            "Landmarks: error on val, after each epoch",
            "In % of the distance between the eyes.",
            _without_legend(
                spec("training", "epoch", "val_nme", y_label="error, % of the eye distance")
            ),
            hourglass,
        ),
    ]


def _without_legend(chart: dict[str, Any]) -> dict[str, Any]:
    """Returns a chart of one curve, which needs no name beside it."""
    encoding = chart["encoding"]
    return chart | {"encoding": encoding | {"color": encoding["color"] | {"legend": None}}}


def recognition(run: Run) -> dict:
    """Returns the table of heads and the charts of verification and identification."""
    rate = PLAIN[run.fpr]
    titles = HEADS | {f"{key}_{rate}": f"{title} {run.fpr:g}" for key, title in BY_RATE.items()}
    measured = [recognizer.metrics for recognizer in run.recognizers]
    present = {
        key: title for key, title in titles.items() if any(key in metrics for metrics in measured)
    }
    return {
        "rows": {
            title: [metrics.figure(key) for metrics in measured] for key, title in present.items()
        },
        "calibration": _calibration(run),
        "threshold": run.threshold.figure("cosine_threshold", "", scale=1, digits=3),
        "charts": [chart for chart in _charts(run) if chart.table.rows],
    }


def _calibration(run: Run) -> Figure | None:
    metrics: Measured = run.published.metrics
    return metrics.figure("calibration_error", "points", scale=100)


def _charts(run: Run) -> list[Chart]:
    roc = run.plot("roc")
    return [
        Chart(
            "det",
            "DET: the two kinds of error against each other",
            "Moving the threshold trades false matches against false non-matches; lower is "
            "better. Bands: 95 % intervals.",
            spec("det", "fpr", "tpr"),
            roc,
        ),
        Chart(
            "roc",
            "ROC: pairs rightly accepted against pairs wrongly accepted",
            "The same trade as the course draws it; higher is better. Bands: 95 % intervals.",
            spec("roc", "fpr", "tpr", "false-positive rate (FMR)", "true-positive rate (1 − FNMR)"),
            roc,
        ),
        Chart(
            "cosines",
            "Cosines of same-person pairs and of different-person pairs",
            "Genuine and impostor pairs of strangers. The less the two hills overlap, the "
            "better. Dashed: the threshold.",
            with_threshold(spec("cosines", "cosine", "share"), THRESHOLD),
            _with_threshold(run, run.plot("cosines")),
        ),
        Chart(
            "error-rates",
            "FMR and FNMR at each threshold",
            "A higher threshold accepts fewer strangers and rejects more of the same person. "
            "Dashed: the published threshold.",
            spec("error_rates", "threshold", "fmr")
            if not run.threshold.values
            else with_threshold(spec("error_rates", "threshold", "fmr"), "published"),
            _published(run, run.plot("error_rates")),
        ),
        Chart(
            "cmc",
            "CMC: is the right person among the first so many candidates?",
            "Rank 1 is the identification rate that asks for the first candidate.",
            spec("cmc", "rank", "rate"),
            run.plot("cmc"),
        ),
        Chart(
            "search",
            "FNIR against FPIR: searching a gallery in which the person may be absent",
            "More people in the gallery make the search harder. One panel a size of the gallery.",
            spec("search", "fpir", "fnir"),
            run.plot("search"),
        ),
        Chart(
            "reliability",
            "Reliability: promised and true probability",
            "Where the model says “70 % likely one person”, 70 % should be: on the grey line.",
            spec("reliability", "predicted", "observed"),
            run.plot("reliability"),
        ),
    ]


def _with_threshold(run: Run, table: Table) -> Table:
    """Returns the rows with each recogniser's threshold at the published false-match rate."""
    key = f"threshold_at_fpr_{PLAIN[run.fpr]}"
    values = {each.title: each.thresholds.values.get(key, "") for each in run.recognizers}
    place = table.columns.index("recognizer")
    rows = [[*row, str(values.get(row[place], ""))] for row in table.rows]
    return Table(table.file, [*table.columns, THRESHOLD], rows)


def _published(run: Run, table: Table) -> Table:
    """Returns the rows with the published threshold, if there is one."""
    if not run.threshold.values:
        return table
    value = str(run.threshold["cosine_threshold"])
    rows = [[*row, value] for row in table.rows]
    return Table(table.file, [*table.columns, "published"], rows)
