"""How often 95 % intervals hold the truth, in simulated exams whose truth is known.

python -m experiments.coverage

Needs nothing but the code. People differ: each has an accuracy of their own, drawn from a beta
distribution, so that photographs of one person correlate. It takes a few minutes.
"""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from typer import Option, run

from experiments.simulated_exams import (
    DIMENSIONS,
    coverage,
    difference_exams,
    open_set_exams,
    share_exams,
)
from facerec.files import write_bytes
from facerec.progress import Progress
from tools.machine import describe

PEOPLE = [10, 20, 50, 150, 500]
PHOTOGRAPHS = [2, 4, 20]
ACCURACIES = [0.5, 0.8, 0.9, 0.95, 0.97, 0.99, 0.999]
CORRELATIONS = [0.0, 0.2, 0.5]
SHOWN = 0.2  # the correlation of the long tables
WINS = [(0.2, 0.2), (0.1, 0.02), (0.02, 0.02), (0.02, 0.0), (0.005, 0.005)]
REPORTED = [(320, 2, 0.9), (20, 4, 0.9), (50, 3, 0.97), (50, 3, 0.99), (20, 4, 0.99)]
NOISES = {"easy": 0.45, "medium": 0.6, "hard": 0.9}
OPEN_SETS = [(10, 4), (20, 4), (20, 10), (50, 4), (50, 10)]
FEW = 3  # failures, as independent photographs

PAGE = """# How often the intervals hold the truth

Written by `python -m experiments.coverage{options}`.

{machine}
- {exams} exams for each number, {open_set_exams} of the open set

Of 95 % intervals, in %, the share that holds the truth. *Correlation* is that of two photographs of
one person. Where fewer than {few} failures are expected, counted as independent photographs, many
exams have none at all: no interval can then hold the truth in just 95 %, and these hold it in more.
Chance moves a number by up to {noise:.1f} points, {open_set_noise:.1f} in the open set.

## The bootstrap of people, and now

Correlation {shown}.

{reported}

## Accuracy

{accuracy_summary}

Correlation {shown}; the columns are true accuracies:

{accuracy}

People with 2 to 20 photographs each, correlation {shown}; mean over photographs / over people:

{unequal}

## Differences of two recognisers

{difference_summary}

Correlation {shown}; the columns say on which share of the photographs only the second, and only the
first, is right:

{difference}

## The open set

Random embeddings of {dimensions} dimensions; some people and some photographs are harder than
others. *FNMR* and *FMR* are at a fixed threshold. *TPR at FPR* and *found* set their threshold by
the exam, at 10 % of false matches and of false alarms. The truth is the mean over all exams, in
brackets.

{open_set}
"""


def main(
    exams: Annotated[int, Option(help="for each number")] = 1000,
    open_set: Annotated[int, Option(help="exams for each number of the open set")] = 200,
    report: Annotated[Path, Option(help="output: the tables")] = Path("docs/results/coverage.md"),
) -> None:
    """Writes how often intervals of simulated exams hold the truth."""
    cells = list(product(PEOPLE, PHOTOGRAPHS, CORRELATIONS))
    shares, differences = {}, {}
    with Progress("coverage", len(cells) + len(OPEN_SETS) * len(NOISES)) as progress:
        for people, photographs, correlation in cells:
            for truth in ACCURACIES:
                found = share_exams(people, photographs, truth, correlation, exams, "photographs")
                shares[people, photographs, correlation, truth] = coverage(found, truth)
            for wins in WINS:
                found = difference_exams(people, photographs, wins, correlation, exams)
                held = coverage(found, wins[0] - wins[1])
                differences[people, photographs, correlation, wins] = held
            progress.advance()
        rows = {}
        for (people, photographs), name in product(OPEN_SETS, NOISES):
            rows[people, photographs, name] = open_set_exams(
                people, photographs, NOISES[name], open_set
            )
            progress.advance()
    text = PAGE.format(
        options=f" --exams {exams} --open-set {open_set}",
        machine="\n".join(f"- {line}" for line in describe()),
        exams=exams,
        open_set_exams=open_set,
        few=FEW,
        noise=_noise(exams),
        open_set_noise=_noise(open_set),
        shown=SHOWN,
        dimensions=DIMENSIONS,
        reported=_reported(exams),
        accuracy_summary=_summary(shares, lambda truth: 1 - truth),
        accuracy=_table(shares, ACCURACIES, [_percent(truth) for truth in ACCURACIES]),
        unequal=_unequal(exams),
        difference_summary=_summary(differences, sum),
        difference=_table(differences, WINS, [" / ".join(map(_percent, wins)) for wins in WINS]),
        open_set=_open_set(rows),
    )
    write_bytes(report, text.encode())
    print(f"written to {report}")


def _reported(exams: int) -> str:
    header = ["people × photographs, accuracy", "bootstrap", "of no width", "now", "of no width"]
    rows = []
    for people, photographs, truth in REPORTED:
        cells = [f"{people} × {photographs}, {_percent(truth)} %"]
        for kind in ("bootstrap", "photographs"):
            found = share_exams(people, photographs, truth, SHOWN, exams, kind)
            has_none = found[:, 0] == found[:, 1]
            cells += [_percent(coverage(found, truth)), _percent(has_none.mean())]
        rows.append(cells)
    return _markdown(header, rows)


def _summary(
    held: dict[tuple[int, int, float, Any], float], failing: Callable[[Any], float]
) -> str:
    """Returns a table of the lowest and the other shares by correlation.

    Args:
        held: by people, photographs, correlation and truth.
        failing: takes a truth to the share of photographs that fail, or on which two differ.
    """
    header = ["correlation", "failures", "settings", "lowest", "below 93 %", "93 to 97 %", "above"]
    rows = []
    for correlation in CORRELATIONS:
        parts: dict[str, list[float]] = {f"{FEW} or more": [], f"fewer than {FEW}": []}
        for (people, photographs, of, truth), share in held.items():
            effect = 1 + (photographs - 1) * correlation
            is_few = people * photographs * failing(truth) / effect < FEW
            if of == correlation:
                parts[list(parts)[is_few]].append(share)
        for name, numbers in parts.items():
            shares = np.array(numbers)
            below, above = (shares < 0.93).sum(), (shares > 0.97).sum()
            counts = [
                len(shares),
                _percent(shares.min()),
                below,
                len(shares) - below - above,
                above,
            ]
            rows.append([f"{correlation}", name, *map(str, counts)])
    return _markdown(header, rows)


def _table(
    held: dict[tuple[int, int, float, Any], float], truths: list[Any], titles: list[str]
) -> str:
    rows = []
    for people, photographs in product(PEOPLE, PHOTOGRAPHS):
        cells = [_percent(held[people, photographs, SHOWN, truth]) for truth in truths]
        rows.append([f"{people} × {photographs}", *cells])
    return _markdown(["people × photographs", *titles], rows)


def _unequal(exams: int) -> str:
    rows = []
    for people in PEOPLE:
        cells = []
        for truth in ACCURACIES:
            by_kind = (
                coverage(share_exams(people, 0, truth, SHOWN, exams, kind), truth)
                for kind in ("photographs", "people")
            )
            cells.append(" / ".join(map(_percent, by_kind)))
        rows.append([str(people), *cells])
    return _markdown(["people", *map(_percent, ACCURACIES)], rows)


def _open_set(rows: dict[tuple[int, int, str], dict[str, tuple[np.ndarray, np.ndarray]]]) -> str:
    lines = []
    for (people, photographs, name), measures in rows.items():
        cells = [
            f"{_percent(coverage(intervals, estimates.mean()))} ({_percent(estimates.mean())})"
            for estimates, intervals in measures.values()
        ]
        lines.append([f"{people} × {photographs}, {name}", *cells])
    return _markdown(["people × photographs", *next(iter(rows.values()))], lines)


def _noise(exams: int) -> float:
    """Returns two standard errors of a coverage of 95 %, in points."""
    return float(200 * np.sqrt(0.95 * 0.05 / exams))


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0")


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows))


if __name__ == "__main__":
    run(main)
