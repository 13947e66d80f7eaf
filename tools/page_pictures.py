"""Pictures of the page with people of the last run: docs/page.jpg and docs/page_phone.jpg.

python -m tools.page_pictures

It needs Chromium, and the groups `app` and `test`.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import pandas as pd
from typer import Option, run

NAMES = ("Ann", "Björn")  # enrolled; as many others are looked at
PHOTOGRAPHS = 3  # of each that are enrolled, and as many that are looked at
WIDE, NARROW = (1280, 1500), (390, 844)  # px
QUALITY = 85  # of the JPEGs


def main(
    photographs: Annotated[Path, Option(help="folder")] = Path("data/photographs"),
    selected: Annotated[Path, Option(help="table of who is on them")] = Path("data/selected.csv"),
    output: Annotated[Path, Option(help="folder")] = Path("docs"),
) -> None:
    """Write the two pictures."""
    from playwright.sync_api import FilePayload, ViewportSize, sync_playwright

    groups = pd.read_csv(selected).groupby("person_id").image_id.apply(list)
    people = [each for each in groups if len(each) >= 2 * PHOTOGRAPHS][: 2 * len(NAMES)]
    with sync_playwright() as playwright, _page() as address:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(
            viewport=ViewportSize(width=WIDE[0], height=WIDE[1]), reduced_motion="reduce"
        )
        for name, images in zip(NAMES, people, strict=False):
            for image in images[:PHOTOGRAPHS]:
                content = (photographs / image).read_bytes()
                file = FilePayload(name=image, mimeType="image/jpeg", buffer=content)
                page.request.post(f"{address}enroll", multipart={"name": name, "photograph": file})
        page.goto(address)
        looked_at = [
            photographs / image
            for images in people
            for image in images[PHOTOGRAPHS : 2 * PHOTOGRAPHS]
        ]
        page.locator("#files").set_input_files([str(path) for path in looked_at])
        page.get_by_text(f"Looked at {len(looked_at)} photographs").wait_for(timeout=60_000)
        for summary in ("Candidates", "How it was found"):
            page.get_by_text(summary).first.click()
        page.locator(".heatmaps img").last.wait_for()
        page.mouse.move(0, 0)
        page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        page.screenshot(path=output / "page.jpg", quality=QUALITY)
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size(ViewportSize(width=NARROW[0], height=NARROW[1]))
        page.evaluate("document.querySelector('#unknown').scrollIntoView()")
        page.locator("#groups img").last.wait_for()
        page.screenshot(path=output / "page_phone.jpg", quality=QUALITY)
        browser.close()


@contextmanager
def _page() -> Iterator[str]:
    """Yields the address of a page with an empty gallery."""
    with tempfile.TemporaryDirectory() as folder:
        gallery = Path(folder, "people.gallery")
        command = [sys.executable, "-m", "facerec", "page", str(gallery), "--port", "0"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as page:
            assert page.stdout is not None
            address = page.stdout.readline().strip()
            try:
                if not address:
                    raise ValueError("the page did not start; `facerec page` says why")
                yield address
            finally:
                page.terminate()


if __name__ == "__main__":
    run(main)
