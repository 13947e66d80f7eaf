"""Which device to compute on, and how precisely."""

import os

import torch

from facerec.params import Precision


def device() -> torch.device:
    """Returns the device that FACEREC_DEVICE names; without it the GPU if there is one, or the CPU.

    Raises:
        ValueError: there is no such kind of device.
    """
    wanted = os.environ.get("FACEREC_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(wanted)
    except RuntimeError:
        raise ValueError(
            f"FACEREC_DEVICE: expected cpu, cuda or cuda:0, cuda:1, …, got {wanted!r}"
        ) from None


def to_device(where: torch.device, values: torch.Tensor) -> torch.Tensor:
    """Returns a tensor on a device. Pinned memory lets the copy to a GPU run in the background."""
    if where.type != "cuda" or values.is_cuda:
        return values.to(where)
    return values.pin_memory().to(where, non_blocking=True)


def autocast(where: torch.device, precision: Precision) -> torch.autocast:
    """Returns the context of a network's forward pass.

    Networks enter it themselves, around their layers alone: bf16 would move pictures and points by
    half a pixel.

    Args:
        where: the network's device.
        precision: `auto` is bf16 where the device multiplies it faster than fp32: a CUDA GPU from
            Ampere on, or a CPU with AMX; `python -m benchmarks.run --only precision` measures it.
    """
    bf16 = precision == "bf16" or (precision == "auto" and _multiplies_bf16(where))
    return torch.autocast(where.type, torch.bfloat16, enabled=bf16)


def _multiplies_bf16(where: torch.device) -> bool:
    if where.type == "cpu":
        return bool(torch.cpu.get_capabilities().get("amx_bf16"))
    return where.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
