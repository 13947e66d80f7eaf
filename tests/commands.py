"""Runs a module as a command in the tests' own process, which has torch already: to import it takes seconds."""

import contextlib
import io
import runpy
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch


def as_command(folder: Path, module: str, *arguments: str) -> subprocess.CompletedProcess:
    """Returns what `python -m module` would in a folder; an error that it does not report itself is raised."""
    output, errors = io.StringIO(), io.StringIO()
    code: str | int | None = 0
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
        patch.object(sys, "argv", [module, *arguments]),
    ):
        try:
            runpy.run_module(module, run_name="__main__")
        except SystemExit as end:
            code = end.code
    if isinstance(code, str):  # as Python does
        errors.write(f"{code}\n")
        code = 1
    return subprocess.CompletedProcess([module, *arguments], code or 0, output.getvalue(), errors.getvalue())
