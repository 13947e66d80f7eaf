"""Saving and loading networks, without running code that a file may carry."""

import io
import pickle
import reprlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from facerec.files import write_bytes
from facerec.params import Params

KEYS = {"kind", "config", "state_dict"}
DTYPES = {torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.bool}
DTYPES |= {torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8}
Config = TypeVar("Config", bound=Params)
Network = TypeVar("Network", bound=nn.Module)


def save(path: Path, kind: str, config: dict[str, Any], state_dict: dict[str, Tensor]) -> None:
    """Writes the checkpoint of a network, whole or not at all.

    Args:
        path: the `.pt` file.
        kind: what it is a checkpoint of; `load` asks for it again.
        config: plain values from which the network can be built.
        state_dict: its tensors.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in state_dict.items()}
    write(path, {"kind": kind, "config": config, "state_dict": state})


def load(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Returns the config and the tensors of a network's checkpoint, on the CPU.

    Raises:
        ValueError: the file is absent, damaged, would run code, or is no checkpoint of this kind.
    """
    content = read(path)
    try:
        fault = _fault(content, kind)
    except Exception as error:  # a damaged tensor may fail at any use
        raise ValueError(f"{path}: damaged checkpoint: {_first_line(error)}") from None
    if fault:
        raise ValueError(f"{path}: {fault}")
    return content["config"], content["state_dict"]


def write(path: Path, content: dict[str, Any]) -> None:
    """Writes plain values and tensors, whole or not at all."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_bytes(path, buffer.getvalue())


def read(path: Path) -> Any:
    """Returns what `write` wrote, with its tensors on the CPU.

    Raises:
        ValueError: the file is absent, damaged, or would run code.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except pickle.UnpicklingError as error:
        raise ValueError(f"{path}: not a plain checkpoint, refused: {_first_line(error)}") from None
    except Exception as error:  # damaged bytes can make the reader raise anything
        raise ValueError(f"{path}: damaged checkpoint: {_first_line(error)}") from None


def _fault(content: Any, kind: str) -> str | None:
    """Returns what is wrong with the content of a file, None if nothing is."""
    if not isinstance(content, dict) or set(content) != KEYS:
        return f"expected a checkpoint with {sorted(KEYS)}"
    if content["kind"] != kind:
        return f"expected a checkpoint of kind {kind}, got {content['kind']!r}"
    config, state = content["config"], content["state_dict"]
    if not isinstance(config, dict) or not isinstance(state, dict):
        return "expected config and state_dict to be mappings"
    for name, value in state.items():
        if not isinstance(name, str):
            return f"expected names of tensors, got {name!r}"
        if not isinstance(value, Tensor):
            return f"expected a tensor, got {type(value).__name__} as {name!r}"
        if not _is_plain(value):
            seen = f"{value.dtype} ({value.layout}, {value.device})"
            return f"expected a plain tensor of numbers as {name!r}, got {seen}"
        if not torch.isfinite(value).all():
            return f"damaged checkpoint: {name!r} holds numbers that are not finite"
    return None


def _is_plain(tensor: Tensor) -> bool:
    """Returns whether a tensor is as `save` writes it, with each of its numbers in the file."""
    is_dense = (
        tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_nested
    )
    return is_dense and tensor.dtype in DTYPES and tensor.is_contiguous()


def restore(
    path: Path, kind: str, build: Callable[[Config], Network], config_type: type[Config]
) -> Network:
    """Returns the network in a checkpoint, on the CPU.

    Args:
        path: the `.pt` file.
        kind: as in `load`.
        build: makes the network from its config.
        config_type: checks the config.

    Raises:
        ValueError: as `load`, or the config or the tensors are those of another version.
    """
    values, state = load(path, kind)
    try:
        config = config_type.model_validate(values)
        _refuse_other_tensors(build, config, state)
        network = build(config)
        network.load_state_dict(state)
    except MemoryError:
        raise
    except Exception as error:  # a config may hold anything
        if "can't allocate memory" in str(error):
            raise
        raise ValueError(
            f"{path}: a {kind} of another version of this code: {_reason(error)}"
        ) from None
    return network


def _refuse_other_tensors(
    build: Callable[[Config], nn.Module], config: Config, state: dict[str, Tensor]
) -> None:
    """Compares shapes with a network on the meta device, before the real one takes memory."""
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        expected = {key: tuple(value.shape) for key, value in build(config).state_dict().items()}
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    for key in [*expected, *shapes]:
        if shapes.get(key) != expected.get(key):
            raise ValueError(
                f"{key}: expected {expected.get(key, 'no such tensor')}, "
                f"got {shapes.get(key, 'none')}"
            )


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return _first_line(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}, got {reprlib.repr(first['input'])}"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
