"""A face recogniser: a backbone, a neck that gives embeddings, and the head it was trained with."""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from facerec.networks import checkpoints
from facerec.networks.devices import autocast
from facerec.parallel import in_batches
from facerec.params import Precision
from facerec.recognition.heads import build_head
from facerec.recognition.hog import HogNet
from facerec.recognition.params import Backbone, RecognizerEntry, Weights

KIND = "recognizer"


class RecognizerConfig(RecognizerEntry):
    """All that a recogniser is built from; its checkpoint holds it."""

    backbone: Backbone
    embedding_dim: Annotated[int, Field(ge=1, le=65_536)]
    dropout: Annotated[float, Field(ge=0, le=1)]  # share of features left out in training
    person_ids: list[int]  # (K,) who each label is
    image_size: Annotated[int, Field(ge=1, le=4096)]  # px, side of the faces
    precision: Precision  # of its layers; the head computes in float32


class Recognizer(nn.Module):
    """Embeddings of aligned faces, and scores of people.

    Attributes:
        config: what it was built from.
        head: the head, which gives the loss and the scores.
    """

    def __init__(self, config: RecognizerConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone, num_features = _backbone(config.backbone, config.image_size)
        self.neck = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(num_features, config.embedding_dim, bias=False),
            nn.BatchNorm1d(config.embedding_dim),
        )
        self.head = build_head(config.head, config.embedding_dim, len(config.person_ids))

    def forward(self, faces: Tensor) -> Tensor:
        """Returns embeddings (B, E) float32, not normalised, of faces (B, 3, H, W) in [0, 1]."""
        with autocast(faces.device, self.config.precision):
            return self.neck(self.backbone((faces - 0.5) / 0.25)).float()

    @torch.inference_mode()
    def embed(
        self, faces: np.ndarray, batch_size: int = 256, flip: bool = True, title: str | None = None
    ) -> Tensor:
        """Returns embeddings (N, E) float32 on the CPU, not normalised.

        Args:
            faces: (N, image_size, image_size, 3) uint8 RGB.
            batch_size: faces at a time.
            flip: whether each is the mean of the face's and its mirror image's.
            title: of the progress bar; None: no bar.

        Raises:
            ValueError: the faces have another size.
        """
        self.eval()
        size = self.config.image_size
        if faces.shape[1:3] != (size, size):
            raise ValueError(
                f"expected faces of {size} px, got {faces.shape[2]} × {faces.shape[1]}"
            )
        parts = [self._embed_batch(part, flip) for part in in_batches(faces, batch_size, title)]
        return torch.cat(parts) if parts else torch.zeros(0, self.config.embedding_dim)

    def _embed_batch(self, faces: np.ndarray, flip: bool) -> Tensor:
        device = next(self.parameters()).device
        images = torch.from_numpy(np.ascontiguousarray(faces)).to(device)
        images = images.permute(0, 3, 1, 2).float() / 255
        if flip:
            images = torch.cat([images, images.flip(-1)])
        embeddings = self(images.contiguous(memory_format=torch.channels_last))
        return embeddings.view(-1, len(faces), embeddings.shape[1]).mean(dim=0).cpu()


def _backbone(name: Backbone, image_size: int) -> tuple[nn.Module, int]:
    """Returns an untrained backbone and the length of its features."""
    if name == "hog":
        hog = HogNet(image_size)
        return hog, hog.num_features
    import torchvision  # takes a second to import

    resnet = torchvision.models.get_model(name, weights=None)
    num_features = resnet.fc.in_features
    resnet.fc = nn.Identity()
    return resnet, num_features


def load_weights(recognizer: Recognizer, weights: Weights, file: Path) -> None:
    """Loads the backbone's weights from ImageNet or another recogniser; `none` changes nothing.

    Args:
        recognizer: changed in place.
        weights: where from.
        file: the other recogniser's checkpoint, if `weights` is file.

    Raises:
        ValueError: the weights cannot be had, or belong to another architecture.
    """
    if weights == "none":
        return
    backbone = recognizer.config.backbone
    state = _imagenet(backbone) if weights == "imagenet" else _backbone_weights(file)
    try:
        recognizer.backbone.load_state_dict(state)
    except RuntimeError:
        source = file if weights == "file" else weights
        raise ValueError(f"recognizer.weights: {source} does not hold a {backbone}") from None


def _imagenet(backbone: Backbone) -> dict[str, Tensor]:
    """Returns torchvision's weights without the last layer's."""
    if backbone == "hog":
        raise ValueError(
            "recognizer.weights: imagenet: there are no such weights for hog, only for ResNets"
        )
    import torchvision

    weights = torchvision.models.get_model_weights(backbone).DEFAULT
    try:
        state = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: the download's hash is wrong
        raise ValueError(
            f"recognizer.weights: imagenet: torchvision's weights for {backbone} cannot be "
            f"downloaded ({error}); connect to the internet, or set recognizer.weights to none, "
            f"or to file and weights_file to a checkpoint"
        ) from None
    return {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}


def _backbone_weights(file: Path) -> dict[str, Tensor]:
    """Returns the backbone's weights of a recogniser's checkpoint."""
    _, state = checkpoints.load(file, KIND)
    prefix = "backbone."
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in state.items()
        if name.startswith(prefix)
    }


def save(recognizer: Recognizer, path: Path) -> None:
    """Writes the recogniser with all that is needed to build it again."""
    checkpoints.save(path, KIND, recognizer.config.model_dump(), recognizer.state_dict())


def load(path: Path, device: torch.device) -> Recognizer:
    """Returns the recogniser that `save` wrote, on a device, channels_last, in evaluation mode.

    Raises:
        ValueError: as `checkpoints.restore`.
    """
    recognizer = checkpoints.restore(path, KIND, Recognizer, RecognizerConfig)
    return recognizer.to(device).to(memory_format=torch.channels_last).eval()
