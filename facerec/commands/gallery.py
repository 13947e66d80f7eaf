"""List, rename, merge and remove the people of a gallery; embed it again; export it."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from facerec.commands.options import GalleryFile, Json, Model

app = typer.Typer(
    help="List, rename, merge and remove the people of a gallery; embed it again; export it.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
Name = Annotated[str, Argument(help="of a person in the gallery", show_default=False)]


@app.command("list")
def list_people(
    gallery: GalleryFile,
    name: Annotated[
        str | None, Argument(help="whose photographs to list", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """List the people and how many photographs each has, or one person's photographs.

    A photograph is listed with its number, by which `remove --photograph` takes it out.
    """
    from facerec.collections.photograph_files import printable
    from facerec.commands.output import Output, counted
    from facerec.gallery.store import Gallery

    output = Output(as_json)
    with Gallery.open(gallery, None, None) as opened:
        if name is not None:
            for one in opened.photographs(name):
                path = printable(str(one.path))
                values = {
                    "photograph": path,
                    "number": one.face_id,
                    "box": one.box.round(1).tolist(),
                }
                output.result(f"{one.face_id:>8}  {path}", values)
            return
        people = opened.people()
        for person in people:
            values = {"name": person.name, "photographs": person.photographs}
            output.result(f"{person.photographs:>8}  {person.name}", values)
        photographs = sum(person.photographs for person in people)
        text = (
            f"{counted(len(people), 'person', 'people')}, "
            f"{counted(photographs, 'photograph', 'photographs')}, embedded by {opened.model} "
            f"({opened.fingerprint[:12]})"
        )
        summary = {
            "people": len(people),
            "photographs": photographs,
            "model": opened.model,
            "fingerprint": opened.fingerprint,
        }
        output.result(text, {"summary": summary})


@app.command()
def rename(
    gallery: GalleryFile,
    old: Name,
    new: Annotated[str, Argument(help="that nobody else has", show_default=False)],
    as_json: Json = False,
) -> None:
    """Give a person another name."""
    from facerec.commands.output import Output
    from facerec.gallery.store import Gallery

    with Gallery.open(gallery, None, None) as opened:
        opened.rename(old, new)
    Output(as_json).result(f"{old} is now {new}", {"old": old, "new": new})


@app.command()
def merge(
    gallery: GalleryFile,
    name: Name,
    into: Annotated[str, Argument(help="who has all photographs then", show_default=False)],
    as_json: Json = False,
) -> None:
    """Make two people one: the second keeps the name and gets the photographs of the first."""
    from facerec.commands.output import Output, counted
    from facerec.gallery.store import Gallery

    with Gallery.open(gallery, None, None) as opened:
        opened.merge(name, into)
        count = len(opened.photographs(into))
    Output(as_json).result(
        f"{into} has the photographs of {name} too: {counted(count, 'photograph', 'photographs')}",
        {"name": name, "into": into, "photographs": count},
    )


@app.command()
def remove(
    gallery: GalleryFile,
    name: Name,
    photograph: Annotated[
        int | None,
        Option(help="number of one photograph, as `list` shows it", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Remove a person, or one photograph of a person, with embedding and thumbnail.

    What is removed is overwritten in the gallery's file. The photographs' own files stay.
    """
    from facerec.commands.output import Output, counted
    from facerec.gallery.store import Gallery

    with Gallery.open(gallery, None, None) as opened:
        if photograph is None:
            count = opened.remove(name)
        else:
            if photograph not in [one.face_id for one in opened.photographs(name)]:
                raise ValueError(
                    f"{gallery}: {name} has no photograph {photograph}; `facerec gallery list "
                    f"{gallery} {name!r}` lists them"
                )
            opened.remove_photograph(photograph)
            count = 1
    Output(as_json).result(
        f"removed {counted(count, 'photograph', 'photographs')} of {name}",
        {"name": name, "removed": count},
    )


@app.command("re-embed")
def re_embed(
    gallery: GalleryFile,
    model: Model = None,
    drop: Annotated[
        bool,
        Option(
            "--drop",
            help="remove faces that cannot be embedded again: the photograph is gone or changed",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Embed the photographs again, for another model.

    They must be where they were when they were enrolled. Until all are embedded, the gallery is as
    before.
    """
    from facerec.commands.output import Output
    from facerec.engine.load import load_engine
    from facerec.gallery.re_embed import re_embed as embed_again
    from facerec.gallery.store import Gallery

    engine = load_engine(model)
    name = engine.description["model"]
    with Gallery.open(gallery, None, None) as opened:
        result = embed_again(opened, engine, name, drop)
    text = f"{gallery}: {result.faces:,} faces embedded by {name}"
    if result.dropped:
        text += f", {result.dropped:,} removed"
    values = {"faces": result.faces, "removed": result.dropped, "model": name}
    Output(as_json).result(text, values)


@app.command()
def export(
    gallery: GalleryFile,
    out: Annotated[Path, Argument(help="output: a new or empty folder", show_default=False)],
    as_json: Json = False,
) -> None:
    """Write all that a gallery holds into a folder: CSV, NumPy's format, JPEG."""
    from facerec.commands.output import Output
    from facerec.gallery.export import export as write
    from facerec.gallery.store import Gallery

    with Gallery.open(gallery, None, None) as opened:
        count = write(opened, out)
    Output(as_json).result(
        f"{out}: {count:,} faces in faces.csv, embeddings.npy and thumbnails/", {"faces": count}
    )
