"""Measure one recogniser: accuracy on val and wild, and on people whom it was never trained on."""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor
from typer import Argument

from facerec import recognizer, tables
from facerec.bootstrap import BootstrapParams
from facerec.devices import device
from facerec.evaluation import closed_set_metrics, confusion, open_set_metrics
from facerec.images import load_faces, write_bytes, write_image
from facerec.mistakes import mistakes_sheet, worst_mistakes
from facerec.recognition_metrics import prototypes
from facerec.recognizer import Recognizer
from stages.cli import run, write_metrics


def main(
    head: Annotated[str, Argument(help="name of an entry of heads in params.yaml")],
    model: Annotated[Path, Argument(help="the recogniser")],
    train: Annotated[Path, Argument(help="table of the photographs that it learned from")],
    val: Annotated[Path, Argument(help="table of other photographs of the same people")],
    wild: Annotated[Path, Argument(help="table of photographs of the same people, set aside before any rule")],
    openset: Annotated[Path, Argument(help="table of people who are nowhere else")],
    alignment: Annotated[Path, Argument(help="table of which faces could be aligned")],
    aligned: Annotated[Path, Argument(help="folder of the aligned faces")],
    report: Annotated[Path, Argument(help="output: what each photograph of val and wild was taken for")],
    metrics: Annotated[Path, Argument(help="output: accuracy, verification, identification, with intervals")],
    roc: Annotated[Path, Argument(help="output: the ROC on the open set, with its band")],
    confused: Annotated[Path, Argument(help="output: the people most often taken for one another, on val")],
    mistakes: Annotated[Path, Argument(help="output: the worst mistakes, beside whom they were taken for")],
) -> None:
    """Measure one recogniser: accuracy on val and wild, and on people whom it was never trained on."""
    params = BootstrapParams.load("evaluate")
    network = recognizer.load(model, device())
    seen, strangers = tables.read(train, tables.SELECTED), tables.read(openset, tables.OPENSET)
    points = network.config["head"]["alignment"]
    seen = seen[tables.is_aligned(alignment, seen.image_id, points)].reset_index(drop=True)
    seen_embeddings = _embed(network, aligned, seen.image_id)
    means = prototypes(seen_embeddings, torch.tensor(seen.label.to_numpy()), len(network.person_ids))

    values, reports, embeddings = {}, [], []
    for split, path in {"val": val, "wild": wild}.items():
        frame = tables.read(path, tables.SELECTED)
        usable = tables.is_aligned(alignment, frame.image_id, points)
        found = _embed(network, aligned, frame.image_id)
        cosines = F.normalize(found) @ means.T
        scores = _scores(network, found, cosines)
        labels = torch.tensor(frame.label.to_numpy(dtype=np.int64))
        values |= closed_set_metrics(split, scores, cosines, labels, usable, params)
        reports.append(_report(frame, scores, usable, split))
        embeddings.append(found)

    usable = tables.is_aligned(alignment, strangers.image_id, points)
    stranger_embeddings = _embed(network, aligned, strangers.image_id) * torch.from_numpy(usable)[:, None]
    is_query = (strangers.role == "query").to_numpy()
    open_values, curve = open_set_metrics(stranger_embeddings, strangers.person_id.to_numpy(), is_query, params)
    write_metrics(metrics, values | open_values)
    _write_csv(roc, curve.assign(head=head)[["head", *curve.columns]])

    rows = pd.concat(reports, ignore_index=True)
    tables.write(rows, report, tables.REPORT)
    person_of = np.array(network.person_ids)
    on_val = rows[rows.split == "val"]
    _write_csv(confused, confusion(person_of[on_val.label], person_of[on_val.predicted_label]))
    worst = worst_mistakes(rows, torch.cat(embeddings), seen, seen_embeddings)
    write_image(mistakes, mistakes_sheet(aligned, worst, person_of))


def _embed(network: Recognizer, aligned: Path, image_ids: pd.Series) -> Tensor:
    """Returns embeddings (N, E)."""
    if image_ids.empty:
        return torch.zeros(0, network.config["embedding_dim"])
    return network.embed(load_faces(aligned, image_ids))


def _scores(network: Recognizer, embeddings: Tensor, prototype_cosines: Tensor) -> Tensor:
    """Returns scores (N, K) without margin: the head's, or prototype cosines where it has no weights per person."""
    with torch.inference_mode():
        scores = network.head.scores(embeddings.to(device()))
    return prototype_cosines if scores is None else scores.cpu()


def _report(frame: pd.DataFrame, scores: Tensor, usable: np.ndarray, split: str) -> pd.DataFrame:
    best, predicted = scores.max(dim=1)
    recognized = (predicted.numpy() == frame.label.to_numpy()) & usable
    return pd.DataFrame(
        {
            "image_id": frame.image_id.to_numpy(),
            "label": frame.label.to_numpy(dtype=np.int64),
            "is_recognized": recognized.astype(int),
            "predicted_label": predicted.numpy(),
            "score": best.numpy().astype(float),
            "split": split,
        }
    )


def _write_csv(path: Path, frame: pd.DataFrame) -> None:
    write_bytes(path, frame.to_csv(index=False, lineterminator="\n").encode())


if __name__ == "__main__":
    run(main)
