"""Train one recogniser: a backbone, and the head that the first argument names."""

from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor
from torch.nn.functional import normalize
from typer import Argument

from facerec import recognizer, tables
from facerec.augment import erase, jitter_colour, jitter_matrices, warp_batch
from facerec.devices import device
from facerec.heads import load_head
from facerec.images import load_faces, write_bytes
from facerec.recognition_metrics import prototypes, top_k
from facerec.recognizer import Backbone, Recognizer, Weights
from facerec.training import FitParams, fingerprint, fit, forget
from stages.cli import run

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


def main(
    head: Annotated[str, Argument(help="name of an entry of heads in params.yaml")],
    train: Annotated[Path, Argument(help="table of the photographs to learn from")],
    val: Annotated[Path, Argument(help="table of the photographs whose accuracy the history shows")],
    alignment: Annotated[Path, Argument(help="table of which faces could be aligned")],
    aligned: Annotated[Path, Argument(help="folder of the aligned faces")],
    weights: Annotated[Path, Argument(help="recogniser to start from, if recognizer.weights is file")],
    model: Annotated[Path, Argument(help="output: the recogniser")],
    history: Annotated[Path, Argument(help="output: table of losses and accuracies, epoch by epoch")],
) -> None:
    """Train one recogniser: a backbone, and the head that the first argument names."""
    params, head_params = RecognizerParams.load("recognizer"), load_head(head)
    train_frame, val_frame = tables.read(train, tables.SELECTED), tables.read(val, tables.SELECTED)
    person_ids = train_frame.drop_duplicates("label").sort_values("label").person_id.tolist()
    train_frame = train_frame[tables.is_aligned(alignment, train_frame.image_id, head_params.alignment)]
    faces, val_faces = load_faces(aligned, train_frame.image_id), load_faces(aligned, val_frame.image_id)
    labels, val_labels = torch.tensor(train_frame.label.to_numpy()), torch.tensor(val_frame.label.to_numpy())

    torch.manual_seed(params.seed)
    pixels = faces.shape[1]
    network = Recognizer(
        params.backbone,
        params.embedding_dim,
        params.dropout,
        head_params.model_dump(),
        person_ids,
        pixels,
        params.precision,
    )
    recognizer.load_weights(network, params.weights, weights)
    network = network.to(device(), memory_format=torch.channels_last)
    resident = torch.from_numpy(faces)

    def loss_of(indices: Tensor, epochs: float, generator: torch.Generator) -> Tensor:
        moves = jitter_matrices(len(indices), pixels, params.rotation, params.shift, params.scale, True, generator)
        batch = warp_batch(resident[indices].to(device(), non_blocking=True), moves, pixels)
        batch = erase(jitter_colour(batch, params.brightness, params.gray, generator), params.erase, generator)
        embeddings = network(batch.contiguous(memory_format=torch.channels_last))
        network.head.margin_share = (
            min(epochs / params.margin_warmup_epochs, 1.0) if params.margin_warmup_epochs else 1.0
        )
        return network.head(embeddings, labels[indices].to(device()))

    def val_top1() -> dict[str, float]:
        found = network.embed(val_faces, flip=False)
        scores = network.head.scores(found.to(device()))
        if scores is None:
            scores = normalize(found) @ prototypes(network.embed(faces), labels, len(person_ids)).T
        return {"val_top1": top_k(scores.cpu(), val_labels, 1)}

    code, start = Path(__file__).read_bytes(), weights.read_bytes()
    entry = head_params.model_dump_json().encode()
    name = fingerprint(f"train_recognizer-{head}", params, code, entry, start, faces, labels.numpy())
    losses = fit(network, loss_of, len(faces), val_top1, params, name)
    write_bytes(history, losses.round(6).to_csv(index=False).encode())
    recognizer.save(network, model)
    forget(name)


if __name__ == "__main__":
    run(main)
