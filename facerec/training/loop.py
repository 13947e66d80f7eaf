"""One training loop for every network: schedule, checkpoints, resuming, history."""

import hashlib
import logging
import math
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.utils.data import Dataset

import facerec
from facerec.networks import checkpoints
from facerec.networks.devices import device
from facerec.params import Params
from facerec.progress import Progress, set_resume_point
from facerec.training.params import FitParams
from facerec.training.prefetch import Batch, prefetched

log = logging.getLogger(__name__)

CHECKPOINTS = Path(".checkpoints")
DIGITS = 16  # of a fingerprint
END_OF_NAME = rf"(-\d+)?-[0-9a-f]{{{DIGITS}}}"  # a seed or a fold, if any, and the fingerprint
CHECK_EVERY = 20  # steps between two checks of the losses, which wait for a GPU


def adamw(network: nn.Module, params: FitParams) -> Optimizer:
    """Returns AdamW, whose weight decay leaves out biases and norms."""
    parameters = [values for values in network.parameters() if values.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [values for values in parameters if values.ndim > 1]},
        {"params": [values for values in parameters if values.ndim <= 1], "weight_decay": 0.0},
    ]
    return AdamW(groups, lr=params.learning_rate, weight_decay=params.weight_decay, fused=True)


def warmup_cosine(params: FitParams, step: int, steps_per_epoch: int) -> float:
    """Returns the learning rate of a step: it grows linearly, then falls to zero as a cosine."""
    warmup = params.warmup_epochs * steps_per_epoch
    if step < warmup:
        return params.learning_rate * (step + 1) / warmup
    total = params.epochs * steps_per_epoch
    progress = (step - warmup) / max(total - warmup, 1)
    return params.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


@dataclass(frozen=True)
class Task:
    """What a network learns.

    Attributes:
        dataset: returns a batch for a tensor of indices (B,).
        loss_fn: the loss of a batch, given the epochs so far (a fraction within an epoch) and a
            generator for augmentation.
        evaluate: what the history shows after each epoch, by column.
        order: draws the indices of an epoch, in the order of learning; None: a shuffle.
        epoch_samples: how many indices `order` draws; None: as many as the dataset has.
        optimizer: of the network.
        schedule: the learning rate of a step, given the steps of an epoch.
    """

    dataset: Dataset[Batch]
    loss_fn: Callable[[Batch, float, Generator], Tensor]
    evaluate: Callable[[], dict[str, float]] = dict
    order: Callable[[Generator], Tensor] | None = None
    epoch_samples: int | None = None
    optimizer: Callable[[nn.Module, FitParams], Optimizer] = adamw
    schedule: Callable[[FitParams, int, int], float] = warmup_cosine


class Diverged(ValueError):
    """The loss or a weight is no longer finite."""


class Trainer:
    """Trains a network epoch by epoch.

    Each epoch draws from generators of its own, so that a resumed training equals an undisturbed
    one.

    Args:
        network: in place, on its device.
        task: what it learns.
        params: schedule and precision.
        seed: of shuffling, augmentation and dropout.
    """

    def __init__(self, network: nn.Module, task: Task, params: FitParams, seed: int) -> None:
        self.network, self.task, self.params, self.seed = network, task, params, seed
        self.samples = task.epoch_samples or len(task.dataset)  # type: ignore[arg-type]
        # What does not fill a batch is left out, and comes up in another epoch's shuffle.
        self.steps_per_epoch = max(self.samples // params.batch_size, 1)
        self.optimizer = task.optimizer(network, params)
        if params.compile:
            network.compile()

    def learning_rate(self, step: int) -> float:
        """Returns the learning rate of a step, counted from the training's first."""
        return self.task.schedule(self.params, step, self.steps_per_epoch)

    def train_epoch(self, epoch: int, advance: Callable[[], None] = lambda: None) -> float:
        """Trains one epoch, and returns its mean loss.

        Args:
            epoch: its number, from 0.
            advance: called after each step.

        Raises:
            Diverged: the loss or a weight is no longer finite.
        """
        self.network.train()
        torch.manual_seed(self.seed * 100_003 + epoch)
        generator = Generator().manual_seed(self.seed * 100_003 + epoch)
        first_step = epoch * self.steps_per_epoch
        losses = torch.zeros(self.steps_per_epoch, device=device())
        for step, batch in enumerate(prefetched(self.task.dataset, self._batches(generator))):
            for group in self.optimizer.param_groups:
                group["lr"] = self.learning_rate(first_step + step)
            loss = self.task.loss_fn(batch, epoch + step / self.steps_per_epoch, generator)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            losses[step] = loss.detach()
            if step % CHECK_EVERY == 0 or step + 1 == self.steps_per_epoch:
                self._refuse_infinite_loss(losses, first_step)
            advance()
        self._refuse_infinite_weights(first_step + self.steps_per_epoch - 1)
        return losses.mean().item()

    def _batches(self, generator: Generator) -> list[Tensor]:
        """Returns the indices of an epoch's batches, in their order."""
        if self.task.order is None:
            indices = torch.randperm(self.samples, generator=generator)
        else:
            indices = self.task.order(generator)
        return list(indices.split(self.params.batch_size)[: self.steps_per_epoch])

    def _refuse_infinite_loss(self, losses: Tensor, first_step: int) -> None:
        infinite = (~torch.isfinite(losses)).nonzero()
        if len(infinite):
            step = first_step + int(infinite[0])
            rate = self.learning_rate(step)
            raise Diverged(f"the loss is not finite at step {step}, learning rate {rate:.3g}")

    def _refuse_infinite_weights(self, step: int) -> None:
        """Checks the weights, which the last step may have spoilt after its loss was computed."""
        if not all(torch.isfinite(values).all() for values in self.network.state_dict().values()):
            rate = self.learning_rate(step)
            raise Diverged(f"a weight is not finite after step {step}, learning rate {rate:.3g}")

    def state_dict(self) -> dict[str, Any]:
        """Returns the weights and the optimizer's moments."""
        return {"model": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes the weights and the moments of `state_dict`."""
        self.network.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])


def fit(network: nn.Module, task: Task, params: FitParams, seed: int, name: str) -> pd.DataFrame:
    """Trains a network, and returns the history, one row per epoch.

    An interrupted training goes on after its last whole epoch, and ends in the same bytes as an
    undisturbed one. Its state lies in `.checkpoints/<name>` until `delete_checkpoints` is called. A
    state that cannot be read is ignored: the training begins again.

    Args:
        network: in place, on its device.
        task: what it learns.
        params: schedule and precision.
        seed: of shuffling, augmentation and dropout.
        name: of the training, from `fingerprint`.

    Raises:
        ValueError: the training diverged, or the state in the folder belongs to another one.
    """
    trainer = Trainer(network, task, params, seed)
    state = CHECKPOINTS / name / "last.pt"
    history = _resume(trainer, state)
    if history:
        _tell_kept(history, params)
        log.info("goes on after epoch %d of %d", len(history), params.epochs)
    steps = trainer.steps_per_epoch
    title = f"{name.rpartition('-')[0] or name}, steps"
    with Progress(title, params.epochs * steps, done=len(history) * steps) as progress:
        for epoch in range(len(history), params.epochs):
            try:
                loss = trainer.train_epoch(epoch, progress.advance)
            except Diverged as error:
                raise ValueError(f"training diverged: {error}; {_last_good(state)}") from None
            network.eval()
            with torch.inference_mode():
                measured = {"train_loss": loss, **task.evaluate()}
            rate = trainer.learning_rate((epoch + 1) * steps - 1)
            history.append({"epoch": epoch + 1, **measured, "learning_rate": rate})
            numbers = "  ".join(f"{key} {value:.4g}" for key, value in measured.items())
            progress.note(f"epoch {epoch + 1} of {params.epochs}: {numbers}")
            content = {"params": params.model_dump(), "history": history, **trainer.state_dict()}
            checkpoints.write(state, content)
            _tell_kept(history, params)
    return pd.DataFrame(history)


def _resume(trainer: Trainer, state: Path) -> list[dict[str, float]]:
    """Returns the history so far, and loads the state if there is one."""
    if not state.exists():
        return []
    try:
        content = checkpoints.read(state)
    except ValueError as error:
        log.warning("begun again, for the last state cannot be read: %s", error)
        return []
    try:
        trainer.load_state_dict(content)
        history: list[dict[str, float]] = content["history"]
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"{state}: does not fit this training, delete it: {error}") from None
    return history


def _tell_kept(history: list[dict[str, float]], params: FitParams) -> None:
    set_resume_point(f"after epoch {len(history)} of {params.epochs}")


def _last_good(state: Path) -> str:
    if state.exists():
        return f"the last good checkpoint is {state}"
    return "no epoch was completed"


def epochs_done(state: Path, params: FitParams) -> int:
    """Returns how many epochs a state has; 0 if it is unreadable or has other parameters.

    Args:
        state: `.checkpoints/<name>/last.pt`.
        params: all parameters of the training.
    """
    try:
        content = checkpoints.read(state)
    except ValueError:
        return 0
    if not isinstance(content, dict) or content.get("params") != params.model_dump():
        return 0
    return len(content["history"])


def delete_checkpoints(name: str) -> None:
    """Removes the states of a training, also those of other parameters, data, code or seeds."""
    stage = re.sub(f"{END_OF_NAME}$", "", name)
    for folder in CHECKPOINTS.glob(f"{stage}-*"):
        if re.fullmatch(END_OF_NAME, folder.name.removeprefix(stage)):
            shutil.rmtree(folder)


def fingerprint(stage: str, params: Params, *parts: np.ndarray | bytes) -> str:
    """Returns a training's name: the stage, and a hash of all that the training depends on.

    These are its parameters, its data, every module of the library, torch's version and the device.

    Args:
        stage: the beginning of the name.
        params: all parameters of the training.
        parts: the training's other inputs: arrays, the stage's code.
    """
    digest = hashlib.sha256(params.model_dump_json().encode())
    for source in sorted(Path(facerec.__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    digest.update(f"{torch.__version__} {device()}".encode())
    for part in parts:
        array = part if isinstance(part, np.ndarray) else np.frombuffer(part, np.uint8)
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return f"{stage}-{digest.hexdigest()[:DIGITS]}"
