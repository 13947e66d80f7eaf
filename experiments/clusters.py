"""How well unnamed faces are grouped by average linkage, DBSCAN and HDBSCAN.

python -m experiments.clusters                   # in a repository after `dvc repro`
python -m experiments.clusters --of ../cfp

The faces are those that the published recogniser has not learned from: `val`, `wild` and the open
set. A face alone counts as a group of one. The last set has one face of each person: the fewer are
grouped, the better.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from sklearn.cluster import DBSCAN, HDBSCAN
from sklearn.metrics.cluster import pair_confusion_matrix
from torch.nn.functional import normalize
from typer import Option, run

from facerec import tables
from facerec.gallery.clusters import group_faces
from facerec.networks.devices import device
from facerec.recognition import recognizer
from facerec.recognition.datasets import read_aligned
from stages.cli import read_metrics

SETS = {
    "people it never saw": {"openset": tables.OPENSET},
    "people it knows, other photographs": {"val": tables.SELECTED, "wild": tables.SELECTED},
    "all": {"openset": tables.OPENSET, "val": tables.SELECTED, "wild": tables.SELECTED},
}


def main(
    of: Annotated[Path, Option(help="folder of the repository")] = Path("."),
    thresholds: Annotated[
        Path, Option(help="thresholds of the published recogniser, in the repository")
    ] = Path("data/thresholds/arcface.json"),
) -> None:
    """Print precision, recall and F of BCubed, and F of pairs, for each way and set of faces."""
    measured = read_metrics(of / thresholds)
    at_rate = {rate: measured[f"threshold_at_fpr_{rate}"] for rate in ("1e-2", "1e-3")}
    rows = []
    for title, splits in SETS.items():
        embeddings, people = _faces(of, splits)
        rows += _rows(title, embeddings, people, at_rate)
    _, firsts = np.unique(people, return_index=True)
    rows += _rows("one of each", embeddings[firsts], people[firsts], at_rate)
    print(pd.DataFrame(rows).to_string(index=False, float_format="%.3f"))


def _rows(
    title: str, embeddings: np.ndarray, people: np.ndarray, at_rate: dict[str, float]
) -> list[dict]:
    """Returns a row for each way."""
    title = f"{title}: {len(people)} faces of {len(set(people))}"
    ways = _ways(embeddings, at_rate)
    return [{"faces": title, "way": name, **scores(ways[name], people)} for name in ways]


def _faces(of: Path, splits: dict[str, tables.Table]) -> tuple[np.ndarray, np.ndarray]:
    """Returns embeddings (N, E) of length 1, and people (N,)."""
    network = recognizer.load(of / "models/recognizer.pt", device())
    alignment = network.config.alignment
    embeddings, people = [], []
    for split, table in splits.items():
        faces = read_aligned(
            of / f"data/aligned_{alignment}",
            of / "data/predicted_landmarks.csv",
            tables.read(of / f"data/{split}.csv", table),
            alignment,
        )
        embeddings.append(normalize(faces.embed(network)).numpy())
        people.append(faces.frame.person_id.to_numpy())
    return np.concatenate(embeddings), np.concatenate(people)


def _ways(embeddings: np.ndarray, at_rate: dict[str, float]) -> dict[str, np.ndarray]:
    """Returns the groups (N,) of each way; negative: alone."""
    distances = np.clip(1 - embeddings @ embeddings.T, 0, 2).astype(float)
    found = {}
    for rate, threshold in at_rate.items():
        found[f"average linkage, FPR {rate}"] = group_faces(embeddings, threshold)
        dbscan = DBSCAN(eps=1 - threshold, min_samples=2, metric="precomputed")
        found[f"DBSCAN, FPR {rate}"] = dbscan.fit_predict(distances)
    for size in (2, 3, 5):
        hdbscan = HDBSCAN(min_cluster_size=size, metric="precomputed", copy=True)
        found[f"HDBSCAN, at least {size}"] = hdbscan.fit_predict(distances)
    return found


def scores(groups: np.ndarray, people: np.ndarray) -> dict[str, float]:
    """Returns BCubed's measures (Amigó et al. 2009, section 4.2) and F of pairs."""
    alone = groups < 0
    groups = np.where(alone, groups.max() + 1 + np.arange(len(groups)), groups)
    together = groups[:, None] == groups
    same = people[:, None] == people
    right = (together & same).sum(axis=1)
    precision = float((right / together.sum(axis=1)).mean())
    recall = float((right / same.sum(axis=1)).mean())
    (_, false), (missed, true) = pair_confusion_matrix(people, groups)
    return {
        "precision": precision,
        "recall": recall,
        "F": 2 * precision * recall / (precision + recall),
        "F of pairs": 2 * true / (2 * true + false + missed),
        "groups": len(set(groups[~alone])),
        "alone": int(alone.sum()),
    }


if __name__ == "__main__":
    run(main)
