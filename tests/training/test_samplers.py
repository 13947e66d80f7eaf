"""The order in which an epoch takes its samples."""

from itertools import groupby

import numpy as np
import pytest
import torch

from facerec.training.samplers import grouped_order, weighted_order


def test_weighted_order_draws_samples_in_proportion_to_their_weights():
    weights = torch.tensor([1.0] * 60 + [3.0] * 20)  # shares of 80 draws: 2/3 and 2
    counts = torch.stack(
        [
            weighted_order(weights, torch.Generator().manual_seed(seed)).bincount(minlength=80)
            for seed in range(200)
        ]
    )
    assert (counts.sum(dim=1) == 80).all()
    assert set(counts[:, :60].unique().tolist()) == {0, 1} and (counts[:, 60:] == 2).all()
    mean_counts = counts[:, :60].double().mean(dim=0)
    assert (
        mean_counts.mean().item() == pytest.approx(2 / 3)
        and (mean_counts - 2 / 3).abs().max() < 5 * (2 / 9 / 200) ** 0.5
    )
    neighbours = torch.corrcoef(counts[:, [0, 1]].T.double())[0, 1]
    assert abs(neighbours) < 0.3  # neighbours are drawn independently


def test_equal_weights_shuffle_the_samples():
    order = weighted_order(torch.full((1000,), 0.1), torch.Generator().manual_seed(3))
    assert order.sort().values.tolist() == list(range(1000)) and order.tolist() != list(range(1000))


def test_grouped_order_keeps_photographs_of_a_person_together():
    labels = torch.arange(10).repeat_interleave(7)[
        torch.randperm(70, generator=torch.Generator().manual_seed(0))
    ]
    order = grouped_order(labels, 3, torch.Generator().manual_seed(1))
    assert sorted(order.tolist()) == list(range(70))
    runs = [len(list(run)) for _, run in groupby(labels[order].tolist())]
    assert (
        max(runs) <= 9 and np.mean(runs) >= 2
    )  # groups of 3, 3 and 1; sometimes two groups of one person meet
    batches = labels[order][:66].view(-1, 6)
    pairs = sum(len(batch.unique()) < 6 for batch in batches)
    assert pairs == len(batches)
    assert not torch.equal(order, grouped_order(labels, 3, torch.Generator().manual_seed(2)))
    alone = grouped_order(labels, 1, torch.Generator().manual_seed(1))
    assert (
        sorted(alone.tolist()) == list(range(70)) and np.mean([*(labels[alone].diff() == 0)]) < 0.3
    )


def test_grouped_order_keeps_groups_together_beside_a_person_with_one_photograph():
    labels = torch.cat([torch.tensor([3]), torch.arange(3).repeat_interleave(8)])
    for seed in range(20):
        order = grouped_order(labels, 4, torch.Generator().manual_seed(seed))
        assert sorted(order.tolist()) == list(range(25))
        others = labels[order][labels[order] != 3].view(-1, 4)
        assert (others == others[:, :1]).all()
