"""`python -m stages --help` lists the stages; `python -m stages <stage> …` runs one."""

import ast
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import typer

STAGES = (
    "synthesize",
    "select",
    "crop",
    "train_hourglass",
    "align",
    "audit",
    "train_recognizer",
    "evaluate",
    "compare",
    "publish",
    "verify",
)
FORWARD = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def main() -> None:
    """Runs the command line. The stages are imported only when they run: their libraries take seconds to load."""
    app = typer.Typer(
        help="The stages of the pipeline, in their order.",
        add_completion=False,
        no_args_is_help=True,
    )
    for stage in STAGES:
        app.command(stage, help=_first_line(stage), context_settings=FORWARD)(_runner(stage))
    app()


def _first_line(stage: str) -> str:
    """Returns what a stage does, without importing it."""
    source = Path(__file__).with_name(f"{stage}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").split("\n")[0]


def _runner(stage: str) -> Callable[[typer.Context], None]:
    def run(context: typer.Context) -> None:
        sys.argv = [f"{stage}.py", *context.args]
        runpy.run_module(f"stages.{stage}", run_name="__main__")

    return run


if __name__ == "__main__":
    main()
