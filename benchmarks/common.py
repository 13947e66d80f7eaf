"""What several benchmarks and experiments share: the option `--only`, the name of the machine."""

from collections.abc import Collection

import torch

from facerec.networks.devices import device


def chosen(only: list[str] | None, names: Collection[str]) -> list[str]:
    """Returns the names that `--only` asks for, all of them if it is not given.

    Raises:
        ValueError: it asks for another name.
    """
    if unknown := set(only or []) - set(names):
        raise ValueError(
            f"--only: expected some of {', '.join(names)}, got {', '.join(sorted(unknown))}"
        )
    return only or list(names)


def machine() -> str:
    """Returns the name of the GPU, or the number of CPU threads."""
    if device().type == "cuda":
        return torch.cuda.get_device_name(device())
    return f"{torch.get_num_threads()} CPU threads"
