"""Failures before anything is compared: faces that could not be aligned, people without a face."""

import numpy as np
import pandas as pd

from facerec.evaluation.closed_set import with_interval
from facerec.metrics.intervals import share_interval
from facerec.recognition.datasets import AlignedFaces

ENROLLED_BY = ("train", "openset")


def enrolment_metrics(eval_sets: dict[str, AlignedFaces]) -> dict[str, float]:
    """Returns the failure-to-acquire and failure-to-enrol rates, `fta` and `fte`, with intervals.

    ISO/IEC 19795-1. `fta` is the share of all photographs whose face could not be aligned. `fte` is
    the share of people without a single photograph that could: a known person is enrolled by
    photographs of train, another by those of the open set.

    Args:
        eval_sets: the faces of `train`, `val`, `wild` and `openset`.
    """
    by_split = {
        split: pd.DataFrame({"person": faces.frame.person_id, "usable": faces.usable})
        for split, faces in eval_sets.items()
    }
    photographs = pd.concat(by_split.values(), ignore_index=True)
    is_lost = ~photographs.usable.to_numpy(bool)
    interval = share_interval(is_lost, photographs.person)
    fta = with_interval("fta", is_lost.mean(), interval)
    enrolled = pd.concat([by_split[split] for split in ENROLLED_BY], ignore_index=True)
    is_absent = ~enrolled.groupby("person").usable.any().to_numpy(bool)
    people = np.arange(len(is_absent))
    interval = share_interval(is_absent, people)
    return fta | with_interval("fte", is_absent.mean(), interval)
