"""Check all of params.yaml, or of a profile, before any work begins."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from typer import Argument

from facerec.alignment.params import AlignParams, CropParams
from facerec.audit.params import AuditParams
from facerec.files import write_bytes
from facerec.landmarks.params import HourglassParams
from facerec.metrics.bootstrap import BootstrapParams
from facerec.params import PARAMS_FILE, Params, read_yaml, renamed
from facerec.recognition.params import HOG_STEP, RecognizerEntry, RecognizerParams
from facerec.selection.params import SelectParams
from stages.cli import run
from stages.publish import PublishParams
from stages.synthesize import SynthesizeParams

SAFE_PATH = r"[\w ./+@=][\w ./+@=-]*"  # dvc.yaml puts it on a command line, in quotes; `-` would begin an option
SafePath = Annotated[str, Field(pattern=rf"^{SAFE_PATH}$")]
RECOGNIZER_NAME = (
    r"[A-Za-z0-9_][A-Za-z0-9_\-]*"  # part of file names and command lines, and no option
)
NO_WEIGHTS = Path("profiles/none.csv")  # what stands for no file in every profile
WITHOUT_SCORES = {"triplet"}  # types of heads that alone have no score for a person
DRAWN = "data/synthetic/img_celeba"  # dvc.yaml's output of synthesize


class DatasetParams(Params):
    """Where the collection is."""

    images: SafePath
    identity: SafePath
    boxes: SafePath
    landmarks: SafePath
    attributes: SafePath


SECTIONS: dict[str, type[Params]] = {  # but for `recognizers`, whose entries have any name
    "dataset": DatasetParams,
    "synthesize": SynthesizeParams,
    "select": SelectParams,
    "crop": CropParams,
    "hourglass": HourglassParams,
    "align": AlignParams,
    "recognizer": RecognizerParams,
    "audit": AuditParams,
    "evaluate": BootstrapParams,
    "publish": PublishParams,
}


def problems(file: Path) -> list[str]:
    """Returns what is wrong with a file of parameters, nothing if all is well."""
    try:
        content = read_yaml(file)
    except ValueError as error:
        return [str(error)]
    known = [*SECTIONS, "recognizers"]
    found = []
    for name in content:
        if name not in known:
            said = renamed(str(name)) or f"is unknown; known: {', '.join(known)}"
            found.append(f"{file}: section `{name}` {said}")
    for section, params in SECTIONS.items():
        try:
            params.load(section, file)
        except ValueError as error:
            found.append(str(error))
    return found + _recognizers(content, file) + ([] if found else _between_sections(content, file))


def _recognizers(content: dict[str, Any], file: Path) -> list[str]:
    recognizers = content.get("recognizers")
    if not isinstance(recognizers, dict) or not recognizers:
        return [
            f"{file}: recognizers: expected at least one entry such as "
            f"`arcface: {{alignment: 5, head: {{type: arcface, …}}}}`"
        ]
    found = []
    for name in recognizers:
        if not re.fullmatch(RECOGNIZER_NAME, str(name)):
            found.append(
                f"{file}: recognizers.{name}: expected a name of letters, digits, _ and -, no - first"
            )
            continue
        try:
            RecognizerEntry.load(f"recognizers.{name}", file)
        except ValueError as error:
            found.append(str(error))
    return found


def _between_sections(content: dict[str, Any], file: Path) -> list[str]:
    """Returns the rules between values that are each well formed."""
    found, names = [], content.get("recognizers") or {}
    face_size = HourglassParams.load("hourglass", file).face_size
    if content["crop"]["image_size"] < face_size:
        found.append(
            f"{file}: crop.image_size: expected at least {face_size} for the hourglass (its image_size × "
            f"crop_oversampling), got {content['crop']['image_size']}"
        )
    recognizer = content["recognizer"]
    if recognizer["backbone"] == "hog":
        for section in ("align", "audit"):
            image_size = content[section]["image_size"]
            if image_size % HOG_STEP:
                found.append(
                    f"{file}: {section}.image_size: expected a multiple of {HOG_STEP} for hog, "
                    f"got {image_size}"
                )
        if recognizer["weights"] == "imagenet":
            found.append(
                f"{file}: recognizer.weights: expected none or file for hog, got 'imagenet'"
            )
    published = content["publish"]["recognizer"]
    if published not in names:
        found.append(
            f"{file}: publish.recognizer: expected one of {', '.join(map(str, names))}, "
            f"got {published!r}"
        )
    for key in ("select.exclude", "recognizer.weights_file"):
        section, name = key.split(".")
        if not re.fullmatch(SAFE_PATH, content[section][name]):
            found.append(
                f"{file}: {key}: expected a path of letters, digits, blanks and ./+@=_-, no - first, "
                f"got {content[section][name]!r}"
            )
    weights_file = Path(recognizer["weights_file"])
    if recognizer["weights"] == "file" and (
        weights_file == NO_WEIGHTS or not weights_file.is_file()
    ):
        found.append(
            f"{file}: recognizer.weights_file: expected a recogniser's checkpoint, got '{weights_file}'"
        )
    return found + _of_the_audit(content["audit"], file) + _of_the_drawn(content, file)


def _of_the_audit(audit: dict[str, Any], file: Path) -> list[str]:
    found = []
    head = audit["recognizer"]["head"]["type"]
    if audit["runs"] and head in WITHOUT_SCORES:
        found.append(
            f"{file}: audit.recognizer.head: expected a type with scores, such as ce, got {head!r}"
        )
    if audit["exclude_odds"] < audit["review_odds"]:
        found.append(
            f"{file}: audit.exclude_odds: expected at least audit.review_odds ({audit['review_odds']}), "
            f"got {audit['exclude_odds']}"
        )
    return found


def _of_the_drawn(content: dict[str, Any], file: Path) -> list[str]:
    """Returns where more is selected than will be drawn."""
    drawn, select = content["synthesize"], content["select"]
    if not drawn["runs"] or content["dataset"]["images"] != DRAWN:
        return []
    found, openset = [], select["openset"]
    people = select["people"] + openset["query_people"] + openset["distractor_people"]
    if people > drawn["people"]:
        found.append(
            f"{file}: select.people and openset take {people} people, synthesize.people is {drawn['people']}"
        )
    photos = select["images_per_person"] + select["wild_per_person"]
    if (
        photos > drawn["photos_per_person"] and not drawn["label_noise"]
    ):  # who is swapped has more of them
        found.append(
            f"{file}: select.images_per_person and wild_per_person take {photos} photographs of a person, "
            f"synthesize.photos_per_person is {drawn['photos_per_person']}"
        )
    return found


def main(
    file: Annotated[Path, Argument(help="the parameters")] = PARAMS_FILE,
    checked: Annotated[
        Path | None, Argument(help="output: what the first stages wait for, always the same")
    ] = None,
) -> None:
    """Check every section of the parameters, and name all that is wrong at once."""
    if found := problems(file):
        raise ValueError("\n".join(["nothing was run:", *found]))
    if checked:
        write_bytes(checked, b"every section of params.yaml is in order\n")


if __name__ == "__main__":
    run(main)
