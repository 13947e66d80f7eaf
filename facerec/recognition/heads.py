"""Heads: they turn embeddings into a loss in training, and into people's scores in evaluation.

CE, ArcFace, sub-centre ArcFace and AdaFace are ours. CosFace and the triplet loss are
pytorch-metric-learning's. Its sub-centre ArcFace differentiates acos, whose slope is infinite at
cos = ±1, so a perfect match makes the weights NaN.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerec.params import Params
from facerec.recognition.head_params import (
    AdaFaceParams,
    ArcFaceParams,
    ArcFaceTripletParams,
    CEParams,
    CosFaceParams,
    HeadParams,
    SubCenterArcFaceParams,
    TripletParams,
)

# Keeps the slope of sin θ = √(1 − cos² θ) finite where float32 cannot tell θ from 0 or π.
MIN_SQUARED_SIN = 1e-7
NORM_RANGE = (0.001, 100.0)  # AdaFace clips the embeddings' norms to this, as its authors do


HEADS: dict[type[Params], type["Head"]] = {}  # which network is built from which settings


class Head(nn.Module):
    """Base of the heads. A subclass names its settings: `class MyHead(Head, params=MyParams)`.

    Heads compute in float32 whatever the autocast
    outside, so that large scales do not lose the margin.

    Attributes:
        margin_share: share of the margin in force, in [0, 1]; training raises it in a warm-up.
        samples_per_class: photographs of each person that a batch should hold.
    """

    margin_share: float = 1.0
    samples_per_class: int = 1

    def __init_subclass__(cls, params: type[Params]) -> None:
        HEADS[params] = cls

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Returns the float32 loss, a mean over the batch, with the margin on.

        Args:
            embeddings: (B, E) in any float type, not normalised.
            labels: (B,) int64, 0 … K-1.
        """
        with torch.autocast(embeddings.device.type, enabled=False):
            return self.loss(embeddings.float(), labels)

    def scores(self, embeddings: Tensor) -> Tensor | None:
        """Returns each person's score *without* the margin, (B, K) float32, higher is likelier.

        Logits for CE, cosines for the others, None for a head without weights per person.

        Args:
            embeddings: (B, E) in any float type, not normalised.
        """
        with torch.autocast(embeddings.device.type, enabled=False):
            return self.plain_scores(embeddings.float())

    def loss(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        raise NotImplementedError

    def plain_scores(self, embeddings: Tensor) -> Tensor | None:
        raise NotImplementedError


class CEHead(Head, params=CEParams):
    """A linear layer and softmax cross-entropy with label smoothing.

    Szegedy et al. 2016, section 7.
    """

    def __init__(self, embedding_dim: int, num_people: int, label_smoothing: float):
        super().__init__()
        self.linear = nn.Linear(embedding_dim, num_people)
        self.label_smoothing = label_smoothing

    def loss(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(
            self.plain_scores(embeddings), labels, label_smoothing=self.label_smoothing
        )

    def plain_scores(self, embeddings: Tensor) -> Tensor:
        return self.linear(embeddings)


class ArcFaceHead(Head, params=ArcFaceParams):
    """Softmax over scaled cosines, `margin` added to the true person's angle.

    Deng et al. 2019, equation 3.

    Args:
        embedding_dim: E.
        num_people: K.
        scale: of the cosines.
        margin: radians.
        sub_centers: centres a person; the nearest one counts.
    """

    def __init__(
        self, embedding_dim: int, num_people: int, scale: float, margin: float, sub_centers: int = 1
    ):
        super().__init__()
        self.weight = _class_weights(num_people * sub_centers, embedding_dim)
        self.scale = scale
        self.margin = margin
        self.sub_centers = sub_centers

    def loss(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        cosines = self.plain_scores(embeddings)
        target = _true(cosines, labels)
        margin = self.margin * self.margin_share
        return _scaled_softmax_loss(cosines, add_angle_monotone(target, margin), labels, self.scale)

    def plain_scores(self, embeddings: Tensor) -> Tensor:
        cosines = _cosines(embeddings, self.weight)
        return cosines.unflatten(1, (-1, self.sub_centers)).amax(dim=2)


class SubCenterArcFaceHead(ArcFaceHead, params=SubCenterArcFaceParams):
    """ArcFace with several centres a person; the nearest one counts.

    Deng et al. 2020, equation 2.
    """


class AdaFaceHead(Head, params=AdaFaceParams):
    """Softmax over scaled cosines with a margin by embedding norm.

    Kim et al. 2022, equations 9 to 11.

    ẑ is the norm, standardised by a running mean and deviation, times `h`, clipped to [-1, 1]. The
    true person's cosine becomes cos(θ + g_angle) − g_add with g_angle = −m ẑ and g_add = m ẑ + m:
    an ArcFace-like margin for a low norm, a CosFace-like one for a mean norm, the reverse of
    ArcFace for a high one. As in the authors' code θ + g_angle is clipped to [0, π] and g_add is
    scaled with the cosine. Unlike there the running values begin with the first batch's, not at 20
    and 100, and do not move in evaluation mode.
    """

    norm_mean: Tensor
    norm_std: Tensor
    batches: Tensor

    def __init__(
        self,
        embedding_dim: int,
        num_people: int,
        scale: float,
        margin: float,
        h: float,
        t_alpha: float,
    ):
        super().__init__()
        self.weight = _class_weights(num_people, embedding_dim)
        self.scale = scale
        self.margin = margin
        self.h = h
        self.t_alpha = t_alpha
        self.register_buffer("norm_mean", torch.zeros(()))
        self.register_buffer("norm_std", torch.zeros(()))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def loss(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        cosines = self.plain_scores(embeddings)
        quality = self._quality(embeddings)
        margin = self.margin * self.margin_share
        target = add_angle_clipped(_true(cosines, labels), -margin * quality) - (
            margin * quality + margin
        )
        return _scaled_softmax_loss(cosines, target, labels, self.scale)

    def plain_scores(self, embeddings: Tensor) -> Tensor:
        return _cosines(embeddings, self.weight)

    @torch.no_grad()
    def _quality(self, embeddings: Tensor) -> Tensor:
        """Returns ẑ of equation 9, (B,), without gradient; in training it moves the averages."""
        norms = embeddings.norm(dim=1).clamp(*NORM_RANGE)
        if self.training:
            share = torch.where(self.batches == 0, 1.0, self.t_alpha)
            self.norm_mean.lerp_(norms.mean(), share)
            self.norm_std.lerp_(norms.std(correction=min(1, len(norms) - 1)), share)
            self.batches += 1
        return ((norms - self.norm_mean) / (self.norm_std + 1e-3) * self.h).clamp(-1, 1)


class CosFaceHead(Head, params=CosFaceParams):
    """Softmax over scaled cosines, `margin` taken from the true person's.

    Wang et al. 2018, equation 4.
    """

    def __init__(self, embedding_dim: int, num_people: int, scale: float, margin: float):
        super().__init__()
        from pytorch_metric_learning.losses import CosFaceLoss  # takes seconds to import

        self.margin = margin
        self.cosface = CosFaceLoss(num_people, embedding_dim, margin=margin, scale=scale)
        nn.init.xavier_uniform_(self.cosface.W)

    def loss(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        self.cosface.margin = self.margin * self.margin_share
        return self.cosface(embeddings, labels)

    def plain_scores(self, embeddings: Tensor) -> Tensor:
        return self.cosface.get_cosine(embeddings)


class TripletHead(Head, params=TripletParams):
    """Batch-hard triplets by cosine, a mean over those that violate the margin.

    Hermans et al. 2017, equation 5. It has no weights per person: evaluation compares with
    prototypes. A batch needs several photographs of a person; without such a pair the loss is 0.
    """

    def __init__(self, embedding_dim: int, num_people: int, margin: float, samples_per_class: int):
        super().__init__()
        from pytorch_metric_learning.distances import CosineSimilarity
        from pytorch_metric_learning.losses import TripletMarginLoss
        from pytorch_metric_learning.miners import BatchHardMiner

        self.margin = margin
        self.samples_per_class = samples_per_class
        self.miner = BatchHardMiner(distance=CosineSimilarity())
        self.triplet = TripletMarginLoss(margin=margin, distance=CosineSimilarity())

    def loss(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        self.triplet.margin = self.margin * self.margin_share
        triplets = self.miner(embeddings, labels)
        if not len(triplets[0]):
            return embeddings.sum() * 0
        return self.triplet(embeddings, labels, triplets)

    def plain_scores(self, embeddings: Tensor) -> None:
        return None


class ArcFaceTripletHead(Head, params=ArcFaceTripletParams):
    """ArcFace plus `triplet_weight` times the batch-hard triplet loss."""

    def __init__(
        self,
        embedding_dim: int,
        num_people: int,
        scale: float,
        margin: float,
        triplet_margin: float,
        triplet_weight: float,
        samples_per_class: int,
    ):
        super().__init__()
        self.arcface = ArcFaceHead(embedding_dim, num_people, scale, margin)
        self.triplet = TripletHead(embedding_dim, num_people, triplet_margin, samples_per_class)
        self.samples_per_class = samples_per_class
        self.triplet_weight = triplet_weight

    def loss(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        self.arcface.margin_share = self.triplet.margin_share = self.margin_share
        return self.arcface(embeddings, labels) + self.triplet_weight * self.triplet(
            embeddings, labels
        )

    def plain_scores(self, embeddings: Tensor) -> Tensor:
        return self.arcface.plain_scores(embeddings)


def build_head(params: HeadParams, embedding_dim: int, num_people: int) -> Head:
    """Returns an untrained head with these settings.

    Args:
        params: the settings.
        embedding_dim: E.
        num_people: K.
    """
    settings = params.model_dump(exclude={"type"})
    return HEADS[type(params)](embedding_dim, num_people, **settings)


def add_angle_monotone(cosines: Tensor, angle: float) -> Tensor:
    """Returns cos(θ + angle), made to fall over all of [0, π].

    Deng et al. 2019, equation 3. Beyond θ = π − angle, where that would rise again, it is
    cos θ − angle · sin(angle), as in insightface.

    Args:
        cosines: (B,) cos θ.
        angle: radians, in [0, π).
    """
    shifted = cosines * math.cos(angle) - _sines(cosines) * math.sin(angle)
    return torch.where(
        cosines > math.cos(math.pi - angle), shifted, cosines - angle * math.sin(angle)
    )


def add_angle_clipped(cosines: Tensor, angles: Tensor) -> Tensor:
    """Returns cos(θ + angle) with θ + angle clipped to [0, π].

    Args:
        cosines: (B,) cos θ.
        angles: (B,) radians, in (-π, π).
    """
    shifted = cosines * angles.cos() - _sines(cosines) * angles.sin()
    shifted = torch.where((angles < 0) & (cosines > angles.cos()), 1.0, shifted)
    return torch.where((angles > 0) & (cosines < -angles.cos()), -1.0, shifted)


def _sines(cosines: Tensor) -> Tensor:
    """Returns sin θ ≥ 0 of cos θ, with a finite slope everywhere."""
    return ((1 - cosines) * (1 + cosines)).clamp(min=MIN_SQUARED_SIN).sqrt()


def _cosines(embeddings: Tensor, weight: Tensor) -> Tensor:
    """Returns the cosine of each embedding (B, E) to each row of `weight` (K, E), (B, K)."""
    return F.linear(F.normalize(embeddings), F.normalize(weight)).clamp(-1, 1)


def _true(cosines: Tensor, labels: Tensor) -> Tensor:
    """Returns the true person's cosine, (B,)."""
    return cosines.gather(1, labels[:, None]).squeeze(1)


def _scaled_softmax_loss(cosines: Tensor, target: Tensor, labels: Tensor, scale: float) -> Tensor:
    """Returns the cross-entropy of scaled cosines (B, K), the true ones replaced by `target`."""
    logits = cosines.scatter(1, labels[:, None], target[:, None])
    return F.cross_entropy(scale * logits, labels)


def _class_weights(num_rows: int, embedding_dim: int) -> nn.Parameter:
    """Returns a random direction a row."""
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(num_rows, embedding_dim)))
