"""The config of an hourglass that is small enough for tests."""

from typing import Any

from facerec.landmarks.params import HourglassConfig


def hourglass_config(**changes: Any) -> HourglassConfig:
    """Returns a config; `changes` are keys with other values."""
    values: dict[str, Any] = {
        "image_size": 32,
        "stacks": 1,
        "channels": 8,
        "depth": 1,
        "block": "bottleneck",
        "loss": "kl",
        "sigma": 1.5,
        "flip_test": False,
        "refine_steps": 0,
        "crop_oversampling": 4 / 3,
        "precision": "fp32",
        "box_scale": 1.6,
    }
    return HourglassConfig(**{**values, **changes})
