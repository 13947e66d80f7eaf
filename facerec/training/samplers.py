"""The order in which an epoch takes its samples."""

import torch
from torch import Generator, Tensor


def grouped_order(labels: Tensor, samples_per_class: int, generator: Generator) -> Tensor:
    """Returns all indices (N,), shuffled in groups of samples with one label.

    A batch of several groups then holds several photographs of each of its people, as triplets need
    (the PK batches of Hermans et al. 2017). The rest of a label makes a smaller group.

    Args:
        labels: (N,) int64.
        samples_per_class: size of a group, at least 1.
        generator: on the CPU.
    """
    shuffled = torch.randperm(len(labels), generator=generator)
    by_label = shuffled[labels[shuffled].argsort(stable=True)]
    sorted_labels = labels[by_label]
    position = torch.arange(len(labels)) - torch.searchsorted(sorted_labels, sorted_labels)
    group = sorted_labels * len(labels) + position // samples_per_class
    _, group = group.unique(return_inverse=True)
    group_order = torch.randperm(int(group.max()) + 1, generator=generator)
    return by_label[group_order[group].argsort(stable=True)]


def weighted_order(weights: Tensor, generator: Generator) -> Tensor:
    """Returns N indices of N samples, shuffled, each drawn in proportion to its weight.

    A sample expected 1.3 times comes once or twice. Equal weights give each sample once. The method
    is systematic resampling (Carpenter, Clifford, Fearnhead 1999) of the shuffled samples.

    Args:
        weights: (N,) positive.
        generator: on the CPU.
    """
    count = len(weights)
    shuffled = torch.randperm(count, generator=generator)
    cumulative = weights.double()[shuffled].cumsum(0)
    start = torch.rand(1, generator=generator, dtype=torch.double)
    points = (torch.arange(count) + start) * cumulative[-1] / count
    drawn = shuffled[torch.searchsorted(cumulative, points).clamp_max(count - 1)]
    return drawn[torch.randperm(count, generator=generator)]
