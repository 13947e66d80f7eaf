"""Check all of params.yaml, or of a profile, before any work begins."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from typer import Argument

from facerec.alignment.params import AlignParams, CropParams
from facerec.audit.params import AuditParams
from facerec.detection.params import DetectParams
from facerec.evaluation.params import EvaluateParams, PublishParams
from facerec.files import write_bytes
from facerec.landmarks.params import HourglassParams
from facerec.params import PARAMS_FILE, Params, read_yaml, renamed
from facerec.recognition.params import (
    HOG_STEP,
    RecognizerParams,
    ReferenceEntry,
    is_reference,
    load_entry,
)
from facerec.selection.params import SelectParams
from facerec.synthetic.params import SynthesizeParams
from stages.cli import run

# dvc.yaml puts a path on a command line, in quotes. A path that begins with `-` would be an option.
SAFE_PATH = r"[\w ./+@=][\w ./+@=-]*"
SafePath = Annotated[str, Field(pattern=rf"^{SAFE_PATH}$")]
RECOGNIZER_NAME = r"[A-Za-z0-9_][A-Za-z0-9_\-]*"  # part of file names and command lines
DETECTED = "data/detected/"  # dvc.yaml's outputs of detect
NO_WEIGHTS = Path("profiles/none.csv")  # every profile's empty file for an absent one
DRAWN = "data/synthetic/img_celeba"  # dvc.yaml's output of synthesize
Content = dict[str, Any]  # of params.yaml


class DatasetParams(Params):
    """Where the collection is."""

    images: SafePath
    identity: SafePath
    names: SafePath
    boxes: SafePath
    landmarks: SafePath
    attributes: SafePath


SECTIONS: dict[str, type[Params]] = {  # `recognizers` apart: its entries have any name
    "dataset": DatasetParams,
    "synthesize": SynthesizeParams,
    "detector": DetectParams,
    "select": SelectParams,
    "crop": CropParams,
    "hourglass": HourglassParams,
    "align": AlignParams,
    "recognizer": RecognizerParams,
    "audit": AuditParams,
    "evaluate": EvaluateParams,
    "publish": PublishParams,
}


def problems(file: Path) -> list[str]:
    """Returns what is wrong with a file of parameters, nothing if all is well."""
    try:
        content = read_yaml(file)
    except ValueError as error:
        return [str(error)]
    messages = [f"{file}: {message}" for message in _unknown_sections(content)]
    for section, params in SECTIONS.items():
        messages += _errors_of(params, section, file)
    if not messages:
        messages += [
            f"{file}: {message}"
            for rule in (_crops, _backbone, _published, _paths, _detector, _audit, _drawn)
            for message in rule(content)
        ]
    return messages + _recognizers(content, file)


def _errors_of(params: type[Params], section: str, file: Path) -> list[str]:
    try:
        params.load(section, file)
    except ValueError as error:
        return [str(error)]
    return []


def _unknown_sections(content: Content) -> Iterator[str]:
    known = [*SECTIONS, "recognizers"]
    for name in content:
        if name not in known:
            said = renamed(str(name)) or f"is unknown; known: {', '.join(known)}"
            yield f"section `{name}` {said}"


def _recognizers(content: Content, file: Path) -> list[str]:
    recognizers = content.get("recognizers")
    if not isinstance(recognizers, dict) or not recognizers:
        return [
            f"{file}: recognizers: expected at least one entry such as "
            "`arcface: {alignment: 5, head: {type: arcface, …}}`"
        ]
    messages = []
    for name in recognizers:
        if re.fullmatch(RECOGNIZER_NAME, str(name)):
            messages += _entry_errors(name, file)
        else:
            messages.append(
                f"{file}: recognizers.{name}: expected a name of letters, digits, _ and -, "
                "no - first"
            )
    return messages


def _entry_errors(name: str, file: Path) -> list[str]:
    try:
        entry = load_entry(name, file)
    except ValueError as error:
        return [str(error)]
    if isinstance(entry, ReferenceEntry) and not Path(entry.model).is_file():
        return [f"{file}: recognizers.{name}.model: expected a file, got '{entry.model}'"]
    return []


# Rules between values that are each well formed. Each yields what is wrong.


def _crops(content: Content) -> Iterator[str]:
    face_size = HourglassParams.model_validate(content["hourglass"]).face_size
    crop_size = content["crop"]["image_size"]
    if crop_size < face_size:
        yield (
            f"crop.image_size: expected at least {face_size} for the hourglass "
            f"(its image_size × crop_oversampling), got {crop_size}"
        )


def _backbone(content: Content) -> Iterator[str]:
    recognizer = content["recognizer"]
    if recognizer["backbone"] == "hog":
        for section in ("align", "audit"):
            image_size = content[section]["image_size"]
            if image_size % HOG_STEP:
                yield (
                    f"{section}.image_size: expected a multiple of {HOG_STEP} for hog, "
                    f"got {image_size}"
                )
        if recognizer["weights"] == "imagenet":
            yield "recognizer.weights: expected none or file for hog, got 'imagenet'"
    weights_file = Path(recognizer["weights_file"])
    is_checkpoint = weights_file != NO_WEIGHTS and weights_file.is_file()
    if recognizer["weights"] == "file" and not is_checkpoint:
        yield f"recognizer.weights_file: expected a recogniser's checkpoint, got '{weights_file}'"


def _published(content: Content) -> Iterator[str]:
    names = content.get("recognizers") or {}
    published = content["publish"]["recognizer"]
    if published not in names:
        expected = ", ".join(map(str, names))
        yield f"publish.recognizer: expected one of {expected}, got {published!r}"
    elif is_reference(names[published]):
        yield (
            f"publish.recognizer: {published!r} is a reference, which others have trained; "
            f"expected a recogniser with a head"
        )


def _paths(content: Content) -> Iterator[str]:
    for key in ("select.exclude", "recognizer.weights_file", "detector.yunet_model"):
        section, name = key.split(".")
        path = content[section][name]
        if not re.fullmatch(SAFE_PATH, path):
            yield (
                f"{key}: expected a path of letters, digits, blanks and ./+@=_-, no - first, "
                f"got {path!r}"
            )


def _detector(content: Content) -> Iterator[str]:
    """Yields where a detector lacks its file, or the collection what a detector writes."""
    detector, dataset = content["detector"], content["dataset"]
    model = Path(detector["yunet_model"])
    if detector["type"] == "yunet" and (model == NO_WEIGHTS or not model.is_file()):
        yield f"detector.yunet_model: expected YuNet's ONNX file, got '{model}'"
    used = [key for key in ("boxes", "landmarks") if dataset[key].startswith(DETECTED)]
    if used and not detector["runs"]:
        yield (
            f"detector.runs: expected [detected], since dataset.{used[0]} is what the stage "
            f"`detect` writes, got []"
        )
    if "landmarks" in used and detector["type"] == "whole_image":
        yield (
            "dataset.landmarks: expected a file of points, since detector.type is whole_image, "
            f"which finds none, got {dataset['landmarks']!r}"
        )


def _audit(content: Content) -> Iterator[str]:
    audit = AuditParams.model_validate(content["audit"])
    head = audit.recognizer.head
    if audit.runs and not head.has_scores:
        yield f"audit.recognizer.head: expected a type with scores, such as ce, got {head.type!r}"
    if audit.exclude_odds < audit.review_odds:
        yield (
            f"audit.exclude_odds: expected at least audit.review_odds ({audit.review_odds}), "
            f"got {audit.exclude_odds}"
        )


def _drawn(content: Content) -> Iterator[str]:
    """Yields where more is selected than will be drawn."""
    drawn, select = content["synthesize"], content["select"]
    if not drawn["runs"] or content["dataset"]["images"] != DRAWN:
        return
    openset = select["openset"]
    people = _sum_of_numbers(
        select["people"], openset["query_people"], openset["distractor_people"]
    )
    if people > drawn["people"]:
        yield (
            f"select.people and openset take {people} people, "
            f"synthesize.people is {drawn['people']}"
        )
    photos = _sum_of_numbers(select["images_per_person"], select["wild_per_person"])
    some_have_more = drawn["label_noise"] > 0  # they get other people's photographs
    if photos > drawn["photos_per_person"] and not some_have_more:
        yield (
            f"select.images_per_person and wild_per_person take {photos} photographs of a person, "
            f"synthesize.photos_per_person is {drawn['photos_per_person']}"
        )


def _sum_of_numbers(*sizes: int | str) -> int:
    """Returns what sizes take at least: shares and the rest adapt to what there is."""
    return sum(size for size in sizes if isinstance(size, int))


def main(
    file: Annotated[Path, Argument(help="the parameters")] = PARAMS_FILE,
    checked: Annotated[
        Path | None,
        Argument(help="output: a file that the first stages depend on, always the same"),
    ] = None,
) -> None:
    """Check every section of the parameters, and name all that is wrong at once."""
    if messages := problems(file):
        raise ValueError("\n".join(["nothing was run:", *messages]))
    if checked:
        write_bytes(checked, b"every section of params.yaml is in order\n")


if __name__ == "__main__":
    run(main)
