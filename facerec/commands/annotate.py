"""Draw the faces on photographs with their names, or write the names for a photo program (XMP)."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from facerec.commands.options import Json, Model, Photographs, Threshold


def main(
    photographs: Photographs,
    out: Annotated[
        Path,
        Argument(
            metavar="OUT",
            help="output: a folder; for one photograph also a file, such as named.jpg",
            show_default=False,
        ),
    ],
    gallery: Annotated[
        Path | None,
        Option(help="names the faces; without: boxes and points alone", show_default=False),
    ] = None,
    xmp: Annotated[
        bool,
        Option(
            "--xmp",
            help="write no pictures, but sidecars with the named faces, as digiKam, Lightroom and "
            "others read them",
        ),
    ] = False,
    threshold: Threshold = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Draw the faces on photographs with their names, or write the names for a photo program (XMP).

    Nothing is ever overwritten: neither a photograph nor a sidecar. Sidecars are found by a photo
    program where they lie beside the photographs, so with --xmp OUT is usually their own folder.

    Exit code 3: done, but some photographs were passed over.
    """
    # Slow to import; the help needs none of it.
    from facerec.commands.annotation import Annotation
    from facerec.commands.inputs import files_of
    from facerec.commands.names import faces_over_files, names_over_files
    from facerec.commands.output import Output, counted

    if xmp and gallery is None:
        raise ValueError("--xmp writes names, so it needs --gallery")
    if threshold is not None and gallery is None:
        raise ValueError("--threshold says who is named, so it needs --gallery")
    output = Output(as_json)
    files = files_of(photographs)
    annotation = Annotation(files, out, xmp, output)
    todo = annotation.without_target_in_the_way()
    sentence = ""
    if gallery is None:
        for path, faces in faces_over_files(todo, model, "annotate"):
            annotation.write(path, faces)
    else:
        how = (gallery, model, threshold, 1, None)
        with names_over_files(todo, *how, title="annotate") as (namer, results):
            sentence = namer.sentence
            for path, named in results:
                annotation.write(path, named)
    what = ("sidecar", "sidecars") if xmp else ("picture", "pictures")
    text = f"{counted(annotation.written, *what)} written"
    if annotation.nobody:
        none = counted(annotation.nobody, "photograph", "photographs")
        text += f"; {none} without a {'named ' if xmp else ''}face"
    if output.problems:
        text += f"; {output.problems:,} passed over"
    summary = {
        "written": annotation.written,
        "without_a_face": annotation.nobody,
        "passed_over": output.problems,
        "sentence": sentence or None,
    }
    output.result("\n".join(filter(None, [text, sentence])), {"summary": summary})
    output.end()
