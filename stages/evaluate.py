"""Measure one recogniser: accuracy on val and wild, and on people it was never trained on."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import torch
from typer import Option

from facerec import tables
from facerec.evaluation.closed_set import confusion_rows, mean_and_sd, mean_curve
from facerec.evaluation.embedding_map import tsne_map
from facerec.evaluation.mistakes import mistakes_sheet, worst_mistakes
from facerec.evaluation.params import EvaluateParams
from facerec.evaluation.recognizer_results import combined_report, evaluate_recognizer
from facerec.evaluation.slices import slice_table, with_found_points
from facerec.imaging.io import write_image
from facerec.recognition.embedders import load_embedders, read_faces
from facerec.recognition.params import RecognizerParams
from stages.cli import run, write_csv, write_metrics


def main(
    name: Annotated[str, Option(help="entry of `recognizers` in params.yaml")],
    models: Annotated[Path, Option(help="folder of seed_N.pt, a recogniser a seed, or reference")],
    train: Annotated[Path, Option(help="table of the photographs that it learned from")],
    val: Annotated[Path, Option(help="table of other photographs of the same people")],
    wild: Annotated[
        Path, Option(help="table of photographs of the same people, set aside before any rule")
    ],
    openset: Annotated[Path, Option(help="table of people who are nowhere else")],
    predicted: Annotated[
        Path, Option(help="table of the points found, and whether each face could be aligned")
    ],
    aligned: Annotated[Path, Option(help="folder of the aligned faces")],
    photographs: Annotated[
        Path, Option(help="folder of the photographs, from which a reference has its own faces cut")
    ],
    thresholds: Annotated[
        Path, Option(help="output: the first seed's thresholds on cosines, and its calibration")
    ],
    report: Annotated[
        Path, Option(help="output: what each photograph of val and wild was taken for")
    ],
    metrics: Annotated[
        Path, Option(help="output: accuracy, verification, identification, with intervals")
    ],
    roc: Annotated[Path, Option(help="output: the ROC on the open set, with its band")],
    confusion: Annotated[
        Path, Option(help="output: the people most often taken for one another, on val")
    ],
    slices: Annotated[
        Path, Option(help="output: accuracy by attribute, eye distance, yaw, training photographs")
    ],
    cosines: Annotated[
        Path, Option(help="output: cosines of same- and different-person pairs of the open set")
    ],
    reliability: Annotated[
        Path, Option(help="output: predicted and observed shares of same-person pairs")
    ],
    embedding_map: Annotated[Path, Option(help="output: map of some people's embeddings")],
    mistakes: Annotated[
        Path, Option(help="output: the worst mistakes, beside the people they were taken for")
    ],
) -> None:
    """Measure one recogniser: accuracy on val and wild, and on people it was never trained on."""
    params = EvaluateParams.load("evaluate")
    seeds = RecognizerParams.load("recognizer").seeds
    networks = load_embedders(models, seeds)
    frames = {
        "train": tables.read(train, tables.SELECTED),
        "val": tables.read(val, tables.SELECTED),
        "wild": tables.read(wild, tables.SELECTED),
        "openset": tables.read(openset, tables.OPENSET),
    }
    eval_sets = {
        split: read_faces(networks[0], aligned, photographs, predicted, frame)
        for split, frame in frames.items()
    }
    results = [evaluate_recognizer(network, eval_sets, params) for network in networks]
    first = results[0]
    rows = combined_report(results)

    write_metrics(metrics, mean_and_sd([result.metrics for result in results]))
    write_metrics(thresholds, first.thresholds())
    tables.write(rows, report, tables.REPORT)
    write_csv(roc, _named(name, mean_curve([result.open_set.roc for result in results])))
    write_csv(cosines, _named(name, mean_curve([result.open_set.cosines for result in results])))
    write_csv(reliability, _named(name, first.open_set.reliability))
    write_csv(confusion, confusion_rows(*first.confused_people()))

    known = pd.concat([frames["val"], frames["wild"]], ignore_index=True)
    photographs = with_found_points(known, tables.read(predicted, tables.PREDICTED))
    train_counts = frames["train"].label.value_counts()
    write_csv(slices, _named(name, slice_table(rows, photographs, train_counts, params)))

    everybody = pd.concat([frames[split].assign(split=split) for split in ("train", "val", "wild")])
    embeddings = torch.cat([first.train_embeddings, first.embeddings])
    write_csv(embedding_map, _named(name, tsne_map(everybody, embeddings)))
    worst = worst_mistakes(rows, first.embeddings, frames["train"], first.train_embeddings)
    write_image(mistakes, mistakes_sheet(aligned, worst, first.person_ids))


def _named(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the frame with a first column `recognizer`, the recogniser's name."""
    return frame.assign(recognizer=name)[["recognizer", *frame.columns]]


if __name__ == "__main__":
    run(main)
