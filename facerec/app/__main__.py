"""Serves the page: `python -m facerec.app people.gallery`, then http://127.0.0.1:8800.

It is for this machine alone. Another address needs a token, which is in the environment variable
FACEREC_TOKEN or made up, and is part of the address that is printed.
"""

import contextlib
import ipaddress
import logging
import os
import re
import secrets
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from typer import Argument, Option

from facerec.app.guard import LOCAL_NAMES, Guard, Rules
from facerec.app.other import OtherRecogniser
from facerec.app.routes import make_app
from facerec.app.service import Limits, Service
from facerec.engine.load import MODELS, load_engine
from facerec.gallery.store import Gallery

TOKEN_VARIABLE = "FACEREC_TOKEN"
SHORTEST_TOKEN = 16  # characters
BESIDE_PHOTOGRAPH = 2**20  # bytes of a request that are not the photograph
PHOTOGRAPHS = 2  # in a request, at most
SECONDS_TO_END = 5  # that requests have after Ctrl-C

log = logging.getLogger("facerec.app")


def main(
    gallery: Annotated[Path, Argument(help="the people; made if it is not there")] = Path(
        "people.gallery"
    ),
    model: Annotated[
        Path | None, Option(help="recogniser, .pt or .onnx; else the published one")
    ] = None,
    other: Annotated[
        Path | None, Option(help="another recogniser, .pt or .onnx, whose opinion is shown beside")
    ] = None,
    models: Annotated[Path, Option(help="folder of the published models")] = MODELS,
    host: Annotated[str, Option(help="address to listen on; any but 127.0.0.1 needs a token")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, Option(help="0 takes a free one")] = 8800,
    name: Annotated[
        list[str] | None, Option(help="host name as which this machine may be asked for")
    ] = None,
) -> None:
    """Serves a page in which photographs get names."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        rules = make_rules(host, name or [], os.environ.get(TOKEN_VARIABLE), Limits())
        _serve(gallery, model, other, models, host, port, rules)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


def make_rules(host: str, names: list[str], token: str | None, limits: Limits) -> Rules:
    """Returns whom the guard lets through.

    Args:
        host: address to listen on.
        names: of this machine, besides its addresses.
        token: that visitors must know; None or "": none on this machine, a random one elsewhere.
        limits: of a request.

    Raises:
        ValueError: the token is short or cannot be a cookie, or the address is none.
    """
    is_local = host == "localhost" or _address(host).is_loopback
    if token and not re.fullmatch(rf"[\w-]{{{SHORTEST_TOKEN},}}", token, re.ASCII):
        raise ValueError(
            f"{TOKEN_VARIABLE}: expected at least {SHORTEST_TOKEN} letters, digits, - and _"
        )
    return Rules(
        names=LOCAL_NAMES | {each.lower() for each in names},
        any_address=not is_local,
        token=token or (None if is_local else secrets.token_urlsafe(24)),
        max_body=PHOTOGRAPHS * limits.max_bytes + BESIDE_PHOTOGRAPH,
    )


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f"--host: expected an address such as 127.0.0.1, got {host!r}") from None


def _serve(
    path: Path,
    model: Path | None,
    other: Path | None,
    models: Path,
    host: str,
    port: int,
    rules: Rules,
) -> None:
    engine = load_engine(model, models=models)
    second = load_engine(other, models=models) if other is not None else None
    listener = socket.create_server(
        (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=1024
    )
    with (
        contextlib.closing(listener),
        Gallery.open(
            path,
            engine.fingerprint,
            engine.embedding_dim,
            model=engine.description.get("model", ""),
            create=True,
        ) as gallery,
    ):
        beside = OtherRecogniser(second, gallery) if second is not None else None
        app = Guard(make_app(Service(engine, gallery, beside)), rules)
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listener.getsockname()[1]}/"
        print(f"{address}?token={rules.token}" if rules.token else address, flush=True)
        config = uvicorn.Config(
            app,
            access_log=False,  # it would write addresses with names and tokens
            log_level="warning",
            timeout_graceful_shutdown=SECONDS_TO_END,
            server_header=False,
        )
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    typer.run(main)
