"""One training loop for every network: precision, schedule, checkpoint, resume, history."""

import hashlib
import logging
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor, nn

import facerec
from facerec.networks import checkpoints
from facerec.networks.devices import device
from facerec.params import Params
from facerec.progress import Progress, set_resume_point
from facerec.training.params import FitParams

log = logging.getLogger(__name__)

CHECKPOINTS = Path(".checkpoints")
KIND = "training"
DIGITS = 16  # of a fingerprint
END_OF_NAME = rf"(-\d+)?-[0-9a-f]{{{DIGITS}}}"  # a number, of a stage that trains several networks, and the fingerprint
CHECK_EVERY = (
    20  # steps from one look at the losses to the next, for which a GPU has to be waited for
)


def fit(
    network: nn.Module,
    loss_fn: Callable[[Tensor, float, Generator], Tensor],
    num_samples: int,
    evaluate: Callable[[], dict[str, float]],
    params: FitParams,
    seed: int,
    name: str,
    order: Callable[[Generator], Tensor] | None = None,
    prefetch: Callable[[Tensor], None] = lambda indices: None,
) -> pd.DataFrame:
    """Returns the history, one row per epoch, and leaves the network trained.

    An interrupted training goes on after its last whole epoch: the state lies in `.checkpoints/<name>` until `forget`
    is called, once what came of it is written. Each epoch draws from a generator of its own, so that a resumed run is
    the same as an undisturbed one. A state that cannot be read is left alone: the training begins again.

    Args:
        network: in place, on its device.
        loss_of: the loss of the samples with these indices (B,), given how many epochs lie behind, and a generator for
            augmentation.
        num_samples: indices run from 0 to here.
        evaluate: the columns of the history that are measured after each epoch.
        params: schedule and precision.
        seed: of shuffling, augmentation and dropout.
        name: of the training, with a fingerprint of all that it depends on.
        order: draws the indices (num_samples,) in the order in which an epoch takes them; shuffled if None.
        expect: is told the next batch's indices while this one's are computed, as in `Batches.expect`.

    Raises:
        ValueError: the loss or a weight is no longer finite.
    """
    order = order or (lambda generator: torch.randperm(num_samples, generator=generator))
    steps = _steps(num_samples, params.batch)
    optimizer = torch.optim.AdamW(
        _decay_groups(network, params.weight_decay), lr=params.learning_rate, fused=True
    )
    state = CHECKPOINTS / name / "last.pt"
    history = _resume(state, network, optimizer)
    if history:
        _tell_kept(history, params)
        log.info("goes on after epoch %d of %d", len(history), params.epochs)
    if params.compile:
        network.compile()
    title = f"{name.rpartition('-')[0] or name}, steps"
    with Progress(title, params.epochs * steps, done=len(history) * steps) as progress:
        for epoch in range(len(history), params.epochs):
            loss = _epoch(
                network,
                loss_fn,
                order,
                prefetch,
                steps,
                optimizer,
                params,
                seed,
                epoch,
                state,
                progress,
            )
            _refuse_spoilt(network, params, (epoch + 1) * steps - 1, steps, state)
            network.eval()
            with torch.inference_mode():
                measured = evaluate()
            rate = _learning_rate(params, (epoch + 1) * steps - 1, steps)
            history.append(
                {"epoch": epoch + 1, "train_loss": loss, **measured, "learning_rate": rate}
            )
            numbers = "  ".join(
                f"{key} {value:.4g}" for key, value in {"train_loss": loss, **measured}.items()
            )
            progress.note(f"epoch {epoch + 1} of {params.epochs}: {numbers}")
            _save(state, network, optimizer, params, history)
            _tell_kept(history, params)
    return pd.DataFrame(history)


def _tell_kept(history: list[dict], params: FitParams) -> None:
    set_resume_point(f"after epoch {len(history)} of {params.epochs}")


def delete_checkpoints(name: str) -> None:
    """Removes the states of a training, whatever its parameters, data, code and number (seed, fold) were."""
    stage = re.sub(f"{END_OF_NAME}$", "", name)
    for folder in CHECKPOINTS.glob(f"{stage}-*"):
        if re.fullmatch(END_OF_NAME, folder.name.removeprefix(stage)):
            shutil.rmtree(folder)


def fingerprint(stage: str, params: Params, *parts: np.ndarray | bytes) -> str:
    """Returns a name for a training that changes with its parameters, its data, the library's code, torch and device.

    Args:
        stage: the beginning of the name.
        params: all of the training's.
        parts: whatever else it depends on: arrays, the stage's own code.
    """
    digest = hashlib.sha256(params.model_dump_json().encode())
    for source in sorted(Path(facerec.__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    digest.update(f"{torch.__version__} {device()}".encode())
    for part in parts:
        held = (
            np.ascontiguousarray(part)
            if isinstance(part, np.ndarray)
            else np.frombuffer(part, np.uint8)
        )
        digest.update(f"{held.dtype} {held.shape}".encode())
        digest.update(held.data)
    return f"{stage}-{digest.hexdigest()[:DIGITS]}"


def _epoch(
    network: nn.Module,
    loss_fn: Callable[[Tensor, float, Generator], Tensor],
    order: Callable[[Generator], Tensor],
    prefetch: Callable[[Tensor], None],
    steps: int,
    optimizer: torch.optim.Optimizer,
    params: FitParams,
    seed: int,
    epoch: int,
    state: Path,
    progress: Progress,
) -> float:
    """Returns the mean loss of one epoch."""
    network.train()
    torch.manual_seed(seed * 100_003 + epoch)
    generator = Generator().manual_seed(seed * 100_003 + epoch)
    batches = order(generator).split(params.batch)[:steps]
    losses = torch.zeros(steps, device=device())
    for step in range(steps):
        rate = _learning_rate(params, epoch * steps + step, steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = loss_fn(batches[step], epoch + step / steps, generator)
        for coming in batches[step + 1 : step + 2]:
            prefetch(coming)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses[step] = loss.detach()
        if step % CHECK_EVERY == 0 or step + 1 == steps:
            _refuse_diverged(losses, params, epoch * steps, state)
        progress.advance()
    return losses.mean().item()


def _refuse_diverged(losses: Tensor, params: FitParams, before: int, state: Path) -> None:
    """Stops at an epoch's first loss that is not finite; so many steps came before the epoch."""
    for step in (~torch.isfinite(losses)).nonzero()[:1, 0].tolist():
        raise ValueError(
            _diverged(before + step, _learning_rate(params, before + step, len(losses)), state)
        )


def _refuse_spoilt(
    network: nn.Module, params: FitParams, step: int, steps: int, state: Path
) -> None:
    """Stops before weights that are not finite are tried or saved: an epoch's last step may spoil them unseen."""
    if not all(torch.isfinite(values).all() for values in network.state_dict().values()):
        raise ValueError(
            _diverged(
                step, _learning_rate(params, step, steps), state, "a weight is not finite after"
            )
        )


def _diverged(step: int, rate: float, state: Path, what: str = "the loss is not finite at") -> str:
    last = f"the last good checkpoint is {state}" if state.exists() else "no epoch was completed"
    return f"training diverged: {what} step {step}, learning rate {rate:.3g}; {last}"


def _steps(num_samples: int, batch: int) -> int:
    """Returns the steps of an epoch: whole batches, or one that holds all; a rest joins another epoch's shuffle."""
    return max(num_samples // batch, 1)


def _learning_rate(params: FitParams, step: int, steps: int) -> float:
    warmup, total = params.warmup_epochs * steps, params.epochs * steps
    if step < warmup:
        return params.learning_rate * (step + 1) / warmup
    return (
        params.learning_rate
        * 0.5
        * (1 + math.cos(math.pi * (step - warmup) / max(total - warmup, 1)))
    )


def _decay_groups(network: nn.Module, weight_decay: float) -> list[dict]:
    """Returns the parameters in two groups: matrices and kernels decay, biases and norms do not."""
    decayed = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
    free = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]


def epochs_done(state: Path, params: FitParams) -> int:
    """Returns how many epochs a kept state has, 0 if it cannot be read or is of other parameters.

    Args:
        state: `.checkpoints/<name>/last.pt`.
        params: all of the training's.
    """
    try:
        config, _ = checkpoints.load(state, KIND)
    except ValueError:
        return 0
    return len(config.get("history", [])) if config.get("params") == params.model_dump() else 0


def _save(
    state: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    params: FitParams,
    history: list[dict],
) -> None:
    moments = {str(key): value for key, value in optimizer.state_dict()["state"].items()}
    tensors = {f"network.{key}": value for key, value in network.state_dict().items()}
    tensors |= {
        f"optimizer.{index}.{key}": value
        for index, held in moments.items()
        for key, value in held.items()
    }
    checkpoints.save(state, KIND, {"history": history, "params": params.model_dump()}, tensors)


def _resume(state: Path, network: nn.Module, optimizer: torch.optim.Optimizer) -> list[dict]:
    """Returns the history so far, after loading the state if there is one."""
    if not state.exists():
        return []
    try:
        config, tensors = checkpoints.load(state, KIND)
    except ValueError as error:
        log.warning("begun again, for the last state cannot be read: %s", error)
        return []
    try:
        _restore(network, optimizer, tensors)
        history: list[dict] = config["history"]
    except (KeyError, ValueError, IndexError, RuntimeError) as error:
        raise ValueError(f"{state}: does not fit this training, delete it: {error}") from None
    return history


def _restore(
    network: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]
) -> None:
    network.load_state_dict(
        {k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")}
    )
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    held: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            held.setdefault(int(index), {})[name] = _laid_out_as(parameters[int(index)], value)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": held})


def _laid_out_as(parameter: Tensor, value: Tensor) -> Tensor:
    """Returns a moment in its parameter's memory format, which fused AdamW takes for granted; a step as it is."""
    return torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value
