"""How many people and photographs each part takes: numbers, shares, or the rest."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeInt, PositiveInt

REST = "rest"
Share = Annotated[str, Field(pattern=r"^[0-9]{1,2}(\.[0-9]+)?%$")]  # of all, such as 20%
Size = NonNegativeInt | Share
SizeOrRest = NonNegativeInt | Share | Literal["rest"]
ImagesPerPerson = PositiveInt | Literal["rest"]

LEAST_PEOPLE = 2  # to train on: a recogniser tells people apart
LEAST_IMAGES = 3  # of a person, if they are the rest: two to learn from, and one for val


@dataclass(frozen=True)
class People:
    """How many people each part takes.

    Attributes:
        chosen: to train on; None: all who have enough photographs.
        query: strangers who are looked for.
        distractor: other strangers.
    """

    chosen: int | None
    query: int
    distractor: int


def divide_people(
    chosen: SizeOrRest, query: SizeOrRest, distractor: SizeOrRest, all_people: int
) -> People:
    """Returns the numbers of people. A share is of all people, and at least one person.

    Args:
        chosen: `select.people`.
        query: `select.openset.query_people`.
        distractor: `select.openset.distractor_people`.
        all_people: in the collection.

    Raises:
        ValueError: the strangers leave too few people to train on.
    """
    sizes = {"chosen": chosen, "query": query, "distractor": distractor}
    numbers = {
        name: int(parts(size, all_people, least=1)) for name, size in sizes.items() if size != REST
    }
    left = all_people - sum(numbers.values())
    if query == REST or distractor == REST:
        numbers = {"query": max(left, 0), "distractor": max(left, 0)} | numbers
    people = People(numbers.get("chosen"), numbers["query"], numbers["distractor"])
    if people.chosen is None and left < LEAST_PEOPLE:
        strangers = people.query + people.distractor
        raise ValueError(
            f"select: the collection has {all_people} people; at least {LEAST_PEOPLE + strangers} "
            f"are needed: {LEAST_PEOPLE} to train on, {people.query} query and "
            f"{people.distractor} distractor people to test with (select.openset); add people, "
            f"with at least {LEAST_IMAGES} photographs each"
        )
    return people


def parts(size: Size, of: int | np.ndarray, least: int = 0) -> np.ndarray:
    """Returns a size in numbers: itself, or a share of each of some numbers, rounded.

    Args:
        size: a number or a share; a share above 0 is at least `least`.
        of: (N,) or one number.
        least: smallest result of a share.
    """
    of = np.asarray(of)
    if isinstance(size, int):
        return np.full(of.shape, size)
    share = float(size.removesuffix("%")) / 100
    rounded = np.floor(share * of + 0.5).astype(int)
    return np.maximum(rounded, least if share > 0 else 0)


def val_sizes(val_per_person: Size, photographs: pd.Series) -> pd.Series:
    """Returns how many photographs of each person go to val: at least one, and never all.

    Args:
        val_per_person: `select.val_per_person`.
        photographs: how many each person has, by person_id.
    """
    counts = photographs.to_numpy()
    wanted = parts(val_per_person, counts, least=1)
    if not isinstance(val_per_person, int):
        wanted = np.minimum(wanted, np.maximum(counts - 1, 0))
    return pd.Series(wanted, index=photographs.index)
