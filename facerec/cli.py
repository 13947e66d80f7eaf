"""The command `facerec`: names for faces by trained models, and the stages of the pipeline.

A command's module is imported when the command runs, or when the shell completes its options: the
libraries of some take seconds to load.
"""

import ast
import importlib
import importlib.util
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

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
    "report",
)
COMMANDS = {  # each with its module, which has a function `main`, or a Typer `app` of several
    "enroll": "facerec.commands.enroll",
    "identify": "facerec.commands.identify",
    "verify": "facerec.commands.verify",
    "annotate": "facerec.commands.annotate",
    "calibrate": "facerec.commands.calibrate",
    "cluster": "facerec.commands.cluster",
    "gallery": "facerec.commands.gallery",
    "page": "facerec.app.command",
    "import": "stages.import_photographs",  # `import` is a word of Python
    "protocol": "stages.protocol",
    "report": "stages.revisions",
}
STUB = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def stages_command() -> typer.Typer:
    """Returns the command that runs one stage; `--help` lists them."""
    modules = {name: f"stages.{name}" for name in STAGES}
    return _group("The stages of the pipeline, in their order.", modules, add_completion=False)


def main() -> None:
    """Runs the command line."""
    app = _group("Face recognition: photographs in, names or `unknown` out.", COMMANDS)
    app.add_typer(stages_command(), name="stages")
    app()


def _group(help_text: str, modules: Mapping[str, str], add_completion: bool = True) -> typer.Typer:
    """Returns a command of commands, by name each with its module."""

    class Group(TyperGroup):
        def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
            name, command, rest = super().resolve_command(ctx, args)
            if name is not None and name in modules:
                command = _loaded(name, modules[name])
            return name, command, rest

    app = typer.Typer(
        cls=Group,
        help=help_text,
        add_completion=add_completion,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    for name, module in modules.items():
        app.command(name, help=_first_docstring_line(module), context_settings=STUB)(_stub)
    return app


def _stub() -> None:
    """Stands in the list of commands for one whose module is not imported yet."""


def _loaded(name: str, module: str) -> Any:
    """Returns a module's command, whose errors are readable."""
    loaded = importlib.import_module(module)
    with_readable_errors = importlib.import_module("stages.cli").with_readable_errors
    # Text of commands is for people or programs to read, so what is logged goes elsewhere.
    stream = sys.stdout if module.startswith("stages.") else sys.stderr
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=stream)
    app = getattr(loaded, "app", None)
    if app is None:
        app = typer.Typer(
            add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown"
        )
        app.command()(loaded.main)
    for registered in app.registered_commands:
        registered.callback = with_readable_errors(registered.callback)
    command = typer.main.get_command(app)
    command.name = name
    return command


def _first_docstring_line(module: str) -> str:
    """Returns what a module's command does, without importing it."""
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None
    source = Path(spec.origin).read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").split("\n")[0]
