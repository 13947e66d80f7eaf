"""Several revisions side by side: as text for a terminal, and as a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jinja2

from facerec.evaluation.comparison import cell
from facerec.report.differences import (
    MEASURES,
    PAIRED,
    Difference,
    changed_params,
    differences,
    same_exam,
)
from facerec.report.revisions import EXAMS, Revision

TEMPLATES = Path(__file__).parent / "templates"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class SideBySide:
    """Revisions, and what each differs in from the first.

    Attributes:
        revisions: in the order in which they were asked for.
        rows: each measure's figure of every revision, by the measure's title.
        differences: of each further revision.
        other_exams: the exams of each further revision that are not those of the first.
        params: the parameters that differ, a text for every revision.
    """

    revisions: list[Revision]
    rows: Mapping[str, list[str]]
    differences: Mapping[str, list[Difference]]
    other_exams: Mapping[str, list[str]]
    params: Mapping[str, list[str]]

    @classmethod
    def of(cls, revisions: list[Revision]) -> "SideBySide":
        """Returns the comparison of each revision with the first."""
        first, *others = revisions
        rows = {
            title: [cell(dict(revision.metrics), key) for revision in revisions]
            for key, (title, _) in MEASURES.items()
            if any(key in revision.metrics for revision in revisions)
        }
        other_exams = {
            other.name: [exam for exam in EXAMS if not same_exam(first, other, exam)]
            for other in others
        }
        return cls(
            revisions=revisions,
            rows=rows,
            differences={other.name: differences(first, other) for other in others},
            other_exams=other_exams,
            params=changed_params(revisions),
        )


def text(compared: SideBySide) -> str:
    """Returns the comparison for a terminal; in per cent and points of per cent."""
    first = compared.revisions[0]
    header = ["%", *(f"{each.name} ({each.recognizer})" for each in compared.revisions)]
    lines = _aligned([header, *([title, *cells] for title, cells in compared.rows.items())])
    for name, found in compared.differences.items():
        lines += ["", f"{name} less {first.name}, points of %:"]
        lines += _aligned(
            [
                [one.measure, points(one), one.verdict + (", paired" if one.is_paired else "")]
                for one in found
            ]
        )
        if others := compared.other_exams[name]:
            lines.append(f"Not the same photographs: {', '.join(others)}. Nothing there is paired.")
    return "\n".join(lines)


def page(compared: SideBySide) -> str:
    """Returns the comparison as an HTML page that needs no network."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("revisions.html.j2").render(
        compared=compared,
        points=points,
        paired=[MEASURES[key][0] for key in PAIRED],
        style=(TEMPLATES / "style.css").read_text(encoding="utf-8"),
        scripts=[],
        policy=POLICY,
    )


def points(one: Difference) -> str:
    """Returns a difference with its interval, in points of per cent."""
    return f"{100 * one.value:+.1f} ({100 * one.low:+.1f} to {100 * one.high:+.1f})"


def _aligned(rows: list[list[str]]) -> list[str]:
    """Returns a line a row, with its cells under one another."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
