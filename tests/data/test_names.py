import pandas as pd
import pytest
from collection import make_frame, rows, write_annotations

from facerec import tables
from facerec.data.celeba import read_collection
from facerec.data.identity import read_identity, read_names
from facerec.data.names import PersonNames, people_table, person_number, read_person_names

NUMBER_OF_ANA = 2310687345982008  # sha256sum's first 13 digits
NAMES = ["Ana María", "O'Neil, Pat", "李 娜", "NA", "null", 'Dwayne "Rock"', "מיכל"]


def named(tmp_path, names, end="csv"):
    frame = pd.DataFrame({"image_id": [f"{i}.jpg" for i in range(len(names))], "person_id": names})
    path = tmp_path / f"identity.{end}"
    if end == "csv":
        frame.to_csv(path, index=False)
    else:
        path.write_text(rows(frame, ["image_id", "person_id"], " "))
    return path


@pytest.mark.parametrize("end", ["csv", "txt"])
def test_people_may_have_names_with_blanks_commas_and_any_letters(tmp_path, end):
    names = NAMES if end == "csv" else [name for name in NAMES if "," not in name]
    table = read_identity(named(tmp_path, [*names, names[0]], end))
    assert table.person.tolist() == [*names, names[0]]
    assert table.person_id.nunique() == len(names) and table.person_id.dtype == "int64"
    assert table.person_id.iloc[0] == table.person_id.iloc[-1]


def test_the_numbers_of_people_do_not_depend_on_who_else_is_there(tmp_path):
    few = read_identity(named(tmp_path, NAMES[:3]))
    many = read_identity(named(tmp_path, ["Aaron", *NAMES, "Zora"]))
    number_of = many.set_index("person").person_id
    assert (number_of[few.person].to_numpy() == few.person_id.to_numpy()).all()
    assert person_number("Ana María") == NUMBER_OF_ANA
    assert number_of.max() < 2**52


def test_one_name_in_two_spellings_is_one_person(tmp_path):
    table = read_identity(named(tmp_path, ["Zoë  Ball", "Zoe\u0308 Ball "]))
    assert table.person.unique().tolist() == ["Zoë Ball"]


def test_numbers_stay_numbers_and_have_no_names(tmp_path):
    frame = make_frame(3, 2)
    paths = write_annotations(tmp_path, frame)
    collection = read_collection(
        *(paths[k] for k in ("identity", "landmarks", "boxes", "attributes"))
    )
    assert collection.frame.person_id.tolist() == frame.person_id.tolist()
    assert not collection.names and collection.names[7] == "7"
    assert people_table(frame.person_id, collection.names).empty


def test_a_file_of_names_names_people_with_numbers_or_codes(tmp_path):
    paths = write_annotations(tmp_path, make_frame(3, 2))
    names = tmp_path / "names.csv"
    names.write_text('person_id,name\n7,"O\'Neil, Pat"\n10,Zoë\n999,nobody\n')
    keys = ("identity", "landmarks", "boxes", "attributes")
    collection = read_collection(*(paths[key] for key in keys), names)
    assert collection.names.of([7, 10, 13]).tolist() == ["O'Neil, Pat", "Zoë", "13"]
    frame = make_frame(2, 2)
    frame["person_id"] = ["n01", "n02", "n01", "n02"]
    paths = write_annotations(tmp_path, frame)
    names.write_text("person_id,name\nn01,Zoë\n")
    collection = read_collection(*(paths[key] for key in keys), names)
    assert set(collection.names.values()) == {"Zoë", "n02"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("person,name\n7,a\n", ["line 1", "person_id is missing"]),
        ("person_id,name\n7,a\n7,b\n", ["line 3", "7 is already in line 2"]),
        ("person_id,name\n7,\n", ["line 2", "name: expected a name", "nothing"]),
        ("person_id,name\n,Ann\n", ["line 2", "person_id: expected", "nothing"]),
    ],
)
def test_a_bad_file_of_names_is_named_with_its_line(tmp_path, content, words):
    path = tmp_path / "names.csv"
    path.write_text(content)
    with pytest.raises(ValueError) as error:
        read_names(path)
    assert all(word in str(error.value) for word in [str(path), *words]), error.value


@pytest.mark.parametrize(
    ("people", "words"),
    [
        (["1", "2", "Anna"], ["line 4", "a whole number, as in most rows", "Anna"]),
        (["1", "2", "2.5"], ["line 4", "a whole number below", "2.5"]),
        (["Ann", "Bo", ""], ["line 4", "a name", "nothing"]),
        (["Ann", "Bo", "x" * 201], ["line 4", "at most 200 characters"]),
    ],
)
def test_one_odd_person_among_others_is_refused(tmp_path, people, words):
    with pytest.raises(ValueError) as error:
        read_identity(named(tmp_path, people))
    assert all(word in str(error.value) for word in words), error.value


def test_people_of_one_name_are_told_apart_by_their_numbers(tmp_path):
    names = PersonNames({7: "José", 9: "José", 8: "Zoë"})
    table = people_table([9, 7, 8, 8, 5], names)
    tables.write(table, tmp_path / "people.csv", tables.PEOPLE)
    read = read_person_names(tmp_path / "people.csv")
    assert read == {7: "José (7)", 8: "Zoë", 9: "José (9)"}
    assert read.of([5, 7]).tolist() == ["5", "José (7)"]


def test_a_table_of_names_that_is_none_is_refused(tmp_path):
    (tmp_path / "people.csv").write_text("person_id,name\nx,Zoë\n")
    with pytest.raises(
        ValueError, match=r"people\.csv, line 2: person_id: expected a whole number"
    ):
        read_person_names(tmp_path / "people.csv")
