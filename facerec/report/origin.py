"""Parts 10 and 11: what the run cost, and what made it."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from facerec.report.figures import read_json, shown
from facerec.report.run import Run

BYTES = 4  # of a number of an embedding
FACES = ("align", "evaluate")  # stages whose milliseconds a face are told
PACKAGES = (
    "dvc",
    "numpy",
    "opencv-python-headless",
    "pandas",
    "scikit-learn",
    "scipy",
    "torch",
    "torchvision",
    "vl-convert-python",
)


def cost(run: Run, lock: dict[str, Any]) -> dict:
    """Returns seconds and memory of each stage, ms a face and bytes a template."""
    records = {
        str(record.get("stage", path.stem)): record
        for path in sorted(run.files.records.glob("*.json"))
        for record in [read_json(path)]
    }
    known = [*run.stages]
    names = [name for name in dict.fromkeys([*lock, *records]) if name.split("@")[0] in known]
    names.sort(key=lambda name: known.index(name.split("@")[0]))
    rows = [{"stage": name, "measured": _measured(records.get(name))} for name in names]
    faces = {
        name: shown(1000 * record["seconds"] / record["faces"], 2)
        for name, record in records.items()
        if name.split("@")[0] in FACES and record.get("faces")
    }
    dimension = run.params["recognizer"]["embedding_dim"]
    seconds = [record["seconds"] for record in records.values()]
    return {
        "rows": rows,
        "total": shown(sum(seconds), 1) if seconds else None,
        "machines": sorted({str(r["machine"]) for r in records.values() if r.get("machine")}),
        "ms_per_face": faces,
        "dimension": dimension,
        "bytes": BYTES * dimension,
    }


def _measured(record: dict[str, Any] | None) -> dict[str, str] | None:
    if record is None:
        return None
    return {
        "seconds": shown(record["seconds"], 1),
        "memory": shown(record["peak_mib"], 0) if "peak_mib" in record else "–",
        "finished": str(record.get("finished", "–")),
        "commit": str(record.get("commit", "–")),
    }


def read_lock(path: Path) -> dict[str, Any]:
    """Returns the stages of a dvc.lock; none if there is no such file."""
    if not path.is_file():
        return {}
    content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return content.get("stages") or {}


def origin(run: Run, lock: dict[str, Any]) -> dict:
    """Returns parameters, versions, commit, hashes of the data, and the command that repeats it."""
    return {
        "params": _flat(run.params),
        "versions": {"Python": platform.python_version(), **_versions()},
        "commit": _git("rev-parse", "HEAD"),
        "is_dirty": bool(_git("status", "--porcelain", "--untracked-files=no", ":!metrics")),
        "hashes": _hashes(run, lock),
    }


def _flat(values: Any, name: str = "") -> dict[str, str]:
    """Returns nested parameters by dotted names; a list is one value."""
    if isinstance(values, dict) and values:
        flat: dict[str, str] = {}
        for key, value in values.items():
            flat |= _flat(value, f"{name}.{key}" if name else str(key))
        return flat
    text = yaml.safe_dump(values, default_flow_style=True, allow_unicode=True, width=10**6)
    return {name: text.removesuffix("\n").removesuffix("\n...")}


def _versions() -> dict[str, str]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _git(*words: str) -> str:
    """Returns what git says; nothing outside a repository."""
    try:
        result = subprocess.run(["git", *words], capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def _hashes(run: Run, lock: dict[str, Any]) -> list[dict[str, str]]:
    """Returns path, hash and size of the collection, the tables and the models, from dvc.lock."""
    found: dict[str, dict[str, str]] = {}
    inputs = {str(path) for path in run.params["dataset"].values()}
    for stage in lock.values():
        entries = [entry for entry in stage.get("deps", []) if entry["path"] in inputs]
        entries += [
            entry
            for entry in stage.get("outs", [])
            if entry["path"].startswith(("data/", "models/")) or entry["path"] in inputs
        ]
        for entry in entries:
            size = shown(entry["size"] / 2**20, 2) if "size" in entry else "–"
            found[entry["path"]] = {
                "path": entry["path"],
                "hash": str(entry.get("md5", "–")),
                "size": size,
            }
    return sorted(found.values(), key=lambda entry: (entry["path"] not in inputs, entry["path"]))
