"""Saving and loading {kind, config, state_dict}, without running code that a file may carry."""

import io
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from facerec.images import write_bytes

KEYS = {"kind", "config", "state_dict"}


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
        raise ValueError(f"{path}: not a plain checkpoint, refused: {str(error).splitlines()[0]}") from None
    except (RuntimeError, EOFError, OSError) as error:
        raise ValueError(f"{path}: damaged checkpoint: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict) or set(content) != KEYS:
        raise ValueError(f"{path}: expected a checkpoint with {sorted(KEYS)}")
    if content["kind"] != kind:
        raise ValueError(f"{path}: expected a checkpoint of kind {kind}, got {content['kind']!r}")
    return content["config"], content["state_dict"]
