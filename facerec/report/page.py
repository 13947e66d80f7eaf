"""The page: all parts by one template, without anything from a network."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from facerec.report.charts import Chart
from facerec.report.collection import collection
from facerec.report.faces import alignment, landmarks
from facerec.report.failures import failures, maps
from facerec.report.headline import headline
from facerec.report.origin import cost, origin, read_lock
from facerec.report.pictures import Pictures
from facerec.report.recognition import recognition, training
from facerec.report.run import Run
from facerec.report.who_fails import who_fails

TEMPLATES = Path(__file__).parent / "templates"
MAX_BYTES = 15 * 2**20


@cache
def environment() -> Environment:
    """Returns the templates' environment; everything that they print is escaped."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def vega_bundle() -> str:
    """Returns Vega, Vega-Lite and Vega-Embed as one script that needs no network."""
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    assert "</script" not in bundle and "<!--" not in bundle  # it stands inside an HTML page
    return bundle


def scripts() -> list[str]:
    """Returns the scripts of the page, in their order."""
    own = [(TEMPLATES / name).read_text(encoding="utf-8") for name in ("charts.js", "failures.js")]
    return [vega_bundle(), *own]


def policy(script_texts: list[str]) -> str:
    """Returns a Content-Security-Policy: these scripts run, no other; nothing is loaded.

    Names in the data could not become code even if the template forgot to escape them.
    """
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in script_texts
    ]
    allowed = " ".join(f"'sha256-{each}'" for each in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        f"base-uri 'none'; form-action 'none'"
    )


def render(run: Run) -> str:
    """Returns the report of a run as one HTML page.

    Raises:
        ValueError: a file of the run is absent or damaged, or the page would be too large.
    """
    pictures = Pictures()
    lock = read_lock(run.files.lock)
    parts: dict[str, Any] = {
        "headline": headline(run),
        "collection": collection(run),
        "landmarks": landmarks(run, pictures),
        "alignment": alignment(run, pictures),
        "training": training(run),
        "recognition": recognition(run),
        "who_fails": who_fails(run),
        "failures": failures(run, pictures),
        "maps": maps(run, pictures),
        "cost": cost(run, lock),
        "origin": origin(run, lock),
    }
    texts = scripts()
    page = (
        environment()
        .get_template("report.html.j2")
        .render(
            **parts,
            run=run,
            specs={chart.name: chart.spec for chart in _charts(parts)},
            pictures=pictures.style(),
            style=(TEMPLATES / "style.css").read_text(encoding="utf-8"),
            scripts=texts,
            policy=policy(texts),
        )
    )
    size = len(page.encode())
    if size > MAX_BYTES:
        raise ValueError(
            f"the report would have {size / 2**20:.1f} MiB, more than {MAX_BYTES // 2**20}: "
            f"train fewer recognisers at once (`recognizers` in params.yaml)"
        )
    return page


def _charts(part: Any) -> list[Chart]:
    """Returns all charts inside a part, however deep."""
    if isinstance(part, Chart):
        return [part]
    if isinstance(part, dict):
        part = list(part.values())
    return [chart for each in part for chart in _charts(each)] if isinstance(part, list) else []
