"""Collections as people have them, through measure, select and crop: they run, or say why not."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from commands import as_command, options_of
from laid_out import NAMES, aligned, draw, lay_out, none, renamed, with_names
from test_select import OUTPUTS, ROOT, read, select

from facerec import tables
from facerec.data.identity import read_names
from facerec.data.names import read_person_names
from facerec.detection.photographs import NO_FACE
from facerec.imaging.io import read_image
from tools.profile import composed

CASES = ROOT.parent / "shared/cases/make_collections.py"
CFP = ROOT.parent / "shared/data/cfp"
PARAMS = {
    "strategy": "random",
    "people": 4,
    "images_per_person": 3,
    "wild_per_person": 1,
    "strata": [],
    "openset": {"query_people": 1, "distractor_people": 1, "images_per_person": 3, "seed": 1},
    "allow_rejected": True,
}
CROP = {"crop": {"box_scale": 1.2, "image_size": 64}}


@pytest.fixture(scope="module")
def drawn() -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    return draw()


def run(folder: Path, paths: dict[str, Path]) -> subprocess.CompletedProcess:
    """Runs measure, select and crop; returns the result of the last that ran."""
    result = select(folder, paths, **PARAMS)
    if result.returncode:
        return result
    (folder / "params.yaml").write_text(yaml.safe_dump(CROP))
    inputs = {name: f"{name}.csv" for name in ("selected", "wild", "openset", "landmarks_only")}
    outputs = {"cropped": "cropped", "cropped_landmarks": "cropped.csv"}
    options = options_of(inputs | {"photographs": "photos"} | outputs)
    return as_command(folder, "stages.crop", *options)


def assert_runs(folder: Path, paths: dict[str, Path]) -> None:
    """Checks that the collection runs, and that the crops show the faces in the middle."""
    result = run(folder, paths)
    assert result.returncode == 0, result.stderr
    cropped = tables.read(folder / "cropped.csv", tables.CROPPED)
    assert len(cropped) == sum(len(read(folder, name)) for name in OUTPUTS[1:6])
    for image_id in cropped.image_id:
        assert read_image(folder / "cropped" / image_id).shape == (64, 64, 3)
    points = tables.points(cropped)
    assert np.abs(np.median(points.mean(axis=1), axis=0) - 32).max() < 10
    assert np.median(np.ptp(points, axis=1).max(axis=1)) > 16


def refusal(folder: Path, paths: dict[str, Path]) -> str:
    result = run(folder, paths)
    said = result.stderr.splitlines()[-1]  # after the progress
    assert result.returncode == 1 and said.startswith("error: "), result.stderr
    assert "Traceback" not in result.stderr and not (folder / "cropped.csv").exists()
    return said


def test_boxes_of_the_large_photographs_are_not_used_with_aligned_pictures(drawn, tmp_path):
    frame, pictures = aligned(*drawn)
    frame[tables.BOX] = 2 * frame[tables.BOX] + 40
    paths = lay_out(tmp_path / "raw", frame, pictures)
    said = refusal(tmp_path / "work", paths)
    for word in ("list_bbox_celeba.csv", "000001.jpg", "boxes of other pictures", "profiles/none"):
        assert word in said, said
    assert_runs(tmp_path / "again", {**paths, "boxes": none()})


def test_the_profile_celeba_aligned_runs_on_kaggles_copy_as_it_is_downloaded(drawn, tmp_path):
    frame, pictures = aligned(*drawn)
    frame[tables.BOX] = 2 * frame[tables.BOX] + 40
    dataset = yaml.safe_load(composed("celeba_aligned"))["dataset"]
    raw = tmp_path / "data/raw/celeba"
    laid = lay_out(tmp_path / "laid", frame, pictures)
    (raw / "img_align_celeba").mkdir(parents=True)
    laid["images"].rename(raw / "img_align_celeba/img_align_celeba")
    laid["boxes"].rename(raw / "list_bbox_celeba.csv")
    laid["landmarks"].rename(raw / "list_landmarks_align_celeba.csv")
    signs = frame[["image_id"]].assign(Male=1, Young=-1)
    signs.to_csv(raw / "list_attr_celeba.csv", index=False)
    lines = [f"{row.image_id} {row.person_id}\n" for row in frame.itertuples()]
    (raw / "identity_CelebA.txt").write_text("".join(lines))
    paths = {
        name: ROOT / path if path == "profiles/none.csv" else tmp_path / path
        for name, path in dataset.items()
    }
    assert_runs(tmp_path / "work", paths)


@pytest.mark.parametrize("kind", ["points", "boxes"])
def test_shares_of_the_picture_are_refused_with_the_unit(drawn, tmp_path, kind):
    frame, pictures = drawn
    sides = np.array([pictures[name].shape[1::-1] for name in frame.image_id], float)
    columns = tables.LANDMARKS if kind == "points" else tables.BOX
    shares = frame[columns].to_numpy(float) / np.tile(sides, len(columns) // 2)
    frame = frame.assign(**dict(zip(columns, shares.T, strict=True)))
    said = refusal(tmp_path / "work", lay_out(tmp_path / "raw", frame, pictures))
    assert "000001.jpg" in said and "expected px of the picture, not shares of it" in said


def test_corners_under_width_and_height_are_refused_and_read_under_their_names(drawn, tmp_path):
    frame, pictures = drawn
    frame = frame.assign(width=frame.x_1 + frame.width, height=frame.y_1 + frame.height)
    paths = lay_out(tmp_path / "raw", frame, pictures)
    said = refusal(tmp_path / "work", paths)
    assert "corners x_1, y_1, x_2, y_2" in said and "rename width and height to x_2 and y_2" in said
    named = frame.rename(columns={"width": "x_2", "height": "y_2"})
    named[["image_id", "x_1", "y_1", "x_2", "y_2"]].to_csv(paths["boxes"], index=False)
    assert_runs(tmp_path / "again", paths)


def test_people_have_names_and_photographs_lie_in_their_folders(drawn, tmp_path):
    frame, pictures = drawn
    frame = with_names(frame)
    people = frame.person_id.tolist()
    frame, pictures = renamed(frame, pictures, lambda row, old: f"{people[row]}/{old}")
    assert_runs(tmp_path / "work", lay_out(tmp_path / "raw", frame, pictures))
    names = read_person_names(tmp_path / "work/people.csv")
    selected = read(tmp_path / "work", "selected")
    assert len(names) == 6 and set(names.values()) <= set(NAMES)
    folders = [image_id.split("/")[0] for image_id in selected.image_id]
    assert names.of(selected.person_id).tolist() == folders
    assert (tmp_path / "work/cropped" / selected.image_id[0]).is_file()


def test_more_people_change_neither_numbers_nor_the_open_set(drawn, tmp_path):
    frame, pictures = drawn
    frame = with_names(frame)
    few = frame[frame.person_id != NAMES[5]]
    for folder, part in (("few", few), ("many", frame)):
        paths = lay_out(tmp_path / f"{folder}_raw", part, {i: pictures[i] for i in part.image_id})
        assert run(tmp_path / folder, paths).returncode == 0
    before, after = (
        read_person_names(tmp_path / folder / "people.csv") for folder in ("few", "many")
    )
    assert not [
        number for number in before.keys() & after.keys() if before[number] != after[number]
    ]
    strangers = [read(tmp_path / folder, "openset") for folder in ("few", "many")]
    assert len({*strangers[0].person_id} - {*strangers[1].person_id}) <= 2


def test_a_file_of_names_is_shown_for_numbers(drawn, tmp_path):
    frame, pictures = drawn
    paths = lay_out(tmp_path / "raw", frame, pictures)
    people = sorted(frame.person_id.unique())
    paths["names"] = tmp_path / "names.csv"
    pd.DataFrame({"person_id": people, "name": NAMES}).to_csv(paths["names"], index=False)
    assert_runs(tmp_path / "work", paths)
    names = read_person_names(tmp_path / "work/people.csv")
    assert len(names) == 6 and names == {n: NAMES[people.index(n)] for n in names}


def test_names_that_differ_in_case_alone_are_told_apart(drawn, tmp_path):
    frame, pictures = drawn
    upper = frame.assign(image_id=frame.image_id.str.upper())
    paths = lay_out(tmp_path / "raw", frame, pictures, identity=upper)
    said = refusal(tmp_path / "work", paths)
    assert "only in upper and lower case, as '000001.JPG' and '000001.jpg'" in said
    assert "identity.csv and list_landmarks_celeba.csv" in said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (lambda row, old: old.upper(), "only in upper and lower case"),
        (lambda row, old: old.replace(".jpg", ".png"), "only in their endings"),
        (lambda row, old: f"all/{old}", "only in their folders"),
        (lambda row, old: f"other{row}.jpg", "it holds 'other"),
    ],
)
def test_photographs_under_other_names_than_in_the_tables_are_told(drawn, tmp_path, name, words):
    frame, pictures = drawn
    _, other = renamed(frame, pictures, name)
    paths = lay_out(tmp_path / "raw", frame, other)
    said = refusal(tmp_path / "work", paths)
    assert "48 of 48 photographs are not there, as '000001.jpg'" in said and words in said, said
    if "folders" in words:
        assert f"set dataset.images to {paths['images'] / 'all'}" in said


@pytest.mark.parametrize("ending", ["tif", "TIFF", "png", "webp", "bmp", "jpeg"])
def test_pictures_of_every_kind_run(drawn, tmp_path, ending):
    frame, pictures = renamed(*drawn, lambda row, old: old.replace("jpg", ending))
    assert_runs(tmp_path / "work", lay_out(tmp_path / "raw", frame, pictures))


CSVS = {
    "blanks after commas": lambda table: table.to_csv(index=False).replace(",", ", "),
    "an unnamed index": lambda table: table.to_csv(),
    "quoted": lambda table: table.to_csv(index=False, quoting=1),
    "semicolons": lambda table: table.to_csv(index=False, sep=";", decimal=","),
}


@pytest.mark.parametrize("kind", CSVS)
def test_csvs_of_spreadsheets_and_pandas_run(drawn, tmp_path, kind):
    paths = lay_out(
        tmp_path / "raw", *drawn, write=lambda table, path: path.write_text(CSVS[kind](table))
    )
    assert_runs(tmp_path / "work", paths)


@pytest.mark.parametrize("zoom", [0.5, 0.4])
def test_pictures_of_another_size_than_the_tables_are_told(drawn, tmp_path, zoom):
    frame, pictures = drawn
    small = {name: cv2.resize(p, None, fx=zoom, fy=zoom) for name, p in pictures.items()}
    said = refusal(tmp_path / "work", lay_out(tmp_path / "raw", frame, small))
    assert "these pictures have another size than those that the tables were made for" in said
    assert ".jpg: " in said and " px, points as far as (" in said and "CelebA" not in said


def test_file_names_may_have_blanks_accents_and_brackets(drawn, tmp_path):
    frame, pictures = renamed(*drawn, lambda row, old: f"foto ñ ({row}).jpg")
    assert_runs(tmp_path / "work", lay_out(tmp_path / "raw", frame, pictures))


def imported(folder: Path, out: Path) -> dict[str, Path]:
    """Imports a folder with one stray photograph; returns the collection's paths by name."""
    result = as_command(folder.parent, "stages.import_photographs", folder, out)
    assert result.returncode == 0, result.stderr
    report = pd.read_csv(out / "import_report.csv")
    listed = report.original
    taken = pd.read_csv(out / "photographs.csv").original
    passed_over = {"nobody.jpg", "empty", ".DS_Store", "Thumbs.db", "notes.txt"}
    assert passed_over <= {path.split("/")[-1] for path in listed}
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {*taken, *listed} == {*files, "empty"}
    assert (report.reason == NO_FACE).sum() <= 0.03 * len(files)
    names = read_names(out / "names.csv")
    assert set(names.values()) == on_disk(folder) - {"empty"}
    files_of = {"identity": "identity.txt", "landmarks": "list_landmarks.txt", "names": "names.csv"}
    files_of |= {"boxes": "list_bbox.txt", "images": "images"}
    return {name: out / file for name, file in files_of.items()} | {"attributes": none()}


def on_disk(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_dir()}


def test_plain_folders_are_imported_and_what_is_passed_over_is_listed(drawn, tmp_path):
    folder = tmp_path / "photos"
    frame, pictures = drawn
    people = with_names(frame).person_id.tolist()
    frame, pictures = renamed(frame, pictures, lambda row, _: f"{people[row]}/Foto {row} (1).jpg")
    lay_out(tmp_path / "laid", frame, pictures)["images"].rename(folder)
    first = folder / NAMES[0]
    (first / ".DS_Store").write_bytes(b"\0" * 64)
    (first / "Thumbs.db").write_bytes(b"\0")
    (first / "notes.txt").write_text("not a photograph")
    (folder / "nobody.jpg").write_bytes(next(first.glob("*.jpg")).read_bytes())
    (folder / "empty").mkdir()
    paths = imported(folder, tmp_path / "own")
    assert_runs(tmp_path / "work", paths)
    names = read_person_names(tmp_path / "work/people.csv")
    assert len(names) == 6 and set(names.values()) <= set(NAMES)
    originals = pd.read_csv(tmp_path / "own/photographs.csv").set_index("image_id").original
    selected = read(tmp_path / "work", "selected")
    folders = originals[selected.image_id].str.split("/").str[0]
    assert names.of(selected.person_id).tolist() == folders.tolist()


RIGHT = {  # what the README of the real fourteen says: "" runs, else words of the refusal
    "kaggle_aligned": "boxes of other pictures",
    "no_boxes": "",
    "points_as_shares": "expected px of the picture, not shares of it",
    "boxes_as_corners": "corners x_1, y_1, x_2, y_2",
    "person_names": "",
    "folders": "",
    "other_case": "only in upper and lower case",
    "tif": "",
    "blanks_after_commas": "",
    "unnamed_index": "",
    "quoted": "",
    "half_size": "these pictures have another size",
    "odd_file_names": "",
    "plain_folders": "",  # by `facerec import`
}


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("real") / "cases"
    subprocess.run([sys.executable, CASES, CFP, out], check=True, stdout=subprocess.DEVNULL)
    assert {path.name for path in out.iterdir()} == set(RIGHT)
    return out


@pytest.mark.skipif(not CASES.is_file(), reason="the real photographs are not here")
@pytest.mark.parametrize("case", RIGHT)
def test_the_real_collections_end_as_they_should(real, tmp_path, case):
    folder = real / case
    if case == "plain_folders":
        assert_runs(tmp_path / "work", imported(folder, tmp_path / "own"))
        assert set(read_person_names(tmp_path / "work/people.csv").values()) <= on_disk(folder)
        return
    boxes = folder / "list_bbox_celeba.csv"
    paths = {
        "identity": folder / "identity.csv",
        "landmarks": next(folder.glob("list_landmarks*")),
        "boxes": boxes if boxes.exists() else none(),
        "images": folder / "img",
        "attributes": none(),
        "names": none(),
    }
    if RIGHT[case]:
        said = refusal(tmp_path / "work", paths)
        assert RIGHT[case] in said, said
        if case == "kaggle_aligned":
            assert_runs(tmp_path / "again", {**paths, "boxes": none()})
    else:
        assert_runs(tmp_path / "work", paths)
