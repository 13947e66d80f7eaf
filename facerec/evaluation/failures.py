"""The worst failures of one recogniser, with what may explain them."""

import numpy as np
import pandas as pd
import torch.nn.functional as F
from torch import Tensor

from facerec.evaluation.decisions import Decisions
from facerec.evaluation.open_set import OPEN_SET
from facerec.evaluation.quality import QUALITY, with_norms
from facerec.evaluation.recognizer_results import CLOSED_SETS, RecognizerResult
from facerec.evaluation.slices import attributes

SHOWN = 60  # of each kind in each exam
OF_FAILURE = [
    *("exam", "kind", "image_id", "person_id", "taken_for_image_id", "taken_for_person_id"),
    *("really_image_id", "cosine", "threshold"),
]
COLUMNS = [*OF_FAILURE, *QUALITY]  # the attributes of the photograph follow
EMPTY = pd.DataFrame(columns=OF_FAILURE).astype(
    {"person_id": "Int64", "taken_for_person_id": "Int64", "cosine": float, "threshold": float}
)


def failure_table(
    result: RecognizerResult,
    photographs: dict[str, pd.DataFrame],
    quality: pd.DataFrame,
) -> pd.DataFrame:
    """Returns the worst failures of each kind in each exam, worst first: COLUMNS, attributes.

    `wrong_person`: a photograph of val or wild that is taken for another person. `taken_for` and
    `really` are the most similar training photographs of that person and of the true one;
    `cosine` is that to the former.
    `false_match`: two different people of the open set whose cosine is above the threshold.
    `really` is the most similar other photograph of the first one's person, if there is one.
    `false_non_match`: two photographs, `image_id` and `really`, of one person whose cosine is not.

    Args:
        result: of one seed.
        photographs: the tables of train, val, wild and openset, with attributes.
        quality: from `quality_table`, of val, wild and the open set.
    """
    parts = [_wrong_people(result, split, photographs["train"]) for split in CLOSED_SETS]
    if result.decisions is not None:
        strangers = photographs[OPEN_SET]
        parts.append(_false_matches(result.decisions, strangers, result.strangers))
        parts.append(_false_non_matches(result.decisions, strangers))
    failures = pd.concat([EMPTY, *(part for part in parts if len(part))], ignore_index=True)
    exams = pd.concat([photographs[exam] for exam in (*CLOSED_SETS, OPEN_SET)])
    explained = with_norms(quality, result).join(
        exams.set_index("image_id")[attributes(exams)], validate="one_to_one"
    )
    return failures.join(explained, on="image_id").round(6)


def most_similar(cosines: np.ndarray, labels: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Returns the column of the most similar photograph of each wanted person, (N,).

    Args:
        cosines: (N, T).
        labels: (T,) who is on each column's photograph.
        wanted: (N,) whose photograph is asked for; each has one.
    """
    return np.where(labels[None] == wanted[:, None], cosines, -np.inf).argmax(axis=1)


def cosines_of(rows: Tensor, others: Tensor) -> np.ndarray:
    """Returns the cosines (N, T) of embeddings (N, E) and (T, E)."""
    return (F.normalize(rows) @ F.normalize(others).T).numpy()


def _wrong_people(result: RecognizerResult, split: str, train: pd.DataFrame) -> pd.DataFrame:
    report = result.report
    mistakes = report[(report.split == split) & (report.label != report.predicted_label)]
    cosines = cosines_of(result.embeddings[mistakes.index.tolist()], result.train_embeddings)
    labels = train.label.to_numpy()
    image_ids = train.image_id.to_numpy()
    taken_for = most_similar(cosines, labels, mistakes.predicted_label.to_numpy())
    really = most_similar(cosines, labels, mistakes.label.to_numpy())
    columns = {
        "exam": split,
        "kind": "wrong_person",
        "image_id": mistakes.image_id,
        "person_id": result.person_ids[mistakes.label],
        "taken_for_image_id": image_ids[taken_for],
        "taken_for_person_id": result.person_ids[mistakes.predicted_label],
        "really_image_id": image_ids[really],
        "cosine": cosines[np.arange(len(cosines)), taken_for].astype(float),
        "threshold": np.nan if result.decisions is None else result.decisions.threshold,
    }
    failures = pd.DataFrame(columns)
    return failures.sort_values(["cosine", "image_id"], ascending=[False, True]).head(SHOWN)


def _false_matches(
    decisions: Decisions, strangers: pd.DataFrame, embeddings: Tensor
) -> pd.DataFrame:
    worst = np.argsort(-decisions.false_cosines, kind="stable")[:SHOWN]
    first, second = decisions.false_matches[worst].T
    people = strangers.person_id.to_numpy()
    image_ids = strangers.image_id.to_numpy()
    cosines = cosines_of(embeddings[first], embeddings)
    cosines[np.arange(len(first)), first] = -np.inf
    others = np.bincount(np.unique(people, return_inverse=True)[1])
    has_another = pd.Series(others, np.unique(people))[people[first]].to_numpy() > 1
    really = image_ids[most_similar(cosines, people, people[first])]
    columns = {
        "exam": OPEN_SET,
        "kind": "false_match",
        "image_id": image_ids[first],
        "person_id": people[first],
        "taken_for_image_id": image_ids[second],
        "taken_for_person_id": people[second],
        "really_image_id": np.where(has_another, really, None),
        "cosine": decisions.false_cosines[worst].astype(float),
        "threshold": decisions.threshold,
    }
    return pd.DataFrame(columns)


def _false_non_matches(decisions: Decisions, strangers: pd.DataFrame) -> pd.DataFrame:
    missed = np.flatnonzero(decisions.is_missed)
    worst = missed[np.argsort(decisions.genuine_cosines[missed], kind="stable")[:SHOWN]]
    first, second = decisions.genuine[worst].T
    columns = {
        "exam": OPEN_SET,
        "kind": "false_non_match",
        "image_id": strangers.image_id.to_numpy()[first],
        "person_id": strangers.person_id.to_numpy()[first],
        "really_image_id": strangers.image_id.to_numpy()[second],
        "cosine": decisions.genuine_cosines[worst].astype(float),
        "threshold": decisions.threshold,
    }
    return pd.DataFrame(columns)
