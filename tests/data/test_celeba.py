import pandas as pd
import pytest
from collection import make_frame, rows, write_annotations

from facerec.annotation_names import ATTRIBUTES, LANDMARKS
from facerec.data.celeba import read_collection, read_image_ids
from facerec.tables import BOX


@pytest.fixture
def frame() -> pd.DataFrame:
    return make_frame(people=3, photos=4)


@pytest.fixture
def paths(tmp_path, frame):
    return write_annotations(tmp_path, frame)


def read(paths):
    return read_collection(
        paths["identity"], paths["landmarks"], paths["boxes"], paths["attributes"]
    )


def test_read_collection_returns_every_row_of_text_files(paths, frame):
    collection = read(paths)
    assert collection.attributes == ATTRIBUTES and not collection.incomplete
    pd.testing.assert_frame_equal(collection.frame, frame, check_dtype=False)


@pytest.mark.parametrize(
    "as_csv", [["boxes"], ["landmarks", "attributes"], ["identity"], ["boxes", "identity"]]
)
def test_text_and_csv_may_be_mixed(paths, frame, as_csv, tmp_path):
    expected = read(paths).frame
    columns = {
        "boxes": BOX,
        "landmarks": LANDMARKS,
        "attributes": ATTRIBUTES,
        "identity": ["person_id"],
    }
    for name in as_csv:
        paths[name] = tmp_path / f"{name}.csv"
        frame[["image_id", *columns[name]]].to_csv(paths[name], index=False)
    pd.testing.assert_frame_equal(read(paths).frame, expected)


@pytest.mark.parametrize("change", ["crlf", "tabs", "bom", "blank end", "shuffled"])
def test_read_collection_accepts_harmless_variations(paths, frame, change):
    path = paths["boxes"]
    text = path.read_text()
    if change == "shuffled":
        path.write_text(
            f"{len(frame)}\nimage_id {' '.join(BOX)}\n" + rows(frame[::-1], ["image_id", *BOX])
        )
    else:
        variations = {
            "crlf": text.replace("\n", "\r\n"),
            "tabs": text.replace("  ", "\t"),
            "bom": "\ufeff" + text,
            "blank end": text + "\n\n  \n",
        }
        path.write_bytes(variations[change].encode())
    pd.testing.assert_frame_equal(read(paths).frame, frame, check_dtype=False)


def test_attribute_file_with_a_header_alone_means_no_attributes(paths, tmp_path):
    paths["attributes"] = tmp_path / "none.csv"
    paths["attributes"].write_text("image_id\n")
    collection = read(paths)
    assert collection.attributes == [] and len(collection.frame) == 12


def test_incomplete_lists_photographs_that_a_file_lacks(paths, frame):
    paths["identity"].write_text(rows(frame.iloc[:-2], ["image_id", "person_id"]))
    collection = read(paths)
    assert len(collection.frame) == 10
    assert collection.incomplete == dict.fromkeys(frame.image_id.iloc[-2:], paths["identity"])


def test_read_collection_refuses_files_without_a_common_photograph(paths, frame):
    other = frame.assign(image_id="x" + frame.image_id)
    paths["identity"].write_text(rows(other, ["image_id", "person_id"]))
    with pytest.raises(ValueError, match="no photograph is in all of"):
        read(paths)


@pytest.mark.parametrize("content", ["", "image_id\n", "image_id,Male,Young\n", "0\nMale Young\n"])
def test_an_attribute_file_without_rows_means_no_attributes(paths, content):
    paths["attributes"].write_text(content)
    collection = read(paths)
    assert collection.attributes == [] and len(collection.frame) == 12 and not collection.incomplete


def test_read_collection_refuses_rows_with_too_many_values(paths):
    lines = paths["boxes"].read_text().splitlines()
    paths["boxes"].write_text("\n".join([*lines[:2], *(f"{line} 7" for line in lines[2:])]))
    with pytest.raises(
        ValueError, match=r"list_bbox_celeba\.txt, line 3: expected 5 columns, got 6"
    ):
        read(paths)


def test_read_image_ids_names_a_blank_line(tmp_path):
    path = tmp_path / "exclude.csv"
    path.write_text("image_id,why\n1.jpg,a\n2.jpg,b\n\n  \n")
    assert read_image_ids(path) == ["1.jpg", "2.jpg"]
    path.write_text("image_id,why\n1.jpg,a\n\n2.jpg,b\n")
    with pytest.raises(
        ValueError, match=r"exclude\.csv, line 3: image_id: expected an image's file name"
    ):
        read_image_ids(path)


def test_read_collection_accepts_blanks_at_the_end_of_lines(paths, frame):
    for path in paths.values():
        path.write_text(path.read_text().replace("\n", "  \n"))
    pd.testing.assert_frame_equal(read(paths).frame, frame, check_dtype=False)


def replace_line(path, number, line):
    lines = path.read_text().split("\n")
    lines[number - 1] = line
    path.write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("name", "line", "content", "words"),
    [
        ("boxes", 1, "13", ["line 1", "count says 13", "has 12"]),
        ("boxes", 5, "000003.jpg 5 5 -80 100", ["line 5", "width", "more than 0", "-80"]),
        ("boxes", 5, "000003.jpg 5 5 0 100", ["line 5", "width", "more than 0"]),
        ("boxes", 5, "000003.jpg 5 5 wide 100", ["line 5", "width", "expected a number", "wide"]),
        ("boxes", 5, "000003.jpg 5 5 80", ["line 5", "height", "expected a number", "nothing"]),
        ("boxes", 5, "000003.jpg 5 5 80 100 7", ["line 5", "expected 5 columns, got 6"]),
        ("boxes", 3, "000001.jpg 5 5 80 100 7", ["line 3", "expected 5 columns, got 6"]),
        ("boxes", 5, '"000003.jpg 5 5 80 100', ["line 5", "file name"]),
        ("boxes", 2, "image_id x_1 y_1 width width height", ["line 2", "width again"]),
        ("boxes", 5, "", ["line 5"]),
        ("boxes", 5, "000002.jpg 5 5 80 100", ["line 5", "000002.jpg is already in line 4"]),
        ("boxes", 5, "../x.jpg 5 5 80 100", ["line 5", "file name", "../x.jpg"]),
        ("boxes", 5, ".hidden.jpg 5 5 80 100", ["line 5", "file name"]),
        ("boxes", 5, "photo.txt 5 5 80 100", ["line 5", "file name"]),
        ("boxes", 2, "image_id x_1 y_1 width", ["line 2", "header with height"]),
        (
            "landmarks",
            4,
            "000002.jpg nan 2 3 4 5 6 7 8 9 10",
            ["line 4", "lefteye_x", "expected a number"],
        ),
        (
            "landmarks",
            4,
            "000002.jpg inf 2 3 4 5 6 7 8 9 10",
            ["line 4", "lefteye_x", "expected a number"],
        ),
        (
            "landmarks",
            4,
            "000002.jpg 1 2 3 4 5 6 7 8 9 1000000000",
            ["line 4", "rightmouth_y", "65535 at most"],
        ),
        ("boxes", 5, "000003.jpg -70000 5 80 100", ["line 5", "x_1", "65535 at most", "-70000"]),
        ("boxes", 1, "²", ["line 1", "expected a header"]),
        ("boxes", 1, "9" * 5000, ["line 1", "expected a header"]),
        ("boxes", 3, f"{'1' * 250}.jpg 5 5 80 100", ["line 3", "file name"]),
        ("boxes", 5, "000003.jpg 5 5 True True", ["line 5", "width", "expected a number", "True"]),
        ("identity", 3, "000003.jpg Anna", ["line 3", "person_id", "Anna"]),
        ("identity", 3, "000003.jpg " + "9" * 25, ["line 3", "person_id", "whole number"]),
        ("identity", 3, "000003.jpg 1.5", ["line 3", "person_id", "whole number"]),
        ("attributes", 4, "000002.jpg " + " ".join(["2"] * 40), ["line 4", "-1 or 1", "2"]),
        ("attributes", 4, "000002.jpg " + " ".join(["0"] * 40), ["line 4", "-1 or 1", "0"]),
    ],
)
def test_read_collection_names_file_and_line_of_a_bad_row(paths, name, line, content, words):
    replace_line(paths[name], line, content)
    with pytest.raises(ValueError) as error:
        read(paths)
    assert all(word in str(error.value) for word in [str(paths[name]), *words]), error.value


def test_read_collection_names_an_absent_and_a_binary_file(paths, tmp_path):
    with pytest.raises(ValueError, match="No such file"):
        read({**paths, "boxes": tmp_path / "absent.txt"})
    paths["boxes"].write_bytes(b"\xff\xd8\xff\xe0\x00")
    with pytest.raises(ValueError, match="not a text file"):
        read(paths)


def test_read_image_ids_reads_a_csv_with_other_columns(tmp_path):
    path = tmp_path / "exclude.csv"
    path.write_text("image_id,reason\n000001.jpg,somebody else\n")
    assert read_image_ids(path) == ["000001.jpg"]
    path.write_text("image_id,reason\n000001.jpg,\n,nobody\n")
    with pytest.raises(ValueError, match="line 3"):
        read_image_ids(path)
    path.write_text("file\n000001.jpg\n")
    with pytest.raises(ValueError, match="column image_id"):
        read_image_ids(path)


def test_read_collection_accepts_awkward_file_names(tmp_path):
    table = make_frame(1, 2).assign(image_id=["a-b.c.JPG", "x_1.png"])
    assert set(read(write_annotations(tmp_path, table)).frame.image_id) == {"a-b.c.JPG", "x_1.png"}
