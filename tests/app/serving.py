"""The page, served to tests on a free port, and asked by plain HTTP."""

import contextlib
import http.client
import json
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import uvicorn
from coloured_faces import ColourEngine

from facerec.app.guard import Guard
from facerec.app.other import OtherRecogniser
from facerec.app.routes import make_app
from facerec.app.server import configuration, make_rules
from facerec.app.service import Limits, Service
from facerec.gallery.store import Gallery

BOUNDARY = "b" * 20


@dataclass
class Answer:
    """What came back: status, headers in lower case, and content."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Served:
    """A page that is being served."""

    port: int
    service: Service
    gallery: Gallery

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def ask(
        self,
        path: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        json_body: Any = None,
        **fields: Any,
    ) -> Answer:
        """Returns the answer; fields are a form's, bytes among them are photographs."""
        headers = dict(headers or {})
        if json_body is not None:
            body = json.dumps(json_body).encode()
            headers["Content-Type"] = "application/json"
        elif fields:
            body = _form(fields)
            headers["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            found = {name.lower(): text for name, text in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def post(self, path: str, query: dict[str, Any] | None = None, **fields: Any) -> Answer:
        """Returns the answer to a form."""
        return self.ask(f"{path}?{urlencode(query)}" if query else path, "POST", **fields)

    def enroll(self, name: str, photograph: bytes, **fields: Any) -> Any:
        """Returns what became of a face that was enrolled."""
        answer = self.post("/enroll", photograph=photograph, name=name, **fields)
        assert answer.status == 200, answer.content
        return answer.json

    def names(self, photograph: bytes) -> list[str | None]:
        """Returns the names of a photograph's faces."""
        return [
            face["name"] for face in self.post("/identify", photograph=photograph).json["faces"]
        ]


def _form(fields: dict[str, Any]) -> bytes:
    parts = []
    for key, value in fields.items():
        name, content = value if isinstance(value, tuple) else (f"{key}.jpg", value)
        is_file = isinstance(content, bytes)
        file = f'; filename="{name}"' if is_file else ""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"{file}\r\n\r\n'
        parts.append(head.encode() + (content if is_file else str(content).encode()) + b"\r\n")
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


@contextlib.contextmanager
def serving(
    path: Path,
    engine: Any = None,
    other: Any = None,
    limits: Limits | None = None,
    token: str | None = None,
) -> Iterator[Served]:
    """Serves the page of a gallery until the end of the block."""
    engine = engine or ColourEngine()
    rules = make_rules("127.0.0.1", [], token, limits or Limits())
    with Gallery.open(
        path, engine.fingerprint, engine.embedding_dim, model="colours", create=True
    ) as gallery:
        beside = OtherRecogniser(other, gallery) if other else None
        service = Service(engine, gallery, beside, limits)
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        server = uvicorn.Server(configuration(Guard(make_app(service), rules)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            yield Served(listener.getsockname()[1], service, gallery)
        finally:
            server.should_exit = True
            thread.join()
            listener.close()


if __name__ == "__main__":  # for tests that kill it
    with serving(Path(sys.argv[1])) as served:
        print(served.port, flush=True)
        signal.pause()
