"""The page of `dvc plots show` in this repository."""

import configparser
from pathlib import Path

from tools.plots_page import MADE_BY, PAGE

ROOT = Path(__file__).parents[2]


def test_the_page_is_of_the_installed_vega_and_small_and_named_in_dvcs_configuration():
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert MADE_BY in page, "run `python -m tools.plots_page`"
    assert len(page.encode()) < 1e6 and page.count("{plot_divs}") == 1
    assert "{scripts}" not in page and 'src="http' not in page
    config = configparser.ConfigParser()
    config.read(ROOT / ".dvc/config")
    assert config["plots"]["html_template"] == PAGE.name
