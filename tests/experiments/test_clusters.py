"""The scores of groups, against their definition by a loop over faces."""

import numpy as np
import pytest

from experiments.clusters import scores


def test_scores_equal_their_definition():
    rng = np.random.default_rng(0)
    groups, people = rng.integers(-1, 4, 40), rng.integers(0, 5, 40)
    groups_of = [
        {i} if groups[i] < 0 else {*np.flatnonzero(groups == groups[i])} for i in range(40)
    ]
    people_of = [{*np.flatnonzero(people == people[i])} for i in range(40)]
    right = [len(one & other) for one, other in zip(groups_of, people_of, strict=True)]
    precision = np.mean([count / len(one) for count, one in zip(right, groups_of, strict=True)])
    recall = np.mean([count / len(one) for count, one in zip(right, people_of, strict=True)])
    found = scores(groups, people)
    assert found["precision"] == pytest.approx(precision)
    assert found["recall"] == pytest.approx(recall)
    together = sum(len(one) - 1 for one in groups_of)
    same = sum(len(one) - 1 for one in people_of)
    both = sum(count - 1 for count in right)
    assert found["F of pairs"] == pytest.approx(2 * both / (together + same))
    assert found["groups"] == 4 and found["alone"] == (groups < 0).sum()
