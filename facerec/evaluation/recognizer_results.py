"""What one trained recogniser does: accuracy on known people, and the open set."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from facerec.evaluation.closed_set import closed_set_metrics
from facerec.evaluation.decisions import Decisions, decide
from facerec.evaluation.open_set import OPEN_SET, OpenSet, open_set_metrics
from facerec.evaluation.params import EvaluateParams
from facerec.evaluation.search_curves import RANKS, cmc_curve
from facerec.metrics.iso_names import iso_rates
from facerec.networks.devices import device
from facerec.recognition.datasets import AlignedFaces
from facerec.recognition.embedders import Embedder
from facerec.recognition.scoring import prototypes, top_k_hits

CLOSED_SETS = ("val", "wild")


@dataclass(frozen=True)
class RecognizerResult:
    """What one trained recogniser did.

    Attributes:
        metrics: accuracy on val and wild, and all of the open set's, with intervals.
        report: a row for each photograph of val and wild, a REPORT table without
            `recognized_share`.
        embeddings: (N, E) of the report's rows.
        train_embeddings: (T, E) of the training photographs.
        prototypes: (K, E) each known person's mean training embedding, normalised.
        strangers: (S, E) of the open set's photographs.
        stranger_ids: (S,) their image_ids.
        cmc: CMC of val, wild and the open set.
        open_set: the curves on people it was never trained on.
        decisions: what the published threshold decides about the open set's pairs; None if there
            are too few pairs to measure it.
        person_ids: (K,) who each label is.
    """

    metrics: dict[str, float]
    report: pd.DataFrame
    embeddings: Tensor
    train_embeddings: Tensor
    prototypes: Tensor
    strangers: Tensor
    stranger_ids: np.ndarray
    cmc: pd.DataFrame
    open_set: OpenSet
    decisions: Decisions | None
    person_ids: np.ndarray

    def prototype_cosines(self) -> Tensor:
        """Returns the cosines (N, K) of the report's photographs to each person's prototype."""
        return F.normalize(self.embeddings) @ self.prototypes.T

    def confused_people(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the true and the predicted person id of each photograph of val, (V,) each."""
        val = self.report[self.report.split == "val"]
        return self.person_ids[val.label], self.person_ids[val.predicted_label]


def evaluate_recognizer(
    network: Embedder, eval_sets: dict[str, AlignedFaces], params: EvaluateParams, fpr: float
) -> RecognizerResult:
    """Returns what a recogniser does on `val`, `wild` and `openset`.

    Args:
        network: on its device, or a reference.
        eval_sets: the faces of `train`, `val`, `wild` and `openset`.
        params: of the intervals.
        fpr: one of OPERATING_FPRS, whose threshold decides about the open set's pairs.
    """
    train = eval_sets["train"]
    train_embeddings = train.embed(network, title="embed train")
    means = prototypes(train_embeddings, train.labels, len(network.config.person_ids))

    metrics: dict[str, float] = {}
    reports = []
    embeddings = []
    cmcs = []
    for split in CLOSED_SETS:
        faces = eval_sets[split]
        split_embeddings = faces.embed(network, title=f"embed {split}")
        cosines = F.normalize(split_embeddings) @ means.T
        scores = _scores(network, split_embeddings, cosines)
        metrics |= closed_set_metrics(split, scores, cosines, faces.labels, faces.usable)
        reports.append(_report(faces, scores, split))
        embeddings.append(split_embeddings)
        ranks = _ranks(scores, faces)
        cmcs.append(cmc_curve(split, ranks, faces.labels.numpy(), len(means)))

    strangers = eval_sets[OPEN_SET]
    is_query = (strangers.frame.role == "query").to_numpy()
    strangers_embeddings = strangers.embed(network, title="embed openset")
    people = strangers.frame.person_id.to_numpy()
    open_set = open_set_metrics(strangers_embeddings, people, is_query, params)
    metrics |= open_set.values
    threshold = open_set.threshold(fpr)
    return RecognizerResult(
        metrics=metrics | iso_rates(metrics),
        report=pd.concat(reports, ignore_index=True),
        embeddings=torch.cat(embeddings),
        train_embeddings=train_embeddings,
        prototypes=means,
        strangers=strangers_embeddings,
        stranger_ids=strangers.frame.image_id.to_numpy(),
        cmc=pd.concat([*cmcs, open_set.cmc], ignore_index=True),
        open_set=open_set,
        decisions=None if threshold is None else decide(strangers_embeddings, people, threshold),
        person_ids=np.array(network.config.person_ids),
    )


def _ranks(scores: Tensor, faces: AlignedFaces) -> np.ndarray:
    """Returns the true person's rank (N,), RANKS + 1 if it is higher or the face not aligned."""
    ranks = 1 + sum(~top_k_hits(scores, faces.labels, k).numpy() for k in range(1, RANKS + 1))
    return np.where(faces.usable, ranks, RANKS + 1)


def _scores(network: Embedder, embeddings: Tensor, prototype_cosines: Tensor) -> Tensor:
    """Returns the head's scores (N, K) without margin; prototype cosines where it has none."""
    with torch.inference_mode():
        scores = network.head.scores(embeddings.to(device()))
    return prototype_cosines if scores is None else scores.cpu()


def _report(faces: AlignedFaces, scores: Tensor, split: str) -> pd.DataFrame:
    best_scores, predicted_labels = scores.max(dim=1)
    labels = faces.frame.label.to_numpy(dtype=np.int64)
    is_recognized = (predicted_labels.numpy() == labels) & faces.usable
    return pd.DataFrame(
        {
            "image_id": faces.frame.image_id.to_numpy(),
            "label": labels,
            "is_recognized": is_recognized.astype(int),
            "predicted_label": predicted_labels.numpy(),
            "score": best_scores.numpy().astype(float),
            "split": split,
        }
    )


def combined_report(results: list[RecognizerResult]) -> pd.DataFrame:
    """Returns the first seed's report with the share of seeds that recognise each photograph."""
    share = np.mean([result.report.is_recognized for result in results], axis=0)
    return results[0].report.assign(recognized_share=share)
