"""The README and the pages in docs/: links lead somewhere, and what they name exists."""

import ast
import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from tools.profile import composed, names

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
MADE_BY_RUNS = [ROOT / "docs/timings.md", *(ROOT / "docs/results").glob("*.md")]  # name old commits
WRITTEN = [page for page in PAGES if page not in MADE_BY_RUNS]
CODE = ("facerec", "stages", "tools", "benchmarks", "experiments", "tests", "profiles", "docs")
OUTPUTS = ("data/", "metrics/", "models/")
PLACEHOLDERS = re.compile(r"<name>|<profile>|…|profiles/(mine|reviewed|normface|narrow)\b")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
written_page = pytest.mark.parametrize(
    "page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT))
)


def prose(page: Path) -> str:
    """Returns a page without its code blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def in_backticks(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(page))


def anchors(page: Path) -> set[str]:
    """Returns the anchors of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


def links(page: Path) -> list[str]:
    return [
        link
        for link in re.findall(r"\]\(([^)\s]+)\)", prose(page))
        if not link.startswith(("http://", "https://", "mailto:"))
    ]


def is_picture(link: str) -> bool:
    return link.endswith((".jpg", ".png"))


@every_page
def test_links_lead_to_a_page_and_its_heading(page):
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if is_picture(link):
            continue
        assert target.is_file(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


@every_page
def test_pictures_exist(page):
    missing = [
        link for link in links(page) if is_picture(link) and not (page.parent / link).is_file()
    ]
    assert not missing, f"{missing}: make pictures"


def test_links_of_the_site_stay_in_its_folder():
    docs = ROOT / "docs"
    for page in PAGES[1:]:
        for link in links(page):
            assert (page.parent / link).resolve().is_relative_to(docs), f"{page.name}: {link}"


def test_every_page_is_in_the_menu_of_the_site():
    """`make results` writes a page for any profile; the menu may leave these out."""
    menu = re.findall(r"[\w/]+\.md", (ROOT / "mkdocs.yml").read_text())
    in_menu = {ROOT / "docs" / name for name in menu}
    of_profiles = {ROOT / f"docs/results/{name}.md" for name in (*names(), "custom")}
    assert in_menu <= set(PAGES)
    assert set(PAGES) - in_menu <= of_profiles | {ROOT / "README.md"}


@written_page
def test_files_that_pages_name_exist(page):
    for name in in_backticks(page):
        first = name.split("/")[0]
        if "/" not in name or first not in CODE or PLACEHOLDERS.search(name) or " " in name:
            continue
        assert (ROOT / name).exists(), f"{page.name}: {name}"


@cache
def outputs() -> set[str]:
    """Returns the paths in dvc.yaml, for the recognisers of the first run."""
    text = (ROOT / "dvc.yaml").read_text()
    paths = set(re.findall(r"(?:data|metrics|models)/[\w./${}-]+", text))
    return {
        path.replace("${key}", name).replace("${publish.recognizer}", name)
        for path in paths
        for name in yaml.safe_load(composed("first_run"))["recognizers"]
    }


@written_page
def test_outputs_that_pages_name_are_declared(page):
    for name in in_backticks(page):
        if not name.startswith(OUTPUTS) or name.startswith("data/raw") or PLACEHOLDERS.search(name):
            continue
        declared = {path for path in outputs() if path.startswith(name.rstrip("/"))}
        assert declared or any(name.startswith(f"{path}/") for path in outputs()), name


@cache
def parameters() -> set[str]:
    """Returns the dotted keys of all sections and of the sections within."""

    def keys(content: object, prefix: str) -> set[str]:
        if not isinstance(content, dict):
            return set()
        names = {f"{prefix}{key}" for key in content}
        return names.union(*(keys(value, f"{prefix}{key}.") for key, value in content.items()))

    return keys(yaml.safe_load(composed("first_run")), "")


@written_page
def test_parameters_that_pages_name_exist(page):
    sections = {key for key in parameters() if "." not in key}
    for name in in_backticks(page):
        key = re.match(r"([a-z_]+)(\.\w+)+", name)
        if key and key[1] in sections:
            assert key[0] in parameters(), f"{page.name}: {name}"


@written_page
def test_commands_that_pages_name_exist(page):
    text = page.read_text()
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in re.findall(r"(?:^|`)make +([\w-]+)", text, re.MULTILINE):
        assert target in targets, f"{page.name}: make {target}"
    for module in re.findall(r"python -m ([\w.]+)", text):
        assert importlib.util.find_spec(module), f"{page.name}: python -m {module}"
    profiles = {path.stem for path in (ROOT / "profiles").glob("*.yaml")}
    for profile in re.findall(r"make profile\s+NAME=(\w+)", text):
        assert profile in profiles | {"mine", "normface"}, f"{page.name}: {profile}"


def test_messages_in_troubleshooting_are_those_of_the_code():
    said = "\n".join(
        node.value
        for folder in ("facerec", "stages", "tools")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    said += (ROOT / "Makefile").read_text()
    rows = re.findall(
        r"^\| `([^`]+)` \|", (ROOT / "docs/troubleshooting.md").read_text(), re.MULTILINE
    )
    assert len(rows) > 40
    unsaid = [message for message in rows if message.removeprefix("expected ") not in said]
    assert not unsaid
