"""Choose a subset of people and photographs, and set aside the exams that no rule has touched."""

import logging
from pathlib import Path
from typing import Annotated, Self

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator
from typer import Argument

from facerec import tables
from facerec.data.celeba import Collection, read_collection, read_image_ids
from facerec.imaging import contact_sheets as sheets
from facerec.imaging.io import read_image, write_image
from facerec.params import Params
from facerec.random_order import person_order, rank_in_person
from facerec.selection import choice as selection
from facerec.selection import report as selection_report
from facerec.selection.choice import Funnel
from facerec.selection.criteria import Criterion
from facerec.selection.near_duplicates import Copies
from facerec.selection.photographs import OnBadImage, Photographs
from facerec.selection.pixel_measures import PixelMeasures
from facerec.selection.strategy import Strategy
from stages.cli import run, write_csv, write_metrics

log = logging.getLogger(__name__)

SHEET_FACES = 48
NAMED_SHIFTS = 5
MEASURED = Path(
    ".measured/pixels.csv"
)  # what was measured of pixels: no output, so that it outlives a change
AUDIT = "data/audit.csv"


class OpensetParams(Params):
    query_people: NonNegativeInt
    distractor_people: NonNegativeInt
    images_per_person: PositiveInt  # at most
    seed: NonNegativeInt


class SelectParams(Params):
    strategy: str  # an entry of strategies
    strategies: dict[str, list[Criterion]]
    copy_bits: (
        NonNegativeInt  # photographs of a person whose hashes (256 bits) differ in fewer are copies
    )
    people: PositiveInt
    images_per_person: PositiveInt
    val_per_person: PositiveInt  # of those
    fill_up: bool  # people whom the rules leave too few photographs take their own rejected ones, best first
    strata: list[str]  # attributes in whose proportions people are drawn
    wild_per_person: NonNegativeInt  # set aside before any rule, never trained on
    openset: OpensetParams  # people set aside before any rule
    exclude: str  # CSV of image_ids that a person has reviewed and rejected
    on_bad_image: OnBadImage  # an unreadable photograph
    max_dropped: Annotated[
        float, Field(ge=0, le=100)
    ]  # %, of the photographs that were decoded; more is an error
    seed: NonNegativeInt

    @field_validator("strategies")
    @classmethod
    def _name_criteria_once(
        cls, strategies: dict[str, list[Criterion]]
    ) -> dict[str, list[Criterion]]:
        for strategy, criteria in strategies.items():
            names = [criterion.name for criterion in criteria]
            if twice := [name for name in names if names.count(name) > 1]:
                raise ValueError(f"{strategy}: expected each criterion once, got {twice[0]} again")
        return strategies

    @field_validator("exclude")
    @classmethod
    def _is_reviewed(cls, path: str) -> str:
        if Path(path) == Path(AUDIT):
            raise ValueError(
                f"{AUDIT} is made from what select chose, so select cannot wait for it: review it, and name a "
                f"file that git tracks, such as profiles/reviewed.csv"
            )
        return path

    @model_validator(mode="after")
    def _knows_its_strategy(self) -> Self:
        if self.strategy not in self.strategies:
            raise ValueError(
                f"strategy: {self.strategy!r} is not among select.strategies: {', '.join(self.strategies)}"
            )
        return self

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self) -> Self:
        if self.val_per_person >= self.images_per_person:
            raise ValueError(
                f"val_per_person ({self.val_per_person}) must be less than images_per_person "
                f"({self.images_per_person}): the others are trained on"
            )
        return self


def main(
    identity: Annotated[Path, Argument(help="who each photograph shows")],
    landmarks: Annotated[Path, Argument(help="five points of each face")],
    boxes: Annotated[Path, Argument(help="box of each face")],
    attributes: Annotated[Path, Argument(help="attributes; a file without rows if there are none")],
    exclude: Annotated[Path, Argument(help="CSV of image_ids to leave out")],
    images: Annotated[Path, Argument(help="folder of the collection's photographs")],
    selected: Annotated[Path, Argument(help="output: table of train and val")],
    train: Annotated[Path, Argument(help="output: table of the photographs to train on")],
    val: Annotated[Path, Argument(help="output: table of the photographs to validate with")],
    wild: Annotated[
        Path, Argument(help="output: table of photographs of the same people that no rule chose")
    ],
    openset: Annotated[Path, Argument(help="output: table of people who are nowhere else")],
    landmarks_only: Annotated[
        Path, Argument(help="output: table of their other photographs, to learn points from")
    ],
    dropped: Annotated[
        Path,
        Argument(help="output: table of photographs that are unreadable, or in some files only"),
    ],
    photographs: Annotated[Path, Argument(help="output: folder of all these photographs")],
    metrics: Annotated[Path, Argument(help="output: the funnel in numbers")],
    funnel_plot: Annotated[Path, Argument(help="output: the funnel as a table to plot")],
    balance_plot: Annotated[
        Path, Argument(help="output: share of each attribute before and after, largest shift first")
    ],
    criteria_plot: Annotated[
        Path, Argument(help="output: histogram of each criterion, with its bounds")
    ],
    sheet: Annotated[Path, Argument(help="output: contact sheet with boxes and points")],
    criteria_sheet: Annotated[
        Path, Argument(help="output: faces that each criterion kept and rejected")
    ],
) -> None:
    """Choose a subset of people and photographs, and set aside the exams that no rule has touched."""
    params = SelectParams.load("select")
    collection = read_collection(identity, landmarks, boxes, attributes)
    _report_incomplete(collection)
    source = Photographs(images, params.on_bad_image)
    measured = PixelMeasures(source, MEASURED)
    criteria = params.strategies[params.strategy]
    strategy = Strategy.of(criteria, collection.attributes, params.copy_bits, measured, params.seed)
    funnel = Funnel()
    try:
        chosen = choose(collection, read_image_ids(exclude), params, source, strategy, funnel)
        source.refuse_too_many_dropped(params.max_dropped)
    finally:  # an error too leaves the list, for whoever wants to mend the photographs
        tables.write(_dropped(collection, source), dropped, tables.DROPPED)
    everything = pd.concat(chosen.values())
    source.refuse_aligned(everything)
    source.copy(everything.image_id.tolist(), photographs)

    found = Copies.among(
        pd.concat([chosen["selected"], chosen["wild"]]), measured, params.copy_bits
    )
    chosen |= divide(chosen, found, params)
    for name, path in (("selected", selected), ("train", train), ("val", val), ("wild", wild)):
        tables.write(chosen[name], path, tables.SELECTED)
    tables.write(chosen["landmarks_only"], landmarks_only, tables.SELECTED)
    tables.write(chosen["openset"].assign(label=np.nan), openset, tables.OPENSET)

    exams = {name: chosen[name] for name in ("train", "val", "wild")}
    others = {name: chosen[name] for name in ("openset", "landmarks_only")}
    sizes = {name: len(frame) for name, frame in (exams | others).items()}
    sizes |= {
        "filled_up": strategy.filled_up(chosen["selected"]),
        "copies_left_out": strategy.copies_left_out,
    }
    sizes |= found.across({name: frame.image_id for name, frame in exams.items()})
    lost = {"incomplete": len(collection.incomplete), "dropped_unreadable": len(source.dropped)}
    balance = selection.attribute_balance(
        collection.frame, chosen["selected"], collection.attributes
    )
    shifts = {
        f"shift_{row.attribute}": row.shift for row in balance.sort_values("attribute").itertuples()
    }
    write_metrics(metrics, {**funnel.metrics(), **sizes, **lost, **shifts})
    write_csv(funnel_plot, funnel.table())
    write_csv(balance_plot, balance)
    write_csv(criteria_plot, selection_report.histograms(strategy.measuring, strategy.values))
    write_image(sheet, _sheet(chosen["selected"], images))
    write_image(
        criteria_sheet,
        selection_report.sheet(strategy.measuring, strategy.values, collection.frame, images),
    )
    log.info("%s", funnel)
    _report_short(chosen["val"], params)
    if len(balance):
        named = [f"{row.attribute} {row.shift:+.1f}" for row in balance[:NAMED_SHIFTS].itertuples()]
        log.info("largest shifts of attributes, points of %%: %s", ", ".join(named))


def choose(
    collection: Collection,
    excluded: list[str],
    params: SelectParams,
    source: Photographs,
    strategy: Strategy,
    funnel: Funnel,
) -> dict[str, pd.DataFrame]:
    """Returns `selected` (with labels), `wild`, `openset` (with roles) and `landmarks_only`: photographs, by name.

    Raises:
        ValueError: fewer people are left than wanted; the message holds the funnel.
    """
    frame = funnel.count("in_all_tables", collection.frame)
    _report_unknown(excluded, frame, params.exclude)
    frame = funnel.count("not_excluded", frame[~frame.image_id.isin(excluded)])
    aside = params.openset
    roles = selection.draw_openset(frame, aside.query_people, aside.distractor_people, aside.seed)
    strangers = frame[roles != ""].assign(role=roles)
    strangers = strangers.iloc[person_order(strangers, aside.seed, "openset")]
    openset = source.take(strangers, aside.images_per_person).sort_values("image_id")
    source.refuse_aligned(openset)
    frame = funnel.count("not_in_openset", frame[roles == ""])

    order = person_order(frame, aside.seed, "wild")
    wild_first = frame.iloc[order]
    wild = rank_in_person(frame, order) < params.wild_per_person
    rest = funnel.count("not_wild", frame[~wild])
    good = strategy.keep(rest, 0 if params.fill_up else params.images_per_person, funnel)
    pool = rest if params.fill_up else good
    pool = selection.enough_photographs(
        pool, params.images_per_person, funnel, "people_with_enough"
    )
    strata = _strata(params.strata, collection.attributes)
    while True:
        try:
            people = selection.choose_people(pool, params.people, strata, params.seed)
        except ValueError as error:
            source.refuse_too_many_dropped(params.max_dropped)
            lost = funnel.largest_loss("not_wild")
            most = f"; most people were lost at {lost}" if lost else ""
            raise ValueError(
                f"{error}{most}; photographs and people after each step:\n{funnel}"
            ) from None
        exam = source.take(
            wild_first[wild_first.person_id.isin(people)],
            params.wild_per_person,
            strategy.measured.of,
        )
        wanted = pool[pool.person_id.isin(people) & ~pool.image_id.isin(exam.image_id)]
        kept = wanted.image_id.isin(good.image_id).to_numpy()
        ordered = strategy.ordered(wanted, kept, exam, params.fill_up)
        selected = source.take(ordered, params.images_per_person)
        counts = selected.groupby("person_id").size().reindex(people, fill_value=0)
        short = counts.index[counts < params.images_per_person]
        if short.empty:
            break
        pool = funnel.count("people_with_enough_usable", pool[~pool.person_id.isin(short)])
    unused = rest[
        rest.person_id.isin(people) & ~rest.image_id.isin([*selected.image_id, *exam.image_id])
    ]
    funnel.count("of_chosen_people", wanted)
    funnel.count("not_copied", ordered)
    selected = funnel.count("selected", selected.sort_values("image_id", ignore_index=True))
    return {
        "selected": selected.assign(label=selection.label(selected)),
        "wild": exam.sort_values("image_id"),
        "openset": openset,
        "landmarks_only": source.take(unused, max(len(unused), 1)).sort_values("image_id"),
    }


def divide(
    chosen: dict[str, pd.DataFrame], found: Copies, params: SelectParams
) -> dict[str, pd.DataFrame]:
    """Returns `train` and `val` of what `choose` returned, and `wild` and `landmarks_only` with labels.

    Args:
        chosen: by name.
        found: the copies among `selected`, none of which train and val share.
        params: of the split.
    """
    selected = chosen["selected"]
    labels = selected.drop_duplicates("person_id").set_index("person_id").label
    groups = found.groups(selected.image_id)
    train, val = selection.split(selected, params.val_per_person, params.seed, groups)
    named = {
        name: chosen[name].assign(label=chosen[name].person_id.map(labels))
        for name in ("wild", "landmarks_only")
    }
    return {"train": train, "val": val, **named}


def _dropped(collection: Collection, source: Photographs) -> pd.DataFrame:
    """Returns the photographs that cannot be used, and why."""
    reasons = {
        image_id: f"{path} has no such row" for image_id, path in collection.incomplete.items()
    }
    return pd.DataFrame(sorted((reasons | source.dropped).items()), columns=["image_id", "reason"])


def _report_short(val: pd.DataFrame, params: SelectParams) -> None:
    counts = val.groupby("person_id").size()
    if short := params.people - int((counts >= params.val_per_person).sum()):
        log.warning(
            "%d people have fewer photographs in val: their others are copies of one another", short
        )


def _report_unknown(excluded: list[str], frame: pd.DataFrame, path: str) -> None:
    unknown = sorted(set(excluded) - set(frame.image_id))
    if unknown:
        log.warning(
            "%s: %d image_ids are not in the collection: %s …",
            path,
            len(unknown),
            ", ".join(unknown[:5]),
        )


def _strata(wanted: list[str], attributes: list[str]) -> list[str]:
    """Returns the attributes to stratify by: those wanted, or none where the collection has no attributes."""
    if not attributes:
        return []
    if unknown := [name for name in wanted if name not in attributes]:
        raise ValueError(
            f"select.strata: {', '.join(unknown)} not among the collection's attributes: {', '.join(attributes)}"
        )
    return wanted


def _report_incomplete(collection: Collection) -> None:
    if collection.incomplete:
        first = [
            f"{image_id} (not in {path})"
            for image_id, path in list(collection.incomplete.items())[:5]
        ]
        log.warning(
            "%d photographs left out, a file lacks them, all listed in dropped.csv: %s …",
            len(collection.incomplete),
            ", ".join(first),
        )


def _sheet(selected: pd.DataFrame, images: Path) -> np.ndarray:
    shown = selected.iloc[
        np.linspace(0, len(selected) - 1, min(SHEET_FACES, len(selected))).astype(int)
    ]
    boxes, points = shown[tables.BOX].to_numpy(float), tables.points(shown)
    tiles = [
        sheets.annotated(read_image(images / image_id), box, five, sheets.TILE)
        for image_id, box, five in zip(shown.image_id, boxes, points, strict=True)
    ]
    captions = [f"person {person}" for person in shown.person_id]
    return sheets.contact_sheet(tiles, columns=8, tile=sheets.TILE, captions=captions)


if __name__ == "__main__":
    run(main)
