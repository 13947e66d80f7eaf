"""A table of finished trainings, so that an interrupted experiment resumes."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from facerec.files import write_bytes


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


def mean_and_sd(values: pd.Series, sign: str = "", digits: int = 2) -> str:
    """Returns the mean ± standard deviation, or the mean alone of a single value."""
    mean = f"{values.mean():{sign}.{digits}f}"
    return f"{mean} ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else mean
