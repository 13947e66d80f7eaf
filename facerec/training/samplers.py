"""The order in which an epoch takes its samples."""

import torch
from torch import Generator, Tensor


def grouped_order(labels: Tensor, together: int, generator: Generator) -> Tensor:
    """Returns all indices (N,), shuffled, with `together` samples of one label in a row as long as it has them.

    A batch that is a multiple of `together` then holds several photographs of each of its people, as triplets need
    (the PK batches of Hermans et al. 2017); what a label has left over comes in shorter rows.

    Args:
        labels: (N,) int64.
        together: at least 1.
        generator: on the CPU.
    """
    shuffled = torch.randperm(len(labels), generator=generator)
    by_label = shuffled[labels[shuffled].argsort(stable=True)]
    place = _place_in_run(labels[by_label])
    row = labels[by_label] * len(labels) + place // together
    _, row = row.unique(return_inverse=True)
    lots = torch.randperm(int(row.max()) + 1, generator=generator)
    return by_label[lots[row].argsort(stable=True)]


def weighted_order(weights: Tensor, generator: Generator) -> Tensor:
    """Returns N indices of N samples, shuffled, each as often as its share of the weights says.

    That is one of the two next whole numbers; equal weights give each once. Systematic resampling (Carpenter, Clifford,
    Fearnhead 1999), of a shuffled row.

    Args:
        weights: (N,) positive.
        generator: on the CPU.
    """
    count = len(weights)
    row = torch.randperm(count, generator=generator)
    ends = weights.double()[row].cumsum(0)
    places = (
        (torch.arange(count) + torch.rand(1, generator=generator, dtype=torch.double))
        * ends[-1]
        / count
    )
    drawn = row[torch.searchsorted(ends, places).clamp_max(count - 1)]
    return drawn[torch.randperm(count, generator=generator)]


def _place_in_run(values: Tensor) -> Tensor:
    """Returns how many equal values (N,) come before each in a sorted row."""
    positions = torch.arange(len(values))
    return positions - torch.searchsorted(values, values)
