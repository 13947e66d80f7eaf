"""Which people and which of their photographs: what is set aside, rules, strata, diversity, labels and split."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
import pandas as pd

from facerec import tables
from facerec.geometry import frontality


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

    def table(self) -> pd.DataFrame:
        """Returns the steps as rows of step, photographs, people."""
        return pd.DataFrame(self.steps, columns=["step", "photographs", "people"])

    def metrics(self) -> dict[str, int]:
        """Returns the steps as flat numbers."""
        photographs = {f"photographs.{step}": count for step, count, _ in self.steps}
        return photographs | {f"people.{step}": count for step, _, count in self.steps}

    def __str__(self) -> str:
        return "\n".join(
            f"  {step:<36}{photos:>9} photographs{people:>8} people" for step, photos, people in self.steps
        )


def lots(names: Iterable[object], seed: int, purpose: str) -> np.ndarray:
    """Returns a number (N,) for each name to draw by: the lower ones first.

    It depends on nothing but the seed, the purpose and the name, so that what is drawn this way stays the same when
    other rows come and go.
    """
    prefix = f"{seed}/{purpose}/"
    checksums = [crc32(f"{prefix}{name}".encode()) for name in names]
    return _mixed(np.array(checksums, np.uint64))


def _mixed(values: np.ndarray) -> np.ndarray:
    """Returns well-spread 32-bit numbers: names in sequence have checksums that differ by few bits (MurmurHash3)."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        values = ((values ^ (values >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    return values ^ (values >> np.uint64(16))


def person_order(frame: pd.DataFrame, seed: int, purpose: str) -> np.ndarray:
    """Returns an order of the rows (N,) in which each person's photographs come as `lots` draws them."""
    drawn = lots(frame.image_id, seed, purpose)
    return np.lexsort([frame.image_id.to_numpy(str), drawn, frame.person_id.to_numpy()])


def rank_in_person(frame: pd.DataFrame, order: np.ndarray) -> np.ndarray:
    """Returns each row's place (N,) among its person's photographs in an order of the rows, from 0."""
    ranks = np.empty(len(frame), np.int64)
    ranks[order] = frame.iloc[order].groupby("person_id").cumcount()
    return ranks


def draw_openset(frame: pd.DataFrame, query_people: int, distractor_people: int, seed: int) -> pd.Series:
    """Returns the role (N,) of each photograph whose person is set aside, `query` or `distractor`, others empty.

    Query people have at least two photographs, so that there is a pair to find. A person more or less in the
    collection changes at most one of each role.

    Raises:
        ValueError: there are not enough people.
    """
    counts = frame.groupby("person_id").size()
    able = counts.index[counts >= 2].to_numpy()
    queries = able[np.argsort(lots(able, seed, "query"), kind="stable")][:query_people]
    others = counts.index.difference(queries).to_numpy()
    others = others[np.argsort(lots(others, seed, "distractor"), kind="stable")][:distractor_people]
    if len(queries) < query_people or len(others) < distractor_people:
        raise ValueError(
            f"select.openset: {query_people} query and {distractor_people} distractor people wanted, the collection "
            f"has {len(counts)} people, {len(able)} of them with two photographs"
        )
    roles = pd.Series("", index=frame.index)
    roles[frame.person_id.isin(queries)] = "query"
    roles[frame.person_id.isin(others)] = "distractor"
    return roles


def apply_rules(frame: pd.DataFrame, min_eye_distance: float, min_nose_offset: float, funnel: Funnel) -> pd.DataFrame:
    """Returns the photographs that the notebook's rules leave, each rule counted in the funnel.

    Args:
        frame: photographs with landmarks.
        min_eye_distance: px in x, exclusive.
        min_nose_offset: least distance in x between the nose and either eye, of the eye distance, inclusive.
        funnel: takes the counts.
    """
    points = tables.points(frame)
    inside = frontality(points)
    kept = np.ones(len(frame), bool)
    rules = {
        "nose_between_eyes": inside > 0,
        "eyes_apart": points[:, 1, 0] - points[:, 0, 0] > min_eye_distance,
        "nose_centred": inside >= min_nose_offset,
    }
    for step, rule in rules.items():
        kept &= rule
        funnel.count(step, frame[kept])
    return frame[kept]


def least_offending(frame: pd.DataFrame, min_eye_distance: float, min_nose_offset: float) -> pd.DataFrame:
    """Returns photographs that a rule rejected, sorted by person, each person's from the nearest to the rules down.

    How far a photograph is from them is the sum of the missing shares of eye distance and nose offset.
    """
    points = tables.points(frame)
    distance = points[:, 1, 0] - points[:, 0, 0]
    missing = _missing(distance, min_eye_distance) + _missing(frontality(points), min_nose_offset)
    return frame.iloc[np.lexsort([frame.image_id.to_numpy(str), missing, frame.person_id.to_numpy()])]


def _missing(values: np.ndarray, least: float) -> np.ndarray:
    return np.maximum(least - values, 0) / max(least, 1e-9)


def enough_photographs(frame: pd.DataFrame, least: int, funnel: Funnel) -> pd.DataFrame:
    """Returns the photographs of people who have at least `least`."""
    counts = frame.groupby("person_id").image_id.transform("size")
    return funnel.count("people_with_enough", frame[counts >= least])


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
    means = frame.groupby("person_id")[strata].mean().to_numpy() if strata else np.zeros((len(people), 0))
    stratum = (means >= 0) @ (2 ** np.arange(len(strata)))
    shares = pd.Series(stratum).value_counts().sort_index() * count / len(people)
    quotas = np.floor(shares).astype(int)
    quotas[(shares - quotas).sort_values(ascending=False, kind="stable").index[: count - quotas.sum()]] += 1
    by_lot = np.lexsort([lots(people, seed, "people"), stratum])
    place = pd.Series(stratum[by_lot]).groupby(stratum[by_lot]).cumcount().to_numpy()
    return np.sort(people[by_lot[place < quotas.loc[stratum[by_lot]].to_numpy()]])


def diverse_order(features: np.ndarray, first: int) -> np.ndarray:
    """Returns all rows (N,) ordered so that each is the one farthest from its nearest predecessor (greedy max–min).

    Ties go to the earlier row. The distance is the sum of absolute differences: on attributes of -1 and 1, twice the
    Hamming distance.

    Args:
        features: (N, F).
        first: the row to begin with.
    """
    order, nearest = [first], np.full(len(features), np.inf)
    while len(order) < len(features):
        nearest = np.minimum(nearest, np.abs(features - features[order[-1]]).sum(axis=1))
        nearest[order[-1]] = -1
        order.append(int(np.argmax(nearest)))
    return np.array(order)


def preference(frame: pd.DataFrame, attributes: list[str], seed: int) -> pd.DataFrame:
    """Returns the photographs sorted by person, each person's in the order in which they are to be taken.

    The first is drawn at random, each next is the one whose attributes are most unlike those before it. Without
    attributes the order is random: what the landmarks would call diverse is profiles and mistakes of the detector.
    """
    frame = frame.iloc[person_order(frame, seed, "photographs")].reset_index(drop=True)
    if not attributes:
        return frame
    features = frame[attributes].to_numpy(np.int16)
    groups = frame.groupby("person_id", sort=True).indices.values()
    return frame.iloc[np.concatenate([rows[diverse_order(features[rows], 0)] for rows in groups])].reset_index(
        drop=True
    )


def split(frame: pd.DataFrame, val_per_person: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns the photographs to train on, shuffled, and those to validate with, `val_per_person` of each person."""
    rank = rank_in_person(frame, person_order(frame, seed, "split"))
    train = frame[rank >= val_per_person].sample(frac=1, random_state=seed)
    return train, frame[rank < val_per_person].sort_values("image_id")


def label(frame: pd.DataFrame) -> pd.Series:
    """Returns 0 … K-1 in the order of person_id."""
    return frame.person_id.rank(method="dense").astype(int) - 1


def attribute_balance(before: pd.DataFrame, after: pd.DataFrame, attributes: list[str]) -> dict[str, float]:
    """Returns by how much the share of each attribute changed, in points of %."""
    if not attributes:
        return {}
    shift = 50 * (after[attributes].mean() - before[attributes].mean())
    return {f"shift_{name}": round(float(value), 3) for name, value in shift.items()}
