"""Measure one recogniser: accuracy on val and wild, and on people whom it was never trained on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor
from typer import Argument

from facerec import tables
from facerec.annotation_names import LANDMARKS
from facerec.evaluation.closed_set import closed_set_metrics, confusion, mean_and_sd, mean_curve
from facerec.evaluation.embedding_map import embedding_map
from facerec.evaluation.mistakes import mistakes_sheet, worst_mistakes
from facerec.evaluation.open_set import OpenSet, open_set_metrics
from facerec.evaluation.slices import slice_table
from facerec.imaging.io import write_image
from facerec.metrics.bootstrap import BootstrapParams
from facerec.networks.devices import device
from facerec.recognition import recognizer
from facerec.recognition.datasets import AlignedFaces, read_aligned
from facerec.recognition.recognizer import Recognizer
from facerec.recognition.scoring import prototypes
from stages.cli import run, write_csv, write_metrics


def main(
    head: Annotated[str, Argument(help="name of an entry of heads in params.yaml")],
    model: Annotated[Path, Argument(help="the recogniser")],
    repeats: Annotated[
        Path, Argument(help="folder of the same recogniser trained with other seeds")
    ],
    train: Annotated[Path, Argument(help="table of the photographs that it learned from")],
    val: Annotated[Path, Argument(help="table of other photographs of the same people")],
    wild: Annotated[
        Path, Argument(help="table of photographs of the same people, set aside before any rule")
    ],
    openset: Annotated[Path, Argument(help="table of people who are nowhere else")],
    predicted: Annotated[Path, Argument(help="table that says which faces could be aligned")],
    aligned: Annotated[Path, Argument(help="folder of the aligned faces")],
    thresholds: Annotated[
        Path, Argument(help="output: the first seed's thresholds on cosines, and its calibration")
    ],
    report: Annotated[
        Path, Argument(help="output: what each photograph of val and wild was taken for")
    ],
    metrics: Annotated[
        Path, Argument(help="output: accuracy, verification, identification, with intervals")
    ],
    roc: Annotated[Path, Argument(help="output: the ROC on the open set, with its band")],
    confused: Annotated[
        Path, Argument(help="output: the people most often taken for one another, on val")
    ],
    slices: Annotated[
        Path,
        Argument(help="output: accuracy by attribute, size of the face, yaw, training photographs"),
    ],
    cosines: Annotated[
        Path, Argument(help="output: cosines of same- and different-person pairs of the open set")
    ],
    reliability: Annotated[
        Path, Argument(help="output: is a pair as often one person as its cosine promises?")
    ],
    embeddings: Annotated[Path, Argument(help="output: map of some people's embeddings")],
    mistakes: Annotated[
        Path, Argument(help="output: the worst mistakes, beside whom they were taken for")
    ],
) -> None:
    """Measure one recogniser: accuracy on val and wild, and on people whom it was never trained on."""
    params = BootstrapParams.load("evaluate")
    splits = {
        split: tables.read(path, tables.SELECTED)
        for split, path in {"val": val, "wild": wild}.items()
    }
    seen, strangers = tables.read(train, tables.SELECTED), tables.read(openset, tables.OPENSET)
    others = pd.read_csv(repeats / "seeds.csv").seed[1:]
    networks = [
        recognizer.load(path, device())
        for path in (model, *(repeats / f"seed_{seed}.pt" for seed in others))
    ]
    points = networks[0].config["head"]["alignment"]
    exams = {
        name: read_aligned(aligned, predicted, frame, points)
        for name, frame in {"train": seen, **splits, "openset": strangers}.items()
    }
    results = [_measure(network, exams, params) for network in networks]
    first = results[0]
    share = np.mean([result.report.is_recognized for result in results], axis=0)
    rows = first.report.assign(recognized_share=share)

    tables.write(rows, report, tables.REPORT)
    own = {key.removeprefix("openset_"): value for key, value in first.open_set.values.items()}
    write_metrics(
        thresholds, {key: own[key] for key in own if key.startswith(("threshold_", "calibration_"))}
    )
    write_metrics(
        metrics, mean_and_sd([result.values | result.open_set.values for result in results])
    )
    write_csv(roc, _by_head(head, mean_curve([result.open_set.roc for result in results])))
    write_csv(cosines, _by_head(head, mean_curve([result.open_set.cosines for result in results])))
    write_csv(reliability, _by_head(head, first.open_set.reliability))
    described = _with_found_points(pd.concat(splits.values(), ignore_index=True), predicted)
    write_csv(
        slices, _by_head(head, slice_table(rows, described, seen.label.value_counts(), params))
    )
    everybody = pd.concat(
        [seen.assign(split="train"), *(frame.assign(split=name) for name, frame in splits.items())]
    )
    of_all = torch.cat([first.seen_embeddings, first.embeddings])
    write_csv(embeddings, _by_head(head, embedding_map(everybody, of_all)))

    person_of = first.person_ids
    on_val = rows[rows.split == "val"]
    write_csv(confused, confusion(person_of[on_val.label], person_of[on_val.predicted_label]))
    worst = worst_mistakes(rows, first.embeddings, seen, first.seen_embeddings)
    write_image(mistakes, mistakes_sheet(aligned, worst, person_of))


def _with_found_points(frame: pd.DataFrame, predicted: Path) -> pd.DataFrame:
    """Returns the frame with the points that the hourglass found in place of those annotated."""
    found = tables.read(predicted, tables.PREDICTED).set_index("image_id")
    return frame.assign(**found.loc[frame.image_id, LANDMARKS].set_axis(frame.index))


@dataclass(frozen=True)
class Result:
    """What one trained recogniser did.

    Attributes:
        values: metrics on val and wild.
        report: a row of each of their photographs.
        embeddings: (N, E) of the report's rows.
        seen_embeddings: (T, E) of the training photographs.
        open_set: what it did with people whom it was never trained on.
        person_ids: (K,) who each label is.
    """

    values: dict[str, float]
    report: pd.DataFrame
    embeddings: Tensor
    seen_embeddings: Tensor
    open_set: OpenSet
    person_ids: np.ndarray


def _measure(
    network: Recognizer, exams: dict[str, AlignedFaces], params: BootstrapParams
) -> Result:
    seen, strangers = exams["train"], exams["openset"]
    seen_embeddings = seen.embed(network, title="embed train")
    means = prototypes(seen_embeddings, seen.labels, len(network.person_ids))

    values: dict[str, float] = {}
    reports, embeddings = [], []
    for split in ("val", "wild"):
        exam = exams[split]
        found = exam.embed(network, title=f"embed {split}")
        cosines = F.normalize(found) @ means.T
        scores = _scores(network, found, cosines)
        values |= closed_set_metrics(split, scores, cosines, exam.labels, exam.usable, params)
        reports.append(_report(exam.frame, scores, exam.usable, split))
        embeddings.append(found)

    is_query = (strangers.frame.role == "query").to_numpy()
    people = strangers.frame.person_id.to_numpy()
    open_set = open_set_metrics(
        strangers.embed(network, title="embed openset"), people, is_query, params
    )
    rows = pd.concat(reports, ignore_index=True)
    return Result(
        values, rows, torch.cat(embeddings), seen_embeddings, open_set, np.array(network.person_ids)
    )


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


def _by_head(head: str, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(head=head)[["head", *frame.columns]]


if __name__ == "__main__":
    run(main)
