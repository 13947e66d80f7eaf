"""The report in a browser without a network: it draws, filters, and nothing goes wrong."""

import shutil
from functools import cache

import pytest
from run_folder import HOSTILE, Kind, write_run

from facerec.report.page import render
from tools.plots_page import page as plots_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or None
sync_api = pytest.importorskip("playwright.sync_api")

KINDS = {
    "two heads": Kind(),
    "no open set": Kind(has_openset=False, has_mistakes=False),
    "hostile": HOSTILE,
}


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        options = {"args": ["--no-sandbox", "--disable-gpu"]}
        try:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, **options)
        except sync_api.Error as error:
            pytest.skip(f"no Chromium here: {str(error).splitlines()[0]}")
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    """Returns a function that opens a kind's report; console and requests are watched.

    A page is loaded once, as drawing takes seconds: a test finds it as earlier ones left it.
    """

    @cache
    def written(kind):
        folder = tmp_path_factory.mktemp("run")
        path = folder / "report.html"
        path.write_text(render(write_run(folder, KINDS[kind])), encoding="utf-8")
        return path

    contexts = []

    @cache
    def open_(kind, width=1280, scheme="light", **options):
        viewport = {"width": width, "height": 900}
        context = browser.new_context(
            viewport=viewport, color_scheme=scheme, reduced_motion="reduce", offline=True, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.troubles = []
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        page.on("requestfailed", lambda request: page.troubles.append(request.url))
        page.on("dialog", lambda dialog: page.troubles.append(dialog.message))
        page.on("console", lambda each: each.type == "error" and page.troubles.append(each.text))
        page.goto(written(kind).as_uri())
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-charts=drawn]", state="attached")
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_network_every_chart_is_drawn_and_nothing_goes_wrong(opened, kind):
    page = opened(kind)
    assert page.troubles == []
    assert page.evaluate("window.hacked") is None
    marks = page.evaluate(
        "[...document.querySelectorAll('.chart')].filter(each => each.clientWidth)"
        ".map(each => each.querySelectorAll('svg .role-mark > *').length)"
    )
    assert len(marks) >= 8 and all(marks), marks


def test_on_a_narrow_screen_nothing_is_cut_off(opened):
    page = opened("two heads", 390, "dark")
    assert page.troubles == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    wide = page.evaluate(
        "[...document.querySelectorAll('.chart svg')]"
        ".filter(each => each.getBoundingClientRect().right > 390).length"
    )
    assert wide == 0


def test_charts_are_drawn_again_in_dark_mode(opened):
    page = opened("two heads")
    label = page.locator("#roc svg .role-axis-label text").first
    light = label.evaluate("each => getComputedStyle(each).fill")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "before => getComputedStyle(document.querySelector("
        "'#roc svg .role-axis-label text')).fill !== before",
        arg=light,
    )
    assert page.troubles == []


def test_the_failures_are_filtered_by_keyboard(opened):
    page = opened("two heads")
    cards = page.locator("#cards > li:visible")
    assert cards.count() == 24 and "24 of 44 matching" in page.locator("#shown").inner_text()
    page.get_by_role("button", name="Show more").press("Enter")
    assert cards.count() == 44
    page.get_by_role("combobox", name="kind").focus()
    page.keyboard.type("false m")
    assert cards.count() == 11
    page.get_by_role("combobox", name="recogniser").select_option("CE")
    page.get_by_role("combobox", name="slice").select_option("Male: yes")
    assert cards.count() == 5
    kinds = page.locator("#cards > li:visible h3").all_inner_texts()
    assert all("false match" in each and "CE" in each for each in kinds)
    page.get_by_role("combobox", name="exam").select_option("val")
    assert cards.count() == 0 and "No failure matches" in page.locator("#shown").inner_text()


def test_a_mark_of_the_map_shows_its_face(opened):
    page = opened("two heads")
    page.locator("#map-0").scroll_into_view_if_needed()
    page.mouse.move(0, 0)
    page.locator("#map-0 svg .mark-symbol path").nth(3).hover()
    tip = page.locator("#tip")
    assert tip.is_visible() and ".jpg" in tip.inner_text()
    assert tip.locator(".face").count() == 1


def test_without_scripts_the_numbers_are_there(opened):
    page = opened("two heads", java_script_enabled=False)
    assert page.locator("#cards > li").count() == 88
    page.locator("#roc details").evaluate("each => each.open = true")
    assert page.locator("#roc table.numbers tbody tr").count() == 80


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_serious(opened, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = opened("two heads", width, scheme)
    page.emulate_media(color_scheme=scheme)
    page.evaluate(  # the first rows and cards are like all others, charts are hidden from readers
        "document.querySelectorAll('details').forEach(each => (each.open = true));"
        "document.querySelectorAll('.chart svg').forEach(each => each.replaceChildren());"
        "document.querySelectorAll('tr:nth-child(n+4), #cards > li:nth-child(n+4)')"
        ".forEach(each => each.remove())"
    )
    found = axe.run(page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert not serious, [(each["id"], each["nodes"][0]["html"]) for each in serious]


def test_the_page_of_dvc_plots_needs_no_network_either(browser, tmp_path):
    vega = pytest.importorskip("dvc_render.vega")
    from dvc_render import render_html

    points = [{"rev": "workspace", "a": value, "b": value} for value in range(3)]
    renderer = vega.VegaRenderer(points, "plot", x="a", y="b", template="simple")
    output = tmp_path / "index.html"
    template = tmp_path / "template.html"
    template.write_text(plots_page(), encoding="utf-8")
    render_html([renderer], output, html_template=template)
    context = browser.new_context(offline=True)
    page = context.new_page()
    troubles = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("requestfailed", lambda request: troubles.append(request.url))
    page.goto(output.as_uri())
    page.wait_for_selector(".vega-embed canvas, .vega-embed svg")
    context.close()
    assert troubles == []
