"""Revisions side by side, in a small Git and DVC repository."""

import contextlib
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from commands import as_command
from dvc.repo import Repo
from scipy.stats import binomtest

from facerec import tables
from facerec.report.differences import unpaired
from facerec.report.revisions import Revision
from facerec.report.revisions_page import SideBySide, page
from stages import revisions as stage

ROOT = Path(__file__).parents[2]
PEOPLE, PHOTOGRAPHS = 20, 5  # of each person in each exam
HITS = {"ce": 0.5, "arcface": 0.95}  # share of photographs that each recognises
OPENSET = {"ce": (0.6, 0.5, 0.7), "arcface": (0.65, 0.55, 0.75)}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Commits ce and arcface of the same exams, and `elsewhere` with another val."""
    folder = tmp_path_factory.mktemp("revisions")
    git(folder, "init", "-q")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DVC_NO_ANALYTICS", "1")
        Repo.init().close()
        Path(".gitignore").write_text("/metrics/\n")
        for exam in ("val", "wild", "openset"):
            Path("data").mkdir(exist_ok=True)
            Path(f"data/{exam}.csv").write_text(exam)
        commit("ce", "ce")
        commit("arcface", "arcface")
        Path("data/val.csv").write_text("the photographs of another collection")
        commit("elsewhere", "arcface")
    return folder


@pytest.fixture(autouse=True)
def _in_repository(repository, monkeypatch):
    monkeypatch.chdir(repository)


def git(folder, *words):
    user = ["-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", *user, *words], cwd=folder, check=True, capture_output=True)


def commit(tag, published):
    """Commits results of a recogniser under a tag."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["publish"]["recognizer"] = published
    params["evaluate"]["bootstrap_resamples"] = 200
    Path("params.yaml").write_text(yaml.safe_dump(params))
    evaluation = Path(f"data/evaluations/{published}")
    evaluation.mkdir(parents=True, exist_ok=True)
    report = made_report(HITS[published])
    metrics = {"seeds": 1}
    for split in ("val", "wild"):
        share = float(report[report.split == split].is_recognized.mean())
        metrics |= interval(f"{split}_top1", share, share - 0.05, share + 0.05)
    metrics |= interval("openset_auc", *OPENSET[published])
    (evaluation / "metrics.json").unlink(missing_ok=True)
    (evaluation / "metrics.json").write_text(json.dumps(metrics))
    tables.write(report, evaluation / "report.csv", tables.REPORT)
    with Repo() as repo:
        repo.add([str(evaluation), *(f"data/{exam}.csv" for exam in ("val", "wild", "openset"))])
    git(".", "add", ".")
    git(".", "commit", "-qm", tag)
    git(".", "tag", tag)


def interval(key, value, low, high):
    return {key: value, f"{key}_low": low, f"{key}_high": high}


def made_report(share):
    rng = np.random.default_rng(5)
    labels = np.tile(np.repeat(np.arange(PEOPLE), PHOTOGRAPHS), 2)
    hits = (rng.random(len(labels)) < share).astype(int)
    return pd.DataFrame(
        {
            "image_id": [f"{number:06d}.jpg" for number in range(len(labels))],
            "label": labels,
            "is_recognized": hits,
            "predicted_label": np.where(hits, labels, (labels + 1) % PEOPLE),
            "score": 0.5,
            "recognized_share": hits.astype(float),
            "split": np.repeat(["val", "wild"], PEOPLE * PHOTOGRAPHS),
        }
    )


def reported(*revisions):
    """Returns what the command prints, and the text of its page."""
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        stage.main(list(revisions))
    return shown.getvalue(), Path("metrics/revisions.html").read_text()


def refused(*revisions):
    with pytest.raises(ValueError) as error:
        stage.main(list(revisions))
    return str(error.value)


def test_two_revisions_of_the_same_exams_are_compared_photograph_by_photograph():
    shown, page = reported("ce", "arcface")
    difference = 100 * float(
        (made_report(HITS["arcface"]).is_recognized - made_report(HITS["ce"]).is_recognized)[
            :100
        ].mean()
    )
    line = next(line for line in shown.splitlines() if line.startswith("val top-1") and "+" in line)
    assert f"{difference:+.1f} (+" in line and line.endswith("better, paired")
    assert re.search(r"^open-set AUC +\+5\.0 \(-9\.1 to \+19\.1\) +not dist.*able$", shown, re.M)
    assert "Not the same photographs" not in shown + page
    assert "paired, McNemar’s p &lt; 0.0001" in page and "unpaired" in page
    assert "<code>publish.recognizer</code>" in page and "max_shear" not in page
    heads = re.findall(r"<bdi>(\w+)</bdi>, commit [0-9a-f]{7}<", page)
    assert heads == ["ce", "arcface"]
    assert f"{100 * OPENSET['ce'][0]:.1f} (50.0–70.0)" in page


def test_the_first_revision_is_the_one_that_the_others_are_compared_with():
    shown, _ = reported("arcface", "ce", "workspace")
    assert "ce less arcface" in shown and "workspace less arcface" in shown
    assert re.search(r"^val top-1 +-.*worse, paired$", shown, re.MULTILINE)


def test_another_exam_is_told_and_not_paired_though_its_photographs_have_the_same_names():
    shown, page = reported("ce", "elsewhere")
    assert "Not the same photographs: val. Nothing there is paired." in shown
    assert "Not the same photographs: val." in page
    assert re.search(r"^val top-1 .* better$", shown, re.MULTILINE)
    assert re.search(r"^wild top-1 .* better, paired$", shown, re.MULTILINE)


def test_the_page_needs_no_network_and_the_working_folder_is_left_alone():
    before = Path("params.yaml").read_text()
    _, page = reported("ce", "arcface")
    assert not re.search(r"(src|href)=\"(?!data:|#)", page) and "default-src &#39;none&#39;" in page
    assert "<script" not in page
    assert Path("params.yaml").read_text() == before
    status = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True)
    assert status.stdout == ""


def test_bad_revisions_are_told_in_one_line():
    assert "expected two revisions or more, got ce" in refused("ce")
    result = as_command(Path.cwd(), "stages.revisions", "ce", "nope")
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert "unknown Git revision 'nope'; expected a branch" in result.stderr


def test_results_that_are_not_there_are_told_with_what_to_do(repository, tmp_path, monkeypatch):
    shutil.copytree(repository, tmp_path / "clone")
    clone = tmp_path / "clone"
    shutil.rmtree(clone / ".dvc/cache")
    monkeypatch.chdir(clone)
    said = refused("ce", "arcface")
    assert said.startswith("ce:data/evaluations/ce/metrics.json: neither in DVC's cache")
    assert "`dvc push` it on the machine that made it" in said
    git(clone, "rm", "-q", "data/evaluations/arcface.dvc")
    git(clone, "commit", "-qm", "none")
    git(clone, "tag", "none")
    said = refused("none", "ce")
    assert said.startswith("none:data/evaluations/arcface/metrics.json: no such file; check")
    shutil.rmtree(clone / ".dvc")
    assert refused("none", "ce") == "this is no DVC repository; run from the repository's root"


def test_results_are_read_from_a_remote_too(repository, tmp_path, monkeypatch):
    shutil.copytree(repository, tmp_path / "clone")
    clone = tmp_path / "clone"
    shutil.move(clone / ".dvc/cache", tmp_path / "remote")
    (clone / ".dvc/config.local").write_text(  # as `make remote` does
        f"[core]\n    remote = storage\n['remote \"storage\"']\n    url = {tmp_path / 'remote'}\n"
    )
    monkeypatch.chdir(clone)
    assert "arcface less ce" in reported("ce", "arcface")[0]


def test_the_interval_of_two_shares_is_newcombes():
    """His example of 1998: 56 of 70 less 48 of 80, method 10."""
    first, second = [
        (hits / trials, *binomtest(hits, trials).proportion_ci(method="wilson"))
        for hits, trials in ((48, 80), (56, 70))
    ]
    assert np.round(unpaired(first, second), 4).tolist() == [0.2, 0.0524, 0.3339]


def test_hostile_names_and_parameters_do_nothing_on_the_page():
    hostile = "<script>alert(1)</script>\"'"
    revisions = [
        Revision(name, "0123456", name, {"section": {"key": name}}, {}, made_report(0.5), {})
        for name in (hostile, "\u202eabc")
    ]
    shown = page(SideBySide.of(revisions))
    assert "<script" not in shown and "&lt;script&gt;alert(1)" in shown
    assert "They have no measure in common." in shown and "<bdi>\u202eabc</bdi>" in shown
