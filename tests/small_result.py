"""What a small recogniser did, made from random embeddings, for the tests of evaluation."""

import numpy as np
import pandas as pd
import torch
from collection import make_frame
from torch import Tensor

from facerec.evaluation.decisions import decide
from facerec.evaluation.open_set import OpenSet
from facerec.evaluation.quality import OF_PHOTOGRAPHS
from facerec.evaluation.recognizer_results import RecognizerResult
from facerec.recognition.scoring import prototypes

PEOPLE, PHOTOS, STRANGERS = 8, 9, 6
DIM = 12


def small_result(
    noise: float = 1.5, threshold: float | None = 0.5
) -> tuple[RecognizerResult, dict[str, pd.DataFrame]]:
    """Returns a result, and the tables of train, val, wild and openset.

    Person 0 has fewer photographs in train than the others. The first of the strangers could not
    be aligned, and the last one has a single photograph.

    Args:
        noise: of the embeddings; 0 makes no mistake.
        threshold: a cosine; None for an open set that gives none.
    """
    generator = torch.Generator().manual_seed(0)
    frame = make_frame(PEOPLE + STRANGERS, PHOTOS)
    frame["number"] = frame.person_id.rank(method="dense").astype(int) - 1
    frame = frame.sort_values("number", kind="stable", ignore_index=True)
    place = frame.groupby("number").cumcount()
    centres = torch.randn(PEOPLE + STRANGERS, DIM, generator=generator)
    embeddings = centres[frame.number.tolist()]
    embeddings = embeddings + noise * torch.randn(len(frame), DIM, generator=generator)

    is_known = frame.number < PEOPLE
    is_last = frame.number == PEOPLE + STRANGERS - 1
    rows = {
        "train": is_known & (place < np.where(frame.number == 0, 3, 5)),
        "val": is_known & place.between(5, 6),
        "wild": is_known & (place > 6),
        "openset": ~is_known & (~is_last | (place == 0)),
    }
    frames = {}
    parts: dict[str, Tensor] = {}
    for split, chosen in rows.items():
        label = np.nan if split == "openset" else frame.number[chosen]
        frames[split] = frame[chosen].drop(columns="number").assign(label=label)
        frames[split] = frames[split].reset_index(drop=True)
        parts[split] = embeddings[torch.tensor(chosen.to_numpy())].clone()
    parts["openset"][0] = 0
    frames["openset"]["role"] = "query"
    labels = torch.tensor(frames["train"].label.to_numpy())
    means = prototypes(parts["train"], labels, PEOPLE)
    known = torch.cat([parts["val"], parts["wild"]])
    predicted = (torch.nn.functional.normalize(known) @ means.T).argmax(dim=1).numpy()
    report = pd.concat([frames[s][["image_id", "label"]].assign(split=s) for s in ("val", "wild")])
    report = report.reset_index(drop=True).assign(predicted_label=predicted, score=0.5)
    report["is_recognized"] = (report.label == predicted).astype(int)
    people = frames["openset"].person_id.to_numpy()
    decisions = None if threshold is None else decide(parts["openset"], people, threshold)
    person_ids = np.sort(frames["train"].person_id.unique())
    result = RecognizerResult(
        metrics={},
        report=report,
        embeddings=known,
        train_embeddings=parts["train"],
        prototypes=means,
        strangers=parts["openset"],
        stranger_ids=frames["openset"].image_id.to_numpy(),
        cmc=pd.DataFrame(),
        open_set=OpenSet.empty(),
        decisions=decisions,
        person_ids=person_ids,
    )
    return result, frames


def quality_of(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Returns random measures of quality of the photographs of val, wild and the open set."""
    ids = pd.concat([frames[exam].image_id for exam in ("val", "wild", "openset")])
    values = np.random.default_rng(0).random((len(ids), len(OF_PHOTOGRAPHS)))
    return pd.DataFrame(values, index=ids, columns=OF_PHOTOGRAPHS)
