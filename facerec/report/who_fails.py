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
CHARTED = 16  # groups likewise
KINDS = {"fnmr": "FNMR", "fmr": "FMR"}


@dataclass(frozen=True)
class Gap:
    """The best and the worst group of a slice.

    Attributes:
        slice: an attribute, the pose, the size, …
        worst: the group with most errors.
        worst_rate: its rate, in words.
        worst_interval: of the rate, in words.
        best: the group with fewest.
        best_rate: its rate, in words.
        best_interval: of the rate, in words.
        ratio: the worst's rate over the best's, in words; None if the best has no error.
        ratio_interval: in words.
        is_clear: whether the ratio's interval leaves out 1.
        size: of the gap, the worst's rate less the best's.
    """

    slice: str
    worst: str
    worst_rate: str
    worst_interval: str
    best: str
    best_rate: str
    best_interval: str
    ratio: str | None
    ratio_interval: str
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
        "charts": [*_slice_charts(run, slices), *_discard_charts(run, discard)],
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


def _slice_charts(run: Run, slices: Table) -> list[Chart]:
    """Returns the groups with the highest FNMR of the published recogniser, then all others."""
    worst, rest = _worst_first(slices.frame(), run.published.title)
    charts = [
        (worst, "FNMR and FMR by group, at one threshold", "highest first"),
        (rest, f"The other {len(rest)} groups", "highest first, then groups of fewer people"),
    ]
    return [
        Chart(
            f"error-slices-{number}",
            title,
            f"Each dot is a group of photographs, each line its 95 % interval; further right is "
            f"worse. By the FNMR of {run.published.title}, {order}.",
            _all_groups(spec("error_slices", "rate", "group")),
            _of_groups(slices, chosen),
            collapsed=number > 0,
        )
        for number, (chosen, title, order) in enumerate(charts)
        if chosen
    ]


def _worst_first(
    frame: pd.DataFrame, recognizer: str
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Returns the worst CHARTED groups of at least MIN_PEOPLE people, and the others."""
    of_one = frame[frame.recognizer == recognizer]
    of_one = of_one[of_one.groupby("slice").group.transform("nunique") > 1]
    is_small = of_one.people < MIN_PEOPLE
    ordered = of_one.assign(is_small=is_small).sort_values(
        ["is_small", "fnmr"], ascending=[True, False], kind="stable"
    )
    groups = list(zip(ordered.slice, ordered.group, strict=True))
    charted = min(CHARTED, int((~is_small).sum())) or CHARTED
    return groups[:charted], groups[charted:]


def _of_groups(slices: Table, groups: list[tuple[str, str]]) -> Table:
    """Returns the rows of these groups, in their order."""
    named, grouped = (slices.columns.index(name) for name in ("slice", "group"))
    by_group: dict[tuple[str, str], list[list[str]]] = {group: [] for group in groups}
    for row in slices.rows:
        by_group.get((row[named], row[grouped]), []).append(row)
    return Table(slices.file, slices.columns, [row for rows in by_group.values() for row in rows])


def _all_groups(chart: dict[str, Any]) -> dict[str, Any]:
    """Returns the chart without its filter for slices of one group; `_worst_first` has done it."""
    kept = [step for step in chart["transform"] if "groups" not in str(step)]
    return chart | {"transform": kept}


def _discard_charts(run: Run, discard: Table) -> list[Chart]:
    if not discard.rows:
        return []
    return [
        Chart(
            "discard",
            f"Does a measure of quality foretell the errors of {run.published.title}?",
            "Leaving out the photographs that the measure calls worst should make the curve "
            "fall. The steeper, the better the measure. A curve ends where fewer than 20 "
            "photographs are left.",
            _without_names(spec("discard", "discarded", "error")),
            discard,
        )
    ]


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
                worst_rate=_percent(worst[kind]),
                worst_interval=_interval(worst, kind),
                best=str(best.group),
                best_rate=_percent(best[kind]),
                best_interval=_interval(best, kind),
                ratio=shown(result.value, 1) if result else None,
                ratio_interval=_ratio_interval(result) if result else "",
                is_clear=result is not None and result.low > 1,
                size=worst[kind] - best[kind],
            )
        )
    return sorted(found, key=lambda gap: -gap.size)


def _with_ends(group: pd.Series, kind: str) -> tuple[float, float, float]:
    return group[kind], group[f"{kind}_low"], group[f"{kind}_high"]


def _percent(rate: float) -> str:
    return f"{shown(100 * rate, 1)} %"


def _interval(group: pd.Series, kind: str) -> str:
    low, high = (shown(100 * group[f"{kind}_{end}"], 1) for end in ("low", "high"))
    return f"({low} to {high})"


def _ratio_interval(result: Ratio) -> str:
    high = shown(result.high, 1) if result.high < 1000 else "∞"
    return f"({shown(result.low, 1)} to {high})"
