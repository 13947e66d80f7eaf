import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from collection import make_collection, make_frame, write_annotations
from commands import as_command, options_of

from facerec import geometry, random_order, tables
from facerec.imaging.io import read_image
from facerec.selection import report as selection_report
from facerec.selection.criteria import Criterion
from facerec.selection.params import SelectParams
from tools.profile import composed

ROOT = Path(__file__).parents[2]
PLOTS = {
    "funnel_plot": "funnel.csv",
    "balance_plot": "balance.csv",
    "criteria_plot": "criteria.csv",
    "sheet": "sheet.jpg",
    "criteria_sheet": "criteria.jpg",
}
OUTPUTS = ["selected", "train", "val", "wild", "openset", "landmarks_only", "dropped", "people"]


def notebook(eyes: float = 26.0, nose: float = 0.2) -> list[dict]:
    return [
        {"name": "frontality", "at_least": nose},
        {"name": "eye_distance_x", "above": eyes},
        {"name": "diverse_attributes", "weight": 1.0},
    ]


QUALITY = [
    {"name": "plausible", "above": 0.0},
    {"name": "contrast", "at_least": 5.0, "weight": 0.1},
    {"name": "sharpness", "at_least": 0.02},
    {"name": "no_near_duplicates"},
    {"name": "diverse_pixels", "weight": 1.0},
]
PARAMS = {
    "strategy": "frontal",
    "strategies": {"random": [], "frontal": notebook(), "quality": QUALITY},
    "max_hash_distance": 35,
    "people": 6,
    "images_per_person": 4,
    "val_per_person": 1,
    "allow_rejected": False,
    "strata": ["Male", "Young"],
    "wild_per_person": 2,
    "openset": {"query_people": 2, "distractor_people": 2, "images_per_person": 5, "seed": 1},
    "exclude": "none.csv",
    "on_bad_image": "drop",
    "max_dropped": 20.0,
    "seed": 1,
}


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    return make_collection(tmp_path_factory.mktemp("raw"), people=12, photos=12)


def select(
    folder: Path,
    paths: dict[str, Path],
    exclude: str = "image_id\n",
    wrap: Callable[[list], list] | None = None,
    **changes: object,
) -> subprocess.CompletedProcess:
    """Runs measure, then select; in a process of its own if a command is wrapped in another."""
    folder.mkdir(exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump({"select": {**PARAMS, **changes}}))
    (folder / "none.csv").write_text(exclude)
    shared = {name: paths[name] for name in ("landmarks", "boxes", "images")}
    shared["measures"] = Path("measures.csv")
    inputs = {name: paths[name] for name in ("identity", "attributes")} | {"exclude": "none.csv"}
    inputs["names"] = paths.get("names", ROOT / "profiles/none.csv")
    outputs = {name: f"{name}.csv" for name in OUTPUTS} | PLOTS
    outputs |= {"photographs": "photos", "metrics": "selection.json"}
    measured = _run(folder, "stages.measure", shared, wrap)
    if measured.returncode:
        return measured
    return _run(folder, "stages.select", shared | inputs | outputs, wrap)


def _run(
    folder: Path, module: str, paths: dict[str, str | Path], wrap: Callable[[list], list] | None
) -> subprocess.CompletedProcess:
    options = options_of(paths)
    if wrap is None:
        return as_command(folder, module, *options)
    command = wrap([sys.executable, "-m", module, *options])
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def read(folder: Path, name: str) -> pd.DataFrame:
    return tables.read(
        folder / f"{name}.csv", tables.OPENSET if name == "openset" else tables.SELECTED
    )


@pytest.fixture(scope="module")
def chosen(collection, tmp_path_factory):
    folder = tmp_path_factory.mktemp("chosen")
    result = select(folder, collection)
    assert result.returncode == 0, result.stderr
    return folder


def test_select_writes_as_many_people_and_photographs_as_asked_for(chosen, collection):
    selected, train, val, wild = (read(chosen, name) for name in OUTPUTS[:4])
    assert (selected.groupby("person_id").size() == 4).all() and selected.person_id.nunique() == 6
    assert sorted([*train.image_id, *val.image_id]) == sorted(selected.image_id)
    assert (val.groupby("person_id").size() == 1).all()
    assert (wild.groupby("person_id").size() == 2).all() and set(wild.person_id) == set(
        selected.person_id
    )
    assert not set(wild.image_id) & set(selected.image_id)
    label_of = selected.drop_duplicates("person_id").set_index("person_id").label
    assert sorted(label_of) == list(range(6)) and label_of.sort_index().is_monotonic_increasing
    assert (wild.label == wild.person_id.map(label_of)).all()


def test_openset_people_are_in_no_other_table(chosen):
    openset = read(chosen, "openset")
    assert not set(openset.person_id) & set(read(chosen, "selected").person_id)
    assert openset.groupby("role").person_id.nunique().to_dict() == {"query": 2, "distractor": 2}
    assert (openset.groupby("person_id").size() == 5).all()
    assert openset.label.isna().all()


def test_landmarks_only_holds_the_other_photographs_of_the_selected_people(chosen, collection):
    """Each photograph of the selected people is in exactly one table."""
    selected, wild, further = (
        read(chosen, name) for name in ("selected", "wild", "landmarks_only")
    )
    photos = pd.read_csv(collection["identity"], sep=r"\s+", names=["image_id", "person_id"])
    of_them = photos.image_id[photos.person_id.isin(selected.person_id)]
    assert sorted([*selected.image_id, *wild.image_id, *further.image_id]) == sorted(of_them)
    good = geometry.frontality(tables.points(further)) >= 0.2
    assert 0 < good.sum() < len(further)  # criteria rejected some of them, diversity others
    assert (
        further.label == further.person_id.map(selected.set_index("person_id").label.to_dict())
    ).all()
    assert json.loads((chosen / "selection.json").read_text())["landmarks_only"] == len(further)


def test_select_copies_photographs_byte_for_byte(chosen, collection):
    wanted = {
        i
        for name in ("selected", "wild", "openset", "landmarks_only")
        for i in read(chosen, name).image_id
    }
    assert {path.name for path in (chosen / "photos").iterdir()} == wanted
    for name in wanted:
        assert (chosen / "photos" / name).read_bytes() == (collection["images"] / name).read_bytes()


def test_funnel_never_grows(chosen):
    metrics = json.loads((chosen / "selection.json").read_text())
    funnel = pd.read_csv(chosen / "funnel.csv")
    assert metrics["photographs.in_all_tables"] == 144 and metrics["people.selected"] == 6
    assert funnel.photographs.is_monotonic_decreasing
    assert all(isinstance(value, int | float) for value in metrics.values())


def test_funnel_of_the_notebooks_criteria_equals_a_few_lines_of_pandas(collection, tmp_path):
    """The files have a byte-order mark, CRLF and tabs; two photographs are not in all of them."""
    paths = {
        **collection,
        **{name: tmp_path / f"{name}.txt" for name in ("identity", "landmarks", "boxes")},
    }
    identity, landmarks, boxes = (
        collection[name].read_text() for name in ("identity", "landmarks", "boxes")
    )
    paths["identity"].write_text("\ufeff" + identity + "999999.jpg 7\n", encoding="utf-8")
    paths["landmarks"].write_bytes(landmarks.replace("\n", "\r\n").encode())
    count, header, *rows = boxes.splitlines()
    paths["boxes"].write_text(
        "\n".join([str(int(count) - 1), header, *rows[1:]]).replace(" ", "\t") + "\n"
    )

    profile = yaml.safe_load(composed("celeba"))["select"]
    nobody = {"query_people": 0, "distractor_people": 0, "images_per_person": 5, "seed": 1}
    small = {"people": 2, "images_per_person": 2, "wild_per_person": 0, "openset": nobody}
    result = select(
        tmp_path / "work", paths, strategies={"frontal": profile["strategies"]["frontal"]}, **small
    )
    assert result.returncode == 0, result.stderr
    metrics = json.loads((tmp_path / "work" / "selection.json").read_text())

    frame = pd.read_csv(
        paths["identity"], sep=r"\s+", names=["image_id", "person_id"], encoding="utf-8-sig"
    )
    for name, columns in (("landmarks", tables.LANDMARKS), ("boxes", tables.BOX)):
        table = pd.read_csv(paths[name], sep=r"\s+", skiprows=2, names=["image_id", *columns])
        frame = frame.merge(table, on="image_id")
    steps = {"in_all_tables": frame}
    frame = frame[frame.righteye_x > frame.lefteye_x]
    apart = frame.righteye_x - frame.lefteye_x
    frame = frame[
        (frame.nose_x - frame.lefteye_x >= 0.3 * apart)
        & (frame.righteye_x - frame.nose_x >= 0.3 * apart)
    ]
    steps["frontality"] = frame
    frame = frame[frame.righteye_x - frame.lefteye_x > 30]
    steps["eye_distance_x"] = frame
    frame = frame[frame.groupby("person_id").image_id.transform("size") >= 2]
    steps["people_with_enough"] = frame
    for step, left in steps.items():
        counts = metrics[f"photographs.{step}"], metrics[f"people.{step}"]
        assert counts == (len(left), left.person_id.nunique()), step
    assert (
        metrics["incomplete"] == 2
        and len(steps["in_all_tables"]) > len(steps["eye_distance_x"]) > 0
    )


def test_test_sets_do_not_depend_on_the_criteria(chosen, collection, tmp_path):
    other = tmp_path / "other"
    strategies = {"frontal": notebook(20.0, 0.0)}
    assert select(other, collection, strategies=strategies, images_per_person=3).returncode == 0
    assert (other / "openset.csv").read_bytes() == (chosen / "openset.csv").read_bytes()
    wild = read(chosen, "wild")
    other_wild = read(other, "wild")
    people = set(wild.person_id) & set(other_wild.person_id)
    assert people
    image_ids = [set(frame[frame.person_id.isin(people)].image_id) for frame in (wild, other_wild)]
    assert image_ids[0] == image_ids[1]


def test_select_writes_the_same_bytes_with_the_same_seed(chosen, collection, tmp_path):
    again = tmp_path / "again"
    assert select(again, collection).returncode == 0
    for name in [
        *(f"{name}.csv" for name in OUTPUTS),
        "measures.csv",
        "selection.json",
        *PLOTS.values(),
    ]:
        assert (again / name).read_bytes() == (chosen / name).read_bytes(), name


def damaged_copy(collection, folder: Path, image_ids: list[str]) -> dict[str, Path]:
    shutil.copytree(collection["images"], folder)
    for number, image_id in enumerate(image_ids):
        content = [b"", b"<html>not found</html>", (folder / image_id).read_bytes()[:300]][
            number % 3
        ]
        (folder / image_id).write_bytes(content)
    return {**collection, "images": folder}


def test_select_replaces_unreadable_photographs_and_lists_them(chosen, collection, tmp_path):
    bad = [
        read(chosen, name).image_id.iloc[0]
        for name in ("selected", "wild", "openset", "landmarks_only")
    ]
    paths = damaged_copy(collection, tmp_path / "raw", bad)
    folder = tmp_path / "work"
    assert select(folder, paths).returncode == 0
    dropped = tables.read(folder / "dropped.csv", tables.DROPPED)
    assert set(bad) <= set(dropped.image_id)
    assert dropped.reason.str.contains("empty file|not a readable image").all()
    assert json.loads((folder / "selection.json").read_text())["dropped_unreadable"] == len(dropped)
    for name in ("selected", "wild", "openset"):
        frame = read(folder, name)
        assert len(frame) == len(read(chosen, name)) and not set(bad) & set(frame.image_id)
    further = read(folder, "landmarks_only")
    assert not further.empty and not set(dropped.image_id) & set(further.image_id)


def test_select_counts_and_names_photographs_that_a_file_lacks(collection, tmp_path):
    boxes = tmp_path / "boxes.txt"
    lines = collection["boxes"].read_text().splitlines()
    boxes.write_text("\n".join([str(int(lines[0]) - 2), *lines[1:-2]]))
    result = select(tmp_path / "work", {**collection, "boxes": boxes})
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / "work" / "selection.json").read_text())["incomplete"] == 2
    assert f"000143.jpg (not in {boxes})" in result.stdout
    dropped = tables.read(tmp_path / "work" / "dropped.csv", tables.DROPPED)
    assert set(dropped.reason) == {f"{boxes} has no such row"} and "000143.jpg" in set(
        dropped.image_id
    )


def test_allow_rejected_completes_people_with_too_few_photographs(collection, tmp_path):
    strict = {"strategies": {"frontal": notebook(nose=0.45)}, "people": 8}
    refused = select(tmp_path / "refused", collection, **strict)
    assert refused.returncode == 1 and "8 people wanted" in refused.stderr
    folder = tmp_path / "work"
    assert select(folder, collection, **strict, allow_rejected=True).returncode == 0
    selected = read(folder, "selected")
    assert (selected.groupby("person_id").size() == 4).all() and selected.person_id.nunique() == 8
    metrics = json.loads((folder / "selection.json").read_text())
    nose = selected.nose_x - selected.lefteye_x
    apart = selected.righteye_x - selected.lefteye_x
    good = (apart > 26) & (nose >= 0.45 * apart) & (apart - nose >= 0.45 * apart)
    assert metrics["rejected_allowed"] == (~good).sum() > 0
    steps = list(pd.read_csv(folder / "funnel.csv").step)  # the funnel says why it rises
    assert steps.index("rejected_allowed") == steps.index("not_near_duplicates") - 1


def test_allow_rejected_changes_nothing_for_people_with_enough_photographs(
    chosen, collection, tmp_path
):
    assert select(tmp_path / "work", collection, allow_rejected=True, people=6).returncode == 0
    kept = set(read(tmp_path / "work", "selected").person_id) & set(
        read(chosen, "selected").person_id
    )
    one, two = (read(folder, "selected") for folder in (chosen, tmp_path / "work"))
    assert kept and set(one[one.person_id.isin(kept)].image_id) == set(
        two[two.person_id.isin(kept)].image_id
    )


def test_openset_may_be_empty(collection, tmp_path):
    nobody = {"query_people": 0, "distractor_people": 0, "images_per_person": 5, "seed": 1}
    result = select(tmp_path / "work", collection, openset=nobody)
    assert result.returncode == 0, result.stderr
    assert (
        read(tmp_path / "work", "openset").empty and len(read(tmp_path / "work", "selected")) == 24
    )


def test_excluding_a_person_of_the_openset_keeps_the_others(chosen, collection, tmp_path):
    before = read(chosen, "openset")
    gone = before.person_id.iloc[0]
    photos = pd.read_csv(collection["identity"], sep=r"\s+", names=["image_id", "person_id"])
    excluded = (
        "image_id\n" + "\n".join(photos.image_id[photos.person_id == gone]) + "\nnobody.jpg\n"
    )
    result = select(tmp_path / "work", collection, exclude=excluded)
    assert result.returncode == 0, result.stderr
    assert "1 image_ids are not in the collection: nobody.jpg" in result.stdout
    after = read(tmp_path / "work", "openset")
    assert gone not in set(after.person_id)
    assert len(set(before.person_id) - set(after.person_id)) <= 2


def test_select_leaves_out_excluded_photographs(chosen, collection, tmp_path):
    rejected = read(chosen, "selected").image_id.iloc[0]
    assert select(tmp_path / "work", collection, exclude=f"image_id\n{rejected}\n").returncode == 0
    for name in ("selected", "landmarks_only"):
        assert rejected not in set(read(tmp_path / "work", name).image_id)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"people": 9}, ["9 people wanted, 8 left", "frontality", "eye_distance_x"]),
        ({"images_per_person": 11}, ["6 people wanted, 0 left"]),
        ({"people": "many"}, ["select.people", "valid integer"]),
        ({"colour": 1}, ["select.colour", "unknown key"]),
        ({"fill_up": True}, ["select.fill_up: is now select.allow_rejected"]),
        (
            {"strategies": {"frontal": [{"name": "nose_centred", "at_least": 0.3}]}},
            ["'nose_centred' is now frontality"],
        ),
        ({"val_per_person": 4}, ["val_per_person (4) must be less than images_per_person (4)"]),
        ({"strata": ["Male", "Tall"]}, ["select.strata: Tall not among", "Eyeglasses"]),
        ({"strategy": "best"}, ["'best' is not among select.strategies: frontal, quality, random"]),
        (
            {"strategies": {"frontal": [{"name": "charm", "at_least": 1}]}},
            ["'charm' is no criterion", "sharpness"],
        ),
        (
            {"strategies": {"frontal": [{"name": "yaw"}]}},
            ["strategies.frontal.0", "expected above, at_least, at_most"],
        ),
        (
            {"strategies": {"frontal": [{"name": "no_near_duplicates", "at_least": 3}]}},
            ["its bound is select.max_hash_distance"],
        ),
        (
            {"strategies": {"frontal": 2 * [{"name": "yaw", "at_most": 9}]}},
            ["each criterion once, got yaw again"],
        ),
    ],
)
def test_select_reports_bad_parameters_in_one_message(collection, tmp_path, changes, words):
    result = select(tmp_path / "work", collection, **changes)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr and result.stderr.startswith("error: ")
    assert all(word in result.stderr for word in words), result.stderr
    assert not (tmp_path / "work" / "selected.csv").exists()


def test_exclude_refuses_the_output_of_the_audit():
    with pytest.raises(
        ValueError, match="made from what select chose, so select cannot wait for it: review it"
    ):
        SelectParams(**{**PARAMS, "exclude": "data/audit.csv"})


def test_measure_refuses_the_tables_of_larger_pictures(collection, tmp_path):
    frame = make_frame(people=12, photos=12)
    numbers = [*tables.LANDMARKS, *tables.BOX]
    doubled = write_annotations(
        tmp_path, frame.assign(**{name: 2 * frame[name] for name in numbers})
    )
    result = select(tmp_path / "work", {**doubled, "images": collection["images"]})
    assert result.returncode == 1 and "these pictures have another size" in result.stderr


@pytest.fixture(scope="module")
def collection_with_near_duplicates(tmp_path_factory):
    """A collection where each person has a near duplicate of a photograph, mirrored or darker."""
    paths = make_collection(tmp_path_factory.mktemp("near_duplicates"), people=12, photos=12)
    photos = pd.read_csv(paths["identity"], sep=r"\s+", names=["image_id", "person_id"])
    tables_of = {name: paths[name].read_text().split("\n") for name in ("landmarks", "boxes")}
    for number, (_, ids) in enumerate(photos.groupby("person_id").image_id):
        source, duplicate = ids.iloc[0], ids.iloc[1]
        picture = cv2.imread(str(paths["images"] / source))
        for lines in tables_of.values():
            here, there = (
                next(i for i, line in enumerate(lines) if line.startswith(name))
                for name in (source, duplicate)
            )
            lines[there] = lines[here].replace(source, duplicate)
            if number % 2 and lines is tables_of["landmarks"]:
                five = np.array(lines[here].split()[1:], float).reshape(5, 2)[geometry.FLIP_INDEX]
                five[:, 0] = picture.shape[1] - 1 - five[:, 0]
                lines[there] = " ".join([duplicate, *map(str, five.ravel())])
        changed = picture[:, ::-1] if number % 2 else (0.7 * picture).astype(np.uint8)
        cv2.imwrite(str(paths["images"] / duplicate), changed)
    for name, lines in tables_of.items():
        paths[name].write_text("\n".join(lines))
    return paths, photos


@pytest.fixture(scope="module")
def by_quality(collection_with_near_duplicates, tmp_path_factory):
    folder = tmp_path_factory.mktemp("quality")
    result = select(folder, collection_with_near_duplicates[0], strategy="quality")
    assert result.returncode == 0, result.stderr
    return folder


@pytest.mark.parametrize("strategy", ["random", "frontal", "quality"])
@pytest.mark.parametrize("seed", [1, 2])
def test_test_sets_do_not_depend_on_strategy_or_seed(
    collection_with_near_duplicates, by_quality, tmp_path, strategy, seed
):
    assert (
        select(
            tmp_path / "work",
            collection_with_near_duplicates[0],
            strategy=strategy,
            seed=seed,
            people=8,
        ).returncode
        == 0
    )
    assert (tmp_path / "work" / "openset.csv").read_bytes() == (
        by_quality / "openset.csv"
    ).read_bytes()
    _, photos = collection_with_near_duplicates
    frame = photos.sort_values("image_id", ignore_index=True)
    first_two = random_order.rank_in_person(frame, random_order.person_order(frame, 1, "wild")) < 2
    wild = read(tmp_path / "work", "wild")
    assert set(wild.image_id) == set(
        frame.image_id[first_two & frame.person_id.isin(wild.person_id)]
    )


def test_no_near_duplicates_takes_one_of_a_pair_at_most(
    collection_with_near_duplicates, by_quality
):
    _, photos = collection_with_near_duplicates
    metrics = json.loads((by_quality / "selection.json").read_text())
    assert metrics["near_duplicates_left_out"] >= 3
    assert [
        metrics[f"near_duplicates_{name}"] for name in ("train_val", "train_wild", "val_wild")
    ] == [
        0,
        0,
        0,
    ]
    parts = {name: set(read(by_quality, name).image_id) for name in ("train", "val", "wild")}
    for _, ids in photos.groupby("person_id").image_id:
        places = [name for name, part in parts.items() for image_id in ids[:2] if image_id in part]
        assert len(places) < 2 or places == ["wild", "wild"]


@pytest.mark.parametrize("strategy", ["random", "frontal"])
def test_no_strategy_shares_near_duplicates_with_a_test_set(
    collection_with_near_duplicates, tmp_path, strategy
):
    wanted = {"strategy": strategy, "people": 8, "images_per_person": 9, "allow_rejected": True}
    result = select(tmp_path / "work", collection_with_near_duplicates[0], **wanted)
    assert result.returncode == 0, result.stderr
    metrics = json.loads((tmp_path / "work" / "selection.json").read_text())
    parts = {name: set(read(tmp_path / "work", name).image_id) for name in ("train", "val", "wild")}
    pairs = [
        set(ids[:2]) for _, ids in collection_with_near_duplicates[1].groupby("person_id").image_id
    ]
    assert not any(
        len(pair & parts[test_set]) == 1 and pair & parts["train"]
        for pair in pairs
        for test_set in ("val", "wild")
    )
    assert not any(pair & parts["val"] and pair & parts["wild"] for pair in pairs)
    assert (
        metrics["near_duplicates_train_val"]
        == metrics["near_duplicates_train_wild"]
        == metrics["near_duplicates_val_wild"]
        == 0
    )
    assert metrics["near_duplicates_train"] == sum(pair <= parts["train"] for pair in pairs) > 0
    assert metrics["near_duplicates_left_out"] > 0


def test_allow_rejected_takes_near_duplicates_last(collection_with_near_duplicates, tmp_path):
    """Each person has 12 photographs: 10 to select and 2 wild; 9 without the duplicate."""
    full = {"strategy": "quality", "images_per_person": 10, "people": 5}
    refused = select(tmp_path / "refused", collection_with_near_duplicates[0], **full)
    assert refused.returncode == 1 and "5 people wanted" in refused.stderr
    assert "most people were lost at people_with_enough (8 before, " in refused.stderr
    filled = select(
        tmp_path / "work", collection_with_near_duplicates[0], **full, allow_rejected=True
    )
    assert filled.returncode == 0, filled.stderr
    assert (read(tmp_path / "work", "selected").groupby("person_id").size() == 10).all()
    metrics = json.loads((tmp_path / "work" / "selection.json").read_text())
    assert (
        metrics["near_duplicates_train_val"] == metrics["near_duplicates_train_wild"] == 0
        and metrics["near_duplicates_train"] > 0
    )


def test_histogram_shows_rare_rejections_at_the_right_bound():
    """Of 1000 values 2 lie far out, and 3 just short of a bound that cuts through a bin."""
    criterion = Criterion(name="contrast", at_least=10.0, at_most=50.0)
    values = np.concatenate([np.linspace(10, 50, 995), [9.9, 9.95, 9.99, 3000, 4000]])
    plot = selection_report.histograms([criterion], pd.DataFrame({"contrast": values}))
    assert plot.groupby("kept").share.sum().to_dict() == pytest.approx(
        {"kept": 99.5, "rejected": 0.5}
    )
    assert plot[plot.kept == "rejected"].groupby("bound").share.sum().to_dict() == pytest.approx(
        {10: 0.3, 50: 0.2}
    )


def test_plot_and_sheet_show_each_criterion(by_quality):
    plot = pd.read_csv(by_quality / "criteria.csv")
    assert plot.criterion.unique().tolist() == [
        "plausible",
        "contrast",
        "sharpness",
        "no_near_duplicates",
    ]
    assert plot.groupby("criterion").share.sum().tolist() == pytest.approx([100] * 4, abs=0.1)
    duplicates = plot[(plot.criterion == "no_near_duplicates") & (plot.kept == "rejected")]
    assert duplicates.share.sum() > 0 and (duplicates.bound == 35).all()
    cut = plot.duplicated(
        ["criterion", "value"], keep=False
    )  # a bin with a bound in it has two rows
    whole = plot[~cut & (plot.share > 0)]
    assert cut.sum() <= 2 * 4 and ((whole.value >= whole.bound) == (whole.kept == "kept")).all()
    balance = pd.read_csv(by_quality / "balance.csv")
    assert len(balance) == 40 and balance["shift"].abs().is_monotonic_decreasing
    selected = read(by_quality, "selected")
    share = 50 * (1 + selected[balance.attribute[0]].mean())
    assert balance.after[0] == pytest.approx(share, abs=1e-3)
    sheet = read_image(by_quality / "criteria.jpg")
    assert sheet.shape[1] > 8 * 112 and sheet.shape[0] > 6 * 112
