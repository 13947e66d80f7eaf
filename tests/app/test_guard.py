"""What the page does not answer, and what it says and logs then."""

import http.client
import logging
import time

import pytest
from coloured_faces import ColourEngine, jpeg
from serving import serving

from facerec.app.guard import COOKIE
from facerec.app.server import make_rules
from facerec.app.service import Limits

TOKEN = "0123456789-abcdef_ABC"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    limits = Limits(max_bytes=200_000)
    with serving(tmp_path_factory.mktemp("g") / "people.gallery", limits=limits) as page:
        yield page


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "192.168.0.7", "[::2]"],
)
def test_another_host_name_is_refused(served, host):
    answer = served.ask("/people", headers={"Host": host})
    assert answer.status in (400, 421)  # 400 is the server's own, for no host


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8800", "127.0.0.1:1234", "[::1]:80"])
def test_the_names_of_this_machine_are_let_in(served, host):
    assert served.ask("/people", headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/enroll"),
        ("POST", "/identify"),
        ("POST", "/people/1/merge"),
        ("DELETE", "/people/1"),
        ("GET", "/people"),
        ("GET", "/photographs/1"),
        ("GET", "/openapi.json"),
    ],
)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_a_page_of_somebody_else_reads_and_enrols_nobody(served, method, path, headers):
    answer = served.ask(path, method, headers=headers, body=b"")
    assert answer.status == 403 and "another site" in answer.json["error"]


def test_a_link_of_another_site_may_open_the_page(served):
    headers = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    assert served.ask("/", headers=headers).status == 200
    assert served.ask("/", headers={**headers, "Sec-Fetch-Dest": "iframe"}).status == 403
    assert "frame-ancestors 'none'" in served.ask("/").headers["content-security-policy"]


def test_every_answer_has_the_headers_that_protect_it(served):
    for path in ("/", "/people", "/static/app.js", "/nothing"):
        headers = served.ask(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers


def test_with_a_token_nobody_gets_in_without_it(tmp_path):
    with serving(tmp_path / "g", token=TOKEN) as page:
        for headers in ({}, {"Authorization": "Bearer x"}, {"Cookie": f"{COOKIE}=x"}):
            for path in ("/", "/people", "/static/app.js", "/?token=x", f"/people?token={TOKEN}"):
                answer = page.ask(path, headers=headers)
                assert answer.status == 401 and TOKEN not in answer.content.decode()
        entered = page.ask(f"/?token={TOKEN}")
        assert entered.status == 303 and entered.headers["location"] == "/"
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
        assert page.ask("/people", headers={"Cookie": cookie.split(";")[0]}).status == 200
        assert page.ask("/people", headers={"Authorization": f"Bearer {TOKEN}"}).status == 200


def test_only_this_machine_is_served_without_a_token():
    for host in ("127.0.0.1", "::1", "localhost"):
        assert make_rules(host, [], None, Limits()).token is None
    elsewhere = make_rules("0.0.0.0", ["Box.Local"], "", Limits())
    assert elsewhere.token is not None and len(elsewhere.token) >= 24
    assert elsewhere.any_address and "box.local" in elsewhere.names
    assert (
        make_rules("0.0.0.0", [], TOKEN, Limits()).token
        == make_rules("::1", [], TOKEN, Limits()).token
        == TOKEN
    )
    for bad in ("short", "a b" * 9, "x;" * 9):
        with pytest.raises(ValueError, match="at least 16"):
            make_rules("0.0.0.0", [], bad, Limits())
    with pytest.raises(ValueError, match="--host"):
        make_rules("example.org", [], None, Limits())


BAD_PHOTOGRAPHS = {
    "empty": (b"", "empty file"),
    "text": (b"no photograph", "not a readable image"),
    "cut off": (jpeg("red")[:700], "not a readable image"),
    "HTML": (b"<script>alert(1)</script>", "not a readable image"),
    "too many bytes": (jpeg("red") + b"x" * 200_000, "make it smaller"),
    "much too many bytes": (b"x" * 2_000_000, "this is too large"),
}


@pytest.mark.parametrize("kind", BAD_PHOTOGRAPHS)
@pytest.mark.parametrize("path", ["/detect", "/identify", "/enroll"])
def test_a_bad_photograph_is_refused_in_words(served, kind, path):
    content, reason = BAD_PHOTOGRAPHS[kind]
    answer = served.post(path, photograph=("../../a.jpg", content), name="Ann")
    assert answer.status in (400, 413) and reason in answer.json["error"]
    assert "/proc" not in answer.json["error"] and "Traceback" not in answer.json["error"]
    assert not served.gallery.path.with_name("people.gallery.photographs").exists() or not any(
        served.gallery.path.with_name("people.gallery.photographs").iterdir()
    )


def test_a_body_without_a_length_is_counted_as_it_arrives(served):
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)

    def chunks():
        yield b'--b\r\nContent-Disposition: form-data; name="photograph"; filename="a"\r\n\r\n'
        for _ in range(40):
            yield b"x" * 100_000

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    try:
        connection.request("POST", "/identify", chunks(), headers, encode_chunked=True)
    except OSError:  # it hung up before everything was sent
        pass
    else:
        assert connection.getresponse().status == 413
    connection.close()
    assert served.ask("/about").status == 200


@pytest.mark.parametrize(
    ("path", "method", "body", "status"),
    [
        ("/enroll", "POST", None, 422),
        ("/people/x", "DELETE", None, 422),
        ("/people?limit=0", "GET", None, 422),
        ("/people/1", "PATCH", b"{", 422),
        ("/names", "POST", b'{"embeddings": [1]}', 422),
        ("/people", "PUT", None, 405),
        ("/static/../routes.py", "GET", None, 404),
        ("/static/%2e%2e/routes.py", "GET", None, 404),
        ("/photographs/999", "GET", None, 400),
        ("/people/999", "DELETE", None, 404),
    ],
)
def test_a_wrong_request_is_answered_in_words(served, path, method, body, status):
    answer = served.ask(path, method, body=body, headers={"Content-Type": "application/json"})
    assert answer.status == status and answer.json["error"]


class Broken(ColourEngine):
    def over_files(self, paths, title):
        raise RuntimeError("secret name")


def test_what_goes_wrong_inside_is_neither_shown_nor_logged_with_its_data(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    with serving(tmp_path / "g", Broken()) as page:
        answer = page.post("/identify", photograph=("Ann at home.jpg", jpeg("red")))
        assert answer.status == 500 and "something went wrong" in answer.json["error"]
        page.ask("/people?query=Ann")
    assert "RuntimeError in " in caplog.text and "Traceback" not in caplog.text
    for secret in ("secret", "Ann"):
        assert secret not in caplog.text


def test_the_log_has_neither_names_nor_photographs(served, caplog):
    caplog.set_level(logging.INFO)
    served.enroll("Ann", jpeg("red"))
    served.ask("/people?query=Ann")
    lines = ("POST /enroll 200", "GET /people 200")
    while not all(each in caplog.text for each in lines):  # written after the answer
        time.sleep(0.01)
    assert "Ann" not in caplog.text
