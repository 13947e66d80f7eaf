"""Which device to compute on."""

import os

import torch


def device() -> torch.device:
    """Returns FACEREC_DEVICE, or the GPU if there is one, or the CPU."""
    return torch.device(os.environ.get("FACEREC_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu"))
