"""Put Git revisions or DVC experiments side by side."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from facerec.files import write_bytes
from facerec.report import revisions_page
from facerec.report.revisions import read_revision
from stages.cli import run


def main(
    revisions: Annotated[
        list[str],
        Argument(
            help="branches, tags, commits, DVC experiments or `workspace`; each is compared with "
            "the first"
        ),
    ],
    page: Annotated[Path, Option(help="output: the comparison as a page")] = Path(
        "metrics/revisions.html"
    ),
) -> None:
    """Put Git revisions or DVC experiments side by side."""
    names = list(dict.fromkeys(revisions))
    if len(names) < 2:
        raise ValueError(
            f"expected two revisions or more, got {' '.join(revisions)}; for instance "
            f"`facerec report main workspace`"
        )
    compared = revisions_page.SideBySide.of([read_revision(name) for name in names])
    write_bytes(page, revisions_page.page(compared).encode())
    print(revisions_page.text(compared))
    print(f"\nAs a page: {page}")


if __name__ == "__main__":
    run(main)
