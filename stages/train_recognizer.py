"""Train one recogniser, once for each seed: a backbone, and the head that the first argument names."""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import torch
from typer import Argument

from facerec import tables
from facerec.recognition import recognizer
from facerec.recognition import training as recognizer_training
from facerec.recognition.datasets import AlignedFaces, read_aligned
from facerec.recognition.head_params import load_head
from facerec.recognition.params import RecognizerParams
from facerec.training.loop import delete_checkpoints, fingerprint
from stages.cli import run, write_csv


def main(
    head: Annotated[str, Argument(help="name of an entry of heads in params.yaml")],
    train: Annotated[Path, Argument(help="table of the photographs to learn from")],
    val: Annotated[
        Path, Argument(help="table of the photographs whose accuracy the history shows")
    ],
    predicted: Annotated[Path, Argument(help="table that says which faces could be aligned")],
    aligned: Annotated[Path, Argument(help="folder of the aligned faces")],
    weights: Annotated[
        Path, Argument(help="recogniser to start from, if recognizer.weights is file")
    ],
    model: Annotated[Path, Argument(help="output: the recogniser of the first seed")],
    repeats: Annotated[
        Path, Argument(help="output: folder of the other seeds' recognisers, and a list of all")
    ],
    history: Annotated[
        Path, Argument(help="output: table of losses and accuracies, epoch by epoch, seeds' mean")
    ],
) -> None:
    """Train one recogniser, once for each seed: a backbone, and the head that the first argument names."""
    params, head_params = RecognizerParams.load("recognizer"), load_head(head)
    train_frame, val_frame = tables.read(train, tables.SELECTED), tables.read(val, tables.SELECTED)
    person_ids = train_frame.drop_duplicates("label").sort_values("label").person_id.tolist()
    points = head_params.alignment
    train_set, val_set = (
        read_aligned(aligned, predicted, frame, points, params.memory_map_over)
        for frame in (train_frame, val_frame)
    )

    code, start = Path(__file__).read_bytes(), weights.read_bytes()
    entry = head_params.model_dump_json().encode()
    histories = []
    for number, seed in enumerate(params.seeds):
        torch.manual_seed(seed)
        network = recognizer_training.build(
            params, head_params, person_ids, train_set.faces.shape[1], weights
        )
        parts = (
            code,
            entry,
            start,
            np.array(person_ids),
            *_contents(train_set),
            *_contents(val_set),
        )
        name = fingerprint(f"train_recognizer-{head}-{seed}", params, *parts)
        histories.append(recognizer_training.train(network, train_set, val_set, params, seed, name))
        recognizer.save(network, repeats / f"seed_{seed}.pt" if number else model)
    write_csv(repeats / "seeds.csv", pd.DataFrame({"seed": params.seeds}))
    mean = pd.concat(histories).groupby("epoch", as_index=False).mean()
    write_csv(history, mean.round(6))
    delete_checkpoints(name)  # and other seeds', those that are no longer wanted among them


def _contents(faces: AlignedFaces) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return faces.faces, faces.usable, faces.labels.numpy()


if __name__ == "__main__":
    run(main)
