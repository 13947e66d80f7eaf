"""Say in one line what `make repro` will do and about how long it takes on this machine."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from facerec.landmarks.params import HourglassParams
from facerec.parallel import num_workers
from facerec.params import PARAMS_FILE, read_yaml
from facerec.recognition.head_params import load_head
from facerec.recognition.params import RecognizerParams
from stages.cli import run
from tools.check_params import DRAWN, problems

SHARED = [
    "synthesize",
    "select",
    "crop",
    "train_hourglass",
    "align",
]  # whatever comes after one of them hangs on it
SUMMARY = ["compare", "publish"]  # of all heads

# Seconds on two cores without AMX: what is not measured for each estimate, because it is the smaller part.
START = 1.5  # of DVC and Python, a stage
TORCH = 3.0  # of torch, a stage that needs it
SELECT, CROP, READ, ALIGN, EMBED = 0.004, 0.002, 0.002, 0.006, 0.002  # a photograph
RESAMPLE = 0.006  # of the people behind a recogniser's intervals


@dataclass(frozen=True)
class Speed:
    """What was measured on this machine, in seconds; 0 of what no stage needs.

    Attributes:
        draw: a photograph.
        hourglass_step: of its training, a batch.
        look: a face whose points the hourglass finds.
        recognizer_step: of its training, a batch.
    """

    draw: float = 0.0
    hourglass_step: float = 0.0
    look: float = 0.0
    recognizer_step: float = 0.0


@dataclass(frozen=True)
class Kept:
    """Epochs that interrupted trainings have behind them.

    Attributes:
        hourglass: of the hourglass.
        recognizers: of each head's trainings, over all seeds.
    """

    hourglass: int = 0
    recognizers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Photographs:
    """How many photographs each part has, at most.

    Attributes:
        collection: all that select chooses from.
        train: that are learned from.
        val: that an epoch is tried on.
        wild: of the same people, set aside.
        openset: of strangers.
        landmarks_only: of which only points are learned.
    """

    collection: int
    train: int
    val: int
    wild: int
    openset: int
    landmarks_only: int

    @classmethod
    def of(cls, content: dict[str, Any]) -> "Photographs":
        """Returns the numbers that checked parameters lead to; a collection that is not there yet counts as small."""
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


def all_stages(content: dict[str, Any]) -> list[str]:
    """Returns the names of the stages that checked parameters ask for, in their order."""
    shared = [name for name in SHARED if name != "synthesize"]
    drawn = [f"synthesize@{run}" for run in content["synthesize"]["runs"]]
    audits = [f"audit@{run}" for run in content["audit"]["runs"]]
    of_heads = [
        f"{stage}@{head}" for stage in ("train_recognizer", "evaluate") for head in content["heads"]
    ]
    return ["check_params", *drawn, *shared, *audits, *of_heads, *SUMMARY]


def to_run(status: dict[str, list], content: dict[str, Any]) -> list[str]:
    """Returns the stages that `dvc repro` would run, at most, in their order.

    Args:
        status: what `dvc status --json` says.
        content: the checked parameters.
    """
    found: list[str] = []
    for stage in all_stages(content):
        kind, _, head = stage.partition("@")
        before = {name.partition("@")[0] for name in found}
        waits = kind != "check_params" and (
            bool(before & set(SHARED))
            or (kind == "evaluate" and f"train_recognizer@{head}" in found)
            or (kind in SUMMARY and "evaluate" in before)
        )
        if waits or _has_changed(status.get(stage, [])):
            found.append(stage)
    return found


def _has_changed(reasons: list) -> bool:
    """Returns whether a stage runs, and does not only get its outputs back from the cache."""
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
        stages: by name.
        content: the checked parameters.
        photographs: their numbers.
        speed: of this machine.
        kept: epochs that need not be trained again.
    """
    return sum(
        START + _work(*stage.partition("@")[::2], content, photographs, speed, kept)
        for stage in stages
    )


def _work(
    kind: str, head: str, content: dict[str, Any], of: Photographs, speed: Speed, kept: Kept
) -> float:
    """Returns the seconds of one stage, but for its start."""
    hourglass, recognizer = content["hourglass"], content["recognizer"]
    seeds, tried = len(recognizer["seeds"]), of.val * EMBED
    if kind == "synthesize":
        return of.collection * speed.draw
    if kind == "select":
        return of.collection * SELECT
    if kind == "crop":
        return (of.aligned + of.landmarks_only) * CROP
    if kind == "train_hourglass":
        learned = of.train + of.landmarks_only
        epoch = _steps(learned, hourglass["batch"]) * speed.hourglass_step + of.val * speed.look
        exams = 2 * (of.openset or of.val) * speed.look
        return TORCH + learned * READ + (hourglass["epochs"] - kept.hourglass) * epoch + exams
    if kind == "align":
        return TORCH + of.aligned * (speed.look + ALIGN)
    if kind == "audit":
        audit, photographs = content["audit"], of.train + of.val + of.wild
        small = (audit["pixels"] / content["align"]["image_size"]) ** 2
        steps = _steps(round(photographs * (1 - 1 / audit["folds"])), recognizer["batch"])
        return (
            TORCH
            + photographs * READ
            + audit["folds"] * audit["epochs"] * steps * speed.recognizer_step * small
        )
    if kind == "train_recognizer":
        epoch = _steps(of.train, recognizer["batch"]) * speed.recognizer_step + tried
        left = seeds * recognizer["epochs"] - kept.recognizers.get(head, 0)
        return TORCH + (of.train + of.val) * READ + left * epoch
    if kind == "evaluate":
        return (
            TORCH
            + of.aligned * READ
            + seeds * (of.aligned * EMBED + content["evaluate"]["bootstrap"] * RESAMPLE)
        )
    return 0.0


def _steps(samples: int, batch: int) -> int:
    return max(samples // batch, 1)


def about(seconds: float) -> str:
    """Returns a time as coarse as an estimate is: `40 seconds`, `4 minutes`, `3 hours`."""
    if seconds < 90:
        return f"{max(10, round(seconds, -1)):.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def describe(
    stages: list[str], content: dict[str, Any], photographs: Photographs, kept: Kept
) -> str:
    """Returns what these stages do, in words."""
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
    """Checks the parameters, and says in one line what `dvc repro` will do and about how long it takes."""
    if found := problems(PARAMS_FILE):
        raise ValueError("\n".join(["nothing was run:", *found]))
    content = read_yaml(PARAMS_FILE)
    status = subprocess.run(["dvc", "status", "--json"], capture_output=True, text=True)
    if status.returncode:
        return  # `dvc repro` says why
    stages = to_run(json.loads(status.stdout), content)
    if not set(stages) - {"check_params"}:
        print("nothing to do: all results are those of params.yaml and this code")
        return
    from tools import speed  # seconds to import

    of_hourglass, of_recognizer = (
        HourglassParams.load("hourglass"),
        RecognizerParams.load("recognizer"),
    )
    heads = {head: load_head(head) for head in content["heads"]}
    done = {head: speed.recognizer_epochs(head, of_recognizer) for head in heads}
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
        step = speed.recognizer(of_recognizer, next(iter(heads.values())), *sizes)
        measured = replace(measured, recognizer_step=step)
    lasts, cores = seconds(stages, content, photographs, measured, kept), num_workers()
    print(f"about {about(lasts)} on this machine's {cores} core{'s' * (cores > 1)}", flush=True)


if __name__ == "__main__":
    run(main)
