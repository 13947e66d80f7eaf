"""Write .dvc/plots_page.html: the page of `dvc plots show`, with Vega inside instead of a link.

It is in git because DVC needs it before anything has run; after an update of vl-convert, run
`python -m tools.plots_page` again.
"""

from importlib.metadata import version
from pathlib import Path

from facerec.files import write_bytes
from facerec.report.page import vega_bundle

PAGE = Path(".dvc/plots_page.html")  # named in .dvc/config
MADE_BY = f"<!-- Vega of vl-convert-python {version('vl-convert-python')} -->"
HTML = """<!DOCTYPE html>
{made_by}
<html lang="en">
<head>
<meta charset="utf-8">
<title>DVC plots</title>
<style>
body { font-family: system-ui, sans-serif; margin: 1.5rem; }
img { max-width: 100%; }
</style>
<script>{bundle}</script>
</head>
<body>
{plot_divs}
</body>
</html>
"""


def page() -> str:
    """Returns the page; DVC puts the plots in the place of `{plot_divs}`."""
    return HTML.replace("{made_by}", MADE_BY).replace("{bundle}", vega_bundle())


if __name__ == "__main__":
    write_bytes(PAGE, page().encode())
    print(f"{PAGE}: {PAGE.stat().st_size / 1e6:.2f} MB")
