"""Say in one line what `make repro` will do and about how long it takes on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import networkx as nx
from dvc.exceptions import DvcException
from dvc.repo import Repo

from facerec.landmarks.params import HourglassParams
from facerec.parallel import num_workers
from facerec.params import PARAMS_FILE, read_yaml
from facerec.recognition.params import RecognizerEntry, RecognizerParams
from stages.cli import run
from tools.check_params import DRAWN, problems

CHECK = "check_params"

# Seconds on two cores without AMX, of the smaller parts, which are not measured for each estimate.
START = 1.5  # per stage, for DVC and Python
TORCH = 3.0  # per stage that imports torch
MEASURE = 0.003  # per photograph, as the next five
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
        look: per face, to find its points.
        recognizer_step: per training batch.
    """

    draw: float = 0.0
    hourglass_step: float = 0.0
    look: float = 0.0
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
        collection: the whole collection.
        train: for training.
        val: for validation after each epoch.
        wild: rejected photographs of the same people.
        openset: of other people.
        landmarks_only: for the training of the hourglass alone.
    """

    collection: int
    train: int
    val: int
    wild: int
    openset: int
    landmarks_only: int

    @classmethod
    def of(cls, content: dict[str, Any]) -> "Photographs":
        """Returns the numbers for checked parameters; an absent collection counts as small."""
        select, drawn = content["select"], content["synthesize"]
        people, chosen, wild = (
            select["people"],
            select["images_per_person"],
            select["wild_per_person"],
        )
        strangers = select["openset"]["query_people"] + select["openset"]["distractor_people"]
        identity = Path(content["dataset"]["identity"])
        if drawn["runs"] and content["dataset"]["images"] == DRAWN:
            everybody, collection = drawn["people"], drawn["people"] * drawn["photos_per_person"]
        elif identity.is_file():
            rows = [
                line.replace(",", " ").split()
                for line in identity.read_text(encoding="utf-8").splitlines()
            ]
            everybody, collection = len({row[-1] for row in rows if row}) or 1, len(rows)
        else:
            everybody, collection = people + strangers, (people + strangers) * (chosen + wild)
        of_one = collection / everybody
        return cls(
            collection=collection,
            train=people * (chosen - select["val_per_person"]),
            val=people * select["val_per_person"],
            wild=people * wild,
            openset=round(strangers * min(select["openset"]["images_per_person"], of_one)),
            landmarks_only=round(people * max(of_one - chosen - wild, 0)),
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
    return sum(
        START + _work(*stage.partition("@")[::2], content, photographs, speed, kept)
        for stage in stages
    )


def _work(
    kind: str, head: str, content: dict[str, Any], of: Photographs, speed: Speed, kept: Kept
) -> float:
    """Returns the seconds of one stage without its start."""
    hourglass, recognizer = content["hourglass"], content["recognizer"]
    seeds, tried = len(recognizer["seeds"]), of.val * EMBED
    if kind == "synthesize":
        return of.collection * speed.draw
    if kind == "measure":
        return of.collection * MEASURE
    if kind == "select":
        return of.collection * SELECT
    if kind == "crop":
        return (of.aligned + of.landmarks_only) * CROP
    if kind == "train_hourglass":
        learned = of.train + of.landmarks_only
        epoch = (
            _steps(learned, hourglass["batch_size"]) * speed.hourglass_step + of.val * speed.look
        )
        exams = 2 * (of.openset or of.val) * speed.look
        return TORCH + learned * READ + (hourglass["epochs"] - kept.hourglass) * epoch + exams
    if kind == "align":
        return TORCH + of.aligned * (speed.look + ALIGN)
    if kind == "audit":
        audit, photographs = content["audit"], of.train + of.val + of.wild
        small = (audit["image_size"] / content["align"]["image_size"]) ** 2
        steps = _steps(round(photographs * (1 - 1 / audit["folds"])), recognizer["batch_size"])
        return (
            TORCH
            + photographs * READ
            + audit["folds"] * audit["epochs"] * steps * speed.recognizer_step * small
        )
    if kind == "train_recognizer":
        epoch = _steps(of.train, recognizer["batch_size"]) * speed.recognizer_step + tried
        left = seeds * recognizer["epochs"] - kept.recognizers.get(head, 0)
        return TORCH + (of.train + of.val) * READ + left * epoch
    if kind == "evaluate":
        return (
            TORCH
            + of.aligned * READ
            + seeds * (of.aligned * EMBED + content["evaluate"]["bootstrap_resamples"] * RESAMPLE)
        )
    return 0.0


def _steps(samples: int, batch: int) -> int:
    return max(samples // batch, 1)


def about(seconds: float) -> str:
    """Returns a rounded time: `40 seconds`, `4 minutes`, `3.0 hours`."""
    if seconds < 90:
        return f"{max(10, round(seconds, -1)):.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def describe(
    stages: list[str], content: dict[str, Any], photographs: Photographs, kept: Kept
) -> str:
    """Returns what these stages do in one sentence."""
    heads = [stage.partition("@")[2] for stage in stages if stage.startswith("train_recognizer@")]
    doing = []
    if any(stage.startswith("synthesize@") for stage in stages):
        doing.append(f"draw {photographs.collection} photographs")
    if "train_hourglass" in stages:
        since = f", from epoch {kept.hourglass + 1} on" if kept.hourglass else ""
        doing.append(f"train the hourglass ({content['hourglass']['epochs']} epochs{since})")
    if heads:
        trained = sum(kept.recognizers.get(head, 0) for head in heads)
        since = f", {trained} epochs already done" if trained else ""
        doing.append(
            f"train {len(heads)} recogniser{'s' * (len(heads) > 1)} ({', '.join(heads)}{since})"
        )
    if any(stage.startswith("evaluate@") for stage in stages):
        doing.append("measure what was learned")
    return f"{len(stages)} stage{'s' * (len(stages) > 1)} to run: {', '.join(doing or stages)}"


def main() -> None:
    """Check the parameters, and say what `dvc repro` will do and about how long it takes."""
    if found := problems(PARAMS_FILE):
        raise ValueError("\n".join(["nothing was run:", *found]))
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

    of_hourglass, of_recognizer = (
        HourglassParams.load("hourglass"),
        RecognizerParams.load("recognizer"),
    )
    entries = {name: RecognizerEntry.load(f"recognizers.{name}") for name in content["recognizers"]}
    done = {name: speed.recognizer_epochs(name, of_recognizer) for name in entries}
    kept, photographs = Kept(speed.hourglass_epochs(of_hourglass), done), Photographs.of(content)
    print(f"{describe(stages, content, photographs, kept)}; ", end="", flush=True)

    kinds = {stage.partition("@")[0] for stage in stages}
    measured = Speed()
    if "synthesize" in kinds:
        measured = replace(measured, draw=speed.draw())
    if kinds & {"train_hourglass", "align"}:
        step, look = speed.hourglass(of_hourglass)
        measured = replace(measured, hourglass_step=step, look=look)
    if kinds & {"train_recognizer", "audit"}:
        sizes = content["select"]["people"], content["align"]["image_size"]
        step = speed.recognizer(of_recognizer, next(iter(entries.values())), *sizes)
        measured = replace(measured, recognizer_step=step)
    lasts, cores = seconds(stages, content, photographs, measured, kept), num_workers()
    print(f"about {about(lasts)} on this machine's {cores} core{'s' * (cores > 1)}", flush=True)


if __name__ == "__main__":
    run(main)
