"""A face recogniser: a backbone, a neck that gives embeddings, and the head it was trained with."""

import logging
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import torchvision
from pydantic import Field
from torch import Tensor, nn

from facerec.networks import checkpoints
from facerec.networks.devices import autocast
from facerec.parallel import in_batches
from facerec.params import Params, Precision
from facerec.recognition.head_params import HeadParams, parse_head
from facerec.recognition.heads import build_head
from facerec.recognition.hog import GradientNet
from facerec.recognition.params import Backbone, Weights

log = logging.getLogger(__name__)

KIND = "recognizer"


class RecognizerConfig(Params):
    """What the config of a checkpoint may hold: the arguments of `Recognizer`."""

    backbone: Backbone
    embedding_dim: Annotated[int, Field(ge=1, le=65_536)]
    dropout: Annotated[float, Field(ge=0, le=1)]
    head: Annotated[HeadParams, Field(discriminator="type")]
    person_ids: list[int]
    pixels: Annotated[int, Field(ge=1, le=4096)]
    precision: Precision


class Recognizer(nn.Module):
    """Embeddings of aligned faces, and scores of people.

    Args:
        backbone: a ResNet of torchvision, or gradients for `GradientNet`.
        embedding_dim: length of an embedding.
        dropout: share of features left out before the embedding, in training.
        head: the head's entry of params.yaml.
        person_ids: (K,) who each label is.
        pixels: side of the faces.
        precision: of its layers; the head computes in float32.
    """

    def __init__(
        self,
        backbone: Backbone,
        embedding_dim: int,
        dropout: float,
        head: dict[str, Any],
        person_ids: list[int],
        pixels: int,
        precision: Precision,
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "backbone": backbone,
            "embedding_dim": embedding_dim,
            "dropout": dropout,
            "head": head,
            "person_ids": person_ids,
            "pixels": pixels,
            "precision": precision,
        }
        self.person_ids, self.pixels, self.precision = person_ids, pixels, precision
        self.backbone, features = _backbone(backbone, pixels)
        self.neck = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(features, embedding_dim, bias=False),
            nn.BatchNorm1d(embedding_dim),
        )
        self.head = build_head(parse_head(head), embedding_dim, len(person_ids))

    def forward(self, faces: Tensor) -> Tensor:
        """Returns embeddings (B, E) float32, not normalised, of faces (B, 3, pixels, pixels) in [0, 1]."""
        with autocast(faces.device, self.precision):
            return self.neck(self.backbone((faces - 0.5) / 0.25)).float()

    @torch.inference_mode()
    def embed(
        self, faces: np.ndarray, batch: int = 256, flip: bool = True, title: str | None = None
    ) -> Tensor:
        """Returns embeddings (N, E) float32 on the CPU, not normalised.

        Args:
            faces: (N, pixels, pixels, 3) uint8 RGB.
            batch: faces at a time.
            flip: whether each is the mean of the face's and its mirror image's.
            title: of what is told about how far it is, if anything.
        """
        self.eval()
        if faces.shape[1:3] != (self.pixels, self.pixels):
            raise ValueError(
                f"expected faces of {self.pixels} px, got {faces.shape[2]} × {faces.shape[1]}"
            )
        parts = [self._embed_batch(part, flip) for part in in_batches(faces, batch, title)]
        return torch.cat(parts) if parts else torch.zeros(0, self.config["embedding_dim"])

    def _embed_batch(self, faces: np.ndarray, flip: bool) -> Tensor:
        device = next(self.parameters()).device
        pictures = (
            torch.from_numpy(np.ascontiguousarray(faces)).to(device).permute(0, 3, 1, 2).float()
            / 255
        )
        if flip:
            pictures = torch.cat([pictures, pictures.flip(-1)])
        embeddings = self(pictures.contiguous(memory_format=torch.channels_last))
        return embeddings.view(-1, len(faces), embeddings.shape[1]).mean(dim=0).cpu()


def _backbone(name: Backbone, pixels: int) -> tuple[nn.Module, int]:
    """Returns an untrained backbone, and how many features it gives."""
    if name == "gradients":
        return (own := GradientNet(pixels)), own.features
    resnet = torchvision.models.get_model(name, weights=None)
    features = resnet.fc.in_features
    resnet.fc = nn.Identity()
    return resnet, features


def load_weights(recognizer: Recognizer, weights: Weights, file: Path) -> None:
    """Starts the backbone from chance, from torchvision's ImageNet weights, or from another recogniser.

    Args:
        recognizer: in place.
        weights: which of the three.
        file: the other recogniser, if it is that.

    Raises:
        ValueError: the weights cannot be had, or belong to another architecture.
    """
    if weights == "none":
        return
    state = (
        _imagenet(recognizer.config["backbone"]) if weights == "imagenet" else _backbone_of(file)
    )
    state = {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}
    try:
        recognizer.backbone.load_state_dict(state)
    except RuntimeError:
        backbone = recognizer.config["backbone"]
        source = file if weights == "file" else weights
        raise ValueError(f"recognizer.weights: {source} does not hold a {backbone}") from None


def _imagenet(backbone: str) -> dict[str, Tensor]:
    if backbone == "gradients":
        raise ValueError(
            "recognizer.weights: imagenet: there are no such weights for gradients, only for ResNets"
        )
    try:
        return dict(
            torchvision.models.get_model_weights(backbone).DEFAULT.get_state_dict(
                progress=False, check_hash=True
            )
        )
    except (OSError, RuntimeError) as error:  # RuntimeError: the download's hash is wrong
        raise ValueError(
            f"recognizer.weights: imagenet: torchvision's weights for {backbone} cannot be downloaded ({error}); "
            f"connect to the internet, or set recognizer.weights to none, or to file and weights_file to a checkpoint"
        ) from None


def _backbone_of(path: Path) -> dict[str, Tensor]:
    _, state = checkpoints.load(path, KIND)
    return {
        name.removeprefix("backbone."): value
        for name, value in state.items()
        if name.startswith("backbone.")
    }


def save(recognizer: Recognizer, path: Path) -> None:
    """Writes the recogniser with all that is needed to build it again."""
    checkpoints.save(path, KIND, recognizer.config, recognizer.state_dict())


def load(path: Path, device: torch.device) -> Recognizer:
    """Returns the recogniser on a device, channels_last, as `save` wrote it."""
    return (
        checkpoints.restore(
            path, KIND, lambda config: Recognizer(**config.model_dump()), RecognizerConfig
        )
        .to(device)
        .to(memory_format=torch.channels_last)
        .eval()
    )
