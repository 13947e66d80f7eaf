"""Charts: the Vega-Lite templates of `dvc plots`, filled for the page.

A chart's rows are those of the table beside it; the page's script reads them from there.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facerec.report.figures import Table

TEMPLATES = Path(__file__).parent / "charts"  # .dvc/plots links here


@dataclass(frozen=True)
class Chart:
    """A chart with its numbers.

    Attributes:
        name: of its element, for links and the script.
        caption: what it shows, in words.
        spec: Vega-Lite without data.
        table: its rows.
        title: in the caption, before the words.
        collapsed: whether it is drawn only when somebody opens it.
    """

    name: str
    title: str
    caption: str
    spec: dict[str, Any]
    table: Table
    collapsed: bool = False


def spec(
    template: str, x: str, y: str, x_label: str | None = None, y_label: str | None = None
) -> dict[str, Any]:
    """Returns a template of `dvc plots` as a chart of this run alone.

    It has neither data nor title, which the page gives, and nothing that tells revisions apart.

    Args:
        template: its name.
        x: the column along the x axis.
        y: the column along the y axis.
        x_label: the x axis' title; None: the column's name.
        y_label: the y axis' title; None: the column's name.
    """
    text = (TEMPLATES / f"{template}.json").read_text(encoding="utf-8")
    anchors = {"X": x, "X_LABEL": x_label or x, "Y": y, "Y_LABEL": y_label or y, "TITLE": ""}
    for anchor, value in anchors.items():
        text = text.replace(f'"<DVC_METRIC_{anchor}>"', json.dumps(value))
    filled = json.loads(text)
    for key in ("$schema", "data", "title"):
        filled.pop(key)
    return _without_revisions(filled)


def _without_revisions(part: Any) -> Any:
    if isinstance(part, dict):
        return {
            key: _without_revisions(value) for key, value in part.items() if not _is_revision(value)
        }
    if isinstance(part, list):
        return [_without_revisions(value) for value in part if not _is_revision(value)]
    return part


def _is_revision(part: Any) -> bool:
    return isinstance(part, dict) and part.get("field") == "rev"


def with_threshold(chart: dict[str, Any], column: str) -> dict[str, Any]:
    """Returns a chart with a dashed line across the x axis, where the rows' `column` says."""
    rule = {
        "mark": {"type": "rule", "strokeDash": [4, 3], "strokeWidth": 1.5},
        "encoding": {"x": {"aggregate": "min", "field": column, "type": "quantitative"}},
    }
    if "layer" in chart:
        lines = [
            layer | {"encoding": chart["encoding"] | layer["encoding"]} for layer in chart["layer"]
        ]
        return chart | {"encoding": {}, "layer": [*lines, rule]}
    encoding = dict(chart["encoding"])
    facet = {key: encoding.pop(key) for key in ("row", "column") if key in encoding}
    layered: dict[str, Any] = {"layer": [{"mark": chart["mark"], "encoding": encoding}, rule]}
    layered |= {key: chart[key] for key in ("width", "height")}
    return {"facet": facet, "spec": layered} if facet else layered
