"""The standard verification protocol: lists of pairs, thresholds by folds, and the command."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from commands import as_command
from sklearn.model_selection import LeaveOneGroupOut
from tiny_hourglass import hourglass_config

from facerec.data.pair_lists import read_pairs
from facerec.imaging.io import write_image
from facerec.landmarks import hourglass
from facerec.landmarks.hourglass import StackedHourglass
from facerec.metrics.cross_validation import best_threshold, cross_validated_accuracy
from facerec.recognition import recognizer
from facerec.recognition.recognizer import Recognizer, RecognizerConfig

LFW = (
    "2\t2\nAnn 1 2\nBo_Li 10 3\nAnn 1 Bo_Li 3\nCy 4 Ann 2\n"
    "Cy 4 5\nAnn 1 3\nCy 4 Bo_Li 10\nBo_Li 3 Cy 5\n"
)


def test_lfws_list_is_read(tmp_path):
    (tmp_path / "pairs.txt").write_text(LFW)
    pairs = read_pairs(tmp_path / "pairs.txt")
    assert (
        pairs.fold.tolist() == [0] * 4 + [1] * 4
        and pairs.same.tolist() == [True, True, False, False] * 2
    )
    assert pairs.iloc[1].tolist() == [0, "Bo_Li/Bo_Li_0010.jpg", "Bo_Li/Bo_Li_0003.jpg", True]
    assert pairs.iloc[3].tolist() == [0, "Cy/Cy_0004.jpg", "Ann/Ann_0002.jpg", False]


def test_cfps_lists_are_read(tmp_path):
    for kind, names in (("F", "frontal"), ("P", "profile")):
        lines = [f"{number} ../Data/Images/{number:03d}/{names}/01.jpg" for number in (1, 2, 3)]
        (tmp_path / f"Pair_list_{kind}.txt").write_text("\n".join(lines))
    for split in ("FF", "FP"):
        for fold in ("01", "02"):
            folder = tmp_path / "Split" / split / fold
            folder.mkdir(parents=True)
            (folder / "same.txt").write_text("1,2\n")
            (folder / "diff.txt").write_text("1,3\n2,3\n")
    pairs = read_pairs(tmp_path / "Split" / "FP")
    assert (
        pairs.same.tolist() == [True, False, False] * 2 and pairs.fold.tolist() == [0] * 3 + [1] * 3
    )
    assert pairs.iloc[0].tolist()[1:3] == ["001/frontal/01.jpg", "002/profile/01.jpg"]
    assert read_pairs(tmp_path / "Split" / "FF").iloc[2].tolist()[1:3] == [
        "002/frontal/01.jpg",
        "003/frontal/01.jpg",
    ]


def test_cfps_folder_may_be_named_from_where_one_is(tmp_path, monkeypatch):
    (tmp_path / "Pair_list_F.txt").write_text("1 ../Data/Images/001/frontal/01.jpg\n")
    (tmp_path / "Pair_list_P.txt").write_text("2 ../Data/Images/002/profile/01.jpg\n")
    for fold in ("01", "02"):
        folder = tmp_path / "Split" / "FP" / fold
        folder.mkdir(parents=True)
        for name in ("same.txt", "diff.txt"):
            (folder / name).write_text("1,2\n")
    for start, path in (("Split", "FP"), ("Split/FP/01", ".."), ("Split/FP", ".")):
        monkeypatch.chdir(tmp_path / start)
        assert read_pairs(Path(path)).iloc[0].tolist()[1:3] == [
            "001/frontal/01.jpg",
            "002/profile/01.jpg",
        ]
    (tmp_path / "Pair_list_P.txt").write_text("2 a b\n")
    with pytest.raises(
        ValueError, match=r"Pair_list_P\.txt, line 1: expected a number and a path, got '2 a b'"
    ):
        read_pairs(Path("."))


def test_an_empty_cell_is_named_with_its_line(tmp_path):
    (tmp_path / "p.csv").write_text("fold,first,second,same\n1,a.jpg,b.jpg,1\n2,a.jpg,,0\n")
    with pytest.raises(
        ValueError, match=r"p\.csv, line 3: expected fold, first, second, same, one is empty"
    ):
        read_pairs(tmp_path / "p.csv")


def test_a_bad_same_is_named_with_its_line_and_blank_lines_count(tmp_path):
    rows = "fold,first,second,same\n1,a.jpg,b.jpg,1\n2,a.jpg,c.jpg,"
    (tmp_path / "p.csv").write_text(rows + "2\n")
    with pytest.raises(ValueError, match=r"p\.csv, line 3: same: expected 0 or 1, .*got '2'"):
        read_pairs(tmp_path / "p.csv")
    (tmp_path / "p.csv").write_text(rows + "0\n\n\n")
    assert read_pairs(tmp_path / "p.csv").same.tolist() == [True, False]
    (tmp_path / "p.csv").write_text(rows.replace("\n2,", "\n\n2,") + "0\n")
    with pytest.raises(ValueError, match=r"p\.csv, line 3: .* one is empty"):
        read_pairs(tmp_path / "p.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LFW.replace("Ann 1 2\n", "Ann 1 ²\n"), r"line 2: expected `name i j`, got 'Ann 1 ²'"),
        (
            LFW.replace("Ann 1 2\n", f"Ann 1 {'2' * 5000}\n"),
            r"pairs\.txt, line 2: expected `name i j`, got 'Ann 1 22",
        ),
        (
            LFW.replace("2\t2", "2\t" + "2" * 5000),
            r"pairs\.txt, line 1: expected the number of folds",
        ),
        (LFW.replace("Ann 1 2\n", "Ann 1\n"), r"line 2: expected `name i j`, got 'Ann 1'"),
        (LFW.replace("Cy 4 Ann 2", "Cy 4 Ann x"), r"line 5: expected `name i name j`"),
        (
            LFW + "Cy 1 2\n",
            r"line 1: 2 folds of 2 same and 2 different pairs are 8 lines, the file has 9",
        ),
        (LFW.replace("\nCy 4 Ann 2", "\n\n\nCy 4 Ann x"), r"line 7: expected `name i name j`"),
        ("\n\nAnn 1 2\n", r"line 3: expected the number of folds and of pairs, got 'Ann 1 2'"),
        ("\n", r"line 1: expected the number of folds and of pairs, got ''"),
        ("Ann 1 2\n", r"line 1: expected the number of folds"),
        ("1\t1\nAnn 1 2\nAnn 1 Cy 2\n", r"expected at least two folds, got 1"),
    ],
)
def test_a_wrong_list_is_named_with_its_line(tmp_path, content, message):
    (tmp_path / "pairs.txt").write_text(content)
    with pytest.raises(ValueError, match=message):
        read_pairs(tmp_path / "pairs.txt")


def test_the_best_threshold_is_that_of_trying_all():
    rng = np.random.default_rng(0)
    for _ in range(50):
        same = rng.random(40) < 0.5
        scores = (rng.normal(0, 1, 40) + same).round(1)  # with ties
        tried = np.concatenate([scores - 0.05, scores + 0.05])
        best = max(np.mean((scores > each) == same) for each in tried)
        assert np.mean((scores > best_threshold(scores, same)) == same) == pytest.approx(best)


def test_each_fold_is_measured_with_the_threshold_of_the_others():
    rng = np.random.default_rng(1)
    same, folds = rng.random(200) < 0.5, rng.integers(0, 10, 200)
    scores = rng.normal(0, 1, 200) + 1.5 * same
    accuracies, thresholds = cross_validated_accuracy(scores, same, folds)
    for number, (others, own) in enumerate(LeaveOneGroupOut().split(scores, same, folds)):
        assert thresholds[number] == best_threshold(scores[others], same[others])
        assert accuracies[number] == np.mean((scores[own] > thresholds[number]) == same[own])


@pytest.fixture
def project(tmp_path):
    """An untrained hourglass and recogniser, and photographs of four people in four colours."""
    torch.manual_seed(0)
    config = {
        "alignment": 2,
        "head": {"type": "arcface", "scale": 30.0, "margin": 0.5},
        "backbone": "resnet18",
        "embedding_dim": 16,
        "dropout": 0.0,
        "person_ids": [1, 2],
        "image_size": 32,
        "precision": "fp32",
    }
    network = StackedHourglass(hourglass_config(refine_steps=1, box_scale=1.2))
    hourglass.save(network, tmp_path / "h.pt")
    recognizer.save(Recognizer(RecognizerConfig.model_validate(config)), tmp_path / "r.pt")
    rng = np.random.default_rng(0)
    rows = []
    for person in range(4):
        for number in (1, 2):
            name = f"p{person}/p{person}_{number:04d}.jpg"
            noise = rng.integers(0, 20, (60, 50, 3))
            picture = np.array([60 * person, 200 - 50 * person, 90]) + noise
            write_image(tmp_path / "images" / name, picture.astype(np.uint8))
            rows.append(f"{name} 5 5 40 45")
    (tmp_path / "boxes.txt").write_text("\n".join(["8", "image_id x_1 y_1 width height", *rows]))
    same = ["p0 1 2\np1 1 2\np0 1 p1 1\np2 1 p3 2\n", "p2 1 2\np3 1 2\np0 2 p2 1\np1 1 p3 1\n"]
    (tmp_path / "pairs.txt").write_text("2 2\n" + "".join(same))
    return tmp_path


PAIRS, MODELS = ["pairs.txt", "images"], ["--hourglass", "h.pt", "--model", "r.pt"]


def protocol(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return as_command(folder, "stages.protocol", *PAIRS, *arguments, *MODELS, "--metrics", "m.json")


def test_the_command_runs_the_whole_way_from_photographs(project, monkeypatch):
    monkeypatch.setenv("FACEREC_DEVICE", "cpu")
    result = protocol(project, "boxes.txt")
    assert result.returncode == 0, result.stderr
    values = json.loads((project / "m.json").read_text())
    assert (values["folds"], values["pairs"], values["photographs"]) == (2, 8, 8)
    assert values["not_aligned"] == 0 and "0 of 8 photographs could not be aligned" in result.stdout
    assert (
        f"{100 * values['accuracy']:.2f} ±" in result.stdout
        and "is taken for the box" not in result.stdout
    )
    whole = protocol(project)
    assert whole.returncode == 0 and "each whole photograph is taken for the box" in whole.stdout


def test_a_photograph_outside_the_folder_or_without_a_box_is_an_error(project):
    lines = (project / "boxes.txt").read_text().splitlines()
    (project / "boxes.txt").write_text("\n".join(["7", lines[1], *lines[3:]]))
    result = as_command(project, "stages.protocol", *PAIRS, "boxes.txt", *MODELS)
    assert (
        result.returncode == 1
        and "no box of p0/p0_0001.jpg (1 photographs have none)" in result.stderr
    )
    (project / "images/self.jpg").symlink_to("self.jpg")
    for name, message in (
        ("self.jpg", "images/self.jpg: "),
        ("../h.pt", "../h.pt: expected a photograph inside images"),
    ):
        frame = pd.DataFrame({"fold": [0, 1], "first": name, "second": name, "same": [0, 1]})
        frame.to_csv(project / "pairs.csv", index=False)
        result = as_command(project, "stages.protocol", "pairs.csv", "images", *MODELS)
        assert result.returncode == 1 and message in result.stderr
