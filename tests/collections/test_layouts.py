"""Whom photographs show, in the layouts in which people have them."""

import os
import unicodedata

import pytest

from facerec.collections.layouts import find_photographs


def lay(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"x")
    return folder


def people(found):
    return {source.path: source.person for source in found.photographs}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["Ann/1.jpg", "Bea/1.JPG"], ["Ann", "Bea"]),
        (["lfw/Ann_Lee/Ann_Lee_0001.jpg", "lfw/Bea/Bea_0001.jpg"], ["Ann_Lee", "Bea"]),
        (["train/n000002/1.jpg", "test/n000001/1.jpg"], ["n000001", "n000002"]),
        (
            ["data/train/Ann/1.jpg", "data/val/Ann/2.jpg", "data/val/Bea/1.jpg"],
            ["Ann"] * 2 + ["Bea"],
        ),
        (["0000045/001.jpg", "0000099/001.jpg"], ["0000045", "0000099"]),
        (["Ann/2019/May/1.jpg", "Ann/2.png", "Bea/x/3.webp"], ["Ann", "Ann", "Bea"]),
        (["Ann/1.jpg", "stray.jpg"], ["Ann", None]),
        (["all/Ann/1.heic", "all/Bea/1.avif", "stray.jpg"], ["Ann", "Bea", None]),
        (["李 娜/1.jpg", "Ana  María/1.tif"], ["Ana María", "李 娜"]),
    ],
)
def test_a_person_is_the_folder_that_does_not_hold_all_others(tmp_path, paths, expected):
    assert [*people(find_photographs(lay(tmp_path, *paths))).values()] == expected


def test_spellings_of_an_accent_are_one_person(tmp_path):
    decomposed = unicodedata.normalize("NFD", "José")
    found = find_photographs(lay(tmp_path, f"a/{decomposed}/1.jpg", "a/José/2.jpg", "a/Bea/1.jpg"))
    assert {one.person for one in found.photographs} == {"José", "Bea"}


def test_all_else_is_listed_with_its_reason(tmp_path):
    lay(tmp_path, "Ann/1.jpg", "Ann/Thumbs.db", "Ann/.hidden.jpg", "Ann/film.mp4", ".git/x.jpg")
    lay(tmp_path, "Ann/1.jpg.xmp", "Ann/1.xmp", "Ann/lonely.xmp", "@eaDir/1.jpg")
    (tmp_path / "empty").mkdir()
    (tmp_path / "Ann" / "loop").symlink_to(tmp_path)
    found = find_photographs(tmp_path)
    assert people(found) == {"Ann/1.jpg": "Ann"}
    reasons = dict(found.passed_over)
    assert set(reasons) == {
        ".git", "@eaDir", "Ann/.hidden.jpg", "Ann/Thumbs.db", "Ann/film.mp4", "Ann/lonely.xmp",
        "Ann/loop", "empty",
    }  # fmt: skip
    assert reasons["empty"] == "an empty folder"
    assert reasons["Ann/film.mp4"].startswith("not a photograph")
    assert "symbolic link" in reasons["Ann/loop"] and "hidden" in reasons[".git"]


def test_a_table_says_who_is_on_flat_photographs(tmp_path):
    lay(tmp_path, "1.jpg", "2.jpg", "b/3.jpg", "4.jpg")
    table = tmp_path / "people.csv"
    table.write_text(
        '\ufefffile, person\n1.jpg, Ann\n"2.jpg","O\'Neil, Pat"\nb\\3.jpg,Ann\nx.jpg,B\n'
    )
    found = find_photographs(tmp_path)
    assert people(found) == {
        "1.jpg": "Ann",
        "2.jpg": "O'Neil, Pat",
        "b/3.jpg": "Ann",
        "4.jpg": None,
    }
    assert found.passed_over == [("x.jpg", "in people.csv, but there is no such file")]
    assert str(table) in found.said
    moved = table.rename(tmp_path.parent / f"{tmp_path.name}.csv")
    assert people(find_photographs(tmp_path, moved)) == people(found)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,person\n1.jpg,Ann\n", "line 1: expected the columns file, person, got name, person"),
        ("file,person\n1.jpg,\n", "line 2: person: expected a name, got nothing"),
        ("file,person\n1.jpg,Ann\n1.jpg,Bea\n", "line 3: 1.jpg shows Bea here and Ann above"),
        ("file,person\n9.jpg,Ann\n", "none of its files is in"),
        ("file,person\n", "none of its files is in"),
        ("", "line 1: expected the columns file, person, got none"),
        ('file,person\n"1.jpg,Ann\n', "line 2: a quotation mark is not closed"),
        ("file,person\n1.jpg,Lee, Ann\n", "line 2: expected 2 columns, got 3"),
    ],
)
def test_a_bad_table_is_named_with_its_line(tmp_path, content, said):
    lay(tmp_path / "photos", "1.jpg")
    table = tmp_path / "who.csv"
    table.write_text(content)
    with pytest.raises(ValueError, match=said) as error:
        find_photographs(tmp_path / "photos", table)
    assert str(table) in str(error.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "content",
    [
        "File;Person;note\r\n1.jpg;Zoë Ball;x\r\n2.jpg;Ann;\r\n;;\r\n",
        ",file,person\n0,1.jpg,Zoë  Ball\n1,2.jpg,Ann\n",
        'person\tfile\nZoë Ball\t1.jpg\n"Ann"\t"2.jpg"\n',
    ],
)
def test_a_table_may_be_a_spreadsheets_or_pandas(tmp_path, content, encoding):
    lay(tmp_path, "1.jpg", "2.jpg", "notes.csv")
    (tmp_path / "people.csv").write_bytes(content.encode(encoding))
    found = find_photographs(tmp_path)
    assert people(found) == {"1.jpg": "Zoë Ball", "2.jpg": "Ann"}
    assert [path for path, _ in found.passed_over] == ["notes.csv"]


def test_two_tables_are_not_guessed_between(tmp_path):
    lay(tmp_path, "1.jpg")
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("file,person\n1.jpg,Ann\n")
    with pytest.raises(ValueError, match=r"a\.csv, b\.csv .* --table"):
        find_photographs(tmp_path)


def test_a_folder_without_photographs_is_refused(tmp_path):
    lay(tmp_path, "notes.txt")
    with pytest.raises(ValueError, match=r"no photographs \(endings: avif, "):
        find_photographs(tmp_path)
    with pytest.raises(ValueError, match="there is none"):
        find_photographs(tmp_path / "absent")


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such names")
def test_a_file_name_that_is_no_text_is_kept(tmp_path):
    (tmp_path / "Ann").mkdir()
    (tmp_path / "Ann" / os.fsdecode(b"\xff.jpg")).write_bytes(b"x")
    assert [*people(find_photographs(tmp_path)).values()] == ["Ann"]
