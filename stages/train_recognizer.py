"""Train one recogniser, once for each seed: a backbone, and the head that the first argument names."""

from functools import partial
from pathlib import Path
from typing import Annotated

import pandas as pd
import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, field_validator
from torch import Generator, Tensor
from torch.nn.functional import normalize
from typer import Argument

from facerec import recognizer, tables
from facerec.aligned_faces import AlignedFaces, read_aligned
from facerec.augment import erase, jitter_colour, jitter_matrices, warp_batch
from facerec.devices import device
from facerec.heads import HeadParams, load_head
from facerec.recognition_metrics import hits_at, prototypes
from facerec.recognizer import Backbone, Recognizer, Weights
from facerec.training import FitParams, fingerprint, fit, forget, grouped_order
from stages.cli import run, write_csv

Share = Annotated[float, Field(ge=0, le=1)]


class RecognizerParams(FitParams):
    backbone: Backbone
    weights: Weights  # which the backbone starts from
    weights_file: str  # a recogniser's checkpoint, if weights is file
    embedding_dim: PositiveInt
    dropout: Share
    margin_warmup_epochs: NonNegativeFloat  # the heads' margins grow from 0 over so many
    rotation: NonNegativeFloat  # degrees
    shift: NonNegativeFloat  # of the side
    scale: NonNegativeFloat
    brightness: NonNegativeFloat
    gray: Share  # of faces
    erase: Share  # of faces
    seeds: Annotated[list[NonNegativeInt], Field(min_length=1)]  # one training each; the first one's is published

    @field_validator("seeds")
    @classmethod
    def _differ(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"expected seeds that differ, got {seeds}")
        return seeds


def main(
    head: Annotated[str, Argument(help="name of an entry of heads in params.yaml")],
    train: Annotated[Path, Argument(help="table of the photographs to learn from")],
    val: Annotated[Path, Argument(help="table of the photographs whose accuracy the history shows")],
    predicted: Annotated[Path, Argument(help="table that says which faces could be aligned")],
    aligned: Annotated[Path, Argument(help="folder of the aligned faces")],
    weights: Annotated[Path, Argument(help="recogniser to start from, if recognizer.weights is file")],
    model: Annotated[Path, Argument(help="output: the recogniser of the first seed")],
    repeats: Annotated[Path, Argument(help="output: folder of the other seeds' recognisers, and a list of all")],
    history: Annotated[Path, Argument(help="output: table of losses and accuracies, epoch by epoch, seeds' mean")],
) -> None:
    """Train one recogniser, once for each seed: a backbone, and the head that the first argument names."""
    params, head_params = RecognizerParams.load("recognizer"), load_head(head)
    train_frame, val_frame = tables.read(train, tables.SELECTED), tables.read(val, tables.SELECTED)
    person_ids = train_frame.drop_duplicates("label").sort_values("label").person_id.tolist()
    points = head_params.alignment
    learned, tried = (read_aligned(aligned, predicted, frame, points) for frame in (train_frame, val_frame))

    code, start = Path(__file__).read_bytes(), weights.read_bytes()
    entry = head_params.model_dump_json().encode()
    histories, names = [], []
    for number, seed in enumerate(params.seeds):
        torch.manual_seed(seed)
        network = _build(params, head_params, person_ids, learned.faces.shape[1], weights)
        parts = (code, entry, start, learned.faces, learned.usable, learned.labels.numpy())
        names.append(fingerprint(f"train_recognizer-{head}-{seed}", params, *parts))
        histories.append(_train(network, learned, tried, params, seed, names[-1]))
        recognizer.save(network, repeats / f"seed_{seed}.pt" if number else model)
    write_csv(repeats / "seeds.csv", pd.DataFrame({"seed": params.seeds}))
    mean = pd.concat(histories).groupby("epoch", as_index=False).mean()
    write_csv(history, mean.round(6))
    for name in names:
        forget(name)


def _build(params: RecognizerParams, head: HeadParams, person_ids: list[int], pixels: int, weights: Path) -> Recognizer:
    network = Recognizer(
        params.backbone,
        params.embedding_dim,
        params.dropout,
        head.model_dump(),
        person_ids,
        pixels,
        params.precision,
    )
    recognizer.load_weights(network, params.weights, weights)
    return network.to(device(), memory_format=torch.channels_last)


def _train(
    network: Recognizer, train: AlignedFaces, val: AlignedFaces, params: RecognizerParams, seed: int, name: str
) -> pd.DataFrame:
    """Returns the history, and leaves the network trained."""
    usable, pixels = train.without_unusable(), network.pixels
    resident, labels = torch.from_numpy(usable.faces), usable.labels

    def loss_of(indices: Tensor, epochs: float, generator: Generator) -> Tensor:
        moves = jitter_matrices(len(indices), pixels, params.rotation, params.shift, params.scale, True, generator)
        batch = warp_batch(resident[indices].to(device(), non_blocking=True), moves, pixels)
        batch = erase(jitter_colour(batch, params.brightness, params.gray, generator), params.erase, generator)
        embeddings = network(batch.contiguous(memory_format=torch.channels_last))
        warmup = params.margin_warmup_epochs
        network.head.margin_share = min(epochs / warmup, 1.0) if warmup else 1.0
        return network.head(embeddings, labels[indices].to(device()))

    def val_top1() -> dict[str, float]:
        found = val.embed(network, flip=False)
        scores = network.head.scores(found.to(device()))
        if scores is None:
            people = len(network.person_ids)
            scores = normalize(found) @ prototypes(train.embed(network), train.labels, people).T
        hits = hits_at(scores.cpu(), val.labels, 1).numpy() & val.usable
        return {"val_top1": float(hits.mean())}

    order = partial(grouped_order, labels, network.head.photos_together)
    return fit(network, loss_of, len(resident), val_top1, params, seed, name, order)


if __name__ == "__main__":
    run(main)
