"""The stage publish, on an evaluation that is made here."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stages import publish
from stages.train_hourglass import HEADLINE as HOURGLASS_HEADLINE

ROOT = Path(publish.__file__).parents[1]
INTERVAL = {"low": 0.25, "high": 0.75}
METRICS = {
    key: 0.543211
    for key in (
        *publish.HEADLINE.values(),
        "val_macro_top1",
        *(f"openset_tpr_at_fpr_1e-{power}" for power in (1, 2)),
    )
}
METRICS |= {f"{key}_{end}": value for key in METRICS for end, value in INTERVAL.items()}
METRICS |= {"val_top1_sd": 0.01, "seeds": 3, "fte": 0.0}
THRESHOLDS = {"threshold_at_fpr_1e-1": 0.3, "threshold_at_fpr_1e-2": 0.4123}
THRESHOLDS |= {"tpr_at_fpr_1e-2": 0.8, "tpr_at_fpr_1e-2_low": 0.7, "tpr_at_fpr_1e-2_high": 0.9}
THRESHOLDS |= {"fpr_1e-2_low": 0.005, "fpr_1e-2_high": 0.02, "people": 20, "photographs": 240}
THRESHOLDS |= {"same_pairs": 1320, "different_pairs": 27360}
THRESHOLDS |= {"search_threshold_at_fpir_1e-2": 0.61, "found_at_fpir_1e-2": 0.6}
THRESHOLDS |= {
    "fpir_1e-2_low": 0.002,
    "fpir_1e-2_high": 0.05,
    "searches": 120,
    "gallery_people": 19,
}
THRESHOLDS |= {"calibration_slope": 8.0, "calibration_intercept": -2.0, "calibration_error": 0.1}
SELECTION = {"photographs.in_all_tables": 90, "photographs.selected": 60}
SELECTION |= {"people.in_all_tables": 9, "people.selected": 6, "shift_Smiling": -7.5}
SELECTION |= {"train": 40, "val": 20, "wild": 10, "openset": 30}
SLICES = [
    {"slice": "Smiling", "group": "no", "top1": 0.9},
    {"slice": "a|b <script>", "group": "yes", "top1": 0.4},
    {"slice": "few", "group": "yes", "top1": 0.1, "photographs": 3},
]
ERRORS = {  # by slice and group: FNMR, FMR
    ("Smiling", "no"): (0.125, 0.01),
    ("Smiling", "yes"): (0.375, 0.015),
    ("yaw", "frontal"): (0.5, 0.02),
    ("few", "yes"): (0.9, 0.9),
    ("unmeasured", "yes"): ("", ""),
}


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A finished evaluation of the recogniser ce."""
    monkeypatch.chdir(tmp_path)
    write_params()
    for name, content in {"metrics": METRICS, "thresholds": THRESHOLDS}.items():
        write_json(f"evaluation/{name}.json", content)
    write_json("selection.json", SELECTION)
    write_json("hourglass.json", {"nme": 3.5, "nme_low": 3.0, "nme_high": 4.0})
    columns = ["split", "slice", "group", "photographs", "top1", "low", "high"]
    always = {"split": "val", "photographs": 20, "low": 0.3, "high": 0.95}
    write_table("slices", columns, [always | row for row in SLICES])
    rates = [f"{rate}{end}" for rate in ("fnmr", "fmr") for end in ("", "_low", "_high")]
    columns = ["slice", "group", "photographs", "people", *rates, "threshold"]
    rows = [
        [*group, 3 if group[0] == "few" else 20, 5, fnmr, fnmr, fnmr, fmr, fmr, fmr, 0.4]
        for group, (fnmr, fmr) in ERRORS.items()
    ]
    write_table("error_slices", columns, [dict(zip(columns, row, strict=True)) for row in rows])
    Path("model.pt").write_bytes(b"weights")
    Path("roc.csv").write_text("roc")
    Path("confusion.csv").write_text("confusion")
    return tmp_path


def write_params(images="data/synthetic/img_celeba", fpr=0.01, fpir=0.01):
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["publish"] = {"recognizer": "ce", "fpr": fpr, "fpir": fpir}
    content["dataset"]["images"] = images
    Path("params.yaml").write_text(yaml.safe_dump(content))


def write_json(path, content):
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text(json.dumps(content))


def write_table(name, columns, rows):
    with Path(f"evaluation/{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def publish_ce(folder=Path("out")):
    publish.main(
        name="ce",
        from_model=Path("model.pt"),
        evaluation=Path("evaluation"),
        from_roc=Path("roc.csv"),
        from_confusion=Path("confusion.csv"),
        selection=Path("selection.json"),
        landmarks=Path("hourglass.json"),
        model=folder / "model.pt",
        thresholds=folder / "model.json",
        card=folder / "README.md",
        headline=folder / "headline",
        roc=folder / "roc.csv",
        confusion=folder / "confusion.csv",
    )
    return (folder / "README.md").read_text()


def metadata(card):
    """Returns the YAML between the card's first two lines of `---`."""
    start, head, _ = re.split(r"^---\n", card, maxsplit=2, flags=re.MULTILINE)
    assert start == ""
    return yaml.safe_load(head)


def test_the_model_is_copied_with_its_threshold_and_its_calibration():
    publish_ce()
    assert Path("out/model.pt").read_bytes() == b"weights"
    assert Path("out/roc.csv").read_text() == "roc"
    assert Path("out/confusion.csv").read_text() == "confusion"
    assert json.loads(Path("out/model.json").read_text()) == {
        "fpr": 0.01,
        "fpr_low": 0.005,
        "fpr_high": 0.02,
        "cosine_threshold": 0.4123,
        "tpr": 0.8,
        "tpr_low": 0.7,
        "tpr_high": 0.9,
        "fpir": 0.01,
        "fpir_low": 0.002,
        "fpir_high": 0.05,
        "search_threshold": 0.61,
        "found": 0.6,
        "gallery_people": 19,
        "searches": 120,
        "people": 20,
        "photographs": 240,
        "same_pairs": 1320,
        "different_pairs": 27360,
        "collection": "data/synthetic/img_celeba",
        "calibration_slope": 8.0,
        "calibration_intercept": -2.0,
    }


def test_without_enough_searches_pairs_alone_have_a_threshold(capsys):
    write_params(fpir=0.001)
    publish_ce()
    values = json.loads(Path("out/model.json").read_text())
    assert values["cosine_threshold"] == 0.4123 and "search_threshold" not in values
    assert "no threshold of a search for 0.001, only for 0.01" in capsys.readouterr().out


def test_a_rate_that_was_not_measured_is_refused():
    write_params(fpr=0.001)
    expected = r"publish\.fpr: .* has no threshold for 0\.001, only for 0\.1, 0\.01"
    with pytest.raises(ValueError, match=expected):
        publish_ce()
    assert not Path("out").exists()
    write_json("evaluation/metrics.json", {"a": {"b": 1}})
    with pytest.raises(ValueError, match=r"metrics\.json: expected a flat object of numbers"):
        publish_ce()


def test_it_needs_neither_torch_nor_pandas():
    code = "import sys, stages.publish; sys.exit(bool({'torch', 'pandas'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_dvc_shows_a_row_for_each_headline_metric_in_80_columns():
    """Also of 0, which DVC takes for nothing where a file is a bare number."""
    publish_ce()
    Path("metrics").mkdir()
    Path("out/headline").rename("metrics/published")
    Path("dvc.yaml").write_text("metrics: [metrics/published]\n")
    printed("git", "init", "-q")
    printed("dvc", "init", "-q")
    shown = printed("dvc", "metrics", "show")
    assert len(shown) == 1 + len(publish.HEADLINE) <= 16
    assert ["metrics/published/fte.json", "0.0"] in [line.split() for line in shown]
    commit("ce")
    for path in Path("metrics/published").iterdir():
        path.write_text('{"value": 0.323457}')
    commit("arcface")
    difference = printed("dvc", "metrics", "diff", "ce", "arcface")
    assert len(difference) == 1 + len(publish.HEADLINE)
    assert all(len(line) <= 80 for line in shown + difference)
    assert all(line.count(" - ") == 0 for line in shown)


def commit(tag):
    printed("git", "add", "dvc.yaml", "metrics")
    printed("git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", tag)
    printed("git", "tag", tag)


def printed(*command):
    environment = {**os.environ, "COLUMNS": "80", "DVC_NO_ANALYTICS": "1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_the_headlines_rows_have_room_for_two_revisions():
    """A path of 40 letters leaves 40 of 80 for the key, two numbers and their difference."""
    for folder, names in {"published": publish.HEADLINE, "hourglass": HOURGLASS_HEADLINE}.items():
        assert max(len(f"metrics/{folder}/{name}.json") for name in names) <= 40
    assert len(publish.HEADLINE) <= 15 and len(HOURGLASS_HEADLINE) <= 10


def test_the_card_has_the_metadata_that_hugging_face_specifies():
    """https://github.com/huggingface/hub-docs/blob/main/modelcard.md"""
    values = metadata(publish_ce())
    assert values["license"] == "other" and values["license_name"] and values["license_link"]
    assert all(isinstance(word, str) for word in [*values["tags"], *values["metrics"]])
    (model,) = values["model-index"]
    assert isinstance(model["name"], str) and len(model["results"]) == 3
    for result in model["results"]:
        assert {"type", "name"} <= set(result["task"])
        assert {"type", "name"} <= set(result["dataset"])
        for metric in result["metrics"]:
            assert {"type", "name", "value"} == set(metric) and 0 <= metric["value"] <= 1


def test_the_card_has_every_section_and_measured_figures_with_intervals():
    card = publish_ce()
    titles = re.findall(r"^## (.*)$", card, re.MULTILINE)
    assert titles == [
        *("Intended use", "Misuse", "Operating point", "Accuracy", "Accuracy by slice"),
        *("Data statement", "Limits", "Licence", "How it was made"),
    ]
    assert "| val | Top-1 accuracy | 54.3 ± 1.0 (25.0 to 75.0) |" in card
    assert "from a cosine of **0.4123** on" in card
    assert "accepted 1 % of the pairs of two people" in card
    assert "off by 3.5 (3.0 to 4.0) %" in card and "the mean of 3 seeds" in card
    assert "On 54.3 (25.0 to 75.0) % of the photographs the face could not be aligned" in card
    assert "than one in 100 pairs" in card  # of the rates that were measured
    assert "6 people in training, 40 photographs" in card and "| Smiling | -7.5 |" in card
    assert "| selected | 60 | 6 |" in card and "margin" not in card.split("```yaml")[0]
    settings = yaml.safe_load(card.split("```yaml\n")[1].split("```")[0])
    assert settings["recognizers"]["ce"]["head"]["type"] == "ce" and "arcface" not in str(settings)


def test_the_card_lists_the_worst_groups_first_and_compares_groups_of_one_slice():
    card = publish_ce()
    by_error = re.findall(r"^\| ([^|]*) \| 20 \| 5 \| (\S+) ", card, re.MULTILINE)
    assert by_error == [("yaw: frontal", "50.0"), ("Smiling: yes", "37.5"), ("Smiling: no", "12.5")]
    assert "| a\\|b &lt;script&gt;: yes | 20 | 40.0 (30.0 to 95.0) |" in card
    assert "few" not in card  # 3 photographs say nothing
    assert (
        "non-match rate differs most by “Smiling”: 37.5 (37.5 to 37.5) for “yes”, 3.0 times that "
        "of “no”, 12.5 (12.5 to 12.5)." in card
    )
    assert (
        "false match rate differs most by “Smiling”: " in card and ", 1.5 times that of “" in card
    )


def test_a_card_without_open_set_attributes_or_hourglass_says_so():
    write_json("evaluation/thresholds.json", {})
    write_json("evaluation/metrics.json", {"seeds": 1})
    write_json("hourglass.json", {})
    write_table("slices", ["split", "slice", "group", "photographs", "top1", "low", "high"], [])
    write_table("error_slices", ["slice", "group", "photographs", "people", "fnmr", "fmr"], [])
    card = publish_ce()
    assert "None: too few people" in card and "could not be measured" in card
    assert "five points are off" not in card and "of one seed" in card
    assert metadata(card)["model-index"][0]["results"] == []
    assert json.loads(Path("out/model.json").read_text()) == {}


def test_a_card_tells_drawn_faces_from_photographs_of_people():
    assert "drawn by the stage `synthesize`" in publish_ce()
    write_params(images="data/raw/img_celeba")
    card = publish_ce()
    assert "synthesize" not in card and "have not agreed to this model" in card
    assert "its terms hold for them too" in card
