"""The page in a real browser: what people do with it, by mouse, by keyboard, on a phone."""

import io
import shutil
from contextlib import contextmanager

import pytest
from coloured_faces import ColourEngine, jpeg, picture
from serving import serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or None
sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        options = {"args": ["--no-sandbox", "--disable-gpu", *CAMERA]}
        try:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, **options)
        except sync_api.Error as error:
            pytest.skip(f"no Chromium here: {str(error).splitlines()[0]}")
        yield chromium
        chromium.close()


@contextmanager
def opened(browser, folder, width=1280, scheme="light", **serve):
    """Opens the page of a new gallery. Nothing but the page's own server is reachable."""
    with serving(folder / "people.gallery", **serve) as served:
        viewport = {"width": width, "height": 900}
        context = browser.new_context(
            viewport=viewport, color_scheme=scheme, reduced_motion="reduce"
        )
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.served, page.troubles = served, []
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        page.on("dialog", lambda dialog: page.troubles.append(dialog.message))
        page.on("console", lambda each: each.type == "error" and page.troubles.append(each.text))
        page.on(
            "request",
            lambda request: (
                request.url.startswith((served.url, "blob:", "data:"))
                or page.troubles.append(request.url)
            ),
        )
        page.goto(served.url)
        page.wait_for_selector("#about dd")
        yield page
        context.close()


@pytest.fixture
def page(browser, tmp_path):
    with opened(browser, tmp_path) as page:
        yield page
        assert page.troubles == []


def photographs(*contents):
    return [
        {"name": name, "mimeType": "image/jpeg", "buffer": content} for name, content in contents
    ]


def choose(page, *contents):
    page.locator("#files").set_input_files(photographs(*contents))


def drop(page, *contents):
    """Drops photographs on the page, as a file manager does."""
    files = [{"name": name, "bytes": list(content)} for name, content in contents]
    page.evaluate(
        """files => {
            const transfer = new DataTransfer();
            for (const { name, bytes } of files)
                transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "image/jpeg" }));
            const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
            for (const type of ["dragenter", "dragover", "drop"])
                document.body.dispatchEvent(new DragEvent(type, options));
        }""",
        files,
    )


def looked_at(page, number):
    page.get_by_text(f"Looked at {number} photograph").wait_for()


def names(page):
    return page.locator("#cards .who").all_inner_texts()


def people(page):
    return page.locator("#people h3").all_inner_texts()


def enroll(page, name, card=0):
    page.locator("#cards > li").nth(card).get_by_label("Name of").fill(name)
    page.locator("#cards > li").nth(card).get_by_role("button", name="Enrol").click()
    page.get_by_text(f"Enrolled as {name}.").wait_for()


def test_drop_a_photograph_enrol_and_identify(page):
    drop(page, ("one.jpg", jpeg("red")))
    looked_at(page, 1)
    assert names(page) == ["unknown"]
    box = page.locator("#cards svg rect").bounding_box()
    picture = page.locator("#cards .frame img").bounding_box()
    assert box["width"] == pytest.approx(picture["width"] * 60 / 120, abs=4)
    assert page.locator("#cards svg circle").count() == 5
    enroll(page, "Ann")
    assert people(page) == ["Ann"]
    assert names(page)[0].startswith("Ann")  # without looking at the photograph again
    drop(page, ("two.jpg", jpeg("red", "green", shade=9)))
    expect(page.locator("#cards .who")).to_have_count(3)
    assert [each.split()[1] for each in names(page)[1:]] == ["Ann", "unknown"]
    card = page.locator("#cards > li").nth(1)
    card.get_by_text("Candidates").first.click()
    candidate = card.locator(".candidates li").first
    assert candidate.inner_text().startswith("Ann") and "%" in candidate.inner_text()
    assert candidate.locator("img").evaluate("each => each.complete && each.naturalWidth > 0")


def test_the_heatmaps_show_where_each_point_was_seen(page):
    choose(page, ("one.jpg", jpeg("red")))
    looked_at(page, 1)
    page.get_by_text("How it was found").click()
    page.locator(".heatmaps img").first.wait_for()
    assert page.locator(".heatmaps img").count() == 5
    page.get_by_role("img", name="where the hourglass saw the nose").wait_for()


def test_people_are_renamed_merged_and_removed(page):
    for name, colour in (("Ann", "red"), ("Bob", "green"), ("Cid", "blue")):
        page.served.enroll(name, jpeg(colour))
    page.reload()
    choose(page, ("one.jpg", jpeg("red", "green", shade=7)))
    looked_at(page, 1)
    page.locator("#people summary").nth(0).click()
    page.get_by_label("New name of Ann").fill("Anna")
    page.get_by_role("button", name="Rename").click()
    page.get_by_text("Ann is now called Anna.").wait_for()
    assert people(page) == ["Anna", "Bob", "Cid"] and names(page)[0].startswith("1 Anna")

    page.locator("#people summary").nth(1).click()
    bob = page.locator("#people > li").nth(1)
    bob.get_by_label("Bob is the same person as").select_option("Anna")
    bob.get_by_role("button", name="Merge").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert people(page) == ["Anna", "Bob", "Cid"]
    bob.get_by_role("button", name="Merge").click()
    page.get_by_role("dialog").get_by_role("button", name="Merge").click()
    page.get_by_text("Bob is now part of Anna.").wait_for()
    assert people(page) == ["Anna", "Cid"]
    assert all("Anna" in each for each in names(page))

    page.get_by_role("button", name="Remove photograph 2 of Anna").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.get_by_text("A photograph of Anna was removed.").wait_for()
    assert names(page)[1].endswith("unknown")
    page.get_by_role("button", name="Remove Anna", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.get_by_text("Anna was removed.", exact=True).wait_for()
    assert people(page) == ["Cid"]
    assert all(each.endswith("unknown") for each in names(page))


def test_a_bad_file_is_named_with_its_reason_and_the_others_are_looked_at(page):
    choose(page, ("letter.jpg", b"Dear all"), ("one.jpg", jpeg("red")), ("none.jpg", b""))
    looked_at(page, 3)
    assert "2 photographs could not be looked at" in page.locator("#status").inner_text()
    problems = sorted(page.locator("#problems li").all_inner_texts())
    assert problems == ["letter.jpg: not a readable image", "none.jpg: empty file"]
    assert names(page) == ["unknown"]
    page.troubles.clear()  # the browser writes each refused request into its console


def test_200_photographs_at_once_of_which_none_is_lost(page):
    colours = ("red", "green", "blue", "pink")
    choose(
        page,
        *[
            (f"{number}.jpg", jpeg(colours[number % 4], shade=number // 4 % 20))
            for number in range(200)
        ],
    )
    looked_at(page, 200)
    assert "200 faces, 200 unknown" in page.locator("#status").inner_text()
    assert page.locator("#cards > li").count() == 24
    page.get_by_role("button", name="Show more (176 left)").click()
    assert page.locator("#cards > li").count() == 48
    page.locator("#groups > li").nth(3).wait_for()
    assert page.locator("#groups > li").count() == 4
    group = page.locator("#groups > li").first
    group.get_by_role("checkbox").first.uncheck()
    group.get_by_label("Name of group 1").fill("Ann")
    group.get_by_role("button", name="Name them all").click()
    page.get_by_text("49 faces enrolled as Ann.").first.wait_for(timeout=60_000)
    expect(page.locator("#groups > li")).to_have_count(3)
    assert people(page) == ["Ann"]


def test_a_large_photograph_keeps_its_shape_and_its_box(page):
    file = io.BytesIO()
    picture("red").resize((2400, 2000)).save(file, "PNG")
    choose(page, ("large.png", file.getvalue()))
    looked_at(page, 1)
    shown = page.locator("#cards .frame img").bounding_box()
    assert shown["width"] / shown["height"] == pytest.approx(2400 / 2000, rel=0.01)
    box = page.locator("#cards svg rect").bounding_box()
    assert box["x"] - shown["x"] == pytest.approx(shown["width"] * 30 / 120, abs=4)
    assert box["height"] == pytest.approx(shown["height"] * 60 / 100, abs=6)


def test_forgotten_photographs_are_gone(page):
    choose(page, ("one.jpg", jpeg("red")), ("two.jpg", jpeg("red", shade=9)))
    looked_at(page, 2)
    page.get_by_role("button", name="Forget").click()
    assert page.locator("#cards > li").count() == 0
    page.locator("#unknown").wait_for(state="hidden")
    choose(page, ("three.jpg", jpeg("green")))
    looked_at(page, 1)
    assert page.locator("#cards h3").all_inner_texts() == ["three.jpg"]


def test_two_photographs_are_compared(page):
    fields = page.locator("#compare input")
    fields.nth(0).set_input_files(photographs(("one.jpg", jpeg("red"))))
    fields.nth(1).set_input_files(photographs(("two.jpg", jpeg("blue"))))
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("Two different people.").wait_for()
    fields.nth(1).set_input_files(photographs(("two.jpg", jpeg("red", shade=9))))
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("One person.").wait_for()


def test_the_camera_takes_a_photograph(page):
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("button", name="Take the photograph").click()
    looked_at(page, 1)
    assert page.locator("#cards h3").all_inner_texts() == ["camera.jpg"]
    assert page.evaluate("document.querySelector('video').srcObject") is None


def test_another_recogniser_is_shown_beside(browser, tmp_path):
    other = ColourEngine(description={"model": "other.onnx"}, weights=(0.0, 1.0, 1.0))
    with opened(browser, tmp_path, other=other) as page:
        page.served.enroll("Ann", jpeg("green"))
        page.served.service.other.catch_up()
        page.reload()
        choose(page, ("one.jpg", jpeg("green", shade=6)))
        looked_at(page, 1)
        page.get_by_text("Candidates").first.click()
        headings = page.locator(".opinions h4").all_inner_texts()
        assert headings == ["This gallery's recogniser: Ann", "other.onnx: Ann"]
        assert page.troubles == []


def test_by_keyboard_alone_somebody_is_enrolled_and_removed(page):
    choose(page, ("one.jpg", jpeg("red")))
    looked_at(page, 1)
    page.evaluate("document.body.focus()")

    def tab_to(what):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(
                "what => { const at = document.activeElement; const label = at.labels?.[0];"
                " return [at.textContent, label?.textContent, at.id].some(each => "
                "(each ?? '').trim().startsWith(what)); }",
                what,
            ):
                return
        raise AssertionError(f"no focus on {what}")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    tab_to("Name of the face")
    page.keyboard.type("Ann")
    page.keyboard.press("Enter")
    page.get_by_text("Enrolled as Ann.").wait_for()
    assert people(page) == ["Ann"]
    tab_to("Change")
    page.keyboard.press("Enter")
    tab_to("Remove Ann")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.textContent === 'Cancel'")
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement.textContent === 'Remove Ann'")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.textContent === 'Cancel'")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Ann was removed.").wait_for()
    assert people(page) == []
    assert page.evaluate("document.activeElement.id") == "people-title"


def filled(page):
    """Fills every part of the page."""
    page.served.enroll("Ann", jpeg("red"))
    page.served.enroll("Bob with a name that is far longer than a narrow screen", jpeg("green"))
    page.reload()
    many = ("pink", "blue", "red", "green", "pink")
    choose(
        page,
        ("a-photograph-with-a-very-long-name-without-any-blank.jpg", jpeg(*many, shade=4)),
        ("two.jpg", jpeg("pink", "blue", shade=9)),
        ("bad.jpg", b"bad"),
    )
    looked_at(page, 3)
    page.locator("#groups > li").first.wait_for()
    page.evaluate("document.querySelectorAll('details').forEach(each => (each.open = true))")
    page.locator(".heatmaps img").nth(34).wait_for()
    page.locator("#people form").nth(3).wait_for()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark"), (390, "light")])
def test_axe_finds_nothing_serious_and_nothing_is_cut_off(browser, tmp_path, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with opened(browser, tmp_path, width, scheme) as page:
        filled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = axe.run(page).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert not serious, [(each["id"], each["nodes"][0]["html"]) for each in serious]
        page.troubles = [each for each in page.troubles if "400" not in each]
        assert page.troubles == []


def test_in_the_dark_the_page_is_dark(browser, tmp_path):
    with opened(browser, tmp_path, scheme="dark") as page:
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 27)"


def test_names_are_text_and_never_code(page):
    hostile = "<img src=x onerror=\"document.title='hacked'\">"
    page.served.enroll(hostile, jpeg("red"))
    page.reload()
    choose(page, ("<b>one</b>.jpg", jpeg("red", shade=8)))
    looked_at(page, 1)
    assert people(page) == [hostile] and names(page)[0].startswith("<img")
    assert page.title() == "Who is it?"


def test_a_server_that_has_ended_is_told_of(browser, tmp_path):
    with opened(browser, tmp_path) as page:
        page.route("**/identify*", lambda route: route.abort())
        choose(page, ("one.jpg", jpeg("red")))
        looked_at(page, 1)
        assert "Is it still running?" in page.locator("#problems li").inner_text()


def test_a_page_of_another_address_can_neither_read_nor_enrol(browser, tmp_path):
    with opened(browser, tmp_path) as page:
        page.served.enroll("Ann", jpeg("red"))
        foreign = page.context.new_page()
        foreign.goto(page.served.url.replace("127.0.0.1", "localhost") + "static/api.js")
        answers = foreign.evaluate(
            """async url => {
                const form = new FormData();
                form.append("name", "Eve");
                form.append("photograph", new Blob(["x"]), "x.jpg");
                const tries = [
                    fetch(url + "people"),
                    fetch(url + "people", { mode: "no-cors" }),
                    fetch(url + "enroll", { method: "POST", body: form }),
                    fetch(url + "people/1", { method: "DELETE" }),
                ];
                return (await Promise.allSettled(tries)).map(each => each.status);
            }""",
            page.served.url,
        )
        assert answers == ["rejected"] * 4
        assert [each.name for each in page.served.gallery.people()] == ["Ann"]
