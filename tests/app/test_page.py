"""The page by HTTP: photographs in, names out, people kept and removed."""

import base64
import io

import numpy as np
import pytest
from coloured_faces import ColourEngine, jpeg, picture
from serving import serving

from facerec.app.service import Limits


@pytest.fixture
def served(tmp_path):
    with serving(tmp_path / "people.gallery") as page:
        yield page


def files_of(page):
    folder = page.gallery.path.with_name(page.gallery.path.name + ".photographs")
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_who_is_enrolled_is_named_and_a_stranger_is_not(served):
    served.enroll("Ann", jpeg("red"))
    assert served.names(jpeg("red", "blue", shade=9)) == ["Ann", None]
    face = served.post("/identify", photograph=jpeg("red", shade=9)).json["faces"][0]
    (candidate,) = face["candidates"]
    assert candidate["name"] == "Ann" and candidate["cosine"] > 0.95
    assert 0.5 < candidate["probability"] <= 1
    thumbnail = served.ask(f"/photographs/{candidate['photograph']}")
    assert thumbnail.headers["content-type"] == "image/jpeg"
    assert thumbnail.content.startswith(b"\xff\xd8")


def test_boxes_points_and_heatmaps_are_given(served):
    found = served.post("/detect", {"heatmaps": "true"}, photograph=jpeg("red", "green")).json
    assert (found["width"], found["height"]) == picture("red", "green").size
    assert [round(face["box"][0], -1) for face in found["faces"]] == [30, 120]
    for face in found["faces"]:
        assert len(face["points"]) == 5 and len(face["heatmaps"]) == 5
        assert all(each.startswith("data:image/webp;base64,") for each in face["heatmaps"])
    assert served.post("/detect", photograph=jpeg("red")).json["faces"][0]["heatmaps"] == []


def test_two_photographs_are_compared(served):
    one = served.post("/verify", first=jpeg("red"), second=jpeg("red", shade=9)).json
    two = served.post("/verify", first=jpeg("red"), second=jpeg("blue")).json
    assert [each["same"] for each in one["judgements"] + two["judgements"]] == [True, False]
    assert one["judgements"][0]["probability"] > two["judgements"][0]["probability"]
    assert len(one["faces"]) == 2


def test_a_face_among_several_is_enrolled_by_its_box(served):
    photograph = jpeg("red", "green")
    refused = served.post("/enroll", photograph=photograph, name="Ann")
    assert refused.status == 400 and "2 faces" in refused.json["error"]
    box = served.post("/detect", photograph=photograph).json["faces"][1]["box"]
    served.enroll("Bob", photograph, box=",".join(map(str, box)))
    assert served.names(photograph) == [None, "Bob"]
    for bad in ("1,2,3", "a,b,c,d", "nan,0,1,1", "900,900,5,5"):
        answer = served.post("/enroll", photograph=photograph, name="Ann", box=bad)
        assert answer.status == 400 and "box" in answer.json["error"]


def test_people_are_renamed_merged_and_removed(served):
    ann = served.enroll("Ann", jpeg("red"))["person"]
    bob = served.enroll("Bob", jpeg("green"))["person"]
    cid = served.enroll("Cid", jpeg("blue"))["person"]
    assert served.ask(f"/people/{ann}", "PATCH", json_body={"name": " Anna "}).status == 204
    assert served.names(jpeg("red", shade=5)) == ["Anna"]
    taken = served.ask(f"/people/{ann}", "PATCH", json_body={"name": "Bob"})
    assert taken.status == 409 and "Bob" in taken.json["error"]
    assert served.ask(f"/people/{bob}/merge", "POST", json_body={"person": ann}).status == 204
    assert served.names(jpeg("green", shade=5)) == ["Anna"]
    assert served.ask(f"/people/{cid}", "DELETE").status == 204
    assert served.names(jpeg("blue", shade=5)) == [None]
    found = served.ask("/people").json
    assert [(each["name"], len(each["photographs"])) for each in found["people"]] == [("Anna", 2)]
    gone = served.ask(f"/people/{cid}", "DELETE")
    assert gone.status == 404 and "load the page again" in gone.json["error"]


def test_nothing_is_kept_unless_it_is_enrolled_and_removing_removes(served):
    served.post("/identify", photograph=jpeg("red"))
    served.post("/verify", first=jpeg("red"), second=jpeg("blue"))
    served.post("/enroll", photograph=jpeg("red", "green"), name="Ann")  # refused: which face?
    served.post("/enroll", photograph=jpeg("red"), name=" ")  # refused: no name
    assert files_of(served) == []
    red = served.enroll("Ann", jpeg("red"))
    again = served.enroll("Ann", jpeg("red"))
    assert not again["is_new"] and again["photograph"] == red["photograph"]
    blue = served.enroll("Ann", jpeg("blue"))
    assert len(files_of(served)) == 2
    assert served.ask(f"/photographs/{blue['photograph']}", "DELETE").status == 204
    assert len(files_of(served)) == 1
    assert served.ask(f"/people/{red['person']}", "DELETE").status == 204
    assert files_of(served) == []
    assert served.ask(f"/photographs/{red['photograph']}").status == 400


def test_a_face_of_one_person_is_another_ones_only_if_it_is_forced(served):
    served.enroll("Ann", jpeg("red"))
    refused = served.post("/enroll", photograph=jpeg("red"), name="Bob")
    assert refused.status == 409 and "is enrolled as Ann" in refused.json["error"]
    assert len(files_of(served)) == 1
    served.enroll("Bob", jpeg("red"), force=True)
    assert [each["name"] for each in served.ask("/people").json["people"]] == ["Ann", "Bob"]


def test_unknown_faces_are_grouped_and_asked_for_again(served):
    photographs = [jpeg("red"), jpeg("blue"), jpeg("red", shade=8), jpeg("pink")]
    texts = [
        served.post("/identify", {"embeddings": "true"}, photograph=each).json["faces"][0][
            "embedding"
        ]
        for each in photographs
    ]
    assert np.frombuffer(base64.b64decode(texts[0]), "<f4").shape == (3,)
    found = served.ask("/groups", "POST", json_body={"embeddings": texts}).json
    assert found == {"groups": [[0, 2]], "alone": [1, 3]}
    assert served.ask("/groups", "POST", json_body={"embeddings": []}).json["groups"] == []
    served.enroll("Ann", photographs[0])
    names = served.ask("/names", "POST", json_body={"embeddings": texts}).json["faces"]
    assert [face["name"] for face in names] == ["Ann", None, "Ann", None]
    for bad in (["AAAA"], ["?"], [base64.b64encode(b"\xff" * 12).decode()]):
        answer = served.ask("/names", "POST", json_body={"embeddings": bad})
        assert answer.status == 400 and "embeddings" in answer.json["error"]


def test_another_recogniser_gives_its_opinion(tmp_path):
    other = ColourEngine(
        description={"model": "blind to red"}, weights=(0.0, 1.0, 1.0), fingerprint="d" * 64
    )
    with serving(tmp_path / "people.gallery", other=other) as page:
        page.enroll("Ann", jpeg("red"))
        ann = page.enroll("Bob", jpeg("green"))
        page.service.other.catch_up()
        face = page.post("/identify", photograph=jpeg("green", shade=8)).json["faces"][0]
        assert face["name"] == face["other"]["name"] == "Bob"
        assert face["other"]["recogniser"] == "blind to red" and face["other"]["names"]
        assert (face["other"]["compared_with"], face["other"]["photographs"]) == (2, 2)
        judged = page.post("/verify", first=jpeg("red"), second=jpeg("pink")).json["judgements"]
        assert len(judged) == 2 and judged[0]["cosine"] != judged[1]["cosine"]
        page.ask(f"/people/{ann['person']}", "DELETE")
        page.service.other.catch_up()
        face = page.post("/identify", photograph=jpeg("green", shade=8)).json["faces"][0]
        assert [each["name"] for each in face["other"]["candidates"]] == ["Ann"]


def test_without_a_threshold_nobody_is_named_and_the_page_says_so(tmp_path):
    with serving(tmp_path / "people.gallery", ColourEngine(operating_point=None)) as page:
        page.enroll("Ann", jpeg("red"))
        face = page.post("/identify", photograph=jpeg("red", shade=4)).json["faces"][0]
        assert face["name"] is None and face["candidates"][0]["probability"] is None
        assert "calibrate" in page.ask("/about").json["recognisers"][0]["threshold"]
        embeddings = {"embeddings": []}
        assert "calibrate" in page.ask("/groups", "POST", json_body=embeddings).json["error"]


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP", "BMP"])
def test_other_formats_are_read(served, kind):
    file = io.BytesIO()
    picture("red").save(file, kind)
    assert served.names(file.getvalue()) == [None]


def test_the_schema_lists_every_address_and_no_page_needs_a_network(served):
    schema = served.ask("/openapi.json").json
    expected = {"/detect", "/identify", "/verify", "/people", "/enroll", "/groups", "/names"}
    assert expected <= schema["paths"].keys()
    assert served.ask("/docs").status == served.ask("/redoc").status == 404
    page = served.ask("/").content.decode()
    assert "https://" not in page and "http://" not in page
    assert "--paper" in served.ask("/style.css").content.decode()


def test_a_photograph_that_is_too_large_is_refused_in_words(tmp_path):
    with serving(tmp_path / "g", limits=Limits(max_bytes=10**6, max_pixels=1000)) as page:
        answer = page.post("/identify", photograph=("a.jpg", jpeg("red")))
        assert answer.status == 400
        assert answer.json["error"].startswith("a.jpg: 120 × 100 px; this page takes at most 0.001")
