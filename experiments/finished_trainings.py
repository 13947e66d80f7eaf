"""Finished trainings in a table, so that an interrupted experiment goes on where it was."""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from facerec.files import write_bytes
from facerec.networks.devices import device


def run_missing(
    path: Path, keys: Iterable[dict[str, Any]], measure: Callable[[dict[str, Any]], dict]
) -> pd.DataFrame:
    """Returns the rows of these keys, after measuring those that the table does not hold.

    Args:
        path: a CSV file, read and added to after each measurement.
        keys: the same columns in each.
        measure: the other columns of a key's row.
    """
    keys = list(keys)
    names = list(keys[0])
    done = _read(path, names)
    for key in keys:
        if (done[names] == list(key.values())).all(axis=1).any():
            continue
        row = key | measure(key)
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
        done = _read(path, names)  # again: another process may have added its rows
        done = (
            pd.concat([done, pd.DataFrame([row])], ignore_index=True)
            if len(done)
            else pd.DataFrame([row])
        )
        write_bytes(path, done.to_csv(index=False, lineterminator="\n").encode())
    return finished(path, keys)


def finished(path: Path, keys: list[dict[str, Any]]) -> pd.DataFrame:
    """Returns the rows of these keys that the table at `path` holds."""
    names = list(keys[0])
    done = _read(path, names)
    return done[
        pd.MultiIndex.from_frame(done[names]).isin(pd.MultiIndex.from_frame(pd.DataFrame(keys)))
    ]


def _read(path: Path, names: list[str]) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"run": str}) if path.exists() else pd.DataFrame(columns=names)


def chosen(only: list[str] | None, names: Collection[str]) -> list[str]:
    """Returns the names that `--only` asks for, all of them if it is not given.

    Raises:
        ValueError: it asks for another one.
    """
    if unknown := set(only or []) - set(names):
        raise ValueError(
            f"--only: expected some of {', '.join(names)}, got {', '.join(sorted(unknown))}"
        )
    return only or list(names)


def machine() -> str:
    """Returns what computes, for a sentence."""
    if device().type == "cuda":
        return torch.cuda.get_device_name(device())
    return f"{torch.get_num_threads()} CPU threads"


def mean_and_sd(values: pd.Series, sign: str = "", digits: int = 2) -> str:
    """Returns the mean ± standard deviation, which one value does not have."""
    mean = f"{values.mean():{sign}.{digits}f}"
    return f"{mean} ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else mean
