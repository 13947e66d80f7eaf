"""Choose people and photographs, and set aside test sets that no criterion touches."""

import logging
from pathlib import Path
from typing import Annotated

from typer import Option

from facerec import tables
from facerec.data.celeba import read_collection, read_image_ids
from facerec.data.names import PersonNames, people_table
from facerec.imaging.io import write_image
from facerec.selection import report
from facerec.selection.choice import (
    choose,
    divide,
    read_measures,
    refuse_unreadable,
    unusable_photographs,
)
from facerec.selection.params import SelectParams
from facerec.selection.photographs import copy_photographs
from facerec.selection.steps import attribute_balance
from stages.cli import run, write_csv, write_metrics

log = logging.getLogger(__name__)

SHIFTS = 5  # named in the log


def main(
    identity: Annotated[Path, Option(help="who each photograph shows: a number or a name")],
    names: Annotated[Path, Option(help="names of people; a file without rows if there are none")],
    landmarks: Annotated[Path, Option(help="five points of each face")],
    boxes: Annotated[
        Path, Option(help="box of each face; a file without rows if the points give them")
    ],
    attributes: Annotated[Path, Option(help="attributes; a file without rows if there are none")],
    exclude: Annotated[Path, Option(help="CSV of image_ids to leave out")],
    images: Annotated[Path, Option(help="folder of the collection's photographs")],
    measures: Annotated[Path, Option(help="table of the photographs' measures")],
    selected: Annotated[Path, Option(help="output: table of train and val")],
    train: Annotated[Path, Option(help="output: table of photographs to train on")],
    val: Annotated[Path, Option(help="output: table of photographs to validate with")],
    wild: Annotated[
        Path, Option(help="output: table of photographs of the same people, without criteria")
    ],
    openset: Annotated[Path, Option(help="output: table of people who are nowhere else")],
    landmarks_only: Annotated[
        Path, Option(help="output: table of their other photographs, to learn points from")
    ],
    people: Annotated[Path, Option(help="output: table of the chosen people's names, if any")],
    dropped: Annotated[
        Path, Option(help="output: table of photographs that are unreadable or in some files only")
    ],
    photographs: Annotated[Path, Option(help="output: folder of all these photographs")],
    metrics: Annotated[Path, Option(help="output: the funnel in numbers")],
    funnel_plot: Annotated[Path, Option(help="output: the funnel as a table to plot")],
    balance_plot: Annotated[
        Path, Option(help="output: share of each attribute before and after, largest shift first")
    ],
    criteria_plot: Annotated[
        Path, Option(help="output: histogram of each criterion, with its bounds")
    ],
    sheet: Annotated[Path, Option(help="output: contact sheet with boxes and points")],
    criteria_sheet: Annotated[
        Path, Option(help="output: faces that each criterion kept and rejected")
    ],
) -> None:
    """Choose people and photographs, and set the test sets aside."""
    params = SelectParams.load("select")
    collection = read_collection(identity, landmarks, boxes, attributes, names)
    measured = read_measures(measures, collection.frame)
    excluded = read_image_ids(exclude)
    unusable = unusable_photographs(collection, measured)
    tables.write(unusable, dropped, tables.DROPPED)
    refuse_unreadable(collection.frame, measured, excluded, images, params)

    choice = choose(collection, measured, excluded, params)
    train_set, val_set, duplicates = divide(choice, measured, params)
    tables.write(choice.selected, selected, tables.SELECTED)
    tables.write(train_set, train, tables.SELECTED)
    tables.write(val_set, val, tables.SELECTED)
    tables.write(choice.wild, wild, tables.SELECTED)
    tables.write(choice.landmarks_only, landmarks_only, tables.SELECTED)
    tables.write(choice.openset, openset, tables.OPENSET)
    names_of_chosen = people_table(choice.everything.person_id, collection.names)
    tables.write(names_of_chosen, people, tables.PEOPLE)
    copy_photographs(choice.everything.image_id.tolist(), images, photographs)

    balance = attribute_balance(collection.frame, choice.selected, collection.attributes)
    sizes = {
        "train": len(train_set),
        "val": len(val_set),
        "wild": len(choice.wild),
        "openset": len(choice.openset),
        "landmarks_only": len(choice.landmarks_only),
        "rejected_allowed": choice.rejected_allowed,
        "near_duplicates_left_out": choice.near_duplicates_left_out,
        **duplicates,
        "incomplete": len(collection.incomplete),
        "dropped_unreadable": len(unusable) - len(collection.incomplete),
    }
    by_name = balance.sort_values("attribute")
    shifts = {f"shift_{row.attribute}": row.shift for row in by_name.itertuples()}
    write_metrics(metrics, {**choice.funnel.metrics(), **sizes, **shifts})
    write_csv(funnel_plot, choice.funnel.table())
    write_csv(balance_plot, balance)
    write_csv(criteria_plot, report.histograms(choice.criteria, choice.values))
    known = PersonNames.of_table(names_of_chosen)
    write_image(sheet, report.selected_sheet(choice.selected, images, known))
    criteria_faces = report.criteria_sheet(choice.criteria, choice.values, collection.frame, images)
    write_image(criteria_sheet, criteria_faces)
    log.info("%s", choice.funnel)
    log.info("%s", report.sizes_in_words(train_set, val_set, choice))
    if len(balance):
        largest = [f"{row.attribute} {row.shift:+.1f}" for row in balance[:SHIFTS].itertuples()]
        log.info("largest shifts of attributes, points of %%: %s", ", ".join(largest))


if __name__ == "__main__":
    run(main)
