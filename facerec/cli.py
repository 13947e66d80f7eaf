"""The command `facerec`: the stages of the pipeline, and what is done with trained models."""

import ast
import importlib
import importlib.util
from pathlib import Path

import typer

STAGES = (  # in the order of the pipeline
    "synthesize",
    "detect",
    "measure",
    "select",
    "crop",
    "train_hourglass",
    "align",
    "audit",
    "train_recognizer",
    "evaluate",
    "compare",
    "publish",
    "export",
)
COMMANDS = {  # not part of the pipeline; each with its module
    "calibrate": "facerec.commands.calibrate",
    "import": "stages.import_photographs",  # `import` is a word of Python
    "report": "stages.revisions",
    "verify": "stages.verify",
}
FORWARDED = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def stages_command() -> typer.Typer:
    """Returns the command that runs one stage; `--help` lists them."""
    app = _command("The stages of the pipeline, in their order.")
    for name in STAGES:
        _forward(app, name, f"stages.{name}")
    return app


def main() -> None:
    """Runs the command line."""
    app = _command("Face recognition, from photographs to compared recognisers.")
    app.add_typer(stages_command(), name="stages")
    for name, module in COMMANDS.items():
        _forward(app, name, module)
    app()


def _command(help_text: str) -> typer.Typer:
    return typer.Typer(help=help_text, add_completion=False, no_args_is_help=True)


def _forward(app: typer.Typer, name: str, module: str) -> None:
    """Adds a command that hands its arguments to the function `main` of a module.

    The module is imported when the command runs: its libraries take seconds to load.
    """

    @app.command(name, help=_first_docstring_line(module), context_settings=FORWARDED)
    def forward(context: typer.Context) -> None:
        stage = importlib.import_module(module)
        run = importlib.import_module("stages.cli").run
        run(stage.main, context.args, context.command_path)


def _first_docstring_line(module: str) -> str:
    """Returns what a stage does, without importing it."""
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None
    source = Path(spec.origin).read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").split("\n")[0]
