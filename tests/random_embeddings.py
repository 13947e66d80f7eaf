"""Random embeddings of people, and smaller blocks, for the tests of metrics."""

import pytest
import torch


def set_block(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """Has cosines computed in blocks of this size."""
    monkeypatch.setattr("facerec.metrics.blocks.BLOCK", block)


def random_people(num_people, each, noise, seed=0, dim=16):
    generator = torch.Generator().manual_seed(seed)
    centers = torch.randn(num_people, dim, generator=generator)
    people = torch.arange(num_people).repeat_interleave(each)
    return centers[people] + noise * torch.randn(len(people), dim, generator=generator), people
