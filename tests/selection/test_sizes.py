"""Sizes as numbers, shares and the rest."""

import numpy as np
import pandas as pd
import pytest
import yaml
from collection import make_frame
from pydantic import ValidationError

from facerec.data.celeba import Collection
from facerec.data.names import PersonNames
from facerec.selection.choice import choose, divide
from facerec.selection.params import SelectParams
from facerec.selection.report import sizes_in_words
from facerec.selection.sizes import REST, People, divide_people, parts, val_sizes
from tools.profile import composed


@pytest.mark.parametrize(
    ("sizes", "all_people", "expected"),
    [
        ((REST, "10%", "10%"), 10, People(None, 1, 1)),
        ((REST, "10%", "10%"), 200, People(None, 20, 20)),
        ((REST, "10%", "25%"), 8, People(None, 1, 2)),
        ((REST, 0, "0%"), 8, People(None, 0, 0)),
        ((160, 40, REST), 400, People(160, 40, 200)),
        ((160, REST, 40), 400, People(160, 200, 40)),
        ((160, 40, REST), 150, People(160, 40, 0)),  # choose_people then says what is missing
        (("50%", 2, 3), 20, People(10, 2, 3)),
        ((5, 2, 3), 4, People(5, 2, 3)),
    ],
)
def test_people_are_divided_by_numbers_shares_and_the_rest(sizes, all_people, expected):
    assert divide_people(*sizes, all_people) == expected


@pytest.mark.parametrize("all_people", [1, 2, 3])
def test_too_few_people_give_a_sentence_with_the_number_that_is_needed(all_people):
    with pytest.raises(ValueError, match=rf"has {all_people} people; at least 4 are needed"):
        divide_people(REST, "10%", "10%", all_people)


def test_shares_are_rounded_half_up_and_numbers_stay():
    counts = np.array([0, 1, 3, 4, 6, 10, 100])
    assert parts("15%", counts).tolist() == [0, 0, 0, 1, 1, 2, 15]
    assert parts("15%", counts, least=1).tolist() == [1, 1, 1, 1, 1, 2, 15]
    assert parts("0%", counts, least=1).tolist() == [0] * 7
    assert parts(2, counts).tolist() == [2] * 7


def test_val_takes_at_least_one_photograph_of_each_person_and_never_all():
    counts = pd.Series([1, 2, 3, 8, 40], index=[7, 8, 9, 10, 11])
    assert val_sizes("25%", counts).to_dict() == {7: 0, 8: 1, 9: 1, 10: 2, 11: 10}
    assert val_sizes("99%", counts).to_dict() == {7: 0, 8: 1, 9: 2, 10: 7, 11: 39}
    assert set(val_sizes(4, counts)) == {4}


def own(**changes) -> SelectParams:
    select = yaml.safe_load(composed("own"))["select"]
    return SelectParams.model_validate(select | {"strategy": "random"} | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"people": "120%"},
        {"people": "some"},
        {"people": 0},
        {"images_per_person": "50%"},
        {"val_per_person": REST},
        {"wild_per_person": "-5%"},
        {"people": REST, "openset": {**own().openset.model_dump(), "query_people": REST}},
    ],
)
def test_other_sizes_are_refused(changes):
    with pytest.raises(ValidationError):
        own(**changes)


def collection(photographs: list[int]) -> tuple[Collection, pd.DataFrame]:
    """Returns people with so many photographs each, and measures that all pass."""
    frame = make_frame(len(photographs), max(photographs))
    rank = frame.groupby("person_id").cumcount()
    people = sorted(frame.person_id.unique())
    limit = frame.person_id.map(dict(zip(people, photographs, strict=True)))
    frame = frame[rank < limit].reset_index(drop=True)
    hashes = np.random.default_rng(0).bytes(32 * len(frame)).hex()
    measures = pd.DataFrame(
        {
            "unreadable": pd.Series([None] * len(frame), dtype=object),
            "hash": [hashes[64 * row : 64 * (row + 1)] for row in range(len(frame))],
            **dict.fromkeys(["sharpness", "exposure", "contrast", "box_in_picture"], 1.0),
        }
    )
    return Collection(frame, [], PersonNames(), {}), measures


def test_every_photograph_of_an_uneven_collection_is_used():
    photographs = [40, 25, 12, 9, 7, 6, 6, 4, 3, 2]
    every, measures = collection(photographs)
    params = own()
    choice = choose(every, measures, [], params)
    train, val, _ = divide(choice, measures, params)
    strangers = choice.openset.person_id.unique()
    assert choice.openset.groupby("role").person_id.nunique().to_dict() == {
        "distractor": 1,
        "query": 1,
    }
    counts = every.frame.groupby("person_id").size().drop(strangers)
    used = pd.concat([train, val, choice.wild])
    assert not used.image_id.duplicated().any()
    enough = counts.index[counts >= 4]  # one of four is wild
    assert set(enough) <= set(train.person_id) <= set(counts.index)
    assert used.groupby("person_id").size()[enough].equals(counts[enough])
    assert set(val.person_id) == set(train.person_id)
    sizes = val.groupby("person_id").size()
    selected = choice.selected.groupby("person_id").size()
    assert (sizes == val_sizes("25%", selected)).all()
    said = sizes_in_words(train, val, choice)
    assert said.startswith(f"{train.person_id.nunique()} people to train on, 1 query and 1 dis")
    assert f"{train.groupby('person_id').size().max()} to learn from" in said


def test_people_with_too_few_photographs_give_a_sentence():
    every, measures = collection([2, 2, 2, 2, 2])
    with pytest.raises(ValueError, match="0 people have 3 photographs to choose from"):
        choose(every, measures, [], own())
