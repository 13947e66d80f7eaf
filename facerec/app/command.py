"""Serve a page on this machine that names faces, and enrols, renames and removes people."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from facerec.commands.options import Model, Probes


def main(
    gallery: Annotated[
        Path, Argument(metavar="GALLERY", help="file of the gallery; made if it is not there")
    ] = Path("people.gallery"),
    model: Model = None,
    other: Annotated[
        Path | None,
        Option(help="another recogniser, whose opinion is shown beside", show_default=False),
    ] = None,
    probes: Probes = None,
    host: Annotated[
        str, Option(help="address to listen on; one that others reach needs a token")
    ] = "127.0.0.1",
    port: Annotated[int, Option(min=0, max=65535, help="0 takes a free one")] = 8800,
    name: Annotated[
        list[str] | None,
        Option(help="host name by which this machine may be asked for", show_default=False),
    ] = None,
) -> None:
    """Serve a page on this machine that names faces, and enrols, renames and removes people.

    It prints the address to open. Photographs are kept only where somebody is enrolled.

    On an address that other machines reach, it asks for a token: that of the environment variable
    FACEREC_TOKEN, or a new one, which is part of the address that is printed.
    """
    try:
        from facerec.app.server import serve  # slow to import; the help needs none of it
    except ModuleNotFoundError as error:
        raise ValueError(
            f"the page needs {error.name}: `make app` installs it, or "
            "`uv sync --inexact --group app`"
        ) from None
    serve(gallery, model, other, probes, host, port, name or [])
