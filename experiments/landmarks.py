"""Ablation of the hourglass: each choice compared with its alternatives, in equal training time.

python -m experiments.landmarks --minutes 2 --seeds 3

It reads the outputs of the stages up to `crop`. Every finished training is a row of the CSV and is
not repeated, so that an interrupted ablation goes on where it was. The number of steps that fill
the time is measured once for all seeds. The variants take turns, so that other work on the machine
slows all of them alike.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor
from typer import Option, run

from benchmarks.common import chosen, machine
from benchmarks.landmark_run import NOTEBOOK, Run, notebook, read_run
from benchmarks.landmark_training import our_steps
from experiments.finished_trainings import finished, mean_and_sd, run_missing
from facerec.files import write_bytes
from facerec.landmarks.decoding import decode_heatmaps
from facerec.landmarks.evaluation import EvalSet
from facerec.landmarks.hourglass import StackedHourglass, to_heatmap
from facerec.landmarks.metrics import is_frontal, nme
from facerec.landmarks.params import STRIDE, HourglassParams
from facerec.landmarks.training import batch_loss, build, profile_order
from facerec.training.loop import Task, delete_checkpoints, fingerprint, fit

REFINE_STEPS = 2
TURNS = 3  # of each variant
WARM_UP, TIMED = 5, 5  # steps of a turn
MAX_MINUTES = 4.0
# For the other losses: params.yaml's values were chosen for kl. The sigma is the notebook's.
SLOWER, WIDER = 0.001, 2.0
UNMOVED = {"shift": 0.0, "scale": 0.0, "rotation": 0.0}


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Attributes:
        changes: of the parameters.
        target: takes points of the input (B, 5, 2) to the heatmap's px.
        as_notebook: whether everything is set as in the notebook.
    """

    changes: dict[str, Any] = field(default_factory=dict)
    target: Callable[[Tensor], Tensor] = to_heatmap
    as_notebook: bool = False

    def params(self, params: HourglassParams, seed: int) -> HourglassParams:
        """Returns the parameters of one training."""
        base = params.model_copy(
            update={
                "block": "bottleneck",
                "loss": "kl",
                "refine_steps": REFINE_STEPS,
                "mirror": True,
                "flip_test": True,
            }
        )
        base = notebook(params) if self.as_notebook else base
        return base.model_copy(update={**self.changes, "seed": seed})


def _floored(points: Tensor) -> Tensor:
    return (points / STRIDE).floor()


def _rounded(points: Tensor) -> Tensor:
    return to_heatmap(points).round()


VARIANTS = {
    "ours": Variant(),
    "floor": Variant(target=_floored),
    "round": Variant(target=_rounded),
    "no refinement": Variant({"refine_steps": 0}),
    "no jitter": Variant(UNMOVED),
    "no refinement, no jitter": Variant({"refine_steps": 0, **UNMOVED}),
    "no mirror": Variant({"mirror": False, "flip_test": False}),
    "basic": Variant({"block": "basic"}),
    "mse": Variant({"loss": "mse"}),
    "mse wider": Variant({"loss": "mse", "sigma": WIDER}),
    "mse wider, slower": Variant({"loss": "mse", "sigma": WIDER, "learning_rate": SLOWER}),
    "adaptive wing": Variant({"loss": "adaptive_wing"}),
    "adaptive wing wider": Variant({"loss": "adaptive_wing", "sigma": WIDER}),
    "adaptive wing wider, slower": Variant(
        {"loss": "adaptive_wing", "sigma": WIDER, "learning_rate": SLOWER}
    ),
    "notebook": Variant(target=_floored, as_notebook=True),
}
ROWS = [  # the choice, its setting, its training, its decoding
    ("target", "sub-pixel", "ours", "sub-pixel"),
    ("target", "rounded to the nearest heatmap pixel", "round", "sub-pixel"),
    ("target", "floored to a heatmap pixel, as the notebook", "floor", "sub-pixel"),
    ("decoding", "sub-pixel", "ours", "sub-pixel"),
    ("decoding", "soft-argmax", "ours", "soft-argmax"),
    ("decoding", "argmax", "ours", "argmax"),
    ("refinement", "on straight and close crops", "ours", "sub-pixel"),
    ("refinement", "none", "no refinement", "sub-pixel"),
    ("shift, scale and rotation in training", "no refinement: on", "no refinement", "sub-pixel"),
    (
        "shift, scale and rotation in training",
        "no refinement: off",
        "no refinement, no jitter",
        "sub-pixel",
    ),
    ("shift, scale and rotation in training", "with refinement: on", "ours", "sub-pixel"),
    (
        "shift, scale and rotation in training",
        "with refinement: off before it",
        "no jitter",
        "sub-pixel",
    ),
    ("mirrored faces", "in training and in prediction", "ours", "sub-pixel"),
    ("mirrored faces", "neither", "no mirror", "sub-pixel"),
    ("residual block", "bottleneck", "ours", "sub-pixel"),
    ("residual block", "basic", "basic", "sub-pixel"),
    ("loss", "kl", "ours", "sub-pixel"),
    ("loss", "mse", "mse", "sub-pixel"),
    ("loss", f"mse, sigma {WIDER}", "mse wider", "sub-pixel"),
    ("loss", f"mse, sigma {WIDER}, learning rate {SLOWER}", "mse wider, slower", "sub-pixel"),
    ("loss", "adaptive wing", "adaptive wing", "sub-pixel"),
    ("loss", f"adaptive wing, sigma {WIDER}", "adaptive wing wider", "sub-pixel"),
    (
        "loss",
        f"adaptive wing, sigma {WIDER}, learning rate {SLOWER}",
        "adaptive wing wider, slower",
        "sub-pixel",
    ),
    ("all together", "ours", "ours", "sub-pixel"),
    ("all together", "the notebook's", "notebook", "argmax"),
]


def main(
    minutes: Annotated[float, Option(help="of each training")] = 2.0,
    seeds: Annotated[int, Option(help="trainings of each variant")] = 3,
    data: Annotated[Path, Option(help="folder that the stages wrote")] = Path("data"),
    cells: Annotated[Path, Option(help="table of finished trainings, read and added to")] = Path(
        "experiments/landmarks.csv"
    ),
    report: Annotated[Path, Option(help="output: the table in words")] = Path(
        "docs/results/landmarks.md"
    ),
    only: Annotated[list[str] | None, Option(help=f"one or some of {', '.join(VARIANTS)}")] = None,
) -> None:
    """Trains what is missing, and writes the table."""
    if not 0 < minutes <= MAX_MINUTES:
        raise ValueError(
            f"--minutes: expected more than 0 and at most {MAX_MINUTES:.0f}, got {minutes}"
        )
    params = HourglassParams.load("hourglass")
    run_data = read_run(data, params)
    unrefined = read_run(data, params.model_copy(update={"refine_steps": 0}))
    names = chosen(only, VARIANTS)
    keys = [
        {
            "run": _key(run_data, VARIANTS[name].params(params, seed)),
            "minutes": minutes,
            "variant": name,
            "seed": seed,
        }
        for seed in range(1, seeds + 1)
        for name in names
    ]
    steps = steps_within(minutes, names, params, run_data, finished(cells, keys))

    def measure(key: dict[str, Any]) -> dict[str, Any]:
        variant = key["variant"]
        refines = VARIANTS[variant].params(params, 0).refine_steps > 0
        faces = run_data if refines else unrefined
        return train_and_measure(variant, params, key["seed"], steps[variant], faces)

    done = run_missing(cells, keys, measure)
    text = markdown(done, params, minutes, len(run_data.train_set))
    write_bytes(report, text.encode())
    print(text)


def _key(run_data: Run, params: HourglassParams) -> str:
    """Returns a hash of the faces, the variant's parameters and the library's code."""
    return fingerprint(run_data.key, params)


def steps_within(
    minutes: float, names: list[str], params: HourglassParams, run_data: Run, done: pd.DataFrame
) -> dict[str, int]:
    """Returns the steps of each variant: those that fill the time, or those of a finished training.

    Variants with the same network get the same steps: target, loss and jitter change the time of a
    step by less than the error of measuring it.
    """
    networks = {name: _network(VARIANTS[name].params(params, 0)) for name in names}
    steps = {networks[row.variant]: int(row.steps) for row in done.itertuples()}
    first = {network: name for name, network in reversed(networks.items()) if network not in steps}
    seconds = seconds_per_step(list(first.values()), params, run_data)
    steps |= {
        network: max(1, round(60 * minutes / seconds[name])) for network, name in first.items()
    }
    return {name: steps[network] for name, network in networks.items()}


def _network(params: HourglassParams) -> tuple:
    return params.block, params.stacks, params.channels, params.depth, params.batch_size


def seconds_per_step(names: list[str], params: HourglassParams, run_data: Run) -> dict[str, float]:
    """Returns the median time of a step of each variant; the variants take turns.

    The first steps of a turn do not count: after the notebook's, which use gigabytes, all are slow.
    """
    variants = {name: VARIANTS[name] for name in names}
    steps = {
        name: our_steps(variant.params(params, 0), run_data, variant.target)
        for name, variant in variants.items()
    }
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(TURNS):
        for name, training in steps.items():
            times[name] += [_seconds(training) for _ in range(WARM_UP + TIMED)][WARM_UP:]
    return {name: statistics.median(spent) for name, spent in times.items()}


def _seconds(steps: Iterator[int]) -> float:
    start = time.perf_counter()
    next(steps)
    return time.perf_counter() - start


def train_and_measure(
    name: str, params: HourglassParams, seed: int, steps: int, run_data: Run
) -> dict[str, Any]:
    """Returns steps, seconds, and the errors of frontal faces by boxes and decoding."""
    variant = VARIANTS[name]
    variant_params = variant.params(params, seed)
    epochs = min(variant_params.epochs, steps)
    variant_params = variant_params.model_copy(update={"epochs": epochs})
    start = time.perf_counter()
    network = _trained(variant_params, variant, steps // epochs, run_data)
    seconds = round(time.perf_counter() - start, 1)
    seen = epochs * (steps // epochs) * variant_params.batch_size
    return {"steps": steps, "faces": seen, "seconds": seconds} | {
        f"{decoding}_{boxes}": error
        for boxes, faces in run_data.eval_sets.items()
        for decoding, error in errors(
            network, faces, {row[3] for row in ROWS if row[2] == name}
        ).items()
    }


def _trained(
    params: HourglassParams, variant: Variant, steps: int, run_data: Run
) -> StackedHourglass:
    """Returns a network trained for `params.epochs` epochs of `steps` steps each."""
    network = build(params, box_scale=1.0)
    order = profile_order(run_data.train_set.targets, params.profile_oversampling)
    samples = steps * params.batch_size
    task = Task(
        run_data.train_set,
        batch_loss(network, params, variant.target),
        order=lambda generator: repeated_epochs(order, samples, generator),
        epoch_samples=samples,
    )
    name = fingerprint("experiment_landmarks", params)
    delete_checkpoints(name)  # an interrupted training may have had another number of steps
    fit(network, task, params, params.seed, name)
    delete_checkpoints(name)
    return network.eval()


def repeated_epochs(
    order: Callable[[Generator], Tensor], count: int, generator: Generator
) -> Tensor:
    """Returns `count` indices (count,), from one epoch after the other."""
    drawn = [order(generator)]
    while sum(map(len, drawn)) < count:
        drawn.append(order(generator))
    return torch.cat(drawn)[:count]


def errors(network: StackedHourglass, faces: EvalSet, decodings: set[str]) -> dict[str, float]:
    """Returns the mean NME of the frontal faces, by decoding."""
    frontal = is_frontal(faces.points)
    means = {}
    for name in decodings:
        predicted, _ = network.predict(faces.faces, decode=DECODINGS[name])
        means[name] = round(float(nme(predicted, faces.points)[frontal].mean()), 4)
    return means


def _argmax(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the highest pixels (B, K, 2) of heatmaps (B, K, S, S), and their heights (B, K)."""
    side = heatmaps.shape[-1]
    index = heatmaps.reshape(*heatmaps.shape[:2], -1).argmax(axis=2)
    points = np.stack([index % side, index // side], axis=2).astype(np.float32)
    return points, heatmaps.max(axis=(2, 3))


def _soft_argmax(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the centroids (B, K, 2) of heatmaps (B, K, S, S), and the peaks' heights (B, K)."""
    weights = heatmaps.clip(0)
    weights = weights / np.maximum(weights.sum(axis=(2, 3), keepdims=True), 1e-9)
    steps = np.arange(heatmaps.shape[-1], dtype=weights.dtype)
    means = [(weights.sum(axis=axis) * steps).sum(axis=2) for axis in (2, 3)]
    return np.stack(means, axis=2), heatmaps.max(axis=(2, 3))


DECODINGS = {"sub-pixel": decode_heatmaps, "soft-argmax": _soft_argmax, "argmax": _argmax}


def markdown(done: pd.DataFrame, params: HourglassParams, minutes: float, faces: int) -> str:
    """Returns the table, with mean ± standard deviation over seeds for each setting."""
    seeds = done.seed.nunique()
    lines = [
        "# Ablation of the hourglass",
        "",
        "NME of frontal faces of people never trained on, % of the eye distance, mean ± standard "
        f"deviation of {seeds} seeds, in boxes as given and in jittered boxes. Each training has "
        f"the steps of {minutes:g} minutes on {machine()} and {faces} faces of "
        f"{params.image_size} px. Refinement is in {REFINE_STEPS} steps. `faces` are those that "
        "the training saw, `s` the seconds that it took. Floored targets are decoded to the "
        "middle of their pixel, not to its corner as in the notebook; half a pixel of the input "
        "remains of that bias.",
        "",
        "| choice | setting | boxes as given | jittered boxes | faces | s |",
        "|---|---|---|---|---|---|",
    ]
    for choice, setting, variant, decoding in [row for row in ROWS if row[2] in set(done.variant)]:
        rows = done[done.variant == variant]
        cells = [mean_and_sd(rows[f"{decoding}_{boxes}"]) for boxes in ("clean", "jittered")]
        lines.append(
            f"| {choice} | {setting} | {' | '.join(cells)} "
            f"| {rows.faces.mean():.0f} | {rows.seconds.mean():.0f} |"
        )
    settings = ", ".join(
        f"{key} {value}"
        for key, value in NOTEBOOK.items()
        if key in ("stacks", "channels", "batch_size")
    )
    return "\n".join(
        [
            *lines,
            "",
            f"The notebook's: {settings}, floored targets, argmax, nothing jittered, fp32.",
            "",
        ]
    )


if __name__ == "__main__":
    run(main)
