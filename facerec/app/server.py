"""The page on an address, until Ctrl-C."""

import contextlib
import ipaddress
import os
import re
import secrets
import socket
from pathlib import Path

import uvicorn

from facerec.app.guard import LOCAL_NAMES, Guard, Rules
from facerec.app.other import OtherRecogniser
from facerec.app.routes import make_app
from facerec.app.service import Limits, Service
from facerec.engine.load import load_engine
from facerec.gallery.store import Gallery

TOKEN_VARIABLE = "FACEREC_TOKEN"
SHORTEST_TOKEN = 16  # characters
BESIDE_PHOTOGRAPHS = 2**20  # bytes of a request that are not its photographs
PHOTOGRAPHS = 2  # in a request, at most
WAITING = 1024  # connections that have not been taken yet
SECONDS_TO_END = 5  # that requests have after Ctrl-C


def serve(
    path: Path,
    model: Path | None,
    other: Path | None,
    probes: int | None,
    host: str,
    port: int,
    names: list[str],
) -> None:
    """Serves the page of a gallery until Ctrl-C. Its address is printed.

    Args:
        path: of the gallery, which is made if it is not there.
        model: recogniser; None takes the published one.
        other: another recogniser, to be shown beside.
        probes: lists of an approximate index that are searched; None searches all faces.
        host: address to listen on.
        port: 0 takes a free one.
        names: host names by which this machine may be asked for.

    Raises:
        ValueError: a model, the gallery, the index, the address or the token cannot be used.
        OSError: the gallery cannot be opened, or the port is taken.
    """
    limits = Limits()
    rules = make_rules(host, names, os.environ.get(TOKEN_VARIABLE), limits)
    engine = load_engine(model)
    second = load_engine(other) if other is not None else None
    name = engine.description.get("model", "")
    with (
        contextlib.closing(_listener(host, port)) as listener,
        Gallery.open(path, engine.fingerprint, engine.embedding_dim, name, create=True) as gallery,
    ):
        beside = OtherRecogniser(second, gallery) if second is not None else None
        service = Service(engine, gallery, beside, limits, probes)
        app = Guard(make_app(service), rules)
        print(_address_to_open(host, listener.getsockname()[1], rules.token), flush=True)
        uvicorn.Server(configuration(app)).run(sockets=[listener])


def configuration(app: Guard) -> uvicorn.Config:
    """Returns how the page is served; the log is the guard's."""
    return uvicorn.Config(
        app,
        access_log=False,  # it would write addresses with names and tokens
        log_config=None,
        log_level="warning",
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=SECONDS_TO_END,
    )


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
        max_body=PHOTOGRAPHS * limits.max_bytes + BESIDE_PHOTOGRAPHS,
    )


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f"--host: expected an address such as 127.0.0.1, got {host!r}") from None


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=WAITING)
    except OSError as error:
        raise ValueError(
            f"{host}, port {port}: {error.strerror}; --port 0 takes a free one"
        ) from None


def _address_to_open(host: str, port: int, token: str | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
