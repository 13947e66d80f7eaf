"""Say whether two photographs show the same person."""

from pathlib import Path
from typing import Annotated

from typer import Argument

from facerec.commands.options import Json, Model, Threshold


def main(
    first: Annotated[Path, Argument(metavar="A", help="a photograph", show_default=False)],
    second: Annotated[Path, Argument(metavar="B", help="another photograph", show_default=False)],
    threshold: Threshold = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Say whether two photographs show the same person.

    Of several faces on a photograph the largest is compared. The second line says how often the
    answer is wrong.
    """
    # Slow to import; the help needs none of it.
    from facerec.commands.comparison import compare
    from facerec.commands.output import Output
    from facerec.engine.load import load_engine

    comparison = compare(load_engine(model), first, second, threshold)
    Output(as_json).result(comparison.text, comparison.values())
