"""The recogniser's recipe, one change at a time: trainings of equal time on a part of train.

python -m experiments.recipe --seconds 40 --seeds 3

Reads what the stages up to `align` wrote; val, wild and the open set stay unseen. Every finished
training is a row of the CSV and is not repeated: an interrupted ablation goes on where it was.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel
from typer import Option, run

from benchmarks.common import machine
from experiments.finished_trainings import mean_and_sd, run_missing
from facerec import tables
from facerec.audit.out_of_fold import resized
from facerec.files import write_bytes
from facerec.networks.devices import device
from facerec.recognition import training as recognizer_training
from facerec.recognition.datasets import AlignedFaces, read_aligned
from facerec.recognition.params import RecognizerEntry, RecognizerParams
from facerec.recognition.recognizer import Recognizer
from facerec.recognition.scoring import top_k_hits
from facerec.training.loop import Task, delete_checkpoints, fingerprint, fit
from facerec.training.params import FitParams
from facerec.training.prefetch import Batch, FaceDataset

WARM_UP = 2  # steps that are not timed
TIMED = 6  # steps
MOST_SECONDS = 240
EMA_DECAY = 0.99
MIXED = 0.2  # both parameters of the Beta distribution (Zhang et al. 2018)


@dataclass(frozen=True)
class Variant:
    """One change of the recipe.

    Attributes:
        params: of `recognizer` in params.yaml.
        head: settings of the head; heads without such a setting have no such variant.
        margin_warmup: share of the epochs in which the margin grows from 0; None: the recipe's.
        learning_rate: times the recipe's.
        strength: of all augmentation, times the recipe's.
        image_size: side of the faces, times the recipe's.
        change: of the network, before it is trained.
        task: the optimizer or the schedule, as a training's `Task` takes them.
        ema: whether the mean of the weights over the steps is evaluated, not the last ones.
        mixup: whether faces are mixed in pairs (Zhang et al. 2018).
    """

    params: dict[str, Any] = field(default_factory=dict)
    head: dict[str, Any] = field(default_factory=dict)
    margin_warmup: float | None = None
    learning_rate: float = 1.0
    strength: float = 1.0
    image_size: float = 1.0
    change: Callable[[Recognizer], None] = lambda network: None
    task: dict[str, Any] = field(default_factory=dict)
    ema: bool = False
    mixup: bool = False

    def changed(self, params: RecognizerParams) -> RecognizerParams:
        """Returns the parameters of its training, with the recipe's number of epochs."""
        times = {**dict.fromkeys(AUGMENTATION, self.strength), "learning_rate": self.learning_rate}
        scaled = {
            name: getattr(params, name) * factor for name, factor in times.items() if factor != 1
        }
        return params.model_copy(update={**scaled, **self.params})

    def with_epochs(self, params: RecognizerParams, epochs: int) -> RecognizerParams:
        """Returns the parameters of its training, with this number of epochs."""
        share = (
            params.margin_warmup_epochs / params.epochs
            if self.margin_warmup is None
            else self.margin_warmup
        )
        return self.changed(params).model_copy(
            update={"epochs": epochs, "margin_warmup_epochs": share * epochs}
        )


def _no_batch_norm(network: Recognizer) -> None:
    network.neck = network.neck[:2]


def _no_pool(network: Recognizer) -> None:
    network.backbone.maxpool = nn.Identity()


def _fine_stem(network: Recognizer) -> None:
    network.backbone.conv1.stride = (1, 1)


def _decay_all(network: nn.Module, params: FitParams) -> Optimizer:
    rates = {"lr": params.learning_rate, "weight_decay": params.weight_decay}
    return torch.optim.AdamW(network.parameters(), **rates, fused=True)


def _constant(params: RecognizerParams, step: int, steps: int) -> float:
    return params.learning_rate * min((step + 1) / max(params.warmup_epochs * steps, 1), 1.0)


def _linear(params: RecognizerParams, step: int, steps: int) -> float:
    left = 1 - step / (params.epochs * steps)
    return min(_constant(params, step, steps), params.learning_rate * left)


AUGMENTATION = ["rotation", "shift", "scale", "brightness", "grayscale_prob", "erase_prob"]
RECIPE = "the recipe"
RESNET = {"backbone": "resnet18", "dropout": 0.0}
SIDE_STEP = 8  # px; sides that every backbone can halve
VARIANTS = {
    RECIPE: Variant(),
    "margin grows over a fifth of the epochs": Variant(margin_warmup=0.2),
    "margin 0.3": Variant(head={"margin": 0.3}),
    "scale 16": Variant(head={"scale": 16.0}),
    "scale 64": Variant(head={"scale": 64.0}),
    "mirrored only": Variant(strength=0.0),
    "augmentation × 0.5": Variant(strength=0.5),
    "augmentation × 2": Variant(strength=2.0),
    "no rotation, shift, scale": Variant(params={"rotation": 0.0, "shift": 0.0, "scale": 0.0}),
    "no colour": Variant(params={"brightness": 0.0}),
    "no grayscale": Variant(params={"grayscale_prob": 0.0}),
    "no erasing": Variant(params={"erase_prob": 0.0}),
    "mixup": Variant(mixup=True),
    "no batch norm in the neck": Variant(change=_no_batch_norm),
    "no dropout": Variant(params={"dropout": 0.0}),
    "weight decay on biases and norms too": Variant(task={"optimizer": _decay_all}),
    "weight decay 0.0005": Variant(params={"weight_decay": 0.0005}),
    "constant learning rate": Variant(task={"schedule": _constant}),
    "linear decay of the learning rate": Variant(task={"schedule": _linear}),
    "learning rate × 3": Variant(learning_rate=3.0),
    "batches of 32": Variant(params={"batch_size": 32}),
    "faces of about 3/4 the side": Variant(image_size=0.75),
    "ResNet18": Variant(params=RESNET),
    "ResNet18 without max pool": Variant(params=RESNET, change=_no_pool),
    "ResNet18 with a first layer of stride 1": Variant(params=RESNET, change=_fine_stem),
    "ResNet18, mirrored only": Variant(params=RESNET, strength=0.0),
    "exponential mean of the weights": Variant(ema=True),
}


def main(
    seconds: Annotated[float, Option(help="of each training")] = 40.0,
    seeds: Annotated[int, Option(help="trainings of each variant")] = 3,
    recognizer: Annotated[str, Option(help="entry of recognizers in params.yaml")] = "arcface",
    people: Annotated[int, Option(help="the largest number, those of the lowest labels")] = 160,
    held_out: Annotated[int, Option(help="photographs a person of the development split")] = 2,
    data: Annotated[Path, Option(help="folder that the stages wrote")] = Path("data"),
    cells: Annotated[Path, Option(help="table of finished trainings, read and added to")] = Path(
        "experiments/recipe.csv"
    ),
    report: Annotated[Path, Option(help="output: the table in words")] = Path(
        "docs/results/recipe.md"
    ),
) -> None:
    """Trains what is missing, and writes the table."""
    if not 0 < seconds <= MOST_SECONDS:
        raise ValueError(
            f"--seconds: expected more than 0 and at most {MOST_SECONDS}, got {seconds}"
        )
    params = RecognizerParams.load("recognizer")
    entry = RecognizerEntry.load(f"recognizers.{recognizer}")
    if entry.head.type == "triplet":
        raise ValueError(
            f"--recognizer: expected one whose head scores people, got {recognizer}, "
            f"which only compares photographs"
        )
    train_set, val_set = development_split(data, entry.alignment, people, held_out)
    run_name = _run_name(params, entry, train_set, val_set)
    keys = [
        {"run": run_name, "seconds": seconds, "variant": name, "seed": seed}
        for seed in range(1, seeds + 1)
        for name, variant in VARIANTS.items()
        if variant.head.keys() <= entry.head.model_dump().keys()
    ]
    done = run_missing(
        cells,
        keys,
        lambda key: train_and_evaluate(
            VARIANTS[key["variant"]], params, entry, key["seed"], seconds, train_set, val_set
        ),
    )
    text = markdown(done, recognizer, seconds, train_set, val_set)
    write_bytes(report, text.encode())
    print(text)


def _run_name(
    params: RecognizerParams,
    entry: RecognizerEntry,
    train_set: AlignedFaces,
    val_set: AlignedFaces,
) -> str:
    """Returns a name that changes with the faces, the recipe, the code and the machine."""
    parts = entry.model_dump_json().encode(), Path(__file__).read_bytes(), machine().encode()
    return fingerprint(
        "recipe", params.model_copy(update={"seeds": [1]}), *parts, train_set.faces, val_set.faces
    )


def development_split(
    data: Path, points: int, people: int, held_out: int
) -> tuple[AlignedFaces, AlignedFaces]:
    """Returns two parts of `train`: faces to learn from, and each person's last to evaluate on.

    Faces to learn from that could not be aligned are left out.
    """
    frame = tables.read(data / "train.csv", tables.SELECTED).sort_values("image_id")
    frame = frame[frame.label < people]
    last = frame.groupby("label").cumcount(ascending=False) < held_out
    read = partial(
        read_aligned, data / f"aligned_{points}", data / "predicted_landmarks.csv", points=points
    )
    train_set = read(frame[~last])
    usable = train_set.usable
    train_set = AlignedFaces(train_set.frame[usable], train_set.faces[usable], usable[usable])
    return train_set, read(frame[last])


def train_and_evaluate(
    variant: Variant,
    params: RecognizerParams,
    entry: RecognizerEntry,
    seed: int,
    seconds: float,
    train_set: AlignedFaces,
    val_set: AlignedFaces,
) -> dict[str, Any]:
    """Returns epochs, seconds, the loss, and top-1 in % with and without the mirror image."""
    changed = variant.changed(params)
    head = entry.head.model_copy(update=variant.head)
    entry = entry.model_copy(update={"head": head})
    train_set, val_set = (_resized(faces, variant.image_size) for faces in (train_set, val_set))
    steps = max(len(train_set.faces) // changed.batch_size, 1)  # of an epoch
    step_seconds = seconds_per_step(variant, changed, entry, train_set)
    epochs = max(1, round(seconds / (step_seconds * steps)))
    changed = variant.with_epochs(params, epochs)
    start = time.perf_counter()
    network, mean, loss_fn = _prepared(variant, changed, entry, seed, train_set)
    name = fingerprint("benchmark_recipe", changed)
    # An interrupted training is not continued: its mean of the weights is lost.
    delete_checkpoints(name)
    task = Task(_dataset(train_set), loss_fn, **variant.task)
    history = fit(network, task, changed, seed, name)
    delete_checkpoints(name)
    trained_seconds = time.perf_counter() - start
    if variant.ema:
        mean.update_parameters(network)  # after the last step too
        network = mean.module
    return {
        "epochs": epochs,
        "trained_seconds": round(trained_seconds, 1),
        "loss": round(history.train_loss.iloc[-1], 4),
        "top1": _top1(network, val_set, flip=True),
        "top1_not_mirrored": _top1(network, val_set, flip=False),
    }


def _resized(faces: AlignedFaces, factor: float) -> AlignedFaces:
    if factor == 1:
        return faces
    return resized(faces, SIDE_STEP * round(faces.faces.shape[1] * factor / SIDE_STEP))


def _prepared(
    variant: Variant,
    params: RecognizerParams,
    entry: RecognizerEntry,
    seed: int,
    train_set: AlignedFaces,
) -> tuple[Recognizer, AveragedModel, Callable[[Batch, float, Generator], Tensor]]:
    """Returns a new network, the mean of its weights, and the loss, which adds to the mean."""
    torch.manual_seed(seed)
    person_ids = train_set.frame.drop_duplicates("label").sort_values("label").person_id.tolist()
    network = recognizer_training.build(params, entry, person_ids, train_set.faces.shape[1], Path())
    variant.change(network)
    mean = AveragedModel(network, multi_avg_fn=moving_mean, use_buffers=True)
    loss_fn = _mixed_loss if variant.mixup else recognizer_training.batch_loss
    batch_loss = loss_fn(network, params)

    def loss(batch: Batch, epochs: float, generator: Generator) -> Tensor:
        if variant.ema:
            mean.update_parameters(network)
        return batch_loss(batch, epochs, generator)

    return network, mean, loss


def _dataset(faces: AlignedFaces) -> FaceDataset:
    return FaceDataset(faces.faces, torch.arange(len(faces.faces)), faces.labels)


def moving_mean(means: list[Tensor], values: list[Tensor], steps: Tensor) -> None:
    """Moves the means towards the values.

    Faster in the first steps, so that a short training's mean is not mostly its beginning.
    """
    decay = min(EMA_DECAY, (1 + int(steps)) / (10 + int(steps)))
    for mean, value in zip(means, values, strict=True):
        mean.copy_(decay * mean + (1 - decay) * value)


def _mixed_loss(
    network: Recognizer, params: RecognizerParams
) -> Callable[[Batch, float, Generator], Tensor]:
    """Returns the loss of faces, each mixed with another one of the batch."""

    def loss_fn(samples: Batch, _: float, generator: Generator) -> Tensor:
        faces, labels = samples
        batch = recognizer_training.augmented(faces, params, generator)
        seed = int(torch.randint(2**31, (1,), generator=generator))
        share = float(np.random.default_rng(seed).beta(MIXED, MIXED))
        mixed = share * batch + (1 - share) * batch.flip(0)
        embeddings = network(mixed.contiguous(memory_format=torch.channels_last))
        labels = labels.to(device())
        loss = network.head(embeddings, labels)
        loss_of_others = network.head(embeddings, labels.flip(0))
        return share * loss + (1 - share) * loss_of_others

    return loss_fn


def seconds_per_step(
    variant: Variant, params: RecognizerParams, entry: RecognizerEntry, train_set: AlignedFaces
) -> float:
    """Returns the seconds of the fastest step; other work on the machine only slows steps."""
    network, _, loss_fn = _prepared(variant, params, entry, 0, train_set)
    dataset = _dataset(train_set)
    optimizer = torch.optim.AdamW(network.train().parameters(), lr=params.learning_rate, fused=True)
    generator = Generator().manual_seed(0)
    times = []
    for _ in range(WARM_UP + TIMED):
        start = time.perf_counter()
        indices = torch.randint(len(train_set.faces), (params.batch_size,), generator=generator)
        loss = loss_fn(dataset[indices], 0.0, generator)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss.item()  # waits for the device
        times.append(time.perf_counter() - start)
    return min(times[WARM_UP:])


def _top1(network: Recognizer, val_set: AlignedFaces, flip: bool) -> float:
    """Returns top-1 in %; a face that could not be aligned is wrong."""
    scores = network.head.scores(val_set.embed(network, flip=flip).to(device())).cpu()
    hits = top_k_hits(scores, val_set.labels, 1).numpy() & val_set.usable
    return round(100 * float(hits.mean()), 4)


def markdown(
    done: pd.DataFrame,
    recognizer: str,
    seconds: float,
    train_set: AlignedFaces,
    val_set: AlignedFaces,
) -> str:
    """Returns the table: a row a change with mean ± standard deviation, differences by seed."""
    by_seed = done.pivot(index="seed", columns="variant", values="top1")
    lines = [
        "# Ablation of the recipe",
        "",
        f"Top-1 in % of `{recognizer}` on a development split: "
        f"{train_set.frame.label.nunique()} people of `train`, {len(train_set.frame)} photographs "
        f"to learn from and {len(val_set.frame)} to evaluate on; mean ± standard deviation of "
        f"{len(by_seed)} seeds. Each training takes {seconds:g} s on {machine()}; the number of "
        f"epochs follows from the time of a step. The difference is paired by seed. Chance alone "
        f"moves a share of this many photographs by "
        f"± {100 * math.sqrt(0.25 / len(val_set.frame)):.1f} points at most (one standard error).",
        "",
        "| change | top-1 | difference | epochs |",
        "|---|---|---|---|",
    ]
    for name in [name for name in VARIANTS if name in by_seed]:
        difference = ""
        if name != RECIPE:
            difference = mean_and_sd(by_seed[name] - by_seed[RECIPE], "+")
        epochs = done[done.variant == name].epochs.mean()
        lines.append(f"| {name} | {mean_and_sd(by_seed[name])} | {difference} | {epochs:.0f} |")
    plain = done[done.variant == RECIPE].sort_values("seed")
    difference = (plain.top1_not_mirrored - plain.top1).set_axis(plain.seed)
    cells = f"{mean_and_sd(plain.top1_not_mirrored)} | {mean_and_sd(difference, '+')}"
    lines.append(f"| face without its mirror image | {cells} | |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    run(main)
