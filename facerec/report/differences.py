"""How the published recognisers of two revisions differ, and whether that is chance."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facerec.evaluation.comparison import compare_recognizers
from facerec.report.revisions import Revision

MEASURES = {  # by metric: title, and whether more is better
    "val_top1": ("val top-1", True),
    "val_top5": ("val top-5", True),
    "wild_top1": ("wild top-1", True),
    "wild_top5": ("wild top-5", True),
    "openset_auc": ("open-set AUC", True),
    "openset_eer": ("open-set EER", False),
    "openset_tpr_at_fpr_1e-2": ("TPR at FPR 1e-2", True),
    "openset_tpr_at_fpr_1e-3": ("TPR at FPR 1e-3", True),
    "identification_rate_at_fpr_1e-2": ("identification rate at FPR 1e-2", True),
    "search_rank1": ("1:N search, rank 1", True),
    "fnir_at_fpir_1e-2": ("FNIR at FPIR 1e-2", False),
}
PAIRED = {"val_top1": "val", "wild_top1": "wild"}  # hits of each photograph are known
Range = tuple[float, float, float]  # a value and its 95 % interval


@dataclass(frozen=True)
class Difference:
    """One measure of a revision less that of the first one.

    Attributes:
        measure: its title.
        value: the difference, as shares are.
        low: of its 95 % interval.
        high: of its 95 % interval.
        is_paired: whether it is of the same photographs, one by one.
        p: McNemar's, of a paired difference.
        more_is_better: of the measure.
    """

    measure: str
    value: float
    low: float
    high: float
    is_paired: bool
    p: float | None
    more_is_better: bool

    @property
    def verdict(self) -> str:
        """`better`, `worse` or `not distinguishable`."""
        if self.low <= 0 <= self.high:
            return "not distinguishable"
        return "better" if (self.low > 0) == self.more_is_better else "worse"


def differences(first: Revision, second: Revision) -> list[Difference]:
    """Returns the second's measures less the first's, of those that both have.

    Top-1 is paired, over people, where both have the same exam. All else is as if other
    people had taken each exam (`unpaired`): of the same people such an interval is too wide, so it
    may miss a difference but does not invent one.

    Args:
        first: a revision.
        second: another.

    Raises:
        ValueError: the exams are the same, but the reports are not of the same photographs.
    """
    found = []
    for key, (title, more_is_better) in MEASURES.items():
        ranges = [_range(revision.metrics, key) for revision in (first, second)]
        if ranges[0] is None or ranges[1] is None:
            continue
        split = PAIRED.get(key)
        p = None
        if split is not None and same_exam(first, second, split):
            result = compare_recognizers(
                first.name, second.name, split, first.report, second.report
            )
            value, low, high, p = result.difference, result.low, result.high, result.p
        else:
            value, low, high = unpaired(ranges[0], ranges[1])
        found.append(Difference(title, value, low, high, p is not None, p, more_is_better))
    return found


def same_exam(first: Revision, second: Revision, exam: str) -> bool:
    """Returns whether two revisions have the same photographs, boxes and people in an exam.

    Names of photographs do not tell: another collection may have the same ones.
    """
    md5 = first.exams.get(exam)
    return md5 is not None and md5 == second.exams.get(exam)


def unpaired(first: Range, second: Range) -> Range:
    """Returns the difference of two independent numbers with its 95 % interval, from theirs.

    Zou and Donner 2008, Construction of confidence limits about effect measures, equation 3; for
    two shares with Wilson's intervals it is Newcombe's 1998 method 10.

    Args:
        first: value, low and high.
        second: the same of the number from which it is taken.
    """
    value = second[0] - first[0]
    low = value - math.hypot(second[0] - second[1], first[2] - first[0])
    high = value + math.hypot(second[2] - second[0], first[0] - first[1])
    return value, low, high


def changed_params(revisions: list[Revision]) -> dict[str, list[str]]:
    """Returns the parameters that are not the same in all revisions: by key, a text each."""
    flat = [dict(_flat(revision.params, "")) for revision in revisions]
    keys = list(dict.fromkeys(key for values in flat for key in values))
    texts = {key: [str(values.get(key, "–")) for values in flat] for key in keys}
    return {key: values for key, values in texts.items() if len(set(values)) > 1}


def _flat(content: Any, prefix: str) -> list[tuple[str, Any]]:
    """Returns the values of nested mappings with their dotted keys."""
    if not isinstance(content, Mapping):
        return [(prefix, content)]
    return [
        pair
        for key, value in content.items()
        for pair in _flat(value, f"{prefix}.{key}" if prefix else str(key))
    ]


def _range(metrics: Mapping[str, float], key: str) -> Range | None:
    names = (key, f"{key}_low", f"{key}_high")
    if not all(name in metrics for name in names):
        return None
    value, low, high = (float(metrics[name]) for name in names)
    return value, low, high
