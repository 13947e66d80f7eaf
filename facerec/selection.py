"""Which people and which of their photographs: what is set aside, rules, strata, diversity, labels and split."""

from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
import pandas as pd

from facerec import tables


@dataclass
class Funnel:
    """How many photographs and people were left after each step."""

    steps: list[tuple[str, int, int]] = field(default_factory=list)

    def count(self, step: str, frame: pd.DataFrame) -> pd.DataFrame:
        """Returns the frame as it is, after noting its size."""
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


def person_order(frame: pd.DataFrame, seed: int, purpose: str) -> np.ndarray:
    """Returns an order of the rows (N,) in which each person's photographs come as the seed shuffles them.

    The place of a photograph among its person's depends on nothing but the seed, the purpose and the image_ids, so
    that whatever is drawn this way stays the same when rules, or other people, change.
    """
    prefix = f"{seed}/{purpose}/"
    lots = np.fromiter((crc32((prefix + name).encode()) for name in frame.image_id), np.uint32, len(frame))
    return np.lexsort([frame.image_id.to_numpy(str), _mixed(lots), frame.person_id.to_numpy()])


def _mixed(values: np.ndarray) -> np.ndarray:
    """Returns well-spread 32-bit numbers: names in sequence have checksums that differ by few bits (MurmurHash3)."""
    values = values.astype(np.uint64)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        values = ((values ^ (values >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    return values ^ (values >> np.uint64(16))


def rank_in_person(frame: pd.DataFrame, order: np.ndarray) -> np.ndarray:
    """Returns each row's place (N,) among its person's photographs in an order of the rows, from 0."""
    ranks = np.empty(len(frame), np.int64)
    ranks[order] = frame.iloc[order].groupby("person_id").cumcount()
    return ranks


def draw_openset(frame: pd.DataFrame, query_people: int, distractor_people: int, seed: int) -> pd.Series:
    """Returns the role (N,) of each photograph whose person is set aside, `query` or `distractor`, others empty.

    Query people have at least two photographs, so that there is a pair to find.

    Raises:
        ValueError: there are not enough people.
    """
    counts = frame.groupby("person_id").size()
    shuffled = np.random.default_rng(seed).permutation(counts.index.to_numpy())
    queries = [person for person in shuffled if counts[person] >= 2][:query_people]
    others = shuffled[~np.isin(shuffled, queries)][:distractor_people]
    if len(queries) < query_people or len(others) < distractor_people:
        raise ValueError(
            f"select.openset: {query_people} query and {distractor_people} distractor people wanted, the collection "
            f"has {len(counts)} people, {int((counts >= 2).sum())} of them with two photographs"
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
    left, right, nose = (tables.points(frame)[:, index, 0] for index in (0, 1, 2))
    distance = right - left
    ordered = (nose > left) & (right > nose)
    large = distance > min_eye_distance
    centred = np.minimum(nose - left, right - nose) >= min_nose_offset * distance
    kept = np.ones(len(frame), bool)
    for step, rule in (("nose_between_eyes", ordered), ("eyes_apart", large), ("nose_centred", centred)):
        kept &= rule
        funnel.count(step, frame[kept])
    return frame[kept]


def enough_photographs(frame: pd.DataFrame, least: int, funnel: Funnel) -> pd.DataFrame:
    """Returns the photographs of people who have at least `least`."""
    counts = frame.groupby("person_id").image_id.transform("size")
    return funnel.count("people_with_enough", frame[counts >= least])


def choose_people(frame: pd.DataFrame, count: int, strata: list[str], seed: int) -> np.ndarray:
    """Returns the ids of `count` people, from the strata in proportion to their size, at random within each.

    A person's stratum is the sign of the mean of each attribute; attributes that the collection lacks do not count.
    What rounding leaves over goes to the largest remainders.

    Raises:
        ValueError: there are fewer people.
    """
    people = np.sort(frame.person_id.unique())
    if len(people) < count:
        raise ValueError(f"select.people: {count} people wanted, {len(people)} left")
    names = [name for name in strata if name in frame]
    means = frame.groupby("person_id")[names].mean() if names else pd.DataFrame(index=people)
    stratum = (means.to_numpy() >= 0) @ (2 ** np.arange(len(names))) if names else np.zeros(len(people), int)
    shares = pd.Series(stratum).value_counts().sort_index() * count / len(people)
    quotas = np.floor(shares).astype(int)
    quotas[(shares - quotas).sort_values(ascending=False, kind="stable").index[: count - quotas.sum()]] += 1
    rng = np.random.default_rng(seed)
    chosen = [rng.choice(means.index[stratum == number], quota, replace=False) for number, quota in quotas.items()]
    return np.sort(np.concatenate(chosen))


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
