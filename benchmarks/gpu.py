"""Speed of the networks on a GPU, compared with its measured matrix rate, and a profile of each.

python -m benchmarks.gpu      # on a CUDA machine: writes benchmarks/gpu.md

Without CUDA it refuses, unless --cpu: then it measures tiny sizes, prints and writes nothing.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Generator, Tensor, nn
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode
from typer import Option, run

from benchmarks import recognizer_speed
from benchmarks.common import machine
from facerec.files import write_bytes
from facerec.landmarks import training as landmark_training
from facerec.landmarks.datasets import CONTEXT
from facerec.landmarks.params import HourglassParams
from facerec.networks.devices import device
from facerec.recognition.params import RecognizerEntry, RecognizerParams
from facerec.training.loop import Task, Trainer
from facerec.training.prefetch import FaceDataset

PEOPLE = 500
TOP = 12  # operations of a profile
REPEATS = 5


@dataclass(frozen=True)
class Sizes:
    """What is measured, how large and how long."""

    backbones: tuple[str, ...] = ("resnet18", "resnet50")
    face: int = 112
    batch_size: int = 512
    crop: int = 256
    channels: int = 256
    stacks: int = 2
    depth: int = 4
    hourglass_batch_size: int = 64
    faces: int = 4096
    steps: int = 20
    matrix: int = 8192


TINY = Sizes(("resnet18",), 32, 4, 32, 8, 1, 1, 4, 16, 1, 64)


@dataclass(frozen=True)
class Subject:
    """A network that is measured.

    Attributes:
        name: in the report.
        network: on the device.
        loaded: yields the number of faces of each epoch of its training.
        resident: yields the number of faces of each step on `batch`.
        batch: (B, 3, size, size), on the device.
    """

    name: str
    network: nn.Module
    loaded: Iterator[int]
    resident: Iterator[int]
    batch: Tensor


def main(
    cpu: Annotated[bool, Option(help="tiny sizes without a GPU; prints only")] = False,
    compiled: Annotated[bool, Option(help="torch.compile too")] = True,
    report: Annotated[Path, Option(help="output")] = Path("benchmarks/gpu.md"),
) -> None:
    """Measures and writes the report, on a GPU only."""
    if device().type != "cuda" and not cpu:
        raise ValueError(
            "benchmarks.gpu needs a CUDA device; --cpu runs tiny sizes and writes nothing"
        )
    text = measure(TINY if cpu else Sizes(), compiled)
    print(text)
    if not cpu:
        write_bytes(report, text.encode())


def measure(sizes: Sizes, compiled: bool) -> str:
    """Returns the report."""
    rate = matrix_rate(sizes.matrix)
    lines = [
        "# On a GPU",
        "",
        f"{machine()}, torch {torch.__version__}. Measured bf16 matrix rate ({sizes.matrix}³): "
        f"{rate / 1e12:.4g} TFLOP/s; the shares are of it, by the floating-point operations that "
        f"torch counts. Median of {REPEATS}.",
        "",
        "| network | mode | training, loader | training, resident | loader/resident | share "
        "| memory | inference | share |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    profiles = []
    for mode in ["eager", "compiled"] if compiled else ["eager"]:
        for subject in subjects(sizes, mode == "compiled"):
            lines.append(_row(subject, mode, sizes.steps * len(subject.batch), rate))
            if mode == "eager":
                profiles += [
                    "",
                    f"## Where a training step of {subject.name} goes",
                    "",
                    "```",
                    _profile(subject),
                    "```",
                ]
    return "\n".join([*lines, *profiles, ""])


def subjects(sizes: Sizes, compiled: bool) -> Iterator[Subject]:
    """Yields the networks one at a time, so that the device holds one only."""
    for backbone in sizes.backbones:
        yield _recognizer(backbone, sizes, compiled)
    yield _hourglass(sizes, compiled)


def _recognizer(backbone: str, sizes: Sizes, compiled: bool) -> Subject:
    params = _params(
        RecognizerParams.load("recognizer"), sizes.batch_size, compiled, {"backbone": backbone}
    )
    generator = Generator().manual_seed(0)
    faces = torch.randint(
        0, 255, (sizes.faces, sizes.face, sizes.face, 3), dtype=torch.uint8, generator=generator
    )
    labels = torch.arange(sizes.faces) % min(PEOPLE, sizes.faces)
    head = {"type": "arcface", "scale": 30.0, "margin": 0.5}
    entry = RecognizerEntry.model_validate({"alignment": 5, "head": head})
    network = recognizer_speed.build_network(params, entry, faces.numpy(), labels)
    loaded = recognizer_speed.our_epochs(network, faces.numpy(), labels, params)
    resident = recognizer_speed.resident_steps(network, labels, params, wait=False)
    return Subject(
        f"{backbone}, {sizes.face} px, batch {sizes.batch_size}",
        network,
        loaded,
        resident,
        _batch(sizes.batch_size, sizes.face),
    )


def _hourglass(sizes: Sizes, compiled: bool) -> Subject:
    changes = {
        "image_size": sizes.crop,
        "channels": sizes.channels,
        "stacks": sizes.stacks,
        "depth": sizes.depth,
    }
    params = _params(
        HourglassParams.load("hourglass"), sizes.hourglass_batch_size, compiled, changes
    )
    wide = round(params.face_size * CONTEXT)
    generator = Generator().manual_seed(0)
    count = max(sizes.faces // 8, sizes.hourglass_batch_size)
    faces = torch.randint(0, 255, (count, wide, wide, 3), dtype=torch.uint8, generator=generator)
    points = torch.rand(count, 5, 2, generator=generator) * wide
    network = landmark_training.build(params, box_scale=1.0).train()
    if compiled:
        network.compile()
    size, batch_size = params.image_size, params.batch_size
    batch = _batch(batch_size, size)
    name = (
        f"hourglass, {size} px, {params.channels} channels, {params.stacks} stacks, "
        f"batch {batch_size}"
    )
    dataset = FaceDataset(faces.numpy(), torch.arange(count), points)
    task = Task(dataset, landmark_training.batch_loss(network, params))
    loaded = _epochs(Trainer(network, task, params, seed=0))
    resident = _steps(network, lambda: network(batch).float().square().mean(), batch_size)
    return Subject(name, network, loaded, resident, batch)


def _epochs(trainer: Trainer) -> Iterator[int]:
    """Yields the number of faces of each epoch of a training."""
    for epoch in count():
        trainer.train_epoch(epoch)
        yield trainer.steps_per_epoch * trainer.params.batch_size


def _params(params: Any, batch_size: int, compiled: bool, changes: dict[str, Any]) -> Any:
    return params.model_copy(
        update={"batch_size": batch_size, "compile": compiled, "precision": "bf16", **changes}
    )


def _batch(count: int, size: int) -> Tensor:
    shape = (count, 3, size, size)
    return torch.rand(shape, device=device()).contiguous(memory_format=torch.channels_last)


def _steps(network: nn.Module, loss_fn: Callable[[], Tensor], faces: int) -> Iterator[int]:
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.0001, fused=True)
    while True:
        yield recognizer_speed.training_step(optimizer, loss_fn(), faces, wait=False)


def _row(subject: Subject, mode: str, faces: int, rate: float) -> str:
    """Returns a line of the table; loader and resident batch take turns."""
    operations = forward_operations(subject)
    if device().type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    pairs = [
        [faces_per_second(steps, faces) for steps in (subject.loaded, subject.resident)]
        for _ in range(REPEATS + 1)
    ]
    loaded, resident = (statistics.median(values) for values in zip(*pairs[1:], strict=True))
    ratio = statistics.median(a / b for a, b in pairs[1:])
    memory = (
        f"{torch.cuda.max_memory_allocated() / 2**30:.2f} GiB" if device().type == "cuda" else "–"
    )
    inference = _inference(subject, faces)
    shares = [
        f"{100 * speed * times * operations / rate:.1f} %"
        for speed, times in ((loaded, 3), (inference, 1))
    ]
    cells = [
        f"{loaded:,.4g}/s",
        f"{resident:,.4g}/s",
        f"{ratio:.2f}",
        shares[0],
        memory,
        f"{inference:,.4g}/s",
        shares[1],
    ]
    return f"| {subject.name} | {mode} | {' | '.join(cells)} |"


def faces_per_second(steps: Iterator[int], count: int) -> float:
    """Returns the speed of as many steps or epochs as process `count` faces."""
    start = time.perf_counter()
    faces = 0
    while faces < count:
        faces += next(steps)
    _wait()
    return faces / (time.perf_counter() - start)


@torch.inference_mode()
def _inference(subject: Subject, faces: int) -> float:
    subject.network.eval()

    def forward() -> Iterator[int]:
        while True:
            subject.network(subject.batch)
            yield len(subject.batch)

    speeds = [faces_per_second(forward(), faces) for _ in range(REPEATS + 1)]
    subject.network.train()
    return statistics.median(speeds[1:])


@torch.inference_mode()
def forward_operations(subject: Subject) -> float:
    """Returns the floating-point operations of one face's forward pass, a third of a step's."""
    counter = FlopCounterMode(display=False)
    with counter:
        subject.network.forward(subject.batch)  # not the compiled call, which cannot be counted
    return counter.get_total_flops() / len(subject.batch)


def matrix_rate(side: int) -> float:
    """Returns the measured rate of a bf16 matrix product, FLOP/s, the median of several."""
    first, second = (
        torch.rand(side, side, device=device(), dtype=torch.bfloat16) for _ in range(2)
    )
    rates = []
    for _ in range(REPEATS + 2):
        _wait()
        start = time.perf_counter()
        for _ in range(10):
            first @ second
        _wait()
        rates.append(10 * 2 * side**3 / (time.perf_counter() - start))
    return statistics.median(rates[2:])


def _profile(subject: Subject) -> str:
    """Returns a table of the operations that take most of an epoch's time."""
    on_gpu = device().type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    _wait()
    with profile(activities=activities) as profiler:
        start = time.perf_counter()
        faces = next(subject.loaded)
        _wait()
        seconds = time.perf_counter() - start
    averages = profiler.key_averages()
    by = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    operations = list(averages)
    if on_gpu:
        operations = [
            operation
            for operation in averages
            if operation.device_type == DeviceType.CUDA and not operation.is_user_annotation
        ]
    busy = sum(getattr(operation, by) for operation in operations) / 1e6 / seconds
    summary = (
        f"{faces} faces in {seconds:.4g} s, profiled; operations take {100 * busy:.0f} % of it."
    )
    table = averages.table(sort_by=by, row_limit=TOP, max_name_column_width=48)
    return f"{summary}\n\n{table.strip()}"


def _wait() -> None:
    if device().type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    run(main)
