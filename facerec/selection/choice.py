"""Which people and which of their photographs: what is set aside, rules, strata, diversity, labels and split."""

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
        """Returns the frame as it is, after noting its size; a step that is repeated counts once, as it ended."""
        if self.steps and self.steps[-1][0] == step:
            self.steps.pop()
        self.steps.append((step, len(frame), frame.person_id.nunique()))
        return frame

    def largest_loss(self, after: str) -> str:
        """Returns the step after a given one at which most people were lost, and how many were left; "" if none."""
        lost, begun = {}, False
        for (before, _, many), (step, _, left) in pairwise(self.steps):
            begun |= before == after
            if begun and left < many:
                lost[f"{step} ({many} before, {left} after)"] = many - left
        return max(lost, key=lost.__getitem__, default="")

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
    """Returns the role (N,) of each photograph whose person is set aside, `query` or `distractor`, others empty.

    Query people have at least two photographs, so that there is a pair to find. A person more or less in the
    collection changes at most one of each role.

    Raises:
        ValueError: there are not enough people.
    """
    counts = frame.groupby("person_id").size()
    able = counts.index[counts >= 2].to_numpy()
    queries = able[np.argsort(random_order(able, seed, "query"), kind="stable")][:query_people]
    others = counts.index.difference(queries).to_numpy()
    others = others[np.argsort(random_order(others, seed, "distractor"), kind="stable")][
        :distractor_people
    ]
    if len(queries) < query_people or len(others) < distractor_people:
        raise ValueError(
            f"select.openset: {query_people} query and {distractor_people} distractor people wanted, the collection "
            f"has {len(counts)} people, {len(able)} of them with two photographs"
        )
    roles = pd.Series("", index=frame.index)
    roles[frame.person_id.isin(queries)] = "query"
    roles[frame.person_id.isin(others)] = "distractor"
    return roles


def keep(
    frame: pd.DataFrame, criteria: list[Criterion], values: pd.DataFrame, funnel: Funnel
) -> pd.DataFrame:
    """Returns the photographs that pass all criteria, each criterion that has a bound counted in the funnel.

    Args:
        frame: photographs.
        criteria: in the order in which they are counted.
        values: a column for each criterion, and a row for each photograph at least.
        funnel: takes the counts.
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
    """Returns photographs that a criterion rejected, sorted by person, each person's from the nearest to them down.

    How far a photograph is from them is the sum of the criteria's `missing`.
    """
    missing = np.zeros(len(frame))
    for criterion in criteria:
        missing += criterion.missing(values.loc[frame.index, criterion.name].to_numpy())
    return frame.iloc[
        np.lexsort([frame.image_id.to_numpy(str), missing, frame.person_id.to_numpy()])
    ]


def scores(frame: pd.DataFrame, criteria: list[Criterion], values: pd.DataFrame) -> np.ndarray:
    """Returns the sum (N,) of each photograph's ranks by the criteria, in (0, 1] among the photographs, weighted."""
    total = np.zeros(len(frame))
    for criterion in criteria:
        if criterion.weight is not None:
            total += (
                criterion.weight * values.loc[frame.index, criterion.name].rank(pct=True).to_numpy()
            )
    return total


def enough_photographs(frame: pd.DataFrame, least: int, funnel: Funnel, step: str) -> pd.DataFrame:
    """Returns the photographs of people who have at least `least`, a step of the funnel."""
    counts = frame.groupby("person_id").image_id.transform("size")
    return funnel.count(step, frame[counts >= least])


def choose_people(frame: pd.DataFrame, count: int, strata: list[str], seed: int) -> np.ndarray:
    """Returns the ids of `count` people, from the strata in proportion to their size, by lot within each.

    A person's stratum is the sign of the mean of each attribute. What rounding leaves over goes to the largest
    remainders.

    Args:
        frame: photographs of the people to choose from.
        count: how many people.
        strata: columns of `frame`; none: by lot among all.
        seed: of the lots.

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
    quotas[
        (shares - quotas).sort_values(ascending=False, kind="stable").index[: count - quotas.sum()]
    ] += 1
    by_lot = np.lexsort([random_order(people, seed, "people"), stratum])
    place = pd.Series(stratum[by_lot]).groupby(stratum[by_lot]).cumcount().to_numpy()
    return np.sort(people[by_lot[place < quotas.loc[stratum[by_lot]].to_numpy()]])


@dataclass(frozen=True)
class Likeness:
    """What tells photographs of a person apart, for a choice of unlike ones.

    Attributes:
        features: (N, F).
        scale: of the distance, which is the sum of the features' absolute differences.
    """

    features: np.ndarray
    scale: float


def diverse_order(likenesses: list[Likeness], bonus: np.ndarray) -> np.ndarray:
    """Returns all rows (N,), each the one that is farthest from its nearest predecessor, with its bonus (max–min).

    The first is the one with the highest bonus; ties go to the earlier row. On attributes of -1 and 1 the distance is
    a multiple of Hamming's. The trade of unlikeness for merit is that of maximal marginal relevance (Carbonell and
    Goldstein 1998).

    Args:
        likenesses: their distances are added.
        bonus: (N,) in units of the distance.
    """
    order, nearest = [int(np.argmax(bonus))], np.full(len(bonus), np.inf)
    left = np.ones(len(bonus), bool)
    while len(order) < len(bonus):
        left[order[-1]] = False
        away = sum(
            like.scale * np.abs(like.features - like.features[order[-1]]).sum(axis=1)
            for like in likenesses
        )
        nearest = np.minimum(nearest, away)
        order.append(int(np.argmax(np.where(left, nearest + bonus, -np.inf))))
    return np.array(order)


def preference(
    frame: pd.DataFrame, likenesses: list[Likeness], bonus: np.ndarray, seed: int
) -> pd.DataFrame:
    """Returns the photographs sorted by person, each person's in the order in which they are to be taken.

    By lot, then by `diverse_order` if there is anything to go by.

    Args:
        frame: N photographs.
        likenesses: of N rows.
        bonus: (N,).
        seed: of the lots.
    """
    order = person_order(frame, seed, "photographs")
    if frame.empty or not (likenesses or bonus.any()):
        return frame.iloc[order]
    people = frame.person_id.to_numpy()[order]
    taken = []
    for rows in np.split(order, np.flatnonzero(np.diff(people)) + 1):
        own = [Likeness(like.features[rows], like.scale) for like in likenesses]
        taken.append(rows[diverse_order(own, bonus[rows])])
    return frame.iloc[np.concatenate(taken)]


def split(
    frame: pd.DataFrame, val_per_person: int, seed: int, copies: Sequence[str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns the photographs to train on, shuffled, and those to validate with, `val_per_person` of each person.

    Copies of one photograph stay on one side: in training, unless there are too few others, and these copies too are
    few enough to be validated with. A person of whom neither holds has fewer photographs to validate with.

    Args:
        frame: N selected photographs.
        val_per_person: drawn by lot.
        seed: of the lots and the shuffling.
        copies: (N,) a name each, the same one for photographs of a person that are copies; None: there are none.
    """
    groups = frame.image_id.to_numpy() if copies is None else np.asarray(copies)
    place = np.argsort(person_order(frame, seed, "split"))
    by_group = pd.Series(place).groupby(groups)
    size = by_group.transform("size").to_numpy()
    order = np.lexsort([place, by_group.transform("min"), size, frame.person_id.to_numpy()])
    before = pd.Series(rank_in_person(frame, order)).groupby(groups).transform("min").to_numpy()
    to_val = before + size <= val_per_person
    return frame[~to_val].sample(frac=1, random_state=seed), frame[to_val].sort_values("image_id")


def label(frame: pd.DataFrame) -> pd.Series:
    """Returns 0 … K-1 in the order of person_id."""
    return frame.person_id.rank(method="dense").astype(int) - 1


def attribute_balance(
    before: pd.DataFrame, after: pd.DataFrame, attributes: list[str]
) -> pd.DataFrame:
    """Returns the share of each attribute before and after, and the shift, %, the largest shifts first."""
    shares = {
        name: 50 * (1 + frame[attributes].mean())
        for name, frame in (("before", before), ("after", after))
    }
    table = pd.DataFrame(
        {"attribute": attributes, **{name: share.to_numpy() for name, share in shares.items()}}
    )
    table["shift"] = table.after - table.before
    return table.iloc[np.argsort(-table["shift"].abs(), kind="stable")].round(3)
