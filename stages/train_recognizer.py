"""Train one recogniser, once for each seed: a backbone and a head.

For a reference, which others have trained, it checks the file and takes it over.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import torch
from typer import Option

from facerec import tables
from facerec.recognition import recognizer, references
from facerec.recognition.datasets import AlignedFaces, read_aligned
from facerec.recognition.params import RecognizerParams, ReferenceEntry, load_entry
from facerec.recognition.training import build, train
from facerec.training.loop import delete_checkpoints, fingerprint
from stages.cli import run, write_csv

HISTORY = ["epoch", "train_loss", "val_top1", "learning_rate"]  # of a reference: no rows


def main(
    name: Annotated[str, Option(help="entry of `recognizers` in params.yaml")],
    train_table: Annotated[Path, Option("--train", help="table of the photographs to learn from")],
    val_table: Annotated[
        Path, Option("--val", help="table of the photographs whose accuracy the history shows")
    ],
    predicted: Annotated[Path, Option(help="table that says which faces could be aligned")],
    aligned: Annotated[Path, Option(help="folder of the aligned faces")],
    weights: Annotated[
        Path, Option(help="recogniser to start from, if recognizer.weights is file")
    ],
    models: Annotated[Path, Option(help="output: folder of seed_N.pt, a recogniser a seed")],
    history: Annotated[
        Path, Option(help="output: losses and accuracies by epoch, the mean over the seeds")
    ],
) -> None:
    """Train one recogniser, once for each seed: a backbone and a head."""
    params = RecognizerParams.load("recognizer")
    entry = load_entry(name)
    train_frame = tables.read(train_table, tables.SELECTED)
    person_ids = train_frame.drop_duplicates("label").sort_values("label").person_id.tolist()
    if isinstance(entry, ReferenceEntry):
        references.install(name, entry, person_ids, models)
        write_csv(history, pd.DataFrame(columns=HISTORY))
        return
    val_frame = tables.read(val_table, tables.SELECTED)
    train_set, val_set = (
        read_aligned(aligned, predicted, frame, entry.alignment, params.memory_map_over)
        for frame in (train_frame, val_frame)
    )
    image_size = train_set.faces.shape[1]
    inputs = (
        Path(__file__).read_bytes(),
        entry.model_dump_json().encode(),
        weights.read_bytes(),
        np.array(person_ids),
        *_arrays(train_set),
        *_arrays(val_set),
    )

    histories = []
    for seed in params.seeds:
        torch.manual_seed(seed)
        network = build(params, entry, person_ids, image_size, weights)
        training = fingerprint(f"train_recognizer-{name}-{seed}", params, *inputs)
        histories.append(train(network, train_set, val_set, params, seed, training))
        recognizer.save(network, models / f"seed_{seed}.pt")
    write_csv(history, pd.concat(histories).groupby("epoch", as_index=False).mean().round(6))
    delete_checkpoints(training)  # those of all seeds


def _arrays(faces: AlignedFaces) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return faces.faces, faces.usable, faces.labels.numpy()


if __name__ == "__main__":
    run(main)
