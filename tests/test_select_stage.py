import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from collection import make_collection

from facerec import selection, tables

ROOT = Path(__file__).parents[1]
OUTPUTS = ["selected", "train", "val", "wild", "openset", "dropped"]
PARAMS = {
    "min_eye_distance": 26.0,
    "min_nose_offset": 0.2,
    "people": 6,
    "images_per_person": 4,
    "val_per_person": 1,
    "fill_up": False,
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
    folder: Path, paths: dict[str, Path], exclude: str = "image_id\n", wrap: Callable[[list], list] = list, **changes
) -> subprocess.CompletedProcess:
    folder.mkdir(exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump({"select": {**PARAMS, **changes}}))
    (folder / "none.csv").write_text(exclude)
    inputs = [paths[name] for name in ("identity", "landmarks", "boxes", "attributes")]
    outputs = [*(f"{name}.csv" for name in OUTPUTS), "photos", "selection.json", "funnel.csv", "sheet.jpg"]
    command = [sys.executable, "-m", "stages.select", *inputs, "none.csv", paths["images"], *outputs]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    return subprocess.run(wrap(command), cwd=folder, env=environment, capture_output=True, text=True)


def read(folder: Path, name: str) -> pd.DataFrame:
    return tables.read(folder / f"{name}.csv", tables.OPENSET if name == "openset" else tables.SELECTED)


@pytest.fixture(scope="module")
def chosen(collection, tmp_path_factory):
    folder = tmp_path_factory.mktemp("chosen")
    result = select(folder, collection)
    assert result.returncode == 0, result.stderr
    return folder


def test_the_tables_hold_what_was_asked_for(chosen, collection):
    selected, train, val, wild = (read(chosen, name) for name in OUTPUTS[:4])
    assert (selected.groupby("person_id").size() == 4).all() and selected.person_id.nunique() == 6
    assert sorted([*train.image_id, *val.image_id]) == sorted(selected.image_id)
    assert (val.groupby("person_id").size() == 1).all()
    assert (wild.groupby("person_id").size() == 2).all() and set(wild.person_id) == set(selected.person_id)
    assert not set(wild.image_id) & set(selected.image_id)
    label_of = selected.drop_duplicates("person_id").set_index("person_id").label
    assert sorted(label_of) == list(range(6)) and label_of.sort_index().is_monotonic_increasing
    assert (wild.label == wild.person_id.map(label_of)).all()


def test_people_of_the_openset_are_nowhere_else(chosen):
    openset = read(chosen, "openset")
    assert not set(openset.person_id) & set(read(chosen, "selected").person_id)
    assert openset.groupby("role").person_id.nunique().to_dict() == {"query": 2, "distractor": 2}
    assert (openset.groupby("person_id").size() == 5).all()
    assert openset.label.isna().all()


def test_photographs_are_copied_byte_for_byte(chosen, collection):
    wanted = {i for name in ("selected", "wild", "openset") for i in read(chosen, name).image_id}
    assert {path.name for path in (chosen / "photos").iterdir()} == wanted
    for name in wanted:
        assert (chosen / "photos" / name).read_bytes() == (collection["images"] / name).read_bytes()


def test_the_funnel_never_grows(chosen):
    metrics = json.loads((chosen / "selection.json").read_text())
    funnel = pd.read_csv(chosen / "funnel.csv")
    assert metrics["photographs.in_all_tables"] == 144 and metrics["people.selected"] == 6
    assert funnel.photographs.is_monotonic_decreasing
    assert all(isinstance(value, int | float) for value in metrics.values())


def test_the_exams_are_the_same_whatever_the_rules_say(chosen, collection, tmp_path):
    other = tmp_path / "other"
    assert select(other, collection, min_eye_distance=20.0, min_nose_offset=0.0, images_per_person=3).returncode == 0
    assert (other / "openset.csv").read_bytes() == (chosen / "openset.csv").read_bytes()
    one, two = read(chosen, "wild"), read(other, "wild")
    both = set(one.person_id) & set(two.person_id)
    assert both
    pick = [set(frame[frame.person_id.isin(both)].image_id) for frame in (one, two)]
    assert pick[0] == pick[1]


def test_the_same_seed_gives_the_same_bytes(chosen, collection, tmp_path):
    again = tmp_path / "again"
    assert select(again, collection).returncode == 0
    for name in [*(f"{name}.csv" for name in OUTPUTS), "selection.json", "funnel.csv", "sheet.jpg"]:
        assert (again / name).read_bytes() == (chosen / name).read_bytes(), name


def damaged_copy(collection, folder: Path, image_ids: list[str]) -> dict[str, Path]:
    shutil.copytree(collection["images"], folder)
    for number, image_id in enumerate(image_ids):
        content = [b"", b"<html>not found</html>", (folder / image_id).read_bytes()[:300]][number % 3]
        (folder / image_id).write_bytes(content)
    return {**collection, "images": folder}


def test_an_unreadable_photograph_is_listed_and_another_takes_its_place(chosen, collection, tmp_path):
    bad = [read(chosen, name).image_id.iloc[0] for name in ("selected", "wild", "openset")]
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


def test_a_photograph_that_a_file_lacks_is_counted_and_named(collection, tmp_path):
    boxes = tmp_path / "boxes.txt"
    lines = collection["boxes"].read_text().splitlines()
    boxes.write_text("\n".join([str(int(lines[0]) - 2), *lines[1:-2]]))
    result = select(tmp_path / "work", {**collection, "boxes": boxes})
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / "work" / "selection.json").read_text())["incomplete"] == 2
    assert f"000143.jpg (not in {boxes})" in result.stdout


def test_people_left_with_too_few_fill_up_with_the_nearest_to_the_rules(collection, tmp_path):
    strict = {"min_nose_offset": 0.45, "people": 8}
    refused = select(tmp_path / "refused", collection, **strict)
    assert refused.returncode == 1 and "8 people wanted" in refused.stderr
    folder = tmp_path / "work"
    assert select(folder, collection, **strict, fill_up=True).returncode == 0
    selected = read(folder, "selected")
    assert (selected.groupby("person_id").size() == 4).all() and selected.person_id.nunique() == 8
    metrics = json.loads((folder / "selection.json").read_text())
    good = selection.apply_rules(selected, 26.0, 0.45, selection.Funnel())
    assert metrics["filled_up"] == len(selected) - len(good) > 0


def test_fill_up_changes_nothing_where_nobody_is_short(chosen, collection, tmp_path):
    assert select(tmp_path / "work", collection, fill_up=True, people=6).returncode == 0
    kept = set(read(tmp_path / "work", "selected").person_id) & set(read(chosen, "selected").person_id)
    one, two = (read(folder, "selected") for folder in (chosen, tmp_path / "work"))
    assert kept and set(one[one.person_id.isin(kept)].image_id) == set(two[two.person_id.isin(kept)].image_id)


def test_an_empty_open_set_is_allowed(collection, tmp_path):
    nobody = {"query_people": 0, "distractor_people": 0, "images_per_person": 5, "seed": 1}
    result = select(tmp_path / "work", collection, openset=nobody)
    assert result.returncode == 0, result.stderr
    assert read(tmp_path / "work", "openset").empty and len(read(tmp_path / "work", "selected")) == 24


def test_excluding_a_person_of_the_open_set_leaves_the_others(chosen, collection, tmp_path):
    before = read(chosen, "openset")
    gone = before.person_id.iloc[0]
    photos = pd.read_csv(collection["identity"], sep=r"\s+", names=["image_id", "person_id"])
    excluded = "image_id\n" + "\n".join(photos.image_id[photos.person_id == gone]) + "\nnobody.jpg\n"
    result = select(tmp_path / "work", collection, exclude=excluded)
    assert result.returncode == 0, result.stderr
    assert "1 image_ids are not in the collection: nobody.jpg" in result.stdout
    after = read(tmp_path / "work", "openset")
    assert gone not in set(after.person_id)
    assert len(set(before.person_id) - set(after.person_id)) <= 2


def test_a_reviewed_photograph_is_left_out(chosen, collection, tmp_path):
    rejected = read(chosen, "selected").image_id.iloc[0]
    assert select(tmp_path / "work", collection, exclude=f"image_id\n{rejected}\n").returncode == 0
    assert rejected not in set(read(tmp_path / "work", "selected").image_id)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"people": 9}, ["9 people wanted, 8 left", "nose_centred", "eyes_apart"]),
        ({"images_per_person": 11}, ["6 people wanted, 0 left"]),
        ({"people": "many"}, ["select.people", "valid integer"]),
        ({"colour": 1}, ["select.colour", "unknown key"]),
        ({"val_per_person": 4}, ["val_per_person (4) must be less than images_per_person (4)"]),
        ({"strata": ["Male", "Tall"]}, ["select.strata: Tall not among", "Eyeglasses"]),
    ],
)
def test_what_cannot_be_had_is_said_in_one_message(collection, tmp_path, changes, words):
    result = select(tmp_path / "work", collection, **changes)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr and result.stderr.startswith("error: ")
    assert all(word in result.stderr for word in words), result.stderr
    assert not (tmp_path / "work" / "selected.csv").exists()


def test_aligned_photographs_are_refused(collection, tmp_path):
    table = pd.read_csv(collection["landmarks"], sep=r"\s+", skiprows=2, header=None)
    table.iloc[:, 1:] += 60
    moved = tmp_path / "landmarks.txt"
    header = "\n".join(collection["landmarks"].read_text().split("\n")[:2])
    moved.write_text(header + "\n" + table.to_csv(sep=" ", header=False, index=False))
    result = select(tmp_path / "work", {**collection, "landmarks": moved})
    assert result.returncode == 1 and "img_celeba (in the wild) is needed" in result.stderr
