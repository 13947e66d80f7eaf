"""Say in one line what `make repro` will do and about how long it takes on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd
from dvc.exceptions import DvcException
from dvc.repo import Repo

from facerec.data.identity import read_identity
from facerec.landmarks.params import HourglassParams
from facerec.parallel import num_workers
from facerec.params import PARAMS_FILE, read_yaml
from facerec.recognition.params import RecognizerEntry, RecognizerParams, is_reference, load_entry
from facerec.selection.params import SelectParams
from facerec.selection.sizes import REST, divide_people, parts, val_sizes
from stages.cli import run
from tools.check_params import DRAWN, problems

CHECK = "check_params"
FEW = 10  # people, and photographs of each, where an absent collection gives shares

# Seconds on two cores without AMX, of the smaller parts, which are not measured for each estimate.
START = 1.5  # per stage, for DVC and Python
TORCH = 3.0  # per stage that imports torch
MEASURE = 0.003  # per photograph, as the next six
DETECT = 0.01
SELECT = 0.001
CROP = 0.002
READ = 0.002
ALIGN = 0.006
EMBED = 0.002
RESAMPLE = 0.006  # per bootstrap resample


@dataclass(frozen=True)
class Speed:
    """Seconds measured on this machine; 0 where no stage needs them.

    Attributes:
        draw: per drawn photograph.
        hourglass_step: per training batch.
        predict_face: per face, to find its landmarks.
        recognizer_step: per training batch.
    """

    draw: float = 0.0
    hourglass_step: float = 0.0
    predict_face: float = 0.0
    recognizer_step: float = 0.0


@dataclass(frozen=True)
class Kept:
    """Epochs that interrupted trainings have already done.

    Attributes:
        hourglass: of the hourglass.
        recognizers: of each recogniser, over all seeds.
    """

    hourglass: int = 0
    recognizers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Photographs:
    """The number of photographs of each part, at most.

    Attributes:
        people: who are trained on.
        collection: the whole collection.
        train: for training.
        val: for validation after each epoch.
        wild: of the same people, set aside before any criterion.
        openset: of other people.
        landmarks_only: for the training of the hourglass alone.
    """

    people: int
    collection: int
    train: int
    val: int
    wild: int
    openset: int
    landmarks_only: int

    @classmethod
    def of(cls, content: dict[str, Any]) -> "Photographs":
        """Returns the numbers for checked parameters; an absent collection counts as small."""
        select = SelectParams.model_validate(content["select"])
        openset, drawn = select.openset, content["synthesize"]
        identity = Path(content["dataset"]["identity"])
        if drawn["runs"] and content["dataset"]["images"] == DRAWN:
            all_people = drawn["people"]
            collection = all_people * drawn["photos_per_person"]
        elif identity.is_file():
            rows = read_identity(identity)
            all_people = rows.person_id.nunique()
            collection = len(rows)
        else:
            sizes = select.people, openset.query_people, openset.distractor_people
            all_people = sum(size if isinstance(size, int) else FEW for size in sizes)
            in_all = select.images_per_person, select.wild_per_person
            collection = all_people * sum(size if isinstance(size, int) else FEW for size in in_all)
        per_person = collection / all_people
        numbers = divide_people(
            select.people, openset.query_people, openset.distractor_people, all_people
        )
        strangers = numbers.query + numbers.distractor
        people = all_people - strangers if numbers.chosen is None else numbers.chosen
        wild = int(parts(select.wild_per_person, round(per_person)))
        chosen = (
            max(round(per_person) - wild, 1)
            if select.images_per_person == REST
            else int(select.images_per_person)
        )
        val = int(val_sizes(select.val_per_person, pd.Series([chosen])).iloc[0])
        return cls(
            people=people,
            collection=collection,
            train=people * (chosen - val),
            val=people * val,
            wild=people * wild,
            openset=round(strangers * min(openset.images_per_person, per_person)),
            landmarks_only=round(people * max(per_person - chosen - wild, 0)),
        )

    @property
    def aligned(self) -> int:
        return self.train + self.val + self.wild + self.openset


def upstream(repo: Repo) -> dict[str, set[str]]:
    """Returns all stages in the order of dvc.yaml, each with all stages that it depends on."""
    graph = repo.index.graph
    return {
        stage.addressing: {before.addressing for before in nx.descendants(graph, stage)}
        for stage in repo.index.stages
    }


def to_run(status: dict[str, list], upstream: Mapping[str, set[str]]) -> list[str]:
    """Returns the stages that `dvc repro` would run, at most, in their order.

    Args:
        status: as `dvc status --json` gives it.
        upstream: all stages, each with all that it depends on.
    """
    changed = {stage for stage in upstream if _has_changed(status.get(stage, []))}
    reaching = changed - {CHECK}  # its output is always the same
    return [name for name, before in upstream.items() if name in changed or before & reaching]


def _has_changed(reasons: list) -> bool:
    """Returns whether a stage runs, and does more than restore its outputs from the cache."""
    for reason in reasons:
        outputs = reason.get("changed outs", {}) if isinstance(reason, dict) else {}
        if not outputs or len(reason) > 1 or set(outputs.values()) != {"deleted"}:
            return True
    return False


def seconds(
    stages: list[str], content: dict[str, Any], photographs: Photographs, speed: Speed, kept: Kept
) -> float:
    """Returns about how long these stages take.

    Args:
        stages: their names.
        content: the checked parameters.
        photographs: their numbers.
        speed: of this machine.
        kept: epochs that are already done.
    """
    total = 0.0
    for stage in stages:
        kind, _, recognizer_name = stage.partition("@")
        total += START + _work(kind, recognizer_name, content, photographs, speed, kept)
    return total


def _work(
    kind: str,
    recognizer_name: str,
    content: dict[str, Any],
    photographs: Photographs,
    speed: Speed,
    kept: Kept,
) -> float:
    """Returns the seconds of one stage without its start."""
    hourglass = content["hourglass"]
    recognizer = content["recognizer"]
    seeds = len(recognizer["seeds"])
    if kind == "synthesize":
        return photographs.collection * speed.draw
    if kind == "detect":
        return photographs.collection * DETECT
    if kind == "measure":
        return photographs.collection * MEASURE
    if kind == "select":
        return photographs.collection * SELECT
    if kind == "crop":
        return (photographs.aligned + photographs.landmarks_only) * CROP
    if kind == "train_hourglass":
        train = photographs.train + photographs.landmarks_only
        steps = _steps(train, hourglass["batch_size"]) * speed.hourglass_step
        epoch = steps + photographs.val * speed.predict_face
        evaluation = 2 * (photographs.openset or photographs.val) * speed.predict_face
        return TORCH + train * READ + (hourglass["epochs"] - kept.hourglass) * epoch + evaluation
    if kind == "align":
        return TORCH + photographs.aligned * (speed.predict_face + ALIGN)
    if kind == "audit":
        audit = content["audit"]
        audited = photographs.train + photographs.val + photographs.wild
        smaller = (audit["image_size"] / content["align"]["image_size"]) ** 2
        steps = _steps(round(audited * (1 - 1 / audit["folds"])), recognizer["batch_size"])
        epoch = steps * speed.recognizer_step * smaller
        return TORCH + audited * READ + audit["folds"] * audit["epochs"] * epoch
    if kind == "train_recognizer":
        if is_reference(content["recognizers"].get(recognizer_name)):
            return TORCH  # and a copy
        steps = _steps(photographs.train, recognizer["batch_size"]) * speed.recognizer_step
        epoch = steps + photographs.val * EMBED
        epochs = seeds * recognizer["epochs"] - kept.recognizers.get(recognizer_name, 0)
        return TORCH + (photographs.train + photographs.val) * READ + epochs * epoch
    if kind == "evaluate":
        resample = content["evaluate"]["bootstrap_resamples"] * RESAMPLE
        scoring = seeds * (photographs.aligned * EMBED + resample)
        return TORCH + photographs.aligned * READ + scoring
    return 0.0


def _steps(samples: int, batch_size: int) -> int:
    return max(samples // batch_size, 1)


def about(seconds: float) -> str:
    """Returns a rounded time: `40 seconds`, `4 minutes`, `3.0 hours`."""
    if seconds < 90:
        return f"{max(10, round(seconds, -1)):.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def describe(
    stages: list[str], content: dict[str, Any], photographs: Photographs, kept: Kept
) -> str:
    """Returns what these stages do in one sentence."""
    recognizers = [
        name
        for name, entry in content["recognizers"].items()
        if f"train_recognizer@{name}" in stages and not is_reference(entry)
    ]
    doing = []
    if any(stage.startswith("synthesize@") for stage in stages):
        doing.append(f"draw {photographs.collection} photographs")
    if "train_hourglass" in stages:
        since = f", from epoch {kept.hourglass + 1} on" if kept.hourglass else ""
        doing.append(f"train the hourglass ({content['hourglass']['epochs']} epochs{since})")
    if recognizers:
        trained = sum(kept.recognizers.get(name, 0) for name in recognizers)
        since = f", {trained} epochs already done" if trained else ""
        number = f"{len(recognizers)} recogniser{'s' * (len(recognizers) > 1)}"
        doing.append(f"train {number} ({', '.join(recognizers)}{since})")
    if any(stage.startswith("evaluate@") for stage in stages):
        doing.append("evaluate the recognisers")
    return f"{len(stages)} stage{'s' * (len(stages) > 1)} to run: {', '.join(doing or stages)}"


def main() -> None:
    """Check the parameters, and say what `dvc repro` will do and about how long it takes."""
    if messages := problems(PARAMS_FILE):
        raise ValueError("\n".join(["nothing was run:", *messages]))
    content = read_yaml(PARAMS_FILE)
    try:
        with Repo() as repo:
            stages = to_run(repo.status(), upstream(repo))
    except DvcException:
        return  # `dvc repro` has the same error and reports it
    if not set(stages) - {CHECK}:
        print("nothing to do: all results are those of params.yaml and this code")
        return
    from tools import speed  # takes seconds to import

    hourglass_params = HourglassParams.load("hourglass")
    recognizer_params = RecognizerParams.load("recognizer")
    loaded = {name: load_entry(name) for name in content["recognizers"]}
    entries = {name: entry for name, entry in loaded.items() if isinstance(entry, RecognizerEntry)}
    recognizer_epochs = {name: speed.recognizer_epochs(name, recognizer_params) for name in entries}
    kept = Kept(speed.hourglass_epochs(hourglass_params), recognizer_epochs)
    photographs = Photographs.of(content)
    print(f"{describe(stages, content, photographs, kept)}; ", end="", flush=True)

    kinds = {stage.partition("@")[0] for stage in stages}
    measured = Speed()
    if "synthesize" in kinds:
        measured = replace(measured, draw=speed.draw())
    if kinds & {"train_hourglass", "align"}:
        step, predict_face = speed.hourglass(hourglass_params)
        measured = replace(measured, hourglass_step=step, predict_face=predict_face)
    if kinds & {"train_recognizer", "audit"}:
        image_size = content["align"]["image_size"]
        first_entry = next(iter(entries.values()))
        step = speed.recognizer(recognizer_params, first_entry, photographs.people, image_size)
        measured = replace(measured, recognizer_step=step)
    cores = num_workers()
    total = seconds(stages, content, photographs, measured, kept)
    print(f"about {about(total)} on this machine's {cores} core{'s' * (cores > 1)}", flush=True)


if __name__ == "__main__":
    run(main)
