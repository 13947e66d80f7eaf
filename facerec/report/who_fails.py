"""Part 7: whom the recognisers fail, at one threshold for all."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from facerec.report.charts import Chart, spec
from facerec.report.figures import Figure, Table, shown
from facerec.report.ratios import Ratio, ratio
from facerec.report.run import Recognizer, Run

MIN_PEOPLE = 5  # of a group that counts as the best or the worst: fewer give no interval
SHOWN = 8  # slices before one asks for more
KINDS = {"fnmr": "FNMR", "fmr": "FMR"}


@dataclass(frozen=True)
class Gap:
    """The best and the worst group of a slice.

    Attributes:
        slice: an attribute, the pose, the size, …
        worst: the group with most errors.
        worst_rate: its rate and interval, in words.
        best: the group with fewest.
        best_rate: its rate and interval, in words.
        ratio: the worst's rate over the best's, in words.
        is_clear: whether the ratio's interval leaves out 1.
    """

    slice: str
    worst: str
    worst_rate: str
    best: str
    best_rate: str
    ratio: str
    is_clear: bool
    size: float


def who_fails(run: Run) -> dict:
    """Returns error rates by slice, quality against error, and failures to acquire and enrol."""
    slices = run_tables(run, "error_slices")
    discard = run.published.table("discard")
    frame = slices.frame()
    published = frame[frame.recognizer == run.published.title]
    return {
        "shown": SHOWN,
        "min_people": MIN_PEOPLE,
        "gaps": {title: gaps(published, kind) for kind, title in KINDS.items()},
        "charts": _charts(run, slices, discard),
        "acquire": [
            {"recognizer": each, "fta": _rate(each, "fta"), "fte": _rate(each, "fte")}
            for each in run.recognizers
        ],
        "threshold": run.threshold.figure("cosine_threshold", "", scale=1, digits=3),
        "fpr": f"{100 * run.fpr:g} %",
    }


def run_tables(run: Run, name: str) -> Table:
    """Returns one table of every recogniser's evaluation, together."""
    found = [each.table(name) for each in run.recognizers]
    rows = [row for table in found for row in table.rows]
    return Table(str(run.files.evaluations / "*" / f"{name}.csv"), found[0].columns, rows)


def _rate(recognizer: Recognizer, key: str) -> Figure | None:
    return recognizer.metrics.figure(key)


def _charts(run: Run, slices: Table, discard: Table) -> list[Chart]:
    found = [
        Chart(
            "error-slices",
            "FNMR and FMR by group, at one threshold",
            "Each dot is a group of photographs, each line its 95 % interval; further right is "
            "worse.",
            spec("error_slices", "rate", "group"),
            slices,
        ),
        Chart(
            "discard",
            f"Does a measure of quality foretell the errors of {run.published.title}?",
            "Leaving out the photographs that the measure calls worst should make the curve "
            "fall. The steeper, the better the measure.",
            _without_names(spec("discard", "discarded", "error")),
            discard,
        ),
    ]
    return [chart for chart in found if chart.table.rows]


def _without_names(chart: dict[str, Any]) -> dict[str, Any]:
    """Returns a chart of several recognisers as one of a single recogniser."""
    inner = chart["spec"]
    encoding = {key: value for key, value in inner["encoding"].items() if key != "strokeDash"}
    return chart | {"spec": inner | {"encoding": encoding}}


def gaps(frame: pd.DataFrame, kind: str) -> list[Gap]:
    """Returns the gap within each slice, the largest first.

    Args:
        frame: rows of error_slices.csv, of one recogniser.
        kind: fnmr or fmr.
    """
    found = []
    usable = frame[frame[kind].notna() & (frame.people >= MIN_PEOPLE)]
    for name, groups in usable.groupby("slice", sort=False):
        if len(groups) < 2:
            continue
        ordered = groups.sort_values(kind, kind="stable")
        best, worst = ordered.iloc[0], ordered.iloc[-1]
        result = ratio(*(_with_ends(group, kind) for group in (worst, best)))
        found.append(
            Gap(
                slice=str(name),
                worst=str(worst.group),
                worst_rate=_spelled(worst, kind),
                best=str(best.group),
                best_rate=_spelled(best, kind),
                ratio=_ratio_text(result),
                is_clear=result is not None and result.low > 1,
                size=worst[kind] - best[kind],
            )
        )
    return sorted(found, key=lambda gap: -gap.size)


def _with_ends(group: pd.Series, kind: str) -> tuple[float, float, float]:
    return group[kind], group[f"{kind}_low"], group[f"{kind}_high"]


def _spelled(group: pd.Series, kind: str) -> str:
    value, low, high = (shown(100 * number, 1) for number in _with_ends(group, kind))
    return f"{value} % ({low} to {high})"


def _ratio_text(result: Ratio | None) -> str:
    if result is None:
        return "no error in the best group"
    high = shown(result.high, 1) if result.high < 1000 else "∞"
    return f"{shown(result.value, 1)} ({shown(result.low, 1)} to {high})"
