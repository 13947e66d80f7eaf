import numpy as np
import pandas as pd
import pytest
from collection import make_frame
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from facerec import geometry, random_order
from facerec.annotation_names import ATTRIBUTES
from facerec.selection import criteria, steps
from facerec.selection.criteria import Criterion
from facerec.selection.steps import Features, Funnel

NOTEBOOK = [
    Criterion(name="frontality", at_least=0.3),
    Criterion(name="eye_distance_x", above=30),
]


def measured(frame: pd.DataFrame) -> pd.DataFrame:
    return criteria.values_of([criterion.name for criterion in NOTEBOOK], frame, frame)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return make_frame(people=40, photos=12)


def test_keep_equals_a_few_lines_of_pandas(frame):
    funnel = Funnel()
    kept = steps.keep(frame, NOTEBOOK, measured(frame), funnel)
    distance = frame.righteye_x - frame.lefteye_x
    is_right_of_left_eye = frame.nose_x - frame.lefteye_x >= 0.3 * distance
    is_left_of_right_eye = frame.righteye_x - frame.nose_x >= 0.3 * distance
    frontal = frame[is_right_of_left_eye & is_left_of_right_eye]
    large = frontal[frontal.righteye_x - frontal.lefteye_x > 30]
    assert kept.image_id.tolist() == large.image_id.tolist()
    assert [step[1] for step in funnel.steps] == [len(frontal), len(large)]
    assert 0 < len(large) < len(frontal) < len(frame)
    counts = large.person_id.value_counts()
    enough = steps.enough_photographs(kept, 4, funnel, "enough")
    assert funnel.steps[-1] == ("enough", len(enough), enough.person_id.nunique())
    assert set(enough.person_id) == set(counts[counts >= 4].index)


def test_funnel_gives_a_table_numbers_and_lines():
    funnel = Funnel()
    funnel.count("all", pd.DataFrame({"person_id": [1, 1, 2, 3]}))
    funnel.count("sharp", pd.DataFrame({"person_id": [1, 1, 3]}))
    assert funnel.table().to_dict("list") == {
        "step": ["all", "sharp"],
        "photographs": [4, 3],
        "people": [3, 2],
    }
    expected = {"photographs.all": 4, "photographs.sharp": 3, "people.all": 3, "people.sharp": 2}
    assert funnel.metrics() == expected
    words = [line.split() for line in str(funnel).splitlines()]
    assert words == [
        ["all", "4", "photographs", "3", "people"],
        ["sharp", "3", "photographs", "2", "people"],
    ]
    assert len({line.index(" photographs") for line in str(funnel).splitlines()}) == 1


def test_largest_loss_names_the_step_that_lost_most_people():
    steps = [
        ("all", 99, 50),
        ("wild", 90, 20),
        ("faces", 80, 15),
        ("sharp", 70, 15),
        ("enough", 60, 5),
        ("few", 9, 3),
    ]
    assert Funnel(steps).largest_loss("all") == "wild (50 before, 20 after)"
    assert Funnel(steps).largest_loss("wild") == "enough (15 before, 5 after)"
    assert Funnel(steps).largest_loss("enough") == "few (5 before, 3 after)"
    assert Funnel(steps).largest_loss("few") == ""
    assert Funnel(steps[:4]).largest_loss("faces") == ""


def test_random_order_does_not_change_with_other_rows(frame):
    def first_two(part):
        order = random_order.person_order(part, 1, "wild")
        return set(part.image_id[random_order.rank_in_person(part, order) < 2])

    part_of_frame = frame[frame.person_id < 60]
    assert first_two(frame) & set(part_of_frame.image_id) == first_two(part_of_frame)
    assert first_two(frame.sample(frac=1, random_state=0)) == first_two(frame)


def test_rank_in_person_is_spread_evenly(frame):
    many = make_frame(people=1, photos=2000)
    order = random_order.person_order(many, 1, "wild")
    drawn = many.index[random_order.rank_in_person(many, order) < 500]
    assert 900 < drawn.to_numpy().mean() < 1100


def test_openset_takes_whole_people(frame):
    roles = steps.draw_openset(frame, 5, 7, seed=3)
    people = frame.groupby(roles).person_id.agg(set)
    assert len(people["query"]) == 5 and len(people["distractor"]) == 7
    assert not people["query"] & people["distractor"] and not people["query"] & people[""]
    with pytest.raises(ValueError, match=r"30 query and 20 distractor people wanted, .* 40 people"):
        steps.draw_openset(frame, 30, 20, seed=3)


def lowest(people, count: int, seed: int, purpose: str) -> set:
    """Returns the people with the lowest random numbers."""
    return set(
        pd.Series(random_order.random_order(people, seed, purpose), people).nsmallest(count).index
    )


def test_each_draw_is_independent_of_the_others(frame):
    """Each draw has a purpose, which is part of its seed."""
    people = sorted(set(frame.person_id))
    roles = steps.draw_openset(frame, 5, 7, seed=3)
    queries = lowest(people, 5, 3, "query")
    assert set(frame.person_id[roles == "query"]) == queries
    others = [person for person in people if person not in queries]
    assert set(frame.person_id[roles == "distractor"]) == lowest(others, 7, 3, "distractor")
    assert set(steps.choose_people(frame, 9, [], 3)) == lowest(people, 9, 3, "people")
    at_random = steps.preference(frame, [], np.zeros(len(frame)), 3)
    _, val = steps.split(frame, 4, 3)
    for person, rows in frame.groupby("person_id"):
        assert set(at_random.image_id[at_random.person_id == person][:4]) == lowest(
            rows.image_id, 4, 3, "photographs"
        )
        assert set(val.image_id[val.person_id == person]) == lowest(rows.image_id, 4, 3, "split")


def test_openset_query_needs_two_photographs_and_distractor_one():
    frame = pd.DataFrame({"person_id": [1, 1, 2, 3, 3, 4]})
    roles = steps.draw_openset(frame, 2, 2, seed=0)
    assert roles.tolist() == ["query", "query", "distractor", "query", "query", "distractor"]


def test_choose_people_gives_the_largest_remainders_one_more():
    """Of 12, 5 and 3 people 11 are 6.6, 2.75 and 1.65: the first keeps its 6."""
    sizes = {(-1, -1): 12, (1, -1): 5, (1, 1): 3}
    rows = [signs for signs, size in sizes.items() for _ in range(size)]
    frame = pd.DataFrame(rows, columns=["Male", "Young"]).assign(person_id=range(20))
    chosen = steps.choose_people(frame, 11, ["Male", "Young"], seed=1)
    assert frame.loc[chosen].value_counts(["Male", "Young"]).to_dict() == {
        (-1, -1): 6,
        (1, -1): 3,
        (1, 1): 2,
    }


def test_choose_people_prefers_the_first_strata_at_equal_remainders():
    """16 strata of one person and 16 of two: their shares of 12 people are 0.25 and 0.5."""
    signs = np.array(np.meshgrid(*[[-1, 1]] * 5, indexing="ij")).reshape(5, 32)
    frame = pd.DataFrame(signs.T, columns=list("edcba"))
    frame = pd.concat([frame, frame[frame.a > 0]]).assign(person_id=np.arange(48))
    chosen = frame.set_index("person_id").loc[steps.choose_people(frame, 12, list("abcde"), seed=1)]
    assert (chosen.a > 0).all() and not chosen.duplicated().any()
    assert not ((chosen.e > 0) & (chosen.d > 0)).any()


def test_choose_people_draws_in_proportion_to_the_strata(frame):
    strata = ["Male", "Young"]
    chosen = steps.choose_people(frame, 20, strata, seed=1)
    assert len(set(chosen)) == 20
    signs = (frame.groupby("person_id")[strata].mean() >= 0).apply(tuple, axis=1)
    share = signs.value_counts() / 2
    got = signs[chosen].value_counts().reindex(share.index, fill_value=0)
    assert ((got - share).abs() < 1).all()
    assert (chosen == steps.choose_people(frame, 20, strata, seed=1)).all()
    assert (chosen != steps.choose_people(frame, 20, strata, seed=2)).any()


def test_choose_people_without_strata_draws_from_all(frame):
    bare = frame.drop(columns=ATTRIBUTES)
    assert len(steps.choose_people(bare, 40, [], seed=1)) == 40
    with pytest.raises(ValueError, match="41 people wanted, 40 left"):
        steps.choose_people(bare, 41, [], seed=1)


def test_removing_a_person_changes_few_draws(frame):
    roles = steps.draw_openset(frame, 8, 8, seed=3)
    people = {role: set(frame.person_id[roles == role]) for role in ("query", "distractor")}
    chosen = set(steps.choose_people(frame, 20, ["Male"], seed=1))
    for gone in sorted(set(frame.person_id))[:10]:
        rest = frame[frame.person_id != gone]
        roles = steps.draw_openset(rest, 8, 8, seed=3)
        for role, before in people.items():
            assert len(before - set(rest.person_id[roles == role])) <= 1
        assert (
            len(chosen - set(steps.choose_people(rest, 20, ["Male"], seed=1))) <= 2
        )  # itself, and a quota


def test_frontality_says_where_the_nose_is_between_the_eyes():
    points = np.zeros((4, 5, 2))
    points[:, 1, 0] = [40, 40, 40, -40]
    points[:, 2, 0] = [20, 10, -4, 5]
    assert geometry.frontality(points).tolist() == [0.5, 0.25, -0.1, -np.inf]


def test_least_offending_sorts_by_distance_from_the_bounds(frame):
    values = measured(frame)
    rejected = frame.drop(steps.keep(frame, NOTEBOOK, values, Funnel()).index)
    ordered = steps.least_offending(rejected, NOTEBOOK, values)
    assert (
        sorted(ordered.image_id) == sorted(rejected.image_id)
        and ordered.person_id.is_monotonic_increasing
    )
    distance = ordered.righteye_x - ordered.lefteye_x
    nose = (
        np.minimum(ordered.nose_x - ordered.lefteye_x, ordered.righteye_x - ordered.nose_x)
        / distance
    )
    offence = (30 - distance).clip(lower=0) / 30 + (0.3 - nose).clip(lower=0) / 0.3
    assert (offence.groupby(ordered.person_id).diff().dropna() >= -1e-12).all()


def test_diverse_order_takes_the_farthest_photograph_next(frame):
    features = frame[ATTRIBUTES].to_numpy()[:60]
    bonus = np.where(np.arange(60) == 17, 1e-9, 0)
    order = steps.diverse_order([Features(features, 0.5 / len(ATTRIBUTES))], bonus)
    distance = cdist(features, features, "hamming")
    assert order[0] == 17 and sorted(order) == list(range(60))
    for taken in range(1, 60):
        nearest = distance[:, order[:taken]].min(axis=1)
        rest = order[taken:]
        assert nearest[order[taken]] == pytest.approx(nearest[rest].max())


def test_diverse_order_follows_a_large_bonus(frame):
    features = frame[ATTRIBUTES].to_numpy()[:60]
    bonus = np.linspace(0, 500, 60)
    order = steps.diverse_order([Features(features, 0.5 / len(ATTRIBUTES))], bonus)
    assert order.tolist() == list(range(59, -1, -1))


def test_preference_sorts_by_person_and_begins_with_a_random_photograph(frame):
    no_bonus = np.zeros(len(frame))
    diverse = [Features(frame[ATTRIBUTES].to_numpy(), 1.0)]
    for features in (diverse, []):
        ordered, reordered = (steps.preference(frame, features, no_bonus, seed) for seed in (1, 2))
        assert sorted(ordered.image_id) == sorted(frame.image_id)
        assert ordered.person_id.is_monotonic_increasing
        first = ordered.groupby("person_id").image_id.first()
        other_first = reordered.groupby("person_id").image_id.first()
        assert 10 < (first != other_first).sum() <= 40


def test_scores_equal_weighted_ranks_of_scipy(frame):
    apart = frame.righteye_x - frame.lefteye_x
    weighed = [
        Criterion(name="eye_distance_x", weight=1.0),
        Criterion(name="frontality", above=-9),
        Criterion(name="Male", weight=-0.5),
    ]
    values = criteria.values_of(["eye_distance_x", "frontality", "Male"], frame, frame)
    expected = (rankdata(apart) - 0.5 * rankdata(frame.Male)) / len(frame)
    assert steps.scores(frame, weighed, values) == pytest.approx(expected)


def test_preference_takes_diverse_photographs_first(frame):
    features = frame[ATTRIBUTES].to_numpy()
    bonus = np.linspace(0, 0.01, len(frame))
    ordered = steps.preference(frame, [Features(features, 0.5 / len(ATTRIBUTES))], bonus, 1)
    assert sorted(ordered.image_id) == sorted(frame.image_id)
    for _, rows in ordered.groupby("person_id"):
        distance = cdist(rows[ATTRIBUTES], rows[ATTRIBUTES], "hamming")
        merit = bonus[rows.index]
        assert merit[0] == merit.max()
        for taken in range(1, len(rows)):
            gain = distance[:, :taken].min(axis=1) + merit
            assert gain[taken] == pytest.approx(gain[taken:].max())


def test_photographs_of_equal_merit_stay_in_random_order():
    frame = make_frame(people=2, photos=120)
    bonus = (np.arange(len(frame)) % 3 == 0).astype(float)
    at_random = steps.preference(frame, [], np.zeros(len(frame)), 1)
    ordered = steps.preference(frame, [], bonus, 1)
    for best in (1, 0):
        by_merit, drawn = (
            rows.image_id[bonus[rows.index] == best] for rows in (ordered, at_random)
        )
        assert by_merit.tolist() == drawn.tolist()


def test_preference_and_split_accept_an_empty_table(frame):
    nothing = frame[:0]
    features = [Features(nothing[ATTRIBUTES].to_numpy(), 1.0)]
    assert steps.preference(nothing, features, np.zeros(0), 1).empty
    assert all(part.empty for part in steps.split(nothing, 3, 1))


def test_preference_sorts_by_bonus_without_features(frame):
    best = [Criterion(name="eye_distance_x", weight=1.0), Criterion(name="frontality", above=-9)]
    bonus = steps.scores(frame, best, measured(frame))
    ordered = steps.preference(frame, [], bonus, 1)
    assert sorted(ordered.image_id) == sorted(frame.image_id)
    apart = ordered.righteye_x - ordered.lefteye_x
    assert (apart.groupby(ordered.person_id).diff().dropna() <= 0).all()


def test_split_trains_on_near_duplicates(frame):
    """The first five of each person's 12 photographs are near duplicates."""
    first = frame.groupby("person_id").image_id.transform("first")
    groups = frame.image_id.where(frame.groupby("person_id").cumcount() >= 5, first).to_numpy()
    _, val = steps.split(frame, 3, 1, groups)
    assert not val.index.isin(np.flatnonzero(pd.Series(groups).duplicated(keep=False))).any()
    assert (val.groupby("person_id").size() == 3).all()
    without_groups = steps.split(frame, 3, 1)
    in_groups_of_one = steps.split(frame, 3, 1, frame.image_id)
    for part, same_part in zip(without_groups, in_groups_of_one, strict=True):
        assert part.equals(same_part)


@pytest.mark.parametrize(
    ("sizes", "in_val"),
    [
        ([3, 1], 1),
        ([4], 0),
        ([2, 2], 2),
        ([1, 1, 2], 2),
        ([3, 2, 2, 1, 1], 2),
        ([2, 3, 1], 1),
        ([2, 3], 2),
    ],
    ids=str,
)
def test_split_keeps_near_duplicates_on_one_side(sizes, in_val):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    for seed in range(5):
        shuffled = np.random.default_rng(seed).permutation(groups)
        frame = pd.DataFrame(
            {"person_id": 1, "image_id": [f"{number}.jpg" for number in range(len(shuffled))]}
        )
        train, val = steps.split(frame, 2, seed, shuffled)
        assert len(val) == in_val and len(train) == len(shuffled) - in_val
        assert not set(shuffled[train.index]) & set(shuffled[val.index])


def test_split_holds_each_photograph_once(frame):
    train, val = steps.split(frame, 3, seed=1)
    assert (val.groupby("person_id").size() == 3).all() and (
        train.groupby("person_id").size() == 9
    ).all()
    assert sorted([*train.image_id, *val.image_id]) == sorted(frame.image_id)
    assert not train.person_id.is_monotonic_increasing


def test_attribute_balance_is_the_change_in_points(frame):
    half = frame[frame.Male == 1]
    balance = steps.attribute_balance(frame, half, ["Young", "Male"])
    assert balance.attribute.tolist() == ["Male", "Young"]
    share = 100 * (frame.Male == 1).mean()
    assert balance.iloc[0, 1:].tolist() == pytest.approx([share, 100, 100 - share], abs=1e-3)
    assert (balance.iloc[:, 1:] == balance.iloc[:, 1:].round(3)).all(axis=None)
    assert steps.attribute_balance(frame, half, []).empty
    before = frame.assign(**dict.fromkeys(ATTRIBUTES, -1))
    after = before.assign(**dict.fromkeys(ATTRIBUTES[::2], 1))
    balance = steps.attribute_balance(before, after, ATTRIBUTES)
    assert balance.attribute.tolist() == ATTRIBUTES[::2] + ATTRIBUTES[1::2]
