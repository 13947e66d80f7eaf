"""Group photographs that nobody has named by who is on them."""

from pathlib import Path
from typing import Annotated

from typer import Option

from facerec.commands.options import Json, Model, Photographs


def main(
    photographs: Photographs,
    out: Annotated[
        Path | None,
        Option(
            help="output: a new or empty folder, with a folder of copies for each group",
            show_default=False,
        ),
    ] = None,
    link: Annotated[
        bool, Option("--link", help="symbolic links in these folders in place of copies")
    ] = False,
    table: Annotated[
        Path | None,
        Option("--csv", help="output: a row for each face, with its group", show_default=False),
    ] = None,
    threshold: Annotated[
        float | None,
        Option(
            min=0,
            max=1,
            help="mean cosine from which two groups are one; without: the one measured for pairs",
            show_default=False,
        ),
    ] = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Group photographs that nobody has named by who is on them.

    Group 1 is the largest. A photograph of several people is in several groups; a face that
    resembles no other is in none. Rename the folders of --out to the people's names, and
    `facerec enroll` reads them.

    Exit code 3: done, but some photographs could not be read.
    """
    # Slow to import; the help needs none of it.
    from facerec.commands.grouping import Groups
    from facerec.commands.inputs import files_of
    from facerec.commands.output import Output
    from facerec.engine.load import load_engine

    if link and out is None:
        raise ValueError("--link: expected --out too, the folder for the links")
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out}: expected no such folder, or an empty one")
    output = Output(as_json)
    engine = load_engine(model)
    groups = Groups.found([*files_of(photographs)], engine, threshold, output)
    groups.show(output)
    if table is not None:
        groups.write_table(table)
    if out is not None:
        groups.write_folders(out, link)
    output.result(groups.summary, {"summary": groups.summary_values()})
    output.end()
