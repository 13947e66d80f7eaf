"""Every section of every profile is checked before any work begins."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from test_end_to_end import CHECK, Repository, make_repository

from tools.check_params import DRAWN, SECTIONS, problems
from tools.profile import composed, names

ROOT = Path(__file__).parents[2]
WITHOUT_TORCH = ["synthesize", "select", "crop", "compare", "publish", "report"]
TRIPLET = {
    "alignment": 5,
    "head": {"type": "triplet", "margin": 0.2, "samples_per_class": 4},
}
REFERENCE = {
    "type": "onnx",
    "alignment": 5,
    "model": "x.onnx",
    "sha256": "0" * 64,
    "image_size": 112,
    "template": "arcface",
    "channels": "rgb",
    "mean": [127.5] * 3,
    "scale": [0.0078125] * 3,
}


@pytest.mark.parametrize("name", names())
def test_every_profile_passes(name, tmp_path):
    (tmp_path / "params.yaml").write_text(composed(name))
    assert problems(tmp_path / "params.yaml") == []


def test_every_section_that_a_stage_loads_is_checked_as_the_stage_loads_it():
    loaded = {}
    for source in sorted((ROOT / "stages").glob("*.py")):
        for node in ast.walk(ast.parse(source.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=name), attr="load"),
                    args=[ast.Constant(value=str(section))],
                ) if (
                    name.endswith("Params") and source.stem != "protocol"
                ):  # which reads one key of another stage's
                    loaded[section] = name
    checked = {
        section: params.__name__ for section, params in SECTIONS.items() if section != "dataset"
    }
    assert checked == loaded


@pytest.mark.parametrize(
    "module", ["tools.check_params", *(f"stages.{name}" for name in WITHOUT_TORCH)]
)
def test_what_needs_no_network_does_not_wait_for_torch(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def changed(folder: Path, path: str, value: object) -> Path:
    """Writes the base profile with one value or section changed, or removed if it is None."""
    content = yaml.safe_load((ROOT / "profiles/base.yaml").read_text())
    *sections, key = path.split(".")
    target = content
    for name in sections:
        target = target[name]
    if value is None:
        del target[key]
    elif isinstance(target.get(key), dict) and value:
        target[key] |= value
    else:
        target[key] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    return folder / "params.yaml"


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("select.colour", 1, ["select.colour: unknown key; known here: strategy, strategies"]),
        ("select.openset.colour", 1, ["unknown key; known here: query_people, distractor_people"]),
        ("select.people", "many", ["select.people", "valid integer", "'many'"]),
        ("select.on_bad_image", "ignore", ["select.on_bad_image", "'drop' or 'fail'", "'ignore'"]),
        ("select.max_dropped", 101, ["select.max_dropped", "less than or equal to 100, got 101"]),
        ("select.openset.seed", -1, ["select.openset.seed", "greater than or equal to 0"]),
        ("select.exclude", "a; rm -rf b", ["select.exclude", "a path of letters"]),
        ("crop", None, ["no section `crop`"]),
        ("crops", {"pixels": 3}, ["section `crops` is unknown", "known: dataset, ", "synthesize"]),
        ("hourglass.loss", "l3", ["hourglass.loss", "'mse'", "'l3'"]),
        (
            "hourglass.image_size",
            100,
            ["hourglass: image_size: expected a multiple of 32 at depth 3, got 100"],
        ),
        (
            "recognizer.learning_rate",
            "fast",
            ["recognizer.learning_rate", "valid number", "'fast'"],
        ),
        ("recognizer.backbone", "resnet19", ["recognizer.backbone", "'resnet18'", "'resnet19'"]),
        ("select.people", True, ["select.people", "valid integer, got True"]),
        ("hourglass.looks", 4, ["hourglass.looks: is now hourglass.refine_steps, one less than"]),
        (
            "crop.image_size",
            64,
            ["crop.image_size: expected at least 168 for the hourglass", "got 64"],
        ),
        ("crop.image_size", "64", ["crop.image_size", "valid integer, got '64'"]),
        ("select.allow_rejected", "yes", ["select.allow_rejected", "valid boolean, got 'yes'"]),
        ("recognizer.learning_rate", True, ["recognizer.learning_rate", "valid number, got True"]),
        ("recognizer.learning_rate", float("inf"), ["recognizer.learning_rate", "finite number"]),
        ("recognizers.arcface.head.scale", float("inf"), ["arcface.head.scale", "finite number"]),
        ("align.image_size", 100, ["align.image_size: expected a multiple of 8 for hog, got 100"]),
        (
            "recognizer.weights",
            "imagenet",
            ["recognizer.weights: expected none or file for hog"],
        ),
        (
            "recognizer.batch_size",
            1,
            ["recognizer.batch_size", "greater than or equal to 2, got 1"],
        ),
        ("recognizer.epochs", None, ["recognizer.epochs: missing"]),
        ("recognizer.seeds", [1, 1], ["recognizer.seeds", "seeds that differ"]),
        ("recognizers.arcface.head.margin", 4.0, ["arcface.head.margin", "less than 3.14"]),
        ("recognizers.arcface.head.type", "arkface", ["arcface.head", "'cosface'", "'arkface'"]),
        ("recognizers.a b", {}, ["recognizers.a b: expected a name of letters"]),
        ("recognizers", {}, ["recognizers: expected at least one entry"]),
        ("publish.recognizer", "vgg", ["publish.recognizer: expected one of arcface, ce, got"]),
        (
            "recognizers.other",
            REFERENCE,
            ["recognizers.other.model: expected a file, got 'x.onnx'"],
        ),
        (
            "recognizers.other",
            REFERENCE | {"mean": 1.0},
            ["recognizers.other.mean", "valid list, got 1.0"],
        ),
        (
            "recognizers.other",
            REFERENCE | {"sha256": "12"},
            ["recognizers.other.sha256", "match pattern"],
        ),
        (
            "recognizers.other",
            REFERENCE | {"type": "arcface"},
            [".other.type: is now recognizers.<"],
        ),
        (
            "recognizers",
            {"arcface": REFERENCE},
            ["publish.recognizer: 'arcface' is a reference", "expected a recogniser with a head"],
        ),
        ("heads", {"ce": {"type": "ce"}}, ["section `heads` is now recognizers: {arcface: "]),
        ("publish.head", "ce", ["publish.head: is now publish.recognizer"]),
        ("evaluate.bootstrap", 9, ["evaluate.bootstrap: is now evaluate.bootstrap_resamples"]),
        ("recognizer.backbone", "gradients", ["recognizer.backbone: `gradients` is now `hog`"]),
        ("publish.fpr", 0.5, ["publish.fpr: expected one of 0.1, 0.01, 0.001, got 0.5"]),
        ("dataset.images", "data/$(touch x)", ["dataset.images", "'data/$(touch x)'"]),
        ("dataset.boxes", "-rf", ["dataset.boxes", "'-rf'"]),
        ("select.exclude", "--help", ["select.exclude", "no - first", "'--help'"]),
        (
            "recognizers.-x",
            {"alignment": 5, "head": {"type": "ce", "label_smoothing": 0.1}},
            ["recognizers.-x", "no - first"],
        ),
        (
            "recognizer.weights",
            "file",
            ["recognizer.weights_file", "a recogniser's checkpoint", "'profiles/none.csv'"],
        ),
        (
            "recognizer",
            {"weights": "file", "weights_file": "models/no.pt"},
            ["checkpoint", "'models/no.pt'"],
        ),
        ("detector.type", "mtcnn", ["detector.type", "'retinaface'", "'mtcnn'"]),
        (
            "detector.type",
            "yunet",
            ["detector.yunet_model: expected YuNet's ONNX file, got 'profiles/none.csv'"],
        ),
        ("detector.yunet_model", "a; b", ["detector.yunet_model: expected a path of letters"]),
        (
            "dataset.boxes",
            "data/detected/boxes.csv",
            ["detector.runs: expected [detected], since dataset.boxes is what the stage `detect`"],
        ),
        (
            "audit",
            {"runs": ["audit"], "recognizer": TRIPLET},
            ["audit.recognizer.head: expected a type with scores", "'triplet'"],
        ),
        (
            "audit.exclude_odds",
            9.0,
            ["audit.exclude_odds: expected at least audit.review_odds (10.0)"],
        ),
        (
            "select.people",
            111,
            ["select.people and openset take 141 people, synthesize.people is 140"],
        ),
        (
            "select.wild_per_person",
            13,
            ["take 29 photographs of a person, synthesize.photos_per_person is 28"],
        ),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(tmp_path, path, value, words):
    found = "\n".join(problems(changed(tmp_path, path, value)))
    assert all(word in found for word in words), found


def test_a_profile_half_edited_tells_all_that_is_wrong_at_once(tmp_path):
    cut = composed("cfp").split("\nalign:")[0].replace("  depth:", "  depths:")
    (tmp_path / "params.yaml").write_text(cut)
    found = "\n".join(problems(tmp_path / "params.yaml"))
    expected = ["hourglass.depths: unknown key", "hourglass.depth: missing", "no section `align`"]
    expected += ["no section `recognizer`", "recognizers: expected at least one entry"]
    assert all(words in found for words in expected), found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (
            "recognizer",
            {"weights": "file", "weights_file": str(ROOT / "README.md")},
        ),  # what is in it, the stage asks
        ("audit", {"recognizer": TRIPLET}),  # none is run
        ("audit.exclude_odds", 10.0),
        ("select", {"people": 110, "images_per_person": 26}),
    ],
)
def test_what_just_fits_is_right(tmp_path, path, value):
    assert problems(changed(tmp_path, path, value)) == []


def test_more_may_be_selected_of_a_collection_that_is_not_drawn(tmp_path):
    file = changed(tmp_path, "dataset", {"images": "data/raw/mine"})
    file.write_text(file.read_text().replace("people: 100", "people: 1000"))
    assert yaml.safe_load(file.read_text())["select"]["people"] == 1000 and problems(file) == []


def test_a_detector_without_points_gives_no_landmarks(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(composed("cfp_detected").replace("type: retinaface", "type: whole_image"))
    (message,) = problems(file)
    assert "dataset.landmarks: expected a file of points, since detector.type is" in message


def test_the_drawn_photographs_are_where_synthesize_puts_them():
    assert DRAWN in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["synthesize"]["outs"]


def test_a_path_may_have_blanks(tmp_path):
    assert problems(changed(tmp_path, "dataset.images", "data/raw/my own photographs")) == []


def test_a_bare_dvc_repro_checks_every_section_before_any_work_and_builds_no_shell_from_it(
    tmp_path,
):
    repository = make_repository(tmp_path / "repo")
    repository.change("publish", "fpr", 0.5)
    repository.change("publish", "recognizer", "vgg")
    repository.change("dataset", "images", "data/$(touch substituted)")
    repository.change("dataset", "boxes", "data/'; touch quoted; '")
    entry = {"alignment": 5, "head": {"type": "ce", "label_smoothing": 0.1}}
    repository.change("recognizers", "a;touch named;", entry)
    said = refused(repository)
    assert re.findall(r"^Running stage '(.*)':$", said, re.MULTILINE) == [CHECK]
    assert all(
        f"  {key}: " in said for key in ("publish.fpr", "dataset.images", "dataset.boxes")
    ), said
    assert "error: nothing was run:\n" in said
    assert (
        "recognizers.a;touch named;: expected a name of letters" in said and "Traceback" not in said
    )
    assert not [
        path
        for path in repository.folder.rglob("*")
        if path.name in {"substituted", "quoted", "named"}
    ]
    assert not (repository.folder / "data/synthetic").exists()


def test_what_dvc_itself_misses_it_names_before_any_work(tmp_path):
    repository = make_repository(tmp_path / "repo")
    content = repository.params()
    del content["publish"]
    (repository.folder / "params.yaml").write_text(yaml.safe_dump(content))
    said = refused(repository)
    assert "publish.recognizer" in said and "Running stage" not in said, said


def refused(repository: Repository) -> str:
    """Returns what a `dvc repro` that must fail has printed."""
    result = subprocess.run(
        ["dvc", "repro"],
        cwd=repository.folder,
        env=repository.environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode != 0
    return result.stdout + result.stderr
