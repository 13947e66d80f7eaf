"""The stages evaluate and compare, run as functions on a small recogniser's outputs."""

import json
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from reference_model import reference_entry
from torch import nn

from facerec import tables
from facerec.evaluation.closed_set import confusion_rows
from facerec.evaluation.comparison import PairedResult, compare_recognizers
from facerec.evaluation.search_curves import SEARCH
from facerec.imaging.io import write_image
from facerec.recognition import recognizer
from facerec.recognition.heads import build_head
from facerec.recognition.recognizer import RecognizerConfig
from stages import compare, evaluate, train_recognizer
from tools.profile import composed

PROFILE = composed("base")
PEOPLE = 6
SIDE = 8  # px
DIM = 3 * SIDE * SIDE
ARCFACE = {"type": "arcface", "scale": 30.0, "margin": 0.5}
TRIPLET = {"type": "triplet", "margin": 0.2, "samples_per_class": 4}
PLOTS = ["roc", "confusion", "embedding_map"]
DRAWN = ["slices", "cosines", "reliability", "error_rates", "cmc", "search", "discard"]


class Pixels(nn.Module):
    """A recogniser whose embedding is the face's pixels; the weights in its head are random."""

    def __init__(self, head, right=1.0):
        super().__init__()
        self.config = RecognizerConfig.model_validate(
            {
                "alignment": 5,
                "head": head,
                "backbone": "hog",
                "embedding_dim": DIM,
                "dropout": 0.0,
                "person_ids": [100 + label for label in range(PEOPLE)],
                "image_size": SIDE,
                "precision": "fp32",
            }
        )
        self.head = build_head(self.config.head, DIM, PEOPLE)
        if head["type"] == "arcface":
            noise = torch.randn(PEOPLE, DIM, generator=torch.Generator().manual_seed(0))
            patterns = np.stack([pattern(person).ravel() for person in range(PEOPLE)])
            self.head.weight.data = right * torch.from_numpy(patterns).float()
            self.head.weight.data += (1 - right) * 60 * noise

    def embed(self, faces, batch_size=256, flip=True, title=None):
        return torch.from_numpy(faces.reshape(len(faces), -1)).float() - 128


def pattern(person):
    return np.random.default_rng(person).normal(0, 40, (SIDE, SIDE, 3))


def make_faces(folder, prefix, people, each, noise):
    rows = []
    for person in people:
        for photo in range(each):
            image_id = f"{prefix}{person}_{photo}.png"
            noise_of_photo = np.random.default_rng([person, photo, len(prefix)]).normal(
                0, noise, (SIDE, SIDE, 3)
            )
            write_image(
                folder / image_id,
                (128 + pattern(person) + noise_of_photo).clip(0, 255).astype(np.uint8),
            )
            rows.append({"image_id": image_id, "person_id": 100 + person, "label": person})
    frame = pd.DataFrame(rows, columns=["image_id", "person_id", "label"])
    return frame.assign(**dict.fromkeys((*tables.LANDMARKS, *tables.BOX), 1.0))


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_params()
    faces = Path("faces")
    tables.write(
        make_faces(faces, "train", range(PEOPLE), 3, 30), Path("train.csv"), tables.SELECTED
    )
    tables.write(
        make_faces(faces, "validation", range(PEOPLE), 3, 60), Path("val.csv"), tables.SELECTED
    )
    tables.write(
        make_faces(faces, "wild", range(PEOPLE), 2, 150), Path("wild.csv"), tables.SELECTED
    )
    strangers = make_faces(faces, "open", range(50, 58), 4, 60)
    strangers["role"] = np.where(strangers.person_id < 154, "query", "distractor")
    tables.write(strangers.assign(label=np.nan), Path("openset.csv"), tables.OPENSET)
    write_alignment()
    write_measures()
    Path("people.csv").write_text("person_id,name\n100,Ana María\n")
    return tmp_path


def write_params(seeds=(1,), alignment_of_two=5):
    content = yaml.safe_load(PROFILE)
    content["recognizer"]["seeds"] = list(seeds)
    content["recognizers"] = {
        "one": {"alignment": 5, "head": ARCFACE},
        "two": {"alignment": alignment_of_two, "head": ARCFACE},
    }
    content["evaluate"]["bootstrap_resamples"] = 100
    Path("params.yaml").write_text(yaml.safe_dump(content))


def write_alignment(unusable=()):
    """Writes a table that says of every face that it could be aligned, except of these."""
    frame = pd.DataFrame({"image_id": sorted(path.name for path in Path("faces").iterdir())})
    frame[tables.PREDICTED.columns[1:]] = 1
    frame.loc[frame.image_id.isin(unusable), "aligned_5"] = 0
    tables.write(frame, Path("alignment.csv"), tables.PREDICTED)


def write_measures():
    """Writes a table of measures that lacks one of the photographs."""
    frame = pd.DataFrame({"image_id": sorted(path.name for path in Path("faces").iterdir())[1:]})
    frame = frame.assign(**{name: None for name in tables.MEASURES.columns[1:]})
    values = np.random.default_rng(0).random((len(frame), 2))
    frame[["sharpness", "exposure"]] = values * [1, 255]
    tables.write(frame, Path("measures.csv"), tables.MEASURES)


def run_evaluate(monkeypatch, name, network):
    monkeypatch.setattr(recognizer, "load", lambda *_: network)
    return evaluate_all(name)


def evaluate_all(name):
    evaluate.main(
        name=name,
        models=Path("models"),
        **{split: Path(f"{split}.csv") for split in ("train", "val", "wild", "openset")},
        people=Path("people.csv"),
        predicted=Path("alignment.csv"),
        measures=Path("measures.csv"),
        aligned=Path("faces"),
        photographs=Path("faces"),
        evaluation=Path(f"evaluations/{name}"),
        **{table: Path(f"{table}/{name}.csv") for table in PLOTS},
        mistakes=Path(f"{name}.jpg"),
    )
    return json.loads(Path(f"evaluations/{name}/metrics.json").read_text())


def test_evaluate_writes_what_the_report_says(project, monkeypatch, caplog):
    caplog.set_level("INFO")
    values = run_evaluate(monkeypatch, "one", Pixels(ARCFACE))
    report = tables.read(Path("evaluations/one/report.csv"), tables.REPORT)
    for split in ("val", "wild"):
        rows = report[report.split == split]
        assert values[f"{split}_top1"] == round(rows.is_recognized.mean(), 6)
        assert (rows.is_recognized == (rows.label == rows.predicted_label)).all()
        assert (
            values[f"{split}_top1_low"] <= values[f"{split}_top1"] <= values[f"{split}_top1_high"]
        )
    assert report.score.max() <= 1  # a cosine, neither scaled nor with a margin
    assert values["val_top1"] >= 0.9 and values["val_top1_prototypes"] >= 0.9
    assert values["openset_auc"] > 0.8 and "openset_tpr_at_fpr_1e-2" in values
    assert "openset_tpr_at_fpr_1e-3" not in values
    assert "fpr 0.001 needs at least 1000 different-person pairs, got 448" in caplog.text
    assert all(isinstance(value, int | float) for value in values.values()) and values["seeds"] == 1
    assert not [key for key in values if key.endswith("_sd")]
    roc = pd.read_csv("roc/one.csv")
    assert list(roc) == ["recognizer", "fpr", "tpr", "low", "high"]
    assert len(roc) <= 200 and roc.tpr.is_monotonic_increasing
    assert Path("one.jpg").stat().st_size > 1000


def test_evaluate_shows_peoples_names_where_they_have_one(project, monkeypatch):
    monkeypatch.setattr("facerec.evaluation.mistakes.contact_sheet", sheet := Mock())
    sheet.return_value = np.zeros((9, 9, 3), np.uint8)
    people = {number: f"Person {number} ñ" for number in range(100, 100 + PEOPLE)}
    rows = "".join(f"{number},{name}\n" for number, name in people.items())
    Path("people.csv").write_text(f"person_id,name\n{rows}")
    run_evaluate(monkeypatch, "one", Pixels(ARCFACE, right=0.3))
    assert set(pd.read_csv("embedding_map/one.csv").person) <= set(people.values())
    confused = pd.read_csv("confusion/one.csv")
    assert len(confused) and set(confused.actual) <= set(people.values())
    captions = sheet.call_args.args[-1]
    assert any(caption == f"is {name}" for caption in captions for name in people.values())


def test_every_file_of_the_folder_is_there_with_rows(project, monkeypatch):
    values = run_evaluate(monkeypatch, "one", Pixels(ARCFACE, right=0.3))
    folder = Path("evaluations/one")
    assert {path.name for path in folder.iterdir()} == {
        *("metrics.json", "thresholds.json", "report.csv"),
        *(f"{name}.csv" for name in (*DRAWN, "error_slices", "failures")),
    }
    content = {path.stem: pd.read_csv(path) for path in folder.glob("*.csv")}
    assert all(len(frame) and "recognizer" not in frame for frame in content.values())
    curves = content["cmc"].set_index(["exam", "rank"])
    cmc = curves.rate
    for split in ("val", "wild"):
        assert cmc[split, 1] == values[f"{split}_top1"]
        assert cmc[split, 5] == values[f"{split}_top5"]
    rank1 = [values[f"search_rank1{end}"] for end in ("", "_low", "_high")]
    assert curves.loc[("openset", 1), ["rate", "low", "high"]].tolist() == rank1
    threshold = values["openset_threshold_at_fpr_1e-2"]  # publish.fpr
    assert (content["error_slices"].threshold == threshold).all()
    discard = content["discard"].query("discarded == 0 and measure == 'yaw'").set_index("exam")
    assert discard.error["val"] == pytest.approx(1 - values["val_top1"], abs=1e-6)
    assert discard.error["openset"] == pytest.approx(values["fnmr_at_fmr_1e-2"], abs=1e-6)
    assert values["fnmr_at_fmr_1e-2"] == pytest.approx(1 - values["openset_tpr_at_fpr_1e-2"])
    search = content["search"]
    assert search.gallery_people.max() == 8 and search.fpir.max() == 1
    wrong = content["failures"].query("kind == 'wrong_person'")
    assert len(wrong) == (content["report"].label != content["report"].predicted_label).sum() > 0


def test_without_an_open_set_its_tables_have_a_header_and_no_rows(project, monkeypatch):
    strangers = tables.read(Path("openset.csv"), tables.OPENSET)
    tables.write(strangers[:0], Path("openset.csv"), tables.OPENSET)
    values = run_evaluate(monkeypatch, "one", Pixels(ARCFACE))
    assert not [name for name in values if name.startswith(("openset", "fnmr", "fnir"))]
    assert values["fta"] == values["fte"] == 0
    for name in ("cosines", "reliability", "error_rates", "search", "error_slices"):
        frame = pd.read_csv(f"evaluations/one/{name}.csv")
        assert frame.empty and len(frame.columns) > 2, name
    for name in ("cmc", "discard"):
        assert set(pd.read_csv(f"evaluations/one/{name}.csv").exam) == {"val", "wild"}
    Path("evaluations/one").rename("evaluations/two")
    run_evaluate(monkeypatch, "one", Pixels(ARCFACE))
    write_histories()
    Path("roc/two.csv").write_bytes(Path("roc/one.csv").read_bytes())
    compare_all()
    assert pd.read_csv("search.csv").columns.tolist() == ["recognizer", *SEARCH]


def test_a_recogniser_without_a_mistake_has_no_failures_on_val(project, monkeypatch):
    values = run_evaluate(monkeypatch, "one", Pixels(ARCFACE))
    failures = pd.read_csv("evaluations/one/failures.csv")
    assert values["val_top1"] == 1 and "val" not in set(failures.exam)


def test_faces_that_could_not_be_aligned_are_failures_to_acquire(project, monkeypatch):
    seen = tables.read(Path("train.csv"), tables.SELECTED)
    write_alignment(seen.image_id[seen.label == 2])
    values = run_evaluate(monkeypatch, "one", Pixels(TRIPLET))
    assert values["fta"] == pytest.approx(3 / (18 + 18 + 12 + 32), abs=1e-6)
    assert values["fte"] == pytest.approx(1 / (6 + 8), abs=1e-6)


def test_evaluate_twice_gives_the_same_bytes(project, monkeypatch):
    run_evaluate(monkeypatch, "one", Pixels(ARCFACE))
    outputs = [*Path("evaluations/one").iterdir(), "one.jpg"]
    outputs += [f"{plot}/one.csv" for plot in PLOTS]
    before = [Path(path).read_bytes() for path in outputs]
    run_evaluate(monkeypatch, "one", Pixels(ARCFACE))
    assert [Path(path).read_bytes() for path in outputs] == before


def test_the_margin_is_off_in_evaluation(project, monkeypatch):
    """With its huge margin the true person would score far lower."""
    plain = run_evaluate(monkeypatch, "one", Pixels({**ARCFACE, "margin": 0.0}))
    assert run_evaluate(monkeypatch, "one", Pixels({**ARCFACE, "margin": 1.5})) == plain


def test_a_head_without_weights_is_measured_by_prototypes(project, monkeypatch):
    values = run_evaluate(monkeypatch, "one", Pixels(TRIPLET))
    assert values["val_top1"] == values["val_top1_prototypes"] >= 0.9


def test_a_reference_takes_the_same_exams_and_is_compared(project, monkeypatch):
    """The file gives the pixels that it sees. The stage takes faces and mirror images."""

    class BothSides(Pixels):
        def embed(self, faces, **options):
            return (super().embed(faces) + super().embed(faces[:, :, ::-1].copy())) / 2

    expected = run_evaluate(monkeypatch, "one", BothSides(TRIPLET))
    points = [[1.0, 2.0], [6.0, 2.0], [4.0, 4.0], [2.0, 6.0], [5.0, 6.0]]
    found = tables.read(Path("alignment.csv"), tables.PREDICTED)
    found[tables.LANDMARKS] = np.ravel(points)
    tables.write(found, Path("alignment.csv"), tables.PREDICTED)
    write_reference({"template": points, "image_size": SIDE, "mean": [128.0] * 3})
    train_recognizer.main(
        name="two",
        train_table=Path("train.csv"),
        val_table=Path("val.csv"),
        predicted=Path("alignment.csv"),
        aligned=Path("faces"),
        weights=Path("none.csv"),
        models=Path("models"),
        history=Path("training/two.csv"),
    )
    values = evaluate_all("two")
    assert values == pytest.approx(expected, abs=1e-5) and values["seeds"] == 1
    Path("training/one.csv").write_text("epoch,train_loss,val_top1\n1,3.5,0.2\n")
    compare_all()
    assert pd.read_csv("training.csv").recognizer.unique().tolist() == ["one"]
    assert "two and ArcFace" not in (text := Path("comparison.md").read_text())
    assert "two and one are not distinguishable on val: +0.0 points" in text
    write_params(seeds=[1, 2])
    assert evaluate_all("two") == values  # it has one result, whatever the seeds


def write_reference(settings):
    """Makes `two` a reference, a file that gives its input."""
    content = yaml.safe_load(Path("params.yaml").read_text())
    content["recognizers"]["two"] = reference_entry(Path("two.onnx"), **settings)
    Path("params.yaml").write_text(yaml.safe_dump(content))


def test_without_wild_photographs_their_metrics_are_left_out(project, monkeypatch):
    tables.write(make_faces(Path("faces"), "w", [], 1, 1), Path("wild.csv"), tables.SELECTED)
    values = run_evaluate(monkeypatch, "one", Pixels(ARCFACE))
    assert "val_top1" in values and not [key for key in values if key.startswith("wild")]


def test_a_face_that_could_not_be_aligned_counts_as_wrong(project, monkeypatch):
    values = run_evaluate(monkeypatch, "one", Pixels(ARCFACE))
    write_alignment(tables.read(Path("val.csv"), tables.SELECTED).image_id)
    none = run_evaluate(monkeypatch, "one", Pixels(ARCFACE))
    assert values["val_top1"] > 0
    assert none["val_top1"] == none["val_top5"] == none["val_macro_top1"] == 0
    assert none["wild_top1"] == values["wild_top1"]


def test_a_person_whose_training_faces_could_not_be_aligned_is_never_recognised(
    project, monkeypatch
):
    seen = tables.read(Path("train.csv"), tables.SELECTED)
    write_alignment(seen.image_id[seen.label == 2])
    values = run_evaluate(monkeypatch, "one", Pixels(TRIPLET))
    report = tables.read(Path("evaluations/one/report.csv"), tables.REPORT)
    assert report.is_recognized[report.label == 2].sum() == 0 and values["val_top1"] > 0.7


def test_a_stranger_who_could_not_be_aligned_is_not_found(project, monkeypatch):
    values = run_evaluate(monkeypatch, "one", Pixels(ARCFACE))
    strangers = tables.read(Path("openset.csv"), tables.OPENSET)
    write_alignment(strangers.image_id[strangers.role == "query"])
    none = run_evaluate(monkeypatch, "one", Pixels(ARCFACE))
    assert values["search_rank1"] > 0.5 and none["search_rank1"] == 0
    assert none["identification_rate_at_fpr_1e-1"] == 0 < values["identification_rate_at_fpr_1e-1"]


def test_a_face_that_the_alignment_does_not_list_is_an_error(project, monkeypatch):
    (Path("faces") / "wild0_0.png").rename("elsewhere.png")
    write_alignment()
    with pytest.raises(ValueError, match=r"alignment\.csv: wild0_0\.png is not listed"):
        run_evaluate(monkeypatch, "one", Pixels(ARCFACE))


def test_annotated_points_change_nothing(project, monkeypatch):
    before = run_evaluate(monkeypatch, "one", Pixels(ARCFACE, right=0.3))
    report = Path("evaluations/one/report.csv").read_bytes()
    slices = Path("evaluations/one/slices.csv").read_bytes()
    for name in ("train", "val", "wild", "openset"):
        table = tables.OPENSET if name == "openset" else tables.SELECTED
        frame = tables.read(Path(f"{name}.csv"), table)
        frame[tables.LANDMARKS] = np.random.default_rng(7).uniform(0, 99, (len(frame), 10))
        tables.write(frame, Path(f"{name}.csv"), table)
    assert run_evaluate(monkeypatch, "one", Pixels(ARCFACE, right=0.3)) == before
    assert Path("evaluations/one/report.csv").read_bytes() == report
    assert Path("evaluations/one/slices.csv").read_bytes() == slices


def test_several_seeds_give_a_mean_and_a_spread(project, monkeypatch):
    networks = [Pixels(ARCFACE, right) for right in (1.0, 0.15, 0.1)]
    top1 = [run_evaluate(monkeypatch, "one", network)["val_top1"] for network in networks]
    write_params(seeds=[7, 1, 3])
    by_file = dict(zip(("seed_7.pt", "seed_1.pt", "seed_3.pt"), networks, strict=True))
    monkeypatch.setattr(recognizer, "load", lambda path, _: by_file[path.name])
    values = evaluate_all("one")
    assert values["val_top1"] == pytest.approx(np.mean(top1), abs=1e-6) and len(set(top1)) > 1
    assert values["val_top1_sd"] == pytest.approx(np.std(top1, ddof=1), abs=1e-6)
    assert values["seeds"] == 3
    cmc = pd.read_csv("evaluations/one/cmc.csv").query("exam == 'val' and rank == 1")
    assert cmc.rate.tolist() == pytest.approx([np.mean(top1)], abs=1e-6)
    failures = pd.read_csv("evaluations/one/failures.csv").query("exam == 'val'")
    assert len(failures) == round(18 * (1 - top1[0]))
    report = tables.read(Path("evaluations/one/report.csv"), tables.REPORT)
    on_val = report[report.split == "val"]
    assert on_val.recognized_share.mean() == pytest.approx(np.mean(top1), abs=1e-6)
    first_seed = top1[0]  # which is published
    assert on_val.is_recognized.mean() == pytest.approx(first_seed, abs=1e-6)


def write_histories():
    Path("training").mkdir()
    for name in ("one", "two"):
        Path(f"training/{name}.csv").write_text("epoch,train_loss,val_top1\n1,3.5,0.2\n")


def compare_all():
    folders = {"rocs": "roc", "histories": "training"}
    outputs = folders | {name: name for name in DRAWN}
    compare.main(
        evaluations=Path("evaluations"),
        **{name: Path(folder) for name, folder in folders.items()},
        comparison=Path("comparison.json"),
        summary=Path("comparison.md"),
        **{f"all_{name}": Path(f"{file}.csv") for name, file in outputs.items()},
    )


def test_compare_reads_recognisers_by_name_and_says_which_is_better(project, monkeypatch):
    run_evaluate(monkeypatch, "two", Pixels(ARCFACE))
    run_evaluate(monkeypatch, "one", Pixels(ARCFACE, right=0.1))
    run_evaluate(monkeypatch, "left_from_an_earlier_run", Pixels(ARCFACE))
    write_histories()
    compare_all()
    numbers = json.loads(Path("comparison.json").read_text())
    text = Path("comparison.md").read_text()
    assert numbers["two_vs_one.val_top1_difference"] == pytest.approx(
        numbers["two.val_top1"] - numbers["one.val_top1"], abs=2e-6
    )
    assert numbers["two_vs_one.val_top1_difference_low"] > 0
    assert "two is better than one by" in text and "left_from" not in text + str(numbers)
    assert pd.read_csv("roc.csv").recognizer.unique().tolist() == ["one", "two"]
    for name in DRAWN:
        assert pd.read_csv(f"{name}.csv").recognizer.unique().tolist() == ["one", "two"]
    assert pd.read_csv("training.csv").columns.tolist() == [
        "recognizer",
        "epoch",
        "train_loss",
        "val_top1",
    ]
    assert "aligned by" not in text and not [key for key in numbers if key.startswith("alignment")]
    whole = Path("evaluations/two/metrics.json").read_bytes()
    Path("evaluations/two/metrics.json").write_bytes(whole[:40])
    with pytest.raises(ValueError, match=r"two/metrics\.json: not JSON"):
        compare_all()
    Path("evaluations/two/metrics.json").write_bytes(whole)

    write_params(alignment_of_two=2)
    compare_all()
    numbers = json.loads(Path("comparison.json").read_text())
    text = Path("comparison.md").read_text()
    difference = numbers["two_vs_one.val_top1_difference"]
    assert numbers["alignment_5_vs_2.val_top1_difference"] == pytest.approx(-difference)
    assert "| aligned by | ArcFace, val | ArcFace, wild |" in text
    assert (
        "On val, faces aligned by 2 points are recognised best: better than by 5 points, by" in text
    )


def test_compare_takes_a_single_recogniser(project, monkeypatch):
    content = yaml.safe_load(Path("params.yaml").read_text())
    del content["recognizers"]["two"]
    Path("params.yaml").write_text(yaml.safe_dump(content))
    values = run_evaluate(monkeypatch, "one", Pixels(ARCFACE))
    write_histories()
    compare_all()
    numbers = json.loads(Path("comparison.json").read_text())
    assert numbers == {f"one.{name}": value for name, value in values.items()}
    for name in DRAWN:
        assert pd.read_csv(f"{name}.csv").recognizer.unique().tolist() == ["one"]


def result(low, difference, high):
    return PairedResult("ce", "arcface", "val", difference, low, high, 0.0123, ["a"], ["b", "c"])


def test_a_sentence_says_who_is_better_or_that_nobody_is():
    margin = "by 9.1 points (6.8 to 11.3) on val; p = 0.0123."
    better = result(0.068, 0.091, 0.113)
    assert better.sentence() == f"ArcFace is better than CE {margin}"
    worse = result(-0.113, -0.091, -0.068)
    assert worse.sentence() == f"CE is better than ArcFace {margin}"
    undecided = result(-0.01, 0.02, 0.05)
    assert undecided.sentence().startswith(
        "ArcFace and CE are not distinguishable on val: +2.0 points (-1.0 to +5.0)"
    )


def test_reports_of_other_photographs_are_refused():
    hits = {"is_recognized": [1, 0], "recognized_share": [1, 0]}
    rows = pd.DataFrame({"image_id": ["a", "b"], "label": [0, 1], **hits, "split": "val"})
    with pytest.raises(ValueError, match="not of the same photographs"):
        compare_recognizers("ce", "arcface", "val", rows, rows.head(1))
    assert compare_recognizers("ce", "arcface", "val", rows, rows[::-1]).difference == 0


def test_recognisers_that_are_right_on_the_same_photographs_may_still_differ():
    hits = (np.arange(150) % 5 > 0).astype(int)
    image_ids = [f"{number:03d}" for number in range(150)]
    columns = {"label": np.arange(150) // 2, "is_recognized": hits, "recognized_share": hits}
    rows = pd.DataFrame({"image_id": image_ids, **columns, "split": "val"})
    result = compare_recognizers("ce", "arcface", "val", rows, rows)
    assert (result.difference, result.p) == (0, 1) and result.low == -result.high < -0.01
    span = f"+0.0 points ({100 * result.low:+.1f} to {100 * result.high:+.1f})"
    sentence = f"ArcFace and CE are not distinguishable on val: {span}; p = 1.0000."
    assert result.sentence() == sentence


def test_confusion_keeps_the_people_most_often_confused():
    actual = np.array([1, 1, 1, 2, 2, 3, 3, 4, 4, 5])
    predicted = np.array([2, 2, 1, 1, 5, 4, 3, 4, 4, 5])
    rows = confusion_rows(actual.astype(str), predicted.astype(str), max_people=2)
    assert rows.to_numpy().tolist() == [
        ["1", "1"],
        ["1", "2"],
        ["1", "2"],
        ["2", "1"],
        ["2", "other"],
    ]
    assert confusion_rows(actual.astype(str), actual.astype(str)).empty
