"""What a Git revision or DVC experiment published, read from DVC without a checkout."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc_data.index import DataIndexDirError

from facerec import tables
from facerec.params import PARAMS_FILE, read_yaml

WORKSPACE = "workspace"  # as DVC calls the files of the working folder
EXAMS = {exam: f"data/{exam}.csv" for exam in ("val", "wild", "openset")}
NOT_STORED = "No storage files available"  # DVC's words


@dataclass(frozen=True)
class Revision:
    """A revision's published recogniser.

    Attributes:
        name: as it was asked for.
        commit: the first letters of its hash; empty for the working folder.
        recognizer: the name of the published one.
        params: the sections of its params.yaml.
        metrics: all metrics of the recogniser, with intervals.
        report: its REPORT table.
        exams: MD5 of the table of each exam's photographs; an exam may be absent.
    """

    name: str
    commit: str
    recognizer: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    report: pd.DataFrame
    exams: Mapping[str, str]


def read_revision(name: str) -> Revision:
    """Returns a revision's results, from DVC's cache or a remote. The working folder stays as is.

    Args:
        name: a branch, tag, commit or experiment, or `workspace`.

    Raises:
        ValueError: there is no such revision, it has no results, they are on another machine, or a
            file is damaged; the message says what to do.
    """
    if not Path(".dvc").is_dir():
        raise ValueError("this is no DVC repository; run from the repository's root")
    try:
        files = DVCFileSystem(rev=None if name == WORKSPACE else name)
        commit = str(files.repo.get_rev())[:7]  # which resolves the name
    except DvcException as error:
        raise ValueError(
            f"{name}: {error}; expected a branch, tag or commit (`git branch -a`, `git tag`), an "
            f"experiment (`dvc exp list`) or `{WORKSPACE}`"
        ) from None
    with tempfile.TemporaryDirectory() as folder:
        try:
            return _read(files, name, "" if name == WORKSPACE else commit, Path(folder))
        except ValueError as error:  # names the file as Git does
            raise ValueError(str(error).replace(f"{folder}/", f"{name}:")) from None


def _read(files: DVCFileSystem, name: str, commit: str, folder: Path) -> Revision:
    """Returns a revision's results; its files are copied to a folder, to be read as any others."""
    params = read_yaml(_copy(files, str(PARAMS_FILE), folder))
    recognizer = (params.get("publish") or {}).get("recognizer")
    if not isinstance(recognizer, str):
        raise ValueError(
            f"{folder}/{PARAMS_FILE}: no `publish.recognizer`: it is of an earlier version of this "
            f"project, which this command cannot read"
        )
    evaluation = f"data/evaluations/{recognizer}"
    metrics = _copy(files, f"{evaluation}/metrics.json", folder)
    report = _copy(files, f"{evaluation}/report.csv", folder)
    exams = {exam: _md5(files, path) for exam, path in EXAMS.items()}
    return Revision(
        name=name,
        commit=commit,
        recognizer=recognizer,
        params=params,
        metrics=_numbers(metrics),
        report=tables.read(report, tables.REPORT),
        exams={exam: md5 for exam, md5 in exams.items() if md5 is not None},
    )


def _copy(files: DVCFileSystem, path: str, folder: Path) -> Path:
    """Returns the path of a copy of a revision's file."""
    copy = folder / path
    copy.parent.mkdir(parents=True, exist_ok=True)
    try:
        copy.write_bytes(files.read_bytes(path))
    except (FileNotFoundError, DataIndexDirError) as error:
        if isinstance(error, DataIndexDirError) or NOT_STORED in str(error):
            raise ValueError(
                f"{copy}: neither in DVC's cache on this machine nor in a remote; `dvc push` it on "
                f"the machine that made it, or check the revision out and `dvc repro`"
            ) from None
        raise ValueError(
            f"{copy}: no such file; check the revision out, `dvc repro`, and commit dvc.lock"
        ) from None
    return copy


def _numbers(path: Path) -> dict[str, float]:
    """Returns flat metrics."""
    try:
        values = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # ValueError: no UTF-8 either
        raise ValueError(f"{path}: not JSON: {error}") from None
    if not isinstance(values, dict) or not all(
        isinstance(value, int | float) for value in values.values()
    ):
        raise ValueError(f"{path}: expected a flat object of numbers")
    return values


def _md5(files: DVCFileSystem, path: str) -> str | None:
    """Returns the MD5 of an output as dvc.lock has it; None if the revision has no such output."""
    try:
        return files.info(path)["dvc_info"]["md5"]
    except (FileNotFoundError, KeyError):
        return None
