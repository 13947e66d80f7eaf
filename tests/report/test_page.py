"""The report's page, of runs of several kinds: whole, right and harmless."""

import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from reading import Reading
from run_folder import CLOSING, CODE, HOSTILE, Kind, write_run

from facerec.evaluation.comparison import display_name
from facerec.report import page as page_module
from facerec.report.charts import TEMPLATES, spec
from facerec.report.figures import shown
from facerec.report.names import WORDED, words
from facerec.report.page import render

PARTS = {
    "headline",
    "data",
    "landmarks",
    "alignment",
    "training",
    "recognition",
    "who",
    "failures",
    "map",
    "cost",
    "origin",
}
KINDS = {
    "two heads": Kind(),
    "one head": Kind(heads=("ce",)),
    "no attributes": Kind(attributes=()),
    "no open set": Kind(has_openset=False),
    "500 people": Kind(people=500),
    "no mistake": Kind(has_mistakes=False),
    "five heads": Kind(heads=("ce", "arcface", "cosface", "triplet", "proxy")),
    "three seeds": Kind(seeds=(1, 2, 3)),
    "a reference": Kind(reference="public"),
    "audit": Kind(audit=True),
    "rejected": Kind(allow_rejected=True),
    "hostile": HOSTILE,
}


class Page(NamedTuple):
    """A page, the folder of its run, and what a reader finds on it."""

    html: str
    folder: Path
    reading: Reading


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Returns a function that gives a kind's page."""

    @cache
    def make(name):
        folder = tmp_path_factory.mktemp("run")
        html = render(write_run(folder, KINDS[name]))
        return Page(html, folder, Reading.of(html))

    return make


@pytest.mark.parametrize("name", KINDS)
def test_every_page_is_whole(pages, name):
    page, _, reading = pages(name)
    assert set(reading.sections) == PARTS
    for part, text in reading.sections.items():
        words = text.split()
        assert len(words) > 15, part
        assert not {"None", "nan", "NaN", "undefined", "Undefined"} & set(words), part
        assert "()" not in text and "{{ 7" not in text.replace("{{ 7 * 7 }}", ""), part
    assert len(re.findall(r"<h2 id=", page)) == len(PARTS)
    assert len(page.encode()) < 15e6


@pytest.mark.parametrize("name", KINDS)
def test_nothing_is_loaded_from_elsewhere(pages, name):
    reading = pages(name).reading
    assert not [each for each in reading.addresses if not each.startswith(("#", "data:"))]


@pytest.mark.parametrize("name", KINDS)
def test_every_number_is_the_files(pages, name):
    _, folder, reading = pages(name)
    numbers = reading.numbers
    assert len(numbers) > 30
    for number in numbers:
        value = json.loads(Path(number["data-file"]).read_text())[number["data-key"]]
        assert float(number["value"]) == value
        text = number["text"].replace("−", "-").replace(",", "")
        scales = (100, 1)
        half_a_digit = 0.5 * 10 ** -len(text.partition(".")[2]) + 1e-9
        assert any(abs(float(text) - scale * value) <= half_a_digit for scale in scales), number
        assert Path(number["data-file"]).is_relative_to(folder)


@pytest.mark.parametrize("name", [name for name in KINDS if name != "hostile"])
def test_every_charts_table_is_its_csv(pages, name):
    _, folder, reading = pages(name)
    tables = reading.tables
    assert len(tables) > 8
    for table in tables:
        paths = folder.glob(str(Path(table.file).relative_to(folder)))
        frames = [pd.read_csv(path, dtype=str, keep_default_na=False) for path in paths]
        expected = pd.concat(frames)
        columns = [name for name in table.columns if name in expected]
        found = pd.DataFrame(table.rows, columns=table.columns)[columns]
        for column in set(columns) & {"recognizer", *WORDED}:
            named = display_name if column == "recognizer" else words
            expected[column] = expected[column].map(named)
        rows, of_file = found.to_numpy().tolist(), expected[columns].to_numpy().tolist()
        if "*" in table.file:  # of all recognisers, the worst first
            rows, of_file = sorted(rows), sorted(of_file)
        assert rows == of_file, table.file


def test_hostile_names_stay_text(pages):
    page, _, reading = pages("hostile")
    assert reading.handlers == []
    assert reading.tags.count("script") == 5  # Vega, the page's two, and two of data
    assert CODE not in page and CLOSING not in page
    assert CODE in reading.sections["headline"] and CLOSING in reading.sections["failures"]
    assert f"{CLOSING}: yes" in reading.options
    assert "\u2028" not in page.split('id="faces"')[1].split("</script>")[0]


def test_the_policy_allows_the_pages_own_scripts_alone(pages):
    page = pages("two heads").html
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page).group(1)
    assert policy.startswith("default-src &#39;none&#39;")
    assert "script-src &#39;unsafe-inline" not in policy and "unsafe-eval" not in policy
    assert policy.count("sha256-") == 3


def test_the_headline_says_whether_chance_could_do_it(tmp_path):
    run = write_run(tmp_path)
    assert "no more than chance could do" in Reading.of(render(run)).sections["headline"]
    path = run.files.comparison
    values = json.loads(path.read_text())
    clear = values | {"arcface_vs_ce.val_top1_difference_low": 0.001}
    path.write_text(json.dumps(clear))
    text = Reading.of(render(run)).sections["headline"]
    assert "more than chance explains" in text and "no more than chance" not in text
    assert " ".join(text.split()).startswith("1 Headline ArcFace names the right person on 92.2")
    worse = {key: -value for key, value in clear.items() if "difference" in key}
    path.write_text(json.dumps(clear | worse))
    assert "CE names the right person on" in Reading.of(render(run)).sections["headline"]


def test_more_than_three_heads_are_compared_with_the_published_one(pages):
    text = pages("five heads").reading.sections["headline"]
    differences = re.findall(r"Difference on val, (.*?):", text)
    assert len(differences) == 4 and all("proxy" in each.lower() for each in differences)


def test_one_head_has_nothing_to_be_compared_with(pages):
    text = pages("one head").reading.sections["headline"]
    assert "nothing to compare it with" in text and "Difference" not in text


def test_the_funnel_says_that_rejected_photographs_fill_up(pages):
    text = pages("rejected").reading.sections["data"]
    assert "3 of the selected photographs break at least one rule" in text
    step = words("rejected_allowed")
    assert step in text and step not in pages("two heads").reading.sections["data"]


def test_the_audit_is_told_of_only_if_it_ran(pages):
    text = pages("audit").reading.sections["data"]
    assert "lists 2 to look at, 1 of them almost certainly wrong, and 0 pairs" in text
    assert "It did not run" in pages("two heads").reading.sections["data"]


def test_without_an_open_set_the_page_says_so(pages):
    sections = pages("no open set").reading.sections
    assert "No open set, or too small a one" in sections["recognition"]
    assert "DET: " not in sections["recognition"] and "CMC: " in sections["recognition"]
    assert "could not be measured" in sections["who"]


def test_no_mistake_is_good_news(pages):
    sections = pages("no mistake").reading.sections
    assert "no recogniser made a mistake" in sections["failures"]


def test_the_failures_are_all_there_worst_first(pages):
    page = pages("two heads").html
    cards = re.findall(
        r'<li data-recognizer="([^"]*)" data-exam="val" data-kind="wrong person"', page
    )
    assert cards == ["CE"] * 11 + ["ArcFace"] * 11
    cosines = [float(each) for each in re.findall(r"<dt>cosine</dt><dd>([\d.]+)</dd>", page)]
    assert cosines[:11] == sorted(cosines[:11], reverse=True)


def test_each_picture_is_in_the_page_once(pages):
    page = pages("two heads").html
    uris = re.findall(r"\.p\d+\{background-image:url\((data:[^)]*)\)", page)
    assert len(uris) <= 12 * 3 + 6  # 12 photographs by three alignments, and 6 of landmarks
    assert page.count('class="face p') > 200


def test_the_stages_records_are_told(tmp_path):
    run = write_run(tmp_path)
    run.files.records.mkdir()
    record = {"stage": "align", "seconds": 1.5, "peak_mib": 310.2, "machine": "M", "faces": 800}
    (run.files.records / "align.json").write_text(json.dumps(record))
    stage = {"outs": [{"path": "data/cropped", "md5": "abc.dir", "size": 2**20}]}
    run.files.lock.write_text(json.dumps({"stages": {"check_params": {}, "crop": stage}}))
    sections = Reading.of(render(run)).sections
    cost = " ".join(sections["cost"].split())
    assert "crop not measured on this machine align 1.5 310 1.88" in cost
    assert "1024 bytes a template" in cost and "check_params" not in cost
    assert "data/cropped abc.dir 1.00" in " ".join(sections["origin"].split())


def test_a_reference_is_told_from_what_was_trained(pages):
    sections = pages("a reference").reading.sections
    assert "public was not trained here" in sections["headline"]
    differences = re.findall(r"Difference on val, (.*?):", sections["headline"])
    assert differences == ["ArcFace less CE", "public less ArcFace"]
    assert "not trained here, by 5 points" in " ".join(sections["recognition"].split())
    assert "not trained here" not in "".join(pages("two heads").reading.sections.values())


def test_people_are_called_by_their_names_where_they_have_one(pages):
    assert "O'Brien" in pages("hostile").reading.sections["failures"]
    assert "<bdi>7</bdi>" in pages("two heads").html and "<bdi>7</bdi>" not in pages("hostile").html


def test_the_worst_groups_come_first_and_small_ones_last(tmp_path):
    run = write_run(tmp_path, Kind(attributes=tuple("abcdefghijklm")))
    path = run.published.folder / "error_slices.csv"
    frame = pd.read_csv(path)
    frame["fnmr"] = np.random.default_rng(0).random(len(frame)).round(6)
    frame.loc[3, ["fnmr", "people"]] = 1.0, 2
    frame.to_csv(path, index=False)
    shown = [t for t in Reading.of(render(run)).tables if t.file.endswith("error_slices.csv")]
    assert len(shown) == 2
    rates = [
        float(row[t.columns.index("fnmr")])
        for t in shown
        for row in t.rows
        if row[0] == run.published.title
    ]
    assert len(rates) == len(frame)
    assert rates[:-1] == sorted(rates[:-1], reverse=True) and rates[-1] == 1


def test_all_parameters_are_listed(pages):
    text = pages("two heads").reading.sections["origin"]
    assert "select.openset.query_people" in text and "recognizers.arcface.head.type" in text


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("data/selection.json", None, "no such file; `dvc repro` writes it"),
        ("data/evaluations/ce/metrics.json", "[1]", "expected a JSON object"),
        ("data/hourglass.json", '{"a": "b"}', "expected a flat object of numbers"),
        ("metrics/plots/roc.csv", "", "not a CSV"),
        ("data/evaluations/ce/failures.csv", None, "no such file; `dvc repro` writes it"),
    ],
)
def test_a_missing_or_damaged_file_is_named(tmp_path, file, content, words):
    run = write_run(tmp_path)
    path = tmp_path / file
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(ValueError, match=re.escape(f"{path}: ")) as error:
        render(run)
    assert words in str(error.value)


def test_too_large_a_page_is_refused(tmp_path, monkeypatch):
    run = write_run(tmp_path)
    monkeypatch.setattr(page_module, "MAX_BYTES", 2**20)
    with pytest.raises(ValueError, match=r"would have 1.* MiB, more than 1: train fewer"):
        render(run)


@pytest.mark.parametrize("template", sorted(path.stem for path in TEMPLATES.glob("*.json")))
def test_a_chart_has_no_trace_of_revisions_or_anchors(template):
    text = json.dumps(spec(template, "a", "b"))
    assert '"rev"' not in text and "DVC_METRIC" not in text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(-0.04, 1, "0.0"), (-1.25, 2, "−1.25"), (1234.5, 0, "1,234"), (99.96, 1, "100.0")],
)
def test_numbers_are_shown_with_a_true_minus_and_no_negative_zero(value, digits, text):
    assert shown(value, digits) == text
