"""The page's addresses, and the words in which it says what went wrong."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, File, Form, Query, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from facerec.app import grouping, messages
from facerec.app.guard import BROKEN
from facerec.app.service import Limits, Service
from facerec.app.uploads import Refused, Upload
from facerec.gallery.errors import NameTaken, OtherModel, OtherPersonsFace, UnknownPerson
from facerec.parallel import num_workers

STATIC = Path(__file__).parent / "static"
REPORT_STYLE = Path(str(resources.files("facerec.report"))) / "templates" / "style.css"
FULL_MEMORY = "there is not enough memory for this photograph; make it smaller"
NO_SUCH_PAGE = "there is no such page; / is the page, /openapi.json lists the others"
CONFLICTS = (NameTaken, OtherPersonsFace, OtherModel)

Result = TypeVar("Result")
Photograph = Annotated[UploadFile, File(description="JPEG, PNG, WebP, HEIC, TIFF, …")]


def make_app(service: Service) -> FastAPI:
    """Returns the application. It must only be served behind the guard."""
    cores = CapacityLimiter(num_workers())  # the others wait, without holding a photograph

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if service.other is not None:
            service.other.start()
        yield
        if service.other is not None:
            service.other.close()

    app = FastAPI(
        title="facerec",
        description="A photograph in, a name or “unknown” out.",
        version="1",
        docs_url=None,  # both load their scripts from a CDN
        redoc_url=None,
        lifespan=lifespan,
        responses={"4XX": {"model": messages.Problem}, "5XX": {"model": messages.Problem}},
    )
    app.mount("/static", StaticFiles(directory=STATIC))
    _add_handlers(app)

    async def looking(work: Callable[..., Result], *values: Any) -> Result:
        return await to_thread.run_sync(work, *values, limiter=cores)

    def read(photograph: UploadFile) -> Upload:
        return _read(photograph, service.limits)

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    @app.get("/style.css", include_in_schema=False)
    def style() -> FileResponse:
        return FileResponse(REPORT_STYLE)

    @app.get("/about", summary="What this page works with")
    def about() -> messages.About:
        return service.about()

    @app.post("/detect", summary="The faces of a photograph")
    async def detect(
        photograph: Photograph, heatmaps: Annotated[bool, Query()] = False
    ) -> messages.Detected:
        return await looking(lambda: service.detect(read(photograph), heatmaps))

    @app.post("/identify", summary="The faces of a photograph, and who they are")
    async def identify(
        photograph: Photograph, embeddings: Annotated[bool, Query()] = False
    ) -> messages.Identified:
        return await looking(lambda: service.identify(read(photograph), embeddings))

    @app.post("/verify", summary="Whether two photographs show one person")
    async def verify(first: Photograph, second: Photograph) -> messages.Compared:
        return await looking(lambda: service.verify(read(first), read(second)))

    @app.post("/names", summary="Who faces are that were looked at before")
    async def names(faces: messages.Faces) -> messages.NamedFaces:
        return await looking(service.names, faces.embeddings)

    @app.post("/groups", summary="Faces that seem to be of one person each")
    async def groups(faces: messages.Faces) -> messages.Groups:
        return await looking(grouping.groups, service.engine, faces.embeddings)

    @app.post("/enroll", summary="Keeps a face as that of a person")
    async def enroll(
        photograph: Photograph,
        name: Annotated[str, Form(max_length=200)],
        box: Annotated[
            str, Form(description="x,y,width,height of the face, where there are several")
        ] = "",
        force: Annotated[bool, Form(description="although it is somebody else's face")] = False,
    ) -> messages.Enrolled:
        place = _box(box)
        return await looking(lambda: service.enroll(read(photograph), name, place, force))

    @app.get("/people", summary="The people, by name")
    def people(
        query: Annotated[str, Query(description="part of the name")] = "",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> messages.People:
        return service.people(query, limit)

    @app.patch("/people/{person}", summary="Gives a person another name", status_code=204)
    def rename(person: int, new: messages.NewName) -> None:
        service.rename(person, new.name)

    @app.post("/people/{person}/merge", summary="Makes two people one", status_code=204)
    def merge(person: int, into: messages.Into) -> None:
        service.merge(person, into.person)

    @app.delete("/people/{person}", summary="Removes a person", status_code=204)
    def remove(person: int) -> None:
        service.remove(person)

    @app.get("/photographs/{photograph}", summary="A face of the gallery, as JPEG")
    def thumbnail(photograph: int) -> Response:
        return Response(service.gallery.thumbnail(photograph), media_type="image/jpeg")

    @app.delete("/photographs/{photograph}", summary="Removes a photograph", status_code=204)
    def remove_photograph(photograph: int) -> None:
        service.remove_photograph(photograph)

    return app


def _read(photograph: UploadFile, limits: Limits) -> Upload:
    upload = Upload.named(photograph.filename, photograph.file.read(limits.max_bytes + 1))
    if len(upload.content) > limits.max_bytes:
        size = f"{limits.max_bytes / 2**20:.3g} MiB"
        raise Refused(f"{upload.name}: more than {size}; make it smaller")
    return upload


def _box(text: str) -> np.ndarray | None:
    if not text:
        return None
    try:
        values = np.array([float(number) for number in text.split(",")])
    except ValueError:
        values = np.zeros(0)
    if values.shape != (4,) or not np.isfinite(values).all():
        raise ValueError(f"box: expected x,y,width,height, got {text[:40]!r}")
    return values


def _add_handlers(app: FastAPI) -> None:
    """Makes every error a status and a sentence."""

    def answers_with(kind: type[Exception], status: int, words: Callable[[Any], str]) -> None:
        def handle(_: Request, error: Exception) -> JSONResponse:
            return JSONResponse({"error": words(error)}, getattr(error, "status_code", status))

        app.add_exception_handler(kind, handle)

    answers_with(Exception, 500, lambda _: BROKEN)
    answers_with(ValueError, 400, str)
    for kind in CONFLICTS:
        answers_with(kind, 409, str)
    answers_with(UnknownPerson, 404, str)
    answers_with(OSError, 507, lambda error: error.strerror or str(error))
    answers_with(MemoryError, 507, lambda _: FULL_MEMORY)
    answers_with(RequestValidationError, 422, _invalid)
    answers_with(HTTPException, 404, _of_http)


def _invalid(error: RequestValidationError) -> str:
    """Returns what is wrong with a request, without what it held."""
    parts = [
        f"{'.'.join(map(str, each['loc'][1:])) or 'request'}: {each['msg'].lower()}"
        for each in error.errors()
    ]
    return "; ".join(parts)


def _of_http(error: HTTPException) -> str:
    return NO_SUCH_PAGE if error.status_code == 404 else error.detail.lower()
