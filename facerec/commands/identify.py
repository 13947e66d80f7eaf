"""Name the faces on photographs by a gallery, or say that they are unknown."""

from typing import Annotated

from typer import Option

from facerec.commands.options import GalleryFile, Json, Model, Photographs, Probes, Threshold


def main(
    photographs: Photographs,
    gallery: GalleryFile,
    candidates: Annotated[int, Option(min=1, help="people for each face, the nearest first")] = 3,
    threshold: Threshold = None,
    probes: Probes = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Name the faces on photographs by a gallery, or say that they are unknown.

    One line for each face: the file, the box (x y width height, px), the name, the probability and
    the next candidates with their cosines. The last lines say how often a stranger is named.

    Exit code 3: done, but some photographs could not be read.
    """
    # Slow to import; the help needs none of it.
    from facerec.collections.photograph_files import printable
    from facerec.commands.inputs import files_of
    from facerec.commands.names import names_over_files
    from facerec.commands.output import Output, counted

    output = Output(as_json)
    read = faces = known = 0
    files = [*files_of(photographs)]
    how = (gallery, model, threshold, candidates, probes)
    with names_over_files(files, *how, title="identify") as (namer, results):
        for path, named in results:
            if isinstance(named, ValueError):
                output.problem(path, named)
                continue
            read, faces = read + 1, faces + len(named)
            known += sum(face.is_known for face in named)
            name = printable(str(path))
            output.result(
                "\n".join(f"{name}  {face.line}" for face in named) or f"{name}  no face found",
                {"photograph": name, "faces": [face.values() for face in named]},
            )
    counts = {
        "photographs": read,
        "faces": faces,
        "named": known,
        "unknown": faces - known,
        "not_read": output.problems,
    }
    text = (
        f"{counted(read, 'photograph', 'photographs')}, {counted(faces, 'face', 'faces')}: "
        f"{known:,} named, {faces - known:,} unknown"
    )
    if output.problems:
        text += f"; {counted(output.problems, 'photograph', 'photographs')} could not be read"
    output.result(f"{text}\n{namer.sentence}", {"summary": {**counts, **namer.values()}})
    output.end()
