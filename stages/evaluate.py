"""Measure one recogniser: accuracy on val and wild, and on people it was never trained on."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import torch
from typer import Option

from facerec import tables
from facerec.data.names import read_person_names
from facerec.evaluation import folder
from facerec.evaluation.closed_set import confusion_rows, mean_and_sd, mean_curve
from facerec.evaluation.discard_curves import discard_curves
from facerec.evaluation.embedding_map import tsne_map
from facerec.evaluation.enrolment import enrolment_metrics
from facerec.evaluation.error_slices import error_slices
from facerec.evaluation.failures import failure_table
from facerec.evaluation.mistakes import mistakes_sheet, worst_mistakes
from facerec.evaluation.params import EvaluateParams, PublishParams
from facerec.evaluation.quality import quality_table
from facerec.evaluation.recognizer_results import combined_report, evaluate_recognizer
from facerec.evaluation.slices import slice_table, with_found_points
from facerec.imaging.io import write_image
from facerec.recognition.embedders import load_embedders, read_faces
from facerec.recognition.params import RecognizerParams
from facerec.run_record import count_faces
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
    people: Annotated[Path, Option(help="table of people's names; without rows: numbers")],
    predicted: Annotated[
        Path, Option(help="table of the points found, and whether each face could be aligned")
    ],
    measures: Annotated[Path, Option(help="table of measures of the collection's photographs")],
    aligned: Annotated[Path, Option(help="folder of the aligned faces")],
    photographs: Annotated[
        Path, Option(help="folder of the photographs, from which a reference has its own faces cut")
    ],
    evaluation: Annotated[
        Path, Option(help="output: folder of the numbers and tables (facerec/evaluation/folder.py)")
    ],
    roc: Annotated[Path, Option(help="output: the ROC on the open set, with its band")],
    confusion: Annotated[
        Path, Option(help="output: the people most often taken for one another, on val")
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
    count_faces(sum(map(len, frames.values())))
    eval_sets = {
        split: read_faces(networks[0], aligned, photographs, predicted, frame)
        for split, frame in frames.items()
    }
    fpr = PublishParams.load("publish").fpr
    results = [evaluate_recognizer(network, eval_sets, params, fpr) for network in networks]
    first = results[0]
    rows = combined_report(results)

    values = mean_and_sd([result.metrics for result in results])
    values |= enrolment_metrics(eval_sets)
    write_metrics(evaluation / folder.METRICS, values)
    write_metrics(evaluation / folder.THRESHOLDS, first.open_set.thresholds)
    tables.write(rows, evaluation / folder.REPORT, tables.REPORT)
    write_csv(roc, _named(name, mean_curve([result.open_set.roc for result in results])))
    names = read_person_names(people)
    actual, taken_for = (names.of(person_ids) for person_ids in first.confused_people())
    write_csv(confusion, confusion_rows(actual, taken_for))

    points_found = tables.read(predicted, tables.PREDICTED)
    pixel_measures = tables.read(measures, tables.MEASURES)
    known, strangers = (
        with_found_points(frame, points_found)
        for frame in (pd.concat([frames["val"], frames["wild"]]), frames["openset"])
    )
    quality = quality_table(pd.concat([known, strangers]), points_found, pixel_measures)
    train_counts = frames["train"].label.value_counts()
    contents = {
        "slices": slice_table(rows, known, train_counts),
        "cosines": mean_curve([result.open_set.cosines for result in results]),
        "reliability": first.open_set.reliability,
        "error_rates": mean_curve([result.open_set.error_rates for result in results]),
        "cmc": mean_curve([result.cmc for result in results]),
        "search": mean_curve([result.open_set.search for result in results]),
        "error_slices": mean_curve(
            [error_slices(result, strangers, train_counts, params) for result in results]
        ),
        "discard": mean_curve([discard_curves(result, quality) for result in results]).dropna(),
        "failures": failure_table(first, frames, quality),
    }
    for table, content in contents.items():
        write_csv(evaluation / f"{table}.csv", content)

    everybody = pd.concat([frames[split].assign(split=split) for split in ("train", "val", "wild")])
    embeddings = torch.cat([first.train_embeddings, first.embeddings])
    write_csv(embedding_map, _named(name, tsne_map(everybody, embeddings, names)))
    worst = worst_mistakes(rows, first.embeddings, frames["train"], first.train_embeddings)
    write_image(mistakes, mistakes_sheet(aligned, worst, names.of(first.person_ids)))


def _named(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the frame with a first column `recognizer`, the recogniser's name."""
    return frame.assign(recognizer=name)[["recognizer", *frame.columns]]


if __name__ == "__main__":
    run(main)
