"""Who may ask the page for something. Everything that arrives passes here first.

A page of somebody else that is open in the same browser could send requests to 127.0.0.1. It is
known by its Origin and by what browsers say in Sec-Fetch-Site; one that has renamed its own address
to 127.0.0.1 (DNS rebinding) is known by its Host.
"""

import hmac
import ipaddress
import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
COOKIE = "facerec_token"
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "media-src blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
READ_ON = 20  # times the limit
TOO_LARGE = "this is too large: a request may have {:.3g} MiB; send less at once"
FOREIGN = "another site asked for this; open the page itself"
FOREIGN_HOST = "this address is not the page's own; open it at the address that it printed"
NEEDS_TOKEN = "open the page at the address with the token that it printed when it was started"
BROKEN = "something went wrong here; the log of the page says where"

log = logging.getLogger("facerec.app")


@dataclass(frozen=True)
class Rules:
    """What the guard lets through.

    Attributes:
        names: hosts as which the page may be asked for, in lower case.
        any_address: whether numeric addresses are hosts too; DNS rebinding needs a name.
        token: what a visitor must know; None lets everybody of this machine in.
        max_body: bytes of a request.
    """

    names: frozenset[str]
    any_address: bool
    token: str | None
    max_body: int


class Guard:
    """Lets requests through to the application that it protects, and answers the others itself.

    It also writes the log: method, kind of page, status and time, but no photograph, no name and no
    address that holds one. What goes wrong inside is answered in words.
    """

    def __init__(self, app: App, rules: Rules) -> None:
        self._app, self._rules = app, rules

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        began = time.monotonic()
        try:
            await self._answer(scope, receive, answer)
        except Exception as error:  # the last line of defence: nothing else may see a traceback
            log.error("%s in %s", type(error).__name__, _place(error))
            await answer.refuse(500, BROKEN)
        log.info(
            "%s %s %s, %.0f ms",
            scope["method"],
            _kind(scope),
            answer.status,
            1000 * (time.monotonic() - began),
        )

    async def _answer(self, scope: Message, receive: Receive, answer: "_Answer") -> None:
        headers = {key.decode("latin-1"): text.decode("latin-1") for key, text in scope["headers"]}
        if not self._is_own_host(headers.get("host", "")):
            await answer.refuse(421, FOREIGN_HOST)
        elif not _is_own_page(headers, scope):
            await answer.refuse(403, FOREIGN)
        elif not self._knows_token(headers):
            await self._ask_for_token(scope, answer)
        else:
            answer.body = _Body(receive, self._rules.max_body)
            await self._app(scope, answer.body, answer)

    def _is_own_host(self, host: str) -> bool:
        name = host.rsplit(":", 1)[0] if host.rpartition(":")[2].isdecimal() else host
        name = name.lower()
        return name in self._rules.names or (self._rules.any_address and _is_address(name))

    def _knows_token(self, headers: dict[str, str]) -> bool:
        token = self._rules.token
        if token is None:
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            cookie = None
        given = [headers.get("authorization", "").removeprefix("Bearer ")]
        given += [cookie.value] if cookie else []
        return any(_equal(each, token) for each in given)

    async def _ask_for_token(self, scope: Message, answer: "_Answer") -> None:
        """Takes the token from the page's address into a cookie, or says that it is needed."""
        token = self._rules.token
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if token is not None and scope["path"] == "/" and _equal(given, token):
            cookie = f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict"
            await answer.send_whole(303, {"location": "/", "set-cookie": cookie}, b"")
        else:
            await answer.refuse(401, NEEDS_TOKEN)


class _Body:
    """A request's body, counted while it arrives."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self.limit = receive, limit
        self.size = 0
        self._has_more = True

    @property
    def is_too_large(self) -> bool:
        return self.size > self.limit

    async def __call__(self) -> Message:
        message = await self._next()
        if self.is_too_large:
            raise ValueError("too large")
        return message

    async def read_on(self) -> None:
        """Drops the rest, so that a browser that is still sending it sees the answer.

        A rest that is far too long is not waited for; then the browser sees a broken connection.
        """
        while self._has_more and self.size < READ_ON * self.limit:
            await self._next()

    async def _next(self) -> Message:
        message = await self._receive()
        self.size += len(message.get("body", b""))
        self._has_more = message.get("more_body", False)
        return message


class _Answer:
    """What is sent back, with the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None
        self.body: _Body | None = None
        self._is_replaced = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self.body is not None and self.body.is_too_large:
                await self.refuse_body()
                self._is_replaced = True
                return
            self.status = message["status"]
            own = {name for name, _ in message["headers"]}
            added = [(name.encode(), text.encode()) for name, text in HEADERS.items()]
            message["headers"] = [*message["headers"], *(h for h in added if h[0] not in own)]
        if not self._is_replaced:
            await self._send(message)

    async def refuse(self, status: int, reason: str) -> None:
        """Answers in words, unless an answer has begun."""
        content = json.dumps({"error": reason}).encode()
        await self.send_whole(status, {"content-type": "application/json"}, content)

    async def refuse_body(self) -> None:
        """Answers that the request's body is too large."""
        assert self.body is not None
        await self.body.read_on()
        await self.refuse(413, TOO_LARGE.format(self.body.limit / 2**20))

    async def send_whole(self, status: int, headers: dict[str, str], content: bytes) -> None:
        if self.status is not None:
            return
        self.status = status
        headers = {**HEADERS, **headers, "content-length": str(len(content))}
        encoded = [(name.encode(), text.encode()) for name, text in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})
        await self._send({"type": "http.response.body", "body": content})


def _is_own_page(headers: dict[str, str], scope: Message) -> bool:
    """Returns whether a request comes from our own page, from no page, or only opens ours."""
    origin = headers.get("origin")
    host = headers.get("host")
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        return False
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return True
    is_opened = headers.get("sec-fetch-mode") == "navigate" and scope["method"] == "GET"
    return is_opened and headers.get("sec-fetch-dest") == "document" and scope["path"] == "/"


def _kind(scope: Message) -> str:
    """Returns what was asked for, without numbers, names and whatever else is in an address."""
    if scope["path"].startswith("/static/"):
        return "/static"
    return getattr(scope.get("route"), "path", "(nothing)")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _place(error: Exception) -> str:
    """Returns where in the code an error arose; its text could hold a name."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
