"""Part 1: which recogniser is better, by how much, and whether chance could do that."""

from dataclasses import dataclass
from itertools import combinations

from facerec.report.figures import Figure, Measured
from facerec.report.run import Recognizer, Run

ALL_PAIRS = 3  # trained recognisers of which every two are compared
EXAMS = {
    "val": "photographs that the selection let through",
    "wild": "photographs of the same people as they come, set aside before any rule",
}
KEY_FIGURES = {  # of the published recogniser: what it measures, in plain words
    "val_top1": "right person, selected photographs",
    "wild_top1": "right person, photographs as they come",
    "openset_auc": "strangers: same-person pairs ranked above different-person pairs",
}


@dataclass(frozen=True)
class Difference:
    """Two recognisers on one exam.

    Attributes:
        exam: val or wild.
        photographs: which photographs these are, in words.
        better: the one with the higher accuracy.
        other: the other one.
        better_rate: its accuracy.
        other_rate: the other's.
        points: the second's accuracy less the first's, points of %.
        second: the recogniser that is better if `points` is positive.
        first: the other one.
        p: McNemar's.
        is_told_apart: whether the interval leaves out 0.
        is_equal: whether both are right equally often.
    """

    exam: str
    photographs: str
    better: Recognizer
    other: Recognizer
    better_rate: Figure
    other_rate: Figure
    points: Figure
    second: Recognizer
    first: Recognizer
    p: Figure
    is_told_apart: bool
    is_equal: bool


def headline(run: Run) -> dict:
    """Returns the differences between recognisers, and the published one's key figures.

    References are compared with the published one alone, and so are more than ALL_PAIRS others.
    """
    comparison = Measured.read(run.files.comparison)
    has_few = sum(each.is_trained for each in run.recognizers) <= ALL_PAIRS
    pairs = [
        pair
        for pair in combinations(run.recognizers, 2)
        if run.published in pair or (has_few and all(each.is_trained for each in pair))
    ]
    found = [
        _difference(comparison, first, second, exam) for exam in EXAMS for first, second in pairs
    ]
    metrics = run.published.metrics
    rates = {title: metrics.figure(key) for key, title in KEY_FIGURES.items()}
    return {
        "differences": [each for each in found if each],
        "key_figures": {title: figure for title, figure in rates.items() if figure},
    }


def _difference(
    comparison: Measured, first: Recognizer, second: Recognizer, exam: str
) -> Difference | None:
    key = f"{second.name}_vs_{first.name}.{exam}"
    points = comparison.figure(f"{key}_top1_difference", unit="points", signed=True)
    p = comparison.figure(f"{key}_mcnemar_p", unit="", scale=1, digits=4)
    rates = [each.metrics.figure(f"{exam}_top1") for each in (first, second)]
    if points is None or p is None or rates[0] is None or rates[1] is None:
        return None
    order = [(second, rates[1]), (first, rates[0])]
    if points.value.value < 0:
        order.reverse()
    low, high = points.low, points.high
    return Difference(
        exam=exam,
        photographs=EXAMS[exam],
        better=order[0][0],
        other=order[1][0],
        better_rate=order[0][1],
        other_rate=order[1][1],
        points=points,
        second=second,
        first=first,
        p=p,
        is_told_apart=bool(low and high and (low.value > 0 or high.value < 0)),
        is_equal=points.value.value == 0,
    )
