"""Put people into a gallery, from photographs of them."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from facerec.commands.options import GalleryFile, Json, Model


class Several(StrEnum):
    alike = "alike"
    largest = "largest"
    skip = "skip"


def main(
    photographs: Annotated[
        list[Path],
        Argument(
            metavar="PHOTO",
            help="folder with a folder in it for each person; with --name: photographs, or folders "
            "of them",
            show_default=False,
        ),
    ],
    gallery: GalleryFile,
    name: Annotated[
        str | None, Option(help="whom all the photographs show", show_default=False)
    ] = None,
    several: Annotated[
        Several,
        Option(
            help="of several faces on a photograph take the one most like the person's others, or "
            "the largest, or skip the photograph"
        ),
    ] = Several.alike,
    force: Annotated[
        bool, Option("--force", help="enrol a face for two people, if it is somebody else's too")
    ] = False,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Put people into a gallery, from photographs of them.

    A gallery that is not there is made. The photographs stay where they are, and are only read. The
    same command again, after an end or with more photographs, goes on with those that are new.

    Exit code 3: done, but some photographs were passed over.
    """
    # Slow to import; the help needs none of it.
    from facerec.commands.enrolment import Enrolment
    from facerec.commands.inputs import NO_PERSON, Source, files_of, people_in
    from facerec.commands.output import Output, counted
    from facerec.engine.load import load_engine
    from facerec.gallery.records import normal_name
    from facerec.gallery.store import Gallery

    output = Output(as_json)
    nobodys: list[Path] = []
    if name is None:
        sources, nobodys = people_in(photographs)
    else:
        person = normal_name(name)
        sources = [Source(path, person) for path in files_of(photographs)]
    engine = load_engine(model)
    description = engine.description["model"]
    with Gallery.open(
        gallery, engine.fingerprint, engine.embedding_dim, description, create=True
    ) as opened:
        for path in nobodys:
            output.problem(path, NO_PERSON)
        enrolment = Enrolment(opened, engine, output, several.value, force)
        try:
            enrolment.enroll(sources)
        except BaseException:
            if enrolment.counts["new"]:
                print(
                    f"{enrolment.counts['new']} photographs were enrolled before and stay so; the "
                    "same command goes on",
                    file=sys.stderr,
                )
            raise
        people = opened.people()
    counts = enrolment.counts
    total = sum(person.photographs for person in people)
    text = f"{gallery}: {counted(counts['new'], 'photograph', 'photographs')} enrolled"
    if counts["there_already"]:
        text += f", {counts['there_already']:,} had been before"
    if output.problems:
        text += f", {output.problems:,} passed over"
    text += (
        f"; {counted(total, 'photograph', 'photographs')} of "
        f"{counted(len(people), 'person', 'people')} are in it"
    )
    if counts["several_faces"] and several is not Several.skip:
        which = {"alike": "the face most like the person's others", "largest": "the largest face"}
        text += f"\n{counts['several_faces']:,} show several faces: {which[several]} was taken"
    output.result(
        text,
        {
            "summary": {
                "new": counts["new"],
                "there_already": counts["there_already"],
                "passed_over": output.problems,
                "several_faces": counts["several_faces"],
                "photographs": total,
                "people": len(people),
            }
        },
    )
    output.end()
