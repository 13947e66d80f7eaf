"""The hourglass's ablation: each choice against its alternatives, by trainings of equal time, several seeds.

python -m benchmarks.landmarks --minutes 2 --seeds 3

Reads what the stages up to `crop` wrote. Every finished training is a row of the CSV and is not repeated: an
interrupted ablation goes on where it was. How many steps fill the time is measured once for all seeds, the variants
taking turns: what else the machine does slows all alike.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
from torch import Generator, Tensor
from typer import Option, run

from benchmarks.cells import chosen, finished, machine, mean_and_sd, run_missing
from benchmarks.landmark_run import NOTEBOOK, Run, notebook, read_run
from benchmarks.landmark_training import our_steps
from facerec.files import write_bytes
from facerec.landmarks.evaluation import EvalSet
from facerec.landmarks.heatmaps import decode_heatmaps
from facerec.landmarks.hourglass import StackedHourglass, to_heatmap
from facerec.landmarks.metrics import is_frontal, nme
from facerec.landmarks.params import STRIDE, HourglassParams
from facerec.landmarks.training import batch_loss, build, order_of
from facerec.training.loop import delete_checkpoints, fingerprint, fit

TURNS, WARM_UP, TIMED = 3, 5, 5  # of each variant; the last two are steps of a turn
MOST_MINUTES = 4.0
# For losses that params.yaml's learning rate and sigma were not chosen for; the sigma is the notebook's.
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
                "looks": 3,
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
    "one look": Variant({"looks": 1}),
    "no jitter": Variant(UNMOVED),
    "one look, no jitter": Variant({"looks": 1, **UNMOVED}),
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
ROWS = [  # what is asked, the setting, its training, its decoding
    ("target", "sub-pixel", "ours", "refined"),
    ("target", "rounded to the nearest heatmap pixel", "round", "refined"),
    ("target", "floored to a heatmap pixel, as the notebook", "floor", "refined"),
    ("decoding", "refined", "ours", "refined"),
    ("decoding", "soft-argmax", "ours", "soft-argmax"),
    ("decoding", "argmax", "ours", "argmax"),
    ("looks at a face", "several, all but the first straight and close", "ours", "refined"),
    ("looks at a face", "1", "one look", "refined"),
    ("shift, scale and rotation in training", "1 look: on", "one look", "refined"),
    ("shift, scale and rotation in training", "1 look: off", "one look, no jitter", "refined"),
    ("shift, scale and rotation in training", "several looks: on", "ours", "refined"),
    (
        "shift, scale and rotation in training",
        "several looks: off at the first",
        "no jitter",
        "refined",
    ),
    ("mirrored faces", "learned, and the mirror image seen too", "ours", "refined"),
    ("mirrored faces", "neither", "no mirror", "refined"),
    ("residual block", "bottleneck", "ours", "refined"),
    ("residual block", "basic", "basic", "refined"),
    ("loss", "kl", "ours", "refined"),
    ("loss", "mse", "mse", "refined"),
    ("loss", f"mse, sigma {WIDER}", "mse wider", "refined"),
    ("loss", f"mse, sigma {WIDER}, learning rate {SLOWER}", "mse wider, slower", "refined"),
    ("loss", "adaptive wing", "adaptive wing", "refined"),
    ("loss", f"adaptive wing, sigma {WIDER}", "adaptive wing wider", "refined"),
    (
        "loss",
        f"adaptive wing, sigma {WIDER}, learning rate {SLOWER}",
        "adaptive wing wider, slower",
        "refined",
    ),
    ("all together", "ours", "ours", "refined"),
    ("all together", "the notebook's", "notebook", "argmax"),
]


def main(
    minutes: Annotated[float, Option(help="of each training")] = 2.0,
    seeds: Annotated[int, Option(help="trainings of each variant")] = 3,
    data: Annotated[Path, Option(help="folder that the stages wrote")] = Path("data"),
    cells: Annotated[Path, Option(help="table of finished trainings, read and added to")] = Path(
        "benchmarks/landmarks.csv"
    ),
    report: Annotated[Path, Option(help="output: the table in words")] = Path(
        "docs/results/landmarks.md"
    ),
    only: Annotated[list[str] | None, Option(help=f"one or some of {', '.join(VARIANTS)}")] = None,
) -> None:
    """Trains what is missing, and writes the table."""
    if not 0 < minutes <= MOST_MINUTES:
        raise ValueError(
            f"--minutes: expected more than 0 and at most {MOST_MINUTES:.0f}, got {minutes}"
        )
    params = HourglassParams.load("hourglass")
    of_run, small = read_run(data, params), read_run(data, params.model_copy(update={"looks": 1}))
    names = chosen(only, VARIANTS)
    keys = [
        {
            "run": _key(of_run, VARIANTS[name].params(params, seed)),
            "minutes": minutes,
            "variant": name,
            "seed": seed,
        }
        for seed in range(1, seeds + 1)
        for name in names
    ]
    steps = steps_within(minutes, names, params, of_run, finished(cells, keys))

    def measure(key: dict[str, Any]) -> dict[str, Any]:
        shown = small if VARIANTS[key["variant"]].params(params, 0).looks == 1 else of_run
        return train_and_measure(key["variant"], params, key["seed"], steps[key["variant"]], shown)

    done = run_missing(cells, keys, measure)
    text = markdown(done, params, minutes, len(of_run.train_set.faces))
    write_bytes(report, text.encode())
    print(text)


def _key(of_run: Run, params: HourglassParams) -> str:
    """Returns a name that changes with the faces, the variant's parameters and the library's code."""
    return fingerprint(of_run.key, params)


def steps_within(
    minutes: float, names: list[str], params: HourglassParams, of_run: Run, done: pd.DataFrame
) -> dict[str, int]:
    """Returns how many steps each variant gets: as many of its network as fill the time, or as a finished one had.

    What differs in target, loss or jitter alone costs the same to a few per cent, less than timing it is off.
    """
    networks = {name: _network(VARIANTS[name].params(params, 0)) for name in names}
    steps = {networks[row.variant]: int(row.steps) for row in done.itertuples()}
    first = {network: name for name, network in reversed(networks.items()) if network not in steps}
    seconds = seconds_per_step(list(first.values()), params, of_run)
    steps |= {
        network: max(1, round(60 * minutes / seconds[name])) for network, name in first.items()
    }
    return {name: steps[network] for name, network in networks.items()}


def _network(params: HourglassParams) -> tuple:
    return params.block, params.stacks, params.channels, params.depth, params.batch


def seconds_per_step(names: list[str], params: HourglassParams, of_run: Run) -> dict[str, float]:
    """Returns the median time of a step of each variant; they take turns, each on a network of its own.

    The first steps of a turn do not count: for a second after the notebook's, which work on gigabytes, all are slow.
    """
    variants = {name: VARIANTS[name] for name in names}
    steps = {
        name: our_steps(one.params(params, 0), of_run, one.target) for name, one in variants.items()
    }
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(TURNS):
        for name, one in steps.items():
            times[name] += [_seconds(one) for _ in range(WARM_UP + TIMED)][WARM_UP:]
    return {name: statistics.median(spent) for name, spent in times.items()}


def _seconds(steps: Iterator[int]) -> float:
    start = time.perf_counter()
    next(steps)
    return time.perf_counter() - start


def train_and_measure(
    name: str, params: HourglassParams, seed: int, steps: int, of_run: Run
) -> dict[str, Any]:
    """Returns steps, seconds, and the error of frontal faces, clean and jittered, by the decodings that rows show."""
    variant = VARIANTS[name]
    own = variant.params(params, seed)
    epochs = min(own.epochs, steps)
    own = own.model_copy(update={"epochs": epochs})
    start = time.perf_counter()
    network = _trained(own, variant, steps // epochs, of_run)
    seconds = round(time.perf_counter() - start, 1)
    seen = epochs * (steps // epochs) * own.batch
    return {"steps": steps, "faces": seen, "seconds": seconds} | {
        f"{decoding}_{boxes}": error
        for boxes, exam in of_run.exams.items()
        for decoding, error in errors(
            network, exam, {row[3] for row in ROWS if row[2] == name}
        ).items()
    }


def _trained(
    params: HourglassParams, variant: Variant, steps: int, of_run: Run
) -> StackedHourglass:
    """Returns a network after `params.epochs` epochs of so many steps each, whatever the number of faces."""
    network, wanted = build(params), steps * params.batch
    order = order_of(of_run.train_set.points, params)
    loss_fn = batch_loss(
        network, of_run.train_set.faces, of_run.train_set.points, params, variant.target
    )
    state = fingerprint("benchmark_landmarks", params)
    delete_checkpoints(
        state
    )  # of a training that was interrupted: with another number of steps it cannot go on
    fit(
        network,
        loss_fn,
        wanted,
        dict,
        params,
        params.seed,
        state,
        lambda generator: _draw(order, wanted, generator),
    )
    delete_checkpoints(state)
    return network.eval()


def _draw(order: Callable[[Generator], Tensor], wanted: int, generator: Generator) -> Tensor:
    """Returns so many indices (wanted,): one epoch's after the other."""
    drawn = [order(generator)]
    while sum(map(len, drawn)) < wanted:
        drawn.append(order(generator))
    return torch.cat(drawn)[:wanted]


def errors(network: StackedHourglass, exam: EvalSet, decodings: set[str]) -> dict[str, float]:
    """Returns the mean NME of the frontal faces, by decoding."""
    frontal, found = is_frontal(exam.points), {}
    for name in decodings:
        predicted, _ = network.predict(exam.faces, decode=DECODINGS[name])
        found[name] = round(float(nme(predicted, exam.points)[frontal].mean()), 4)
    return found


def _argmax(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the highest pixels (B, K, 2) of heatmaps (B, K, S, S), and how high they are (B, K)."""
    height, index = heatmaps.flatten(2).max(dim=2)
    side = heatmaps.shape[-1]
    return torch.stack([index % side, index // side], dim=2).float(), height


def _soft_argmax(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the means (B, K, 2) of heatmaps (B, K, S, S), taken as weights, and how high they are (B, K)."""
    weights = heatmaps.clamp_min(0)
    weights = weights / weights.sum(dim=(2, 3), keepdim=True).clamp_min(1e-9)
    steps = torch.arange(heatmaps.shape[-1], dtype=weights.dtype, device=weights.device)
    means = [(weights.sum(dim=axis) * steps).sum(dim=2) for axis in (2, 3)]
    return torch.stack(means, dim=2), heatmaps.flatten(2).amax(dim=2)


DECODINGS = {"refined": decode_heatmaps, "soft-argmax": _soft_argmax, "argmax": _argmax}


def markdown(done: pd.DataFrame, params: HourglassParams, minutes: float, faces: int) -> str:
    """Returns the table: a row a setting, mean ± standard deviation over seeds."""
    seeds = done.seed.nunique()
    lines = [
        "# Ablation of the hourglass",
        "",
        f"NME of frontal faces of people never trained on, % of the eye distance, mean ± standard deviation of {seeds} "
        f"seeds; in boxes as given and in jittered ones. Each training: steps of {minutes:g} minutes on {machine()}, "
        f"{faces} faces of {params.pixels} px, several looks are {params.looks}; `seen` is how many it saw, `s` the "
        "seconds that it took. Floored targets are decoded to their pixel's middle, not its corner as in the notebook; "
        "half a pixel of the input is left of its bias, for a point between two pixels is floored to the first.",
        "",
        "| choice | setting | boxes as given | jittered boxes | seen | s |",
        "|---|---|---|---|---|---|",
    ]
    for choice, setting, variant, decoding in [row for row in ROWS if row[2] in set(done.variant)]:
        rows = done[done.variant == variant]
        cells = [mean_and_sd(rows[f"{decoding}_{boxes}"]) for boxes in ("clean", "jittered")]
        lines.append(
            f"| {choice} | {setting} | {' | '.join(cells)} | {rows.faces.mean():.0f} | {rows.seconds.mean():.0f} |"
        )
    settings = ", ".join(
        f"{key} {value}"
        for key, value in NOTEBOOK.items()
        if key in ("stacks", "channels", "batch")
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
