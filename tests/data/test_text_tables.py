"""The kinds of CSV that spreadsheets, pandas and people write, all of one small table."""

import codecs

import pandas as pd
import pytest
from collection import make_frame, rows

from facerec.annotation_names import LANDMARKS
from facerec.data.celeba import read_boxes, read_image_ids, read_landmarks
from facerec.data.identity import read_identity
from facerec.data.pair_lists import read_pairs
from facerec.tables import BOX

BOXES = make_frame(1, 4)[["image_id", *BOX]].assign(x_1=[0.5, 12.25, -3, 4])


def as_csv(**options) -> str:
    return BOXES.to_csv(index=False, **options)


def with_header(text: str, header: str) -> str:
    return header + text[text.index("\n") :]


KINDS: dict[str, str] = {
    "plain": as_csv(),
    "quoted": as_csv(quoting=2),
    "all quoted": as_csv(quoting=1),
    "blanks after commas": as_csv().replace(",", ", "),
    "blanks around commas": as_csv().replace(",", " , "),
    "quoted after blanks": as_csv(quoting=1).replace(",", ", "),
    "index without a name": BOXES.to_csv(),
    "index read back and written again": BOXES.to_csv().replace(",image_id", "Unnamed: 0,image_id"),
    "commas at the end of each line": as_csv().replace("\n", ",\n"),
    "empty rows at the end": as_csv() + ",,,,\n,,,,\n",
    "semicolons and decimal commas": as_csv(sep=";", decimal=","),
    "semicolons and decimal points": as_csv(sep=";"),
    "tabs": as_csv(sep="\t"),
    "columns in another order": BOXES[[*BOX[::-1], "image_id"]].to_csv(index=False),
    "a column of text": BOXES.assign(note="who, me?").to_csv(index=False),
    "a count before it": f"{len(BOXES)}\n{as_csv()}",
    "a count filled up with commas": f"{len(BOXES)},,,,\n{as_csv()}",
    "windows": as_csv(lineterminator="\r\n"),
    "CelebA's": f"{len(BOXES)}\n{' '.join(BOX)}\n{rows(BOXES, list(BOXES))}",
}
CORNERS = BOXES.assign(x_2=BOXES.x_1 + BOXES.width, y_2=BOXES.y_1 + BOXES.height)
KINDS["corners under their own names"] = CORNERS[["image_id", "x_1", "y_1", "x_2", "y_2"]].to_csv()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_kind_of_csv_gives_the_same_boxes(tmp_path, kind, encoding):
    path = tmp_path / "boxes.csv"
    path.write_bytes(KINDS[kind].encode(encoding))
    pd.testing.assert_frame_equal(read_boxes(path), BOXES, check_dtype=False)


def test_utf_16_of_either_end_is_read(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_bytes(codecs.BOM_UTF16_BE + as_csv().encode("utf-16-be"))
    assert len(read_boxes(path)) == len(BOXES)


@pytest.mark.parametrize(
    "name",
    [
        "foto ñ (3).jpg",
        "person/0001.jpg",
        "李 娜/01 a.JPG",
        "a/b/c.tif",
        "O'Neil, Pat/1.tiff",
        "+1.png",
    ],
)
def test_names_of_photographs_may_have_blanks_accents_and_folders(tmp_path, name):
    path = tmp_path / "boxes.csv"
    BOXES[:1].assign(image_id=name).to_csv(path, index=False)
    assert read_boxes(path).image_id.tolist() == [name]
    pd.DataFrame({"image_id": [name]}).to_csv(path, index=False)
    assert read_image_ids(path) == [name]


@pytest.mark.parametrize(
    "name",
    [
        "../1.jpg",
        "a/../../1.jpg",
        "/etc/1.jpg",
        "a//1.jpg",
        ".a/1.jpg",
        "a/.1.jpg",
        "a\\1.jpg",
        "1.heic",
        "a/",
        "1",
        201 * "a" + "/1.jpg",
        "a\x001.jpg",
    ],
)
def test_a_name_that_leads_out_of_the_folder_or_is_no_picture_is_refused(tmp_path, name):
    path = tmp_path / "boxes.csv"
    path.write_text(f"image_id,x_1,y_1,width,height\n{name},1,2,3,4\n")
    with pytest.raises(ValueError, match=r"line 2: image_id: expected an image's file name, such"):
        read_boxes(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'image_id,x_1,y_1,width,height\n"1.jpg,1,2,3,4\n2.jpg,1,2,3,4\n',
            ["line 2", "not closed"],
        ),
        ('image_id,x_1,y_1,width,height\n1.jpg,1,2,3,4\n"2"jpg,1,2,3,4\n', ["line 3", "quotation"]),
        (
            "image_id,x_1,y_1,width,height\na,b.jpg,1,2,3,4\n",
            ["line 2", "got 6", "quotation marks"],
        ),
        (
            "1\nx_1 y_1 width height\na b.jpg 1 2 3 4\n",
            ["line 3", "got 6", "write the file as CSV"],
        ),
    ],
)
def test_a_row_that_cannot_be_taken_apart_is_refused_with_advice(tmp_path, text, words):
    path = tmp_path / "boxes.csv"
    path.write_text(text)
    with pytest.raises(ValueError) as error:
        read_boxes(path)
    assert all(word in str(error.value) for word in [str(path), *words]), error.value


def test_a_table_in_latin_1_is_refused_with_advice(tmp_path):
    path = tmp_path / "identity.csv"
    path.write_bytes("image_id,person_id\n1.jpg,Zoë\n".encode("latin-1"))
    with pytest.raises(ValueError, match="save a table with accents as CSV in UTF-8"):
        read_identity(path)


def test_landmarks_cannot_be_left_out(tmp_path):
    path = tmp_path / "none.csv"
    path.write_text("image_id\n")
    with pytest.raises(ValueError, match="got no rows; `facerec import` finds faces and points"):
        read_landmarks(path)
    points = make_frame(1, 2)[["image_id", *LANDMARKS]]
    points.to_csv(path)
    assert read_landmarks(path).shape == (2, 11)


@pytest.mark.parametrize(
    "text",
    [
        "fold,first,second,same\n1,a.jpg,b.jpg,1\n2,a.jpg,c.jpg,False\n",
        "fold,first,second,same\n1,a.jpg,b.jpg,True\n2,a.jpg,c.jpg,0\n",
        "fold, first, second, same\n1, a.jpg, b.jpg, TRUE\n2, a.jpg, c.jpg, 0.0\n",
        ',fold,first,second,same\n0,1,"a.jpg","b.jpg",true\n1,2,"a.jpg","c.jpg",false\n',
        "same;second;first;fold\n1;b.jpg;a.jpg;9\n0;c.jpg;a.jpg;10\n",
    ],
)
def test_a_pair_list_may_mix_numbers_and_words(tmp_path, text):
    path = tmp_path / "pairs.CSV"
    path.write_text(text)
    pairs = read_pairs(path)
    assert pairs.same.tolist() == [True, False] and pairs.fold.tolist() == [0, 1]
    assert pairs["first"].tolist() == ["a.jpg", "a.jpg"]
    assert pairs.second.tolist() == ["b.jpg", "c.jpg"]
