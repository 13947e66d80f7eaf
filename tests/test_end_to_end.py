"""The whole pipeline through `dvc repro`, on a tiny drawn collection in its own repository."""

import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from stages.publish import HEADLINE
from tools.results import REPORT

ROOT = Path(__file__).parents[1]
CODE = [
    "facerec",
    "stages",
    "tools",
    "profiles",
    "dvc.yaml",
    "Makefile",
    ".gitignore",
    ".dvcignore",
]
CODE += [".dvc/config", ".dvc/.gitignore", ".dvc/plots", ".dvc/plots_page.html"]
TINY = {
    "synthesize": {"people": 20, "photos_per_person": 12},
    "select": {
        "people": 8,
        "images_per_person": 5,
        "val_per_person": 2,
        "openset": {"query_people": 4, "distractor_people": 4, "images_per_person": 6, "seed": 1},
    },
    "crop": {"image_size": 64},
    "hourglass": {
        "image_size": 64,
        "channels": 16,
        "depth": 2,
        "crop_oversampling": 1.0,
        "epochs": 2,
    },
    "align": {"image_size": 40},
    "recognizer": {"embedding_dim": 32, "epochs": 3, "batch_size": 16},
    "evaluate": {"bootstrap_resamples": 50},
}
AFTER_HEADS = ["compare", "publish", "export", "report"]
CHECK = "check_params"  # runs again whenever params.yaml or the code has changed


class Repository:
    """A working copy with its own Git and DVC."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        bin_folder = Path(sys.executable).parent
        self.environment = {
            **os.environ,
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "LC_ALL": "C",
        }

    def run(self, *command: str) -> str:
        """Returns what a command printed; it must succeed."""
        result = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"
        return result.stdout + result.stderr

    def repro(self) -> list[str]:
        """Returns the stages that `dvc repro` ran, in order."""
        return re.findall(r"^Running stage '(.*)':$", self.run("dvc", "repro"), re.MULTILINE)

    def changed(self) -> set[str]:
        """Returns the stages whose own code or parameters differ from those of their last run."""
        return set(json.loads(self.run("dvc", "status", "--json")))

    def commit(self, message: str) -> None:
        self.run("git", "add", "-A")
        self.run("git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", message)

    def change(self, section: str, key: str, value: object) -> None:
        content = self.params()
        target = content
        for name in section.split("."):
            target = target[name]
        target[key] = value
        (self.folder / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))

    def params(self) -> dict:
        return yaml.safe_load((self.folder / "params.yaml").read_text())

    def edit(self, file: str, before: str, after: str) -> None:
        path = self.folder / file
        content = path.read_text()
        assert content.count(before) == 1
        path.write_text(content.replace(before, after))

    def json(self, file: str) -> dict:
        return json.loads((self.folder / file).read_text())


def make_repository(folder: Path) -> Repository:
    folder.mkdir()
    for name in CODE:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, target, ignore=ignore) if source.is_dir() else shutil.copy(
            source, target
        )
    content = yaml.safe_load((ROOT / "profiles/base.yaml").read_text())
    for section, values in TINY.items():
        content[section] |= values
    (folder / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    repository = Repository(folder)
    repository.run("git", "init", "-q")
    repository.run("git", "config", "user.name", "t")
    repository.run("git", "config", "user.email", "t@t")
    return repository


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Repository:
    repository = make_repository(tmp_path_factory.mktemp("end to end é") / "repo")
    repository.ran = repository.repro()
    repository.commit("run")
    return repository


def test_every_stage_ran_once_in_an_order_that_works(repository):
    ran = repository.ran
    heads = ["ce", "arcface"]
    expected = [
        CHECK,
        "synthesize@synthetic",
        "measure",
        "select",
        "crop",
        "train_hourglass",
        "align",
        *AFTER_HEADS,
    ]
    expected += [f"{stage}@{head}" for stage in ("train_recognizer", "evaluate") for head in heads]
    assert sorted(ran) == sorted(expected)
    chain = [
        "synthesize@synthetic",
        "measure",
        "select",
        "crop",
        "train_hourglass",
        "align",
        "train_recognizer@ce",
        "evaluate@ce",
    ]
    assert [stage for stage in ran if stage in chain] == chain and ran[0] == CHECK


def test_what_the_stages_wrote_fits_together(repository):
    data = repository.folder / "data"
    tables = {
        name: pd.read_csv(data / f"{name}.csv")
        for name in ("selected", "train", "val", "wild", "openset")
    }
    everything = {i for name in ("selected", "wild", "openset") for i in tables[name].image_id}
    with_further = everything | set(pd.read_csv(data / "landmarks_only.csv").image_id)
    assert len(with_further) > len(everything)
    contents = {"photographs": with_further, "cropped": with_further}
    contents |= dict.fromkeys(("aligned_2", "aligned_3", "aligned_5"), everything)
    for folder, expected in contents.items():
        assert {path.name for path in (data / folder).iterdir()} == expected, folder
    assert set(pd.read_csv(data / "cropped_landmarks.csv").image_id) == with_further
    assert set(pd.read_csv(data / "predicted_landmarks.csv").image_id) == everything
    for head in ("ce", "arcface"):
        report = pd.read_csv(data / "evaluations" / head / "report.csv")
        metrics = repository.json(f"data/evaluations/{head}/metrics.json")
        for split in ("val", "wild"):
            rows = report[report.split == split]
            assert set(rows.image_id) == set(tables[split].image_id)
            assert metrics[f"{split}_top1"] == pytest.approx(rows.is_recognized.mean(), abs=1e-6)
    assert headline(repository.folder) == headline_of(metrics)  # of arcface, the last one
    assert len(list((repository.folder / "metrics/hourglass").iterdir())) == 10
    assert (repository.folder / "models/README.md").read_text().startswith("---\nlicense: other\n")


def headline(folder: Path) -> dict:
    """Returns the published recogniser's numbers that `dvc metrics` shows, by file."""
    paths = (folder / "metrics/published").iterdir()
    return {path.stem: json.loads(path.read_text())["value"] for path in paths}


def headline_of(metrics: dict) -> dict:
    return {name: metrics[key] for name, key in HEADLINE.items() if key in metrics}


def test_each_stage_leaves_a_record_of_what_it_took(repository):
    names = {path.stem for path in (repository.folder / ".runs").iterdir()}
    stages = repository.run("dvc", "stage", "list", "--name-only").split()
    assert names == set(stages)
    aligned = repository.json(".runs/align.json")
    assert aligned["faces"] == len(pd.read_csv(repository.folder / "data/alignment.csv"))
    assert aligned["seconds"] > 0 and aligned["peak_mib"] > 50


def test_sheets_are_pictures(repository):
    names = {path.name for path in (repository.folder / "metrics/sheets").glob("*.jpg")}
    aligned = {"aligned.jpg", "aligned_2.jpg", "aligned_3.jpg", "aligned_5.jpg"}
    assert names == {
        "selected.jpg",
        "criteria.jpg",
        "landmarks.jpg",
        *aligned,
        "mistakes_ce.jpg",
        "mistakes_arcface.jpg",
    }


def test_nothing_partial_is_left(repository):
    assert not list(repository.folder.rglob("*.partial"))
    assert not list((repository.folder / ".checkpoints").glob("*"))


def test_nothing_changed_means_nothing_runs(repository):
    assert repository.repro() == []


def test_the_same_seed_gives_the_same_bytes(repository, tmp_path):
    again = make_repository(tmp_path / "again")
    again.repro()
    tables = [path for path in again.folder.rglob("*.csv") if ".dvc" not in path.parts]
    files = [path.relative_to(again.folder) for path in tables]
    files += [path.relative_to(again.folder) for path in (again.folder / "metrics").rglob("*.json")]
    assert len(files) > 20
    different = [
        str(file)
        for file in files
        if not filecmp.cmp(repository.folder / file, again.folder / file, False)
    ]
    assert not different


def test_the_exams_two_heads_are_compared_by_metrics_diff(repository):
    for head in ("ce", "arcface"):
        output = repository.run("dvc", "exp", "run", "-n", head, "-S", f"publish.recognizer={head}")
        ran = re.findall(r"^Running stage '(.*)':$", output, re.MULTILINE)
        assert [stage for stage in ran if stage != CHECK] in ([], ["publish", "export", "report"])
    diff = json.loads(repository.run("dvc", "metrics", "diff", "ce", "arcface", "--all", "--json"))
    for side, head in (("old", "ce"), ("new", "arcface")):
        expected = headline_of(repository.json(f"data/evaluations/{head}/metrics.json"))
        shown = {
            Path(path).stem: values["value"][side]
            for path, values in diff.items()
            if path.startswith("metrics/published/")
        }
        assert shown == expected
    for command in (["show"], ["diff", "ce", "arcface"]):
        printed = repository.run("dvc", "metrics", *command).splitlines()
        assert all(len(line) <= 80 for line in printed), printed
    table = repository.run("python", "-m", "facerec", "report", "ce", "arcface")
    assert re.search(r"^val top-1 .*, paired$", table, re.MULTILINE)  # of the same photographs
    assert (repository.folder / "metrics/revisions.html").is_file()
    repository.run("dvc", "exp", "remove", "ce", "arcface")
    repository.run("git", "checkout", "-q", ".")
    assert repository.repro() == []


def test_plots_are_drawn(repository):
    page = repository.run("dvc", "plots", "show", "-o", "page")
    html = (repository.folder / "page" / "index.html").read_text()
    assert "index.html" in page
    assert all(
        word in html
        for word in (
            "val_nme",
            "val_top1",
            "fpr",
            "actual",
            "selected.jpg",
            "photographs",
            "jittered boxes",
        )
    )
    assert "https://cdn" not in html  # it works without a network
    shutil.rmtree(repository.folder / "page")


def test_the_report_tells_of_this_run(repository):
    html = (repository.folder / "metrics/report.html").read_text()
    top1 = repository.json("data/evaluations/arcface/metrics.json")["val_top1"]
    assert f'data-key="val_top1">{100 * top1:.1f}</data>' in html
    assert "not measured on this machine" not in html


def test_the_results_and_the_readmes_pictures_are_made(repository):
    shown = repository.run("python", "-m", "tools.results")
    top1 = headline(repository.folder)["val_top1"]
    assert re.search(rf"^arcface +{100 * top1:.1f} %", shown, re.MULTILINE)
    assert f"Where to look: {REPORT}" in shown and (repository.folder / REPORT).is_file()
    assert len(re.findall(r"^  (dvc|facerec) ", shown, re.MULTILINE)) == 3
    assert "nothing to do" in repository.run("python", "-m", "tools.estimate")
    repository.run("python", "-m", "tools.pictures")
    pictures = {path.name for path in (repository.folder / "docs").iterdir()}
    sheets = [
        "selected",
        "landmarks",
        "aligned",
        "aligned_2",
        "aligned_3",
        "aligned_5",
        "mistakes_arcface",
    ]
    charts = ["roc.png", "landmark_errors.png"]
    assert pictures == {
        f"custom_{name}" for name in [*(f"{sheet}.jpg" for sheet in sheets), *charts]
    }
    shutil.rmtree(repository.folder / "docs")


def test_a_second_clone_pulls_the_same_bytes(repository, tmp_path):
    remote = tmp_path / "a remote'; touch made; '"  # make hands it on as it is
    repository.run(
        "make",
        "-o",
        f"{sys.prefix}/bin/.installed",
        "remote",
        f"URL={remote}",
        f"VENV={sys.prefix}",
    )
    assert ".dvc/config.local" not in repository.run(
        "git", "status", "--short", "--untracked-files=all"
    )
    assert not (repository.folder / "made").exists()
    repository.run("dvc", "push", "-q")
    repository.run("git", "clone", "-q", str(repository.folder), str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")
    clone.run("dvc", "remote", "add", "--local", "--default", "storage", str(remote))
    clone.run("dvc", "pull", "-q")
    assert "up to date" in clone.run("dvc", "status")
    for folder in ("data", "models", "metrics"):
        comparison = [filecmp.dircmp(repository.folder / folder, clone.folder / folder)]
        while comparison:
            here = comparison.pop()
            # The page of `facerec report` is no output.
            assert not {*here.left_only} - {"revisions.html"} and not here.right_only
            assert not filecmp.cmpfiles(here.left, here.right, here.common_files, shallow=False)[
                1:
            ][0]
            comparison += here.subdirs.values()
    assert clone.repro() == []


def test_another_profile_reruns_what_depends_on_its_changes_and_going_back_recomputes_nothing(
    repository,
):
    tiny = (repository.folder / "params.yaml").read_text()
    (repository.folder / "profiles/tiny.yaml").write_text(tiny)
    before = repository.json("data/comparison.json")
    repository.change("recognizers.arcface.head", "margin", 0.4)
    repository.change(
        "align", "max_shear", 0.3
    )  # a flag for the reader; no stage after align depends on it
    repository.change("evaluate", "bootstrap_resamples", 60)
    (repository.folder / "params.yaml").rename(repository.folder / "profiles/other.yaml")
    (repository.folder / "params.yaml").write_text(tiny)
    repository.run("python", "-m", "tools.profile", "other")
    evaluated = ["train_recognizer@arcface", "evaluate@ce", "evaluate@arcface", *AFTER_HEADS]
    assert sorted(repository.repro()) == sorted([CHECK, "align", *evaluated])
    assert repository.json("data/comparison.json") != before
    repository.run("python", "-m", "tools.profile", "tiny")
    assert repository.repro() == []  # restored from the run cache
    assert repository.json("data/comparison.json") == before
    assert "up to date" in repository.run("dvc", "status")


@pytest.mark.parametrize(
    ("section", "key", "value", "expected"),
    [
        (
            "recognizers.arcface.head",
            "margin",
            0.4,
            {"train_recognizer@arcface", "compare", "publish"},
        ),
        ("align", "max_shear", 0.3, {"align", "publish"}),
        ("evaluate", "bootstrap_resamples", 60, {"evaluate@ce", "evaluate@arcface"}),
        ("synthesize", "people", 21, {"synthesize@synthetic"}),
    ],
    ids=["margin", "max_shear", "bootstrap", "people"],
)
def test_a_changed_parameter_changes_the_stages_that_read_it(
    repository, section, key, value, expected
):
    repository.change(section, key, value)
    changed = repository.changed()
    repository.run("git", "checkout", "-q", "params.yaml")
    assert changed == {CHECK, "report", *expected}  # the report lists all parameters


def test_a_changed_line_of_code_changes_the_stages_that_run_it(repository):
    before = {"synthesize@synthetic", "measure", "select", "crop"}
    recognisers = {
        f"{stage}@{head}"
        for stage in ("train_recognizer", "evaluate")
        for head in ("ce", "arcface")
    }
    repository.edit(
        "facerec/recognition/heads.py", "MIN_SQUARED_SIN = 1e-7", "MIN_SQUARED_SIN = 2e-7"
    )
    changed = repository.changed()
    assert recognisers <= changed and not {*before, "train_hourglass", "align"} & changed

    repository.run("git", "checkout", "-q", "facerec")
    repository.edit(
        "facerec/landmarks/hourglass.py", "self.stem(faces - 0.5)", "self.stem(faces - 0.4)"
    )
    changed = repository.changed()
    assert {"train_hourglass", "align"} <= changed and not {*before, *recognisers} & changed
    repository.run("git", "checkout", "-q", "facerec")
