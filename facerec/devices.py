"""Which device to compute on, how precisely, and in how many threads."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Literal

import torch

from facerec.workers import threads

Precision = Literal["auto", "bf16", "fp32"]

MOST_LANES = 4


def device() -> torch.device:
    """Returns FACEREC_DEVICE, or the GPU if there is one, or the CPU.

    Raises:
        ValueError: there is no such kind of device.
    """
    wanted = os.environ.get("FACEREC_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(wanted)
    except RuntimeError:
        raise ValueError(f"FACEREC_DEVICE: expected cpu, cuda or cuda:0, cuda:1, …, got {wanted!r}") from None


def autocast(where: torch.device, precision: Precision) -> torch.autocast:
    """Returns the context of a network's forward pass.

    Networks enter it themselves, around their layers and nothing else: matrices that move pictures and points lose
    half a pixel in bf16.

    Args:
        where: the network is.
        precision: `auto` is bf16 where the device multiplies it faster than fp32, a CUDA GPU from Ampere on or a CPU
            with AMX, and fp32 elsewhere, on CPUs with AVX-512 bf16 alone too:
            `python -m benchmarks.run --only precision`.
    """
    bf16 = precision == "bf16" or (precision == "auto" and _multiplies_bf16(where))
    return torch.autocast(where.type, torch.bfloat16, enabled=bf16)


def _multiplies_bf16(where: torch.device) -> bool:
    if where.type == "cpu":
        return bool(torch.cpu.get_capabilities().get("amx_bf16"))
    return where.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)


@contextmanager
def lanes(where: torch.device, cores: int) -> Iterator[ThreadPoolExecutor]:
    """Yields a pool of threads for work of which a network is a part; torch's threads are shared out among them.

    On a CPU batches side by side, each computed by some of the cores, take less time than one after the other by all,
    which wait for each other at every layer; at most MOST_LANES, for each batch has its features in memory. Beside a
    GPU there is a thread a core, to read and write what the GPU works at: one batch at a time is enough for it.

    Args:
        where: the network is.
        cores: that may be used.
    """
    on_cpu = where.type == "cpu"
    count = max(range(1, MOST_LANES + 1), key=lambda lanes: (cores // lanes * lanes, lanes)) if on_cpu else cores
    before = torch.get_num_threads()
    try:
        with threads(count, partial(torch.set_num_threads, max(1, before // count))) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)  # which threads that begin later have
