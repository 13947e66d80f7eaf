"""The choice of a collection's subsets: train, val, the test sets and the rest."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from facerec import tables
from facerec.data.celeba import Collection
from facerec.data.image_ids import difference
from facerec.random_order import person_order, rank_in_person
from facerec.selection import steps
from facerec.selection.criteria import (
    NO_NEAR_DUPLICATES,
    Criterion,
    near_duplicate_criterion,
)
from facerec.selection.near_duplicates import NearDuplicates, nearest_of_candidates
from facerec.selection.params import SelectParams
from facerec.selection.sizes import (
    LEAST_IMAGES,
    LEAST_PEOPLE,
    REST,
    People,
    divide_people,
    parts,
    val_sizes,
)
from facerec.selection.steps import Funnel
from facerec.selection.strategy import Strategy

log = logging.getLogger(__name__)

EXAMPLES = 5  # named in a message


@dataclass(frozen=True)
class Choice:
    """The chosen photographs, and what the criteria did.

    Attributes:
        selected: photographs to train on and to validate with.
        wild: photographs of the same people that no criterion has touched.
        openset: photographs of other people, with roles.
        landmarks_only: all other photographs of the selected people.
        funnel: what each step left.
        criteria: all that were applied, in their order.
        values: a column for each criterion, and image_id; a row for each photograph outside the
            test sets; NaN where a criterion does not apply.
        rejected_allowed: how many of `selected` do not keep to the bounds.
        near_duplicates_left_out: near duplicates of the selected people that were no candidates.
    """

    selected: pd.DataFrame
    wild: pd.DataFrame
    openset: pd.DataFrame
    landmarks_only: pd.DataFrame
    funnel: Funnel
    criteria: list[Criterion]
    values: pd.DataFrame
    rejected_allowed: int
    near_duplicates_left_out: int

    @property
    def everything(self) -> pd.DataFrame:
        """Returns all photographs that any subset holds."""
        return pd.concat([self.selected, self.wild, self.openset, self.landmarks_only])


def read_measures(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the measures of a frame's photographs, with the frame's index.

    Raises:
        ValueError: the table is no MEASURES, or lacks a photograph.
    """
    measures = tables.read(path, tables.MEASURES).set_index("image_id")
    missing = ~frame.image_id.isin(measures.index)
    if missing.any():
        raise ValueError(
            f"{path}: {frame.image_id[missing].iloc[0]} is not listed; run `dvc repro measure`"
        )
    return measures.loc[frame.image_id].set_axis(frame.index)


def unusable_photographs(collection: Collection, measures: pd.DataFrame) -> pd.DataFrame:
    """Returns a table DROPPED: photographs that a file lacks, and those that are unreadable."""
    missing = [f"{name} (not in {path})" for name, path in collection.incomplete.items()]
    if missing:
        log.warning(
            "%d photographs left out, a file lacks them, all listed in dropped.csv: %s …%s",
            len(missing),
            ", ".join(missing[:EXAMPLES]),
            _other_spelling(collection.incomplete),
        )
    reasons = {name: f"{path} has no such row" for name, path in collection.incomplete.items()}
    is_unreadable = measures.unreadable.notna()
    image_ids = collection.frame.image_id[is_unreadable]
    reasons |= dict(zip(image_ids, measures.unreadable[is_unreadable], strict=True))
    return pd.DataFrame(sorted(reasons.items()), columns=["image_id", "reason"])


def _other_spelling(incomplete: dict[str, Path]) -> str:
    """Returns a sentence if photographs that one file lacks have another spelling there, or ""."""
    for path in dict.fromkeys(incomplete.values()):
        names = [name for name, lacking in incomplete.items() if lacking == path]
        others = [name for name, lacking in incomplete.items() if lacking != path]
        if said := difference(names, others):
            return f"; {said}"
    return ""


def refuse_unreadable(
    frame: pd.DataFrame,
    measures: pd.DataFrame,
    excluded: list[str],
    images: Path,
    params: SelectParams,
) -> None:
    """Checks that unreadable photographs are as few as the parameters allow.

    Args:
        frame: all photographs.
        measures: a row for each photograph, with the frame's index.
        excluded: image_ids that do not count.
        images: folder of the photographs, for the message.
        params: on_bad_image and max_dropped.

    Raises:
        ValueError: there is one, and `on_bad_image` is fail; or more than `max_dropped` %.
    """
    frame = frame[~frame.image_id.isin(excluded)]
    reasons = measures.unreadable[frame.index].set_axis(frame.image_id).dropna()
    if params.on_bad_image == "fail" and len(reasons):
        raise ValueError(
            f"{images / reasons.index[0]}: {reasons.iloc[0]} "
            f"(select.on_bad_image is fail; drop goes on)"
        )
    share = 100 * len(reasons) / max(len(frame), 1)
    if share > params.max_dropped:
        examples = "; ".join(f"{name}: {reason}" for name, reason in reasons[:EXAMPLES].items())
        raise ValueError(
            f"{images}: {len(reasons)} of {len(frame)} photographs cannot be read, {share:.1f} %; "
            f"select.max_dropped allows {params.max_dropped:g} %: {examples}"
        )


def choose(
    collection: Collection, measures: pd.DataFrame, excluded: list[str], params: SelectParams
) -> Choice:
    """Returns the chosen photographs.

    Args:
        collection: all photographs.
        measures: a row for each photograph, with the collection's index.
        excluded: image_ids to leave out.
        params: of the choice.

    Raises:
        ValueError: fewer people are left than wanted; the message holds the funnel.
    """
    funnel = Funnel()
    frame = funnel.count("in_all_tables", collection.frame)
    _warn_of_unknown(excluded, frame, params.exclude)
    frame = funnel.count("not_excluded", frame[~frame.image_id.isin(excluded)])
    frame = funnel.count("readable", frame[measures.unreadable[frame.index].isna()])
    numbers = _divide_people(frame, params)
    openset, wild, rest = _set_aside(frame, numbers, params, funnel)

    strategy = Strategy.of(params.strategies[params.strategy], collection.attributes)
    values = strategy.values(rest, measures)
    good = steps.keep(rest, strategy.criteria, values, funnel)
    candidates = funnel.count("rejected_allowed", rest) if params.allow_rejected else good
    flags = _flags(candidates, good, wild, strategy, measures, params)
    usable = funnel.count("not_near_duplicates", candidates[flags.is_usable])
    least = LEAST_IMAGES if params.images_per_person == REST else int(params.images_per_person)
    pool = steps.enough_photographs(usable, least, funnel, "people_with_enough")
    people = _choose_people(pool, collection.attributes, numbers, params, funnel)
    wanted = funnel.count("of_chosen_people", pool[pool.person_id.isin(people)])
    in_order = _in_order(wanted, flags.loc[wanted.index], strategy, values, measures, params)
    selected = _first_images(in_order, good, params)
    selected = funnel.count("selected", selected.sort_values("image_id"))

    of_people = rest[rest.person_id.isin(people)]
    label_of = {person: label for label, person in enumerate(people.tolist())}
    applied = strategy.criteria
    if strategy.no_near_duplicates:
        applied = [*applied, near_duplicate_criterion(params.max_hash_distance)]
        values = values.assign(**{NO_NEAR_DUPLICATES: flags.distance})
    is_duplicate = flags.is_near_duplicate | flags.is_near_duplicate_of_wild
    is_left_out = is_duplicate & candidates.person_id.isin(people)
    return Choice(
        selected=_labelled(selected, label_of),
        wild=_labelled(wild[wild.person_id.isin(people)], label_of),
        openset=openset.assign(label=np.nan),
        landmarks_only=_labelled(of_people.drop(selected.index), label_of),
        funnel=funnel,
        criteria=applied,
        values=values.assign(image_id=rest.image_id),
        rejected_allowed=int((~selected.index.isin(good.index)).sum()),
        near_duplicates_left_out=int(is_left_out.sum()),
    )


def _warn_of_unknown(excluded: list[str], frame: pd.DataFrame, path: str) -> None:
    unknown = sorted(set(excluded) - set(frame.image_id))
    if unknown:
        log.warning(
            "%s: %d image_ids are not in the collection: %s …",
            path,
            len(unknown),
            ", ".join(unknown[:EXAMPLES]),
        )


def _divide_people(frame: pd.DataFrame, params: SelectParams) -> People:
    openset = params.openset
    all_people = frame.person_id.nunique()
    return divide_people(params.people, openset.query_people, openset.distractor_people, all_people)


def _first_images(in_order: pd.DataFrame, good: pd.DataFrame, params: SelectParams) -> pd.DataFrame:
    """Returns the first photographs of each person: a number, or all that keep to the bounds.

    If they are the rest, rejected ones only fill up to the least number.
    """
    rank = in_order.groupby("person_id").cumcount()
    if params.images_per_person != REST:
        return in_order[rank < int(params.images_per_person)]
    is_good = in_order.index.to_series().isin(good.index)
    wanted = is_good.groupby(in_order.person_id).transform("sum").clip(lower=LEAST_IMAGES)
    return in_order[rank < wanted]


def _set_aside(
    frame: pd.DataFrame, numbers: People, params: SelectParams, funnel: Funnel
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Returns the photographs of the open set, the wild ones, and the rest."""
    openset = params.openset
    roles = steps.draw_openset(frame, numbers.query, numbers.distractor, openset.seed)
    strangers = frame[roles != ""].assign(role=roles[roles != ""])
    order = person_order(strangers, openset.seed, "openset")
    strangers = strangers[rank_in_person(strangers, order) < openset.images_per_person]

    frame = funnel.count("not_in_openset", frame[roles == ""])
    order = person_order(frame, openset.seed, "wild")
    counts = frame.groupby("person_id").image_id.transform("size").to_numpy()
    is_wild = rank_in_person(frame, order) < parts(params.wild_per_person, counts)
    return strangers, frame[is_wild], funnel.count("not_wild", frame[~is_wild])


def _flags(
    candidates: pd.DataFrame,
    good: pd.DataFrame,
    wild: pd.DataFrame,
    strategy: Strategy,
    measures: pd.DataFrame,
    params: SelectParams,
) -> pd.DataFrame:
    """Returns whether each candidate may be taken, and its `distance` to better photographs.

    `is_near_duplicate`: of a better photograph of the person. It is False if the strategy does not
    ask for no_near_duplicates. Near duplicates of wild photographs are never usable.
    """
    limit = params.max_hash_distance
    is_good = candidates.index.isin(good.index)
    distances = nearest_of_candidates(candidates, is_good, wild, measures, limit)
    is_near_duplicate_of_wild = distances.to_wild <= limit
    is_near_duplicate = (distances.to_better <= limit) & ~is_near_duplicate_of_wild
    is_near_duplicate &= strategy.no_near_duplicates
    return pd.DataFrame(
        {
            "is_good": is_good,
            "is_near_duplicate": is_near_duplicate,
            "is_near_duplicate_of_wild": is_near_duplicate_of_wild,
            "is_usable": ~is_near_duplicate_of_wild & (~is_near_duplicate | params.allow_rejected),
            "distance": distances.to_better,
        },
        index=candidates.index,
    )


def _in_order(
    wanted: pd.DataFrame,
    flags: pd.DataFrame,
    strategy: Strategy,
    values: pd.DataFrame,
    measures: pd.DataFrame,
    params: SelectParams,
) -> pd.DataFrame:
    """Returns photographs in the order in which each person's are taken.

    Those that keep to all bounds come first, then the rejected, and near duplicates last.
    """
    good = wanted[flags.is_good & ~flags.is_near_duplicate]
    rejected = wanted[~flags.is_good & ~flags.is_near_duplicate]
    return pd.concat(
        [
            strategy.preferred(good, values, measures, params.seed),
            steps.least_offending(rejected, strategy.criteria, values),
            wanted[flags.is_near_duplicate],
        ]
    )


def _choose_people(
    pool: pd.DataFrame,
    attributes: list[str],
    numbers: People,
    params: SelectParams,
    funnel: Funnel,
) -> np.ndarray:
    """Returns the ids of the chosen people, sorted; an error holds the funnel."""
    if attributes and (unknown := [name for name in params.strata if name not in attributes]):
        raise ValueError(
            f"select.strata: {', '.join(unknown)} not among the collection's attributes: "
            f"{', '.join(attributes)}"
        )
    strata = params.strata if attributes else []
    usable = pool.person_id.nunique()
    try:
        if numbers.chosen is None and usable < LEAST_PEOPLE:
            raise ValueError(
                f"select: {usable} people have {LEAST_IMAGES} photographs to choose from, beside "
                f"those set aside as wild; {LEAST_PEOPLE} are needed to train on"
            )
        count = usable if numbers.chosen is None else numbers.chosen
        return steps.choose_people(pool, count, strata, params.seed)
    except ValueError as error:
        loss = funnel.largest_loss("not_wild")
        most = f"; most people were lost at {loss}" if loss else ""
        raise ValueError(
            f"{error}{most}; photographs and people after each step:\n{funnel}"
        ) from None


def _labelled(frame: pd.DataFrame, label_of: dict[int, int]) -> pd.DataFrame:
    return frame.assign(label=frame.person_id.map(label_of))


def divide(
    chosen: Choice, measures: pd.DataFrame, params: SelectParams
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Returns the photographs to train on, those to validate with, and counts of near duplicates.

    No near duplicates lie on both sides.
    """
    selected = chosen.selected
    near_duplicates = NearDuplicates.among(
        pd.concat([selected, chosen.wild]), measures, params.max_hash_distance
    )
    groups = near_duplicates.groups(selected.image_id)
    sizes = val_sizes(params.val_per_person, selected.groupby("person_id").size())
    train, val = steps.split(selected, sizes, params.seed, groups)
    in_val = val.groupby("person_id").size().reindex(sizes.index, fill_value=0)
    if short := int((in_val < sizes).sum()):
        log.warning(
            "%d people have fewer photographs in val: their others are near duplicates", short
        )
    parts = {"train": train.image_id, "val": val.image_id, "wild": chosen.wild.image_id}
    return train, val, near_duplicates.count_across(parts)
