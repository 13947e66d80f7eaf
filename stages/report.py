"""Write the report: one page, without a network, of all that the run found."""

from pathlib import Path
from typing import Annotated

from typer import Option

from facerec.cli import STAGES
from facerec.files import write_bytes
from facerec.params import PARAMS_FILE, read_yaml
from facerec.report.page import render
from facerec.report.run import Run, RunFiles
from stages.cli import run

# No inputs that DVC could know: the audit may not run, and the others differ from run to run. When
# the audit's list changes, so does its contact sheet in metrics/sheets.
AUDIT, AUDIT_PEOPLE = Path("data/audit.csv"), Path("data/audit_people.csv")
RECORDS, LOCK = Path(".runs"), Path("dvc.lock")


def main(
    selection: Annotated[Path, Option(help="what the selection counted")],
    hourglass: Annotated[Path, Option(help="the landmarks' errors")],
    alignment: Annotated[Path, Option(help="what the alignments did")],
    evaluations: Annotated[Path, Option(help="folder of each recogniser's evaluation")],
    comparison: Annotated[Path, Option(help="all metrics, and their differences")],
    thresholds: Annotated[Path, Option(help="the published threshold")],
    plots: Annotated[Path, Option(help="folder of the tables behind the charts")],
    sheets: Annotated[Path, Option(help="folder of the contact sheets")],
    val: Annotated[Path, Option(help="table of the selected photographs that no one learned from")],
    openset: Annotated[Path, Option(help="table of people who are nowhere else")],
    people: Annotated[Path, Option(help="table of the people's names")],
    predicted: Annotated[Path, Option(help="table of the points found")],
    alignments: Annotated[Path, Option(help="table of what each alignment did to each face")],
    photographs: Annotated[Path, Option(help="folder of the photographs")],
    aligned_2: Annotated[Path, Option(help="folder of faces aligned by the eyes")],
    aligned_3: Annotated[Path, Option(help="folder of faces aligned by eyes and nose")],
    aligned_5: Annotated[Path, Option(help="folder of faces aligned by all five points")],
    report: Annotated[Path, Option(help="output: the page")],
) -> None:
    """Write the report: one page, without a network, of all that the run found."""
    files = RunFiles(
        selection=selection,
        hourglass=hourglass,
        alignment=alignment,
        evaluations=evaluations,
        comparison=comparison,
        threshold=thresholds,
        plots=plots,
        sheets=sheets,
        val=val,
        openset=openset,
        people=people,
        predicted=predicted,
        alignments=alignments,
        photographs=photographs,
        aligned={2: aligned_2, 3: aligned_3, 5: aligned_5},
        audit=AUDIT,
        audit_people=AUDIT_PEOPLE,
        records=RECORDS,
        lock=LOCK,
    )
    page = render(Run(files, read_yaml(PARAMS_FILE), STAGES[:-1]))
    write_bytes(report, page.encode())
    print(f"report: {report.resolve().as_uri()}")


if __name__ == "__main__":
    run(main)
