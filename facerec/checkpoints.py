"""Saving and loading {kind, config, state_dict}, without running code that a file may carry."""

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from facerec.images import write_bytes

KEYS = {"kind", "config", "state_dict"}
Network = TypeVar("Network", bound=nn.Module)


def save(path: Path, kind: str, config: dict[str, Any], state_dict: dict[str, Tensor]) -> None:
    """Writes a checkpoint, whole or not at all.

    Args:
        path: the `.pt` file.
        kind: what it is a checkpoint of; `load` asks for it again.
        config: plain values from which the network can be built.
        state_dict: its tensors.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in state_dict.items()}
    content = io.BytesIO()
    torch.save({"kind": kind, "config": config, "state_dict": state}, content)
    write_bytes(path, content.getvalue())


def load(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Returns the config and the tensors, on the CPU.

    Raises:
        ValueError: the file is absent, damaged, would run code, or is no checkpoint of this kind.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except pickle.UnpicklingError as error:
        raise ValueError(f"{path}: not a plain checkpoint, refused: {_first_line(error)}") from None
    except Exception as error:  # whatever a stranger's bytes make the reader do
        raise ValueError(f"{path}: damaged checkpoint: {_first_line(error)}") from None
    if not isinstance(content, dict) or set(content) != KEYS:
        raise ValueError(f"{path}: expected a checkpoint with {sorted(KEYS)}")
    if content["kind"] != kind:
        raise ValueError(f"{path}: expected a checkpoint of kind {kind}, got {content['kind']!r}")
    config, state = content["config"], content["state_dict"]
    if not isinstance(config, dict) or not isinstance(state, dict):
        raise ValueError(f"{path}: expected config and state_dict to be mappings")
    if wrong := [name for name, value in state.items() if not isinstance(value, Tensor)]:
        raise ValueError(f"{path}: expected a tensor, got {type(state[wrong[0]]).__name__} as {wrong[0]!r}")
    if spoilt := [name for name, value in state.items() if not torch.isfinite(value).all()]:
        raise ValueError(f"{path}: damaged checkpoint: {spoilt[0]!r} holds numbers that are not finite")
    return config, state


def restore(path: Path, kind: str, build: Callable[..., Network]) -> Network:
    """Returns the network that `build` makes of the config, with the tensors, on the CPU.

    Raises:
        ValueError: as `load`, or the config or the tensors are those of another version.
    """
    config, state = load(path, kind)
    try:
        network = build(**config)
        network.load_state_dict(state)
    except Exception as error:  # a config may hold anything
        raise ValueError(f"{path}: a {kind} of another version of this code: {_first_line(error)}") from None
    return network


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
