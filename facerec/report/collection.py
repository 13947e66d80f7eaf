"""Part 2: how the photographs were chosen."""

from facerec.report.charts import Chart, spec
from facerec.report.figures import Figure, Measured, Table
from facerec.report.pictures import sheet_uri
from facerec.report.run import Run

COUNTS = {
    "train": "to learn from",
    "val": "selected, never learned from (val)",
    "wild": "of the same people, as they come (wild)",
    "openset": "of strangers (open set)",
    "landmarks_only": "of the same people, for the landmarks alone",
}
COPIES = {
    "near_duplicates_left_out": "copies of the selected people that were left out",
    "near_duplicates_train": "pairs of copies, both learned from",
    "near_duplicates_train_val": "pairs of copies, one learned from and one in val",
    "near_duplicates_train_wild": "pairs of copies, one learned from and one in wild",
    "near_duplicates_val": "pairs of copies, both in val",
    "near_duplicates_val_wild": "pairs of copies, one in val and one in wild",
    "near_duplicates_wild": "pairs of copies, both in wild",
}


def collection(run: Run) -> dict:
    """Returns the funnel, the criteria, the balance of attributes, copies, and the audit."""
    selection = Measured.read(run.files.selection)
    sheets = run.files.sheets
    balance = run.plot("selection_balance")
    criteria = run.plot("selection_criteria")
    return {
        "people": selection.count("people.selected"),
        "selected": selection.count("photographs.selected"),
        "all": selection.count("photographs.in_all_tables"),
        "all_people": selection.count("people.in_all_tables"),
        "rejected_allowed": selection.count("rejected_allowed"),
        "dropped": selection.count("dropped_unreadable"),
        "incomplete": selection.count("incomplete"),
        "counts": _counts(selection, COUNTS),
        "copies": _counts(selection, COPIES),
        "strategy": run.params["select"]["strategy"],
        "charts": [
            Chart(
                "funnel",
                "Photographs left after each step",
                "Each bar is what one step of the selection left; the first is the collection.",
                spec("funnel", "photographs", "step"),
                run.plot("selection_funnel"),
            ),
            *_optional(
                criteria,
                Chart(
                    "criteria",
                    "What each criterion kept and rejected",
                    "One panel a criterion, over the photographs that reached it; "
                    "the dashed line is its bound.",
                    spec("criteria", "value", "share"),
                    criteria,
                ),
            ),
        ],
        "balance": _optional(
            balance,
            Chart(
                "balance",
                "Attributes: selected photographs against all",
                "How much more or less frequent each attribute is after the selection, "
                "points of %.",
                spec("balance", "shift", "attribute", "shift, points of %"),
                balance,
            ),
        ),
        "criteria_sheet": sheet_uri(sheets / "criteria.jpg") if criteria.rows else None,
        "selected_sheet": sheet_uri(sheets / "selected.jpg"),
        "audit": _audit(run),
    }


def _counts(selection: Measured, titles: dict[str, str]) -> dict[str, Figure]:
    counts = {title: selection.count(key) for key, title in titles.items()}
    return {title: count for title, count in counts.items() if count}


def _optional(table: Table, chart: Chart) -> list[Chart]:
    """Returns the chart, or nothing if it would be empty."""
    return [chart] if table.rows else []


def _audit(run: Run) -> dict | None:
    """Returns how many photographs and pairs of people the audit lists; None if it did not run."""
    if not run.params["audit"]["runs"]:
        return None
    listed = Table.read(run.files.audit).frame()
    people = Table.read(run.files.audit_people)
    return {
        "listed": len(listed),
        "to_exclude": int((listed.action == "exclude").sum()) if len(listed) else 0,
        "pairs": len(people.rows),
        "sheet": sheet_uri(run.files.sheets / "audit.jpg"),
    }
