"""The steps of a choice: people set aside, bounds, strata, diversity, and the split."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd

from facerec.random_order import person_order, random_order, rank_in_person
from facerec.selection.criteria import Criterion


@dataclass
class Funnel:
    """How many photographs and people were left after each step."""

    steps: list[tuple[str, int, int]] = field(default_factory=list)

    def count(self, step: str, frame: pd.DataFrame) -> pd.DataFrame:
        """Returns the frame as it is, after noting its size."""
        self.steps.append((step, len(frame), frame.person_id.nunique()))
        return frame

    def largest_loss(self, after: str) -> str:
        """Returns the step after a given one that lost most people, with counts; "" if none did."""
        losses: dict[str, int] = {}
        has_begun = False
        for (before, _, count_before), (step, _, count_after) in pairwise(self.steps):
            has_begun |= before == after
            if has_begun and count_after < count_before:
                name = f"{step} ({count_before} before, {count_after} after)"
                losses[name] = count_before - count_after
        return max(losses, key=losses.__getitem__, default="")

    def table(self) -> pd.DataFrame:
        """Returns the steps as rows of step, photographs, people."""
        return pd.DataFrame(self.steps, columns=["step", "photographs", "people"])

    def metrics(self) -> dict[str, int]:
        """Returns the steps as flat numbers."""
        photographs = {f"photographs.{step}": count for step, count, _ in self.steps}
        return photographs | {f"people.{step}": count for step, _, count in self.steps}

    def __str__(self) -> str:
        return "\n".join(
            f"  {step:<36}{photos:>9} photographs{people:>8} people"
            for step, photos, people in self.steps
        )


def draw_openset(
    frame: pd.DataFrame, query_people: int, distractor_people: int, seed: int
) -> pd.Series:
    """Returns the role (N,) of each photograph: `query`, `distractor`, or empty if not set aside.

    Query people have at least two photographs, so that there is a pair to find. If one person is
    added to the collection or removed, at most one person of each role changes.

    Raises:
        ValueError: there are not enough people.
    """
    counts = frame.groupby("person_id").size()
    with_pair = counts.index[counts >= 2].to_numpy()
    queries = _first_drawn(with_pair, query_people, seed, "query")
    others = counts.index.difference(queries).to_numpy()
    distractors = _first_drawn(others, distractor_people, seed, "distractor")
    if len(queries) < query_people or len(distractors) < distractor_people:
        raise ValueError(
            f"select.openset: {query_people} query and {distractor_people} distractor people "
            f"wanted, the collection has {len(counts)} people, {len(with_pair)} of them with two "
            f"photographs"
        )
    roles = pd.Series("", index=frame.index)
    roles[frame.person_id.isin(queries)] = "query"
    roles[frame.person_id.isin(distractors)] = "distractor"
    return roles


def _first_drawn(people: np.ndarray, count: int, seed: int, purpose: str) -> np.ndarray:
    return people[np.argsort(random_order(people, seed, purpose))][:count]


def keep(
    frame: pd.DataFrame, criteria: list[Criterion], values: pd.DataFrame, funnel: Funnel
) -> pd.DataFrame:
    """Returns the photographs that keep to all bounds.

    Args:
        frame: photographs.
        criteria: applied in this order.
        values: a column for each criterion, and a row for each photograph.
        funnel: gets a step for each criterion with bounds.
    """
    kept = np.ones(len(frame), bool)
    for criterion in criteria:
        kept &= criterion.passes(values.loc[frame.index, criterion.name].to_numpy())
        if criterion.bounds:
            funnel.count(criterion.name, frame[kept])
    return frame[kept]


def least_offending(
    frame: pd.DataFrame, criteria: list[Criterion], values: pd.DataFrame
) -> pd.DataFrame:
    """Returns rejected photographs sorted by person, each person's nearest to the bounds first.

    How far a photograph is from the bounds is the sum of the criteria's `missing`.
    """
    missing = np.zeros(len(frame))
    for criterion in criteria:
        missing += criterion.missing(values.loc[frame.index, criterion.name].to_numpy())
    return frame.iloc[
        np.lexsort([frame.image_id.to_numpy(str), missing, frame.person_id.to_numpy()])
    ]


def scores(frame: pd.DataFrame, criteria: list[Criterion], values: pd.DataFrame) -> np.ndarray:
    """Returns the weighted sum (N,) of each photograph's ranks, which are in (0, 1]."""
    total = np.zeros(len(frame))
    for criterion in criteria:
        if criterion.weight is not None:
            ranks = values.loc[frame.index, criterion.name].rank(pct=True)
            total += criterion.weight * ranks.to_numpy()
    return total


def enough_photographs(frame: pd.DataFrame, least: int, funnel: Funnel, step: str) -> pd.DataFrame:
    """Returns the photographs of people who have at least `least`; a step of the funnel."""
    counts = frame.groupby("person_id").image_id.transform("size")
    return funnel.count(step, frame[counts >= least])


def choose_people(frame: pd.DataFrame, count: int, strata: list[str], seed: int) -> np.ndarray:
    """Returns the ids of `count` people, sorted, drawn from strata in proportion to their size.

    A person's stratum is the sign of the mean of each attribute. The strata with the largest
    remainders get one person more, until there are `count`.

    Args:
        frame: photographs of the people to choose from.
        count: how many people.
        strata: columns of `frame`; without any, people are drawn from all.
        seed: of the draw.

    Raises:
        ValueError: there are fewer people.
    """
    people = np.sort(frame.person_id.unique())
    if len(people) < count:
        raise ValueError(f"select.people: {count} people wanted, {len(people)} left")
    means = frame.groupby("person_id")[strata].mean().to_numpy()
    stratum = (means >= 0) @ (2 ** np.arange(len(strata)))
    shares = pd.Series(stratum).value_counts().sort_index() * count / len(people)
    quotas = np.floor(shares).astype(int)
    remainders = (shares - quotas).sort_values(ascending=False, kind="stable")
    quotas[remainders.index[: count - quotas.sum()]] += 1
    order = np.lexsort([random_order(people, seed, "people"), stratum])
    drawn = pd.Series(stratum[order])
    place = drawn.groupby(drawn).cumcount().to_numpy()
    is_chosen = place < quotas.loc[drawn].to_numpy()
    return np.sort(people[order[is_chosen]])


@dataclass(frozen=True)
class Features:
    """The numbers in which photographs of a person should differ.

    Attributes:
        values: (N, F).
        scale: a factor of the distance, which is the sum of the absolute differences.
    """

    values: np.ndarray
    scale: float

    def distances(self, row: int) -> np.ndarray:
        """Returns the distances (N,) of all photographs from the one in a row."""
        return self.scale * np.abs(self.values - self.values[row]).sum(axis=1)


def diverse_order(features: list[Features], bonus: np.ndarray) -> np.ndarray:
    """Returns all rows (N,) in an order where each differs as much as possible from those before.

    The first row has the highest bonus. Each next row has the largest sum of its bonus and its
    distance to the nearest row before it, as in maximal marginal relevance (Carbonell and Goldstein
    1998). Ties go to the earlier row. On attributes of -1 and 1 the distance is a multiple of
    Hamming's.

    Args:
        features: their distances are added.
        bonus: (N,) in units of the distance.
    """
    order = [int(np.argmax(bonus))]
    nearest = np.full(len(bonus), np.inf)
    is_left = np.ones(len(bonus), bool)
    while len(order) < len(bonus):
        is_left[order[-1]] = False
        distances = sum(feature.distances(order[-1]) for feature in features)
        nearest = np.minimum(nearest, distances)
        order.append(int(np.argmax(np.where(is_left, nearest + bonus, -np.inf))))
    return np.array(order)


def preference(
    frame: pd.DataFrame, features: list[Features], bonus: np.ndarray, seed: int
) -> pd.DataFrame:
    """Returns the photographs sorted by person, each person's in the order of preference.

    The order is random; with features or a bonus it is `diverse_order`, and random among ties.

    Args:
        frame: N photographs.
        features: of N rows.
        bonus: (N,).
        seed: of the random order.
    """
    order = person_order(frame, seed, "photographs")
    if frame.empty or not (features or bonus.any()):
        return frame.iloc[order]
    people = frame.person_id.to_numpy()[order]
    preferred = []
    for rows in np.split(order, np.flatnonzero(np.diff(people)) + 1):
        features_of_person = [Features(each.values[rows], each.scale) for each in features]
        preferred.append(rows[diverse_order(features_of_person, bonus[rows])])
    return frame.iloc[np.concatenate(preferred)]


def split(
    frame: pd.DataFrame,
    val_per_person: int | pd.Series,
    seed: int,
    groups: Sequence[str] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns the photographs to train on, shuffled, and those to validate with.

    A group of near duplicates stays on one side. Single photographs go to val first. A larger group
    goes there only if all of it fits. So some people may have fewer than `val_per_person`
    photographs in val.

    Args:
        frame: N selected photographs.
        val_per_person: photographs of each person to validate with, drawn at random; a number for
            all, or one for each by person_id.
        seed: of the draw and the shuffling.
        groups: (N,) a group name for each; None: no photograph has a near duplicate.
    """
    names = frame.image_id.to_numpy() if groups is None else np.asarray(groups)
    place = np.argsort(person_order(frame, seed, "split"))
    by_group = pd.Series(place).groupby(names)
    size = by_group.transform("size").to_numpy()
    order = np.lexsort([place, by_group.transform("min"), size, frame.person_id.to_numpy()])
    ranks = pd.Series(rank_in_person(frame, order))
    before_group = ranks.groupby(names).transform("min").to_numpy()
    if isinstance(val_per_person, pd.Series):
        val_per_person = frame.person_id.map(val_per_person).to_numpy()
    is_val = before_group + size <= val_per_person
    train = frame[~is_val].sample(frac=1, random_state=seed)
    return train, frame[is_val].sort_values("image_id")


def attribute_balance(
    before: pd.DataFrame, after: pd.DataFrame, attributes: list[str]
) -> pd.DataFrame:
    """Returns each attribute's share before and after, and the shift, %; largest shifts first."""
    table = pd.DataFrame({"attribute": attributes})
    table["before"] = 50 * (1 + before[attributes].mean().to_numpy())
    table["after"] = 50 * (1 + after[attributes].mean().to_numpy())
    table["shift"] = table.after - table.before
    return table.iloc[np.argsort(-table["shift"].abs(), kind="stable")].round(3)
