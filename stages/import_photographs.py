"""Make a collection to train on of a folder of photographs. It is not part of the DAG."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from facerec.collections.importer import Imported, import_photographs
from facerec.collections.layouts import find_photographs
from facerec.detection.params import DetectorParams
from stages.cli import run

OWN = Path("data/own")  # of the profile `own`


class DetectorName(StrEnum):
    retinaface = "retinaface"
    yunet = "yunet"


class Rule(StrEnum):
    largest = "largest"
    alike = "alike"


def main(
    photographs: Annotated[
        Path, Argument(help="Folder of the photographs, with a folder in it for each person.")
    ],
    out: Annotated[
        Path, Argument(help="Folder of the collection that is made; data/own for the profile own.")
    ],
    table: Annotated[
        Path | None,
        Option(
            help="CSV with columns file, person, if folders do not name the people. A CSV of such "
            "columns in PHOTOGRAPHS itself is found without."
        ),
    ] = None,
    several: Annotated[
        Rule,
        Option(
            help="Which face of several is the person's: the largest, or the one most like the "
            "faces on the person's other photographs."
        ),
    ] = Rule.largest,
    named_only: Annotated[
        bool,
        Option(
            "--named-only",
            help="Take only faces that somebody has named in a photo program (XMP). Folders then "
            "name nobody.",
            show_default=False,
        ),
    ] = False,
    link: Annotated[
        bool,
        Option(
            "--link",
            help="Make hard links instead of copies. They take no space, but they are the "
            "originals.",
            show_default=False,
        ),
    ] = False,
    detector: Annotated[DetectorName, Option(help="What finds the faces.")] = (
        DetectorName.retinaface
    ),
    long_side: Annotated[
        int,
        Option(
            min=32,
            help="Longer side that the detector sees, px. More finds smaller faces.",
        ),
    ] = 640,
    min_score: Annotated[
        float, Option(min=0.01, max=0.99, help="A face of a lower score is none.")
    ] = 0.5,
    yunet_model: Annotated[
        Path | None, Option(help="YuNet's ONNX file, for --detector yunet.")
    ] = None,
    yunet_sha256: Annotated[str, Option(help="The SHA-256 of that file.", show_default=False)] = "",
) -> None:
    """Make a collection to train on of a folder of photographs, which is only read.

    People are named by folders, by a CSV, or in the photographs (XMP).

    The same command again goes on where it ended, and takes new photographs.
    """
    if detector == DetectorName.yunet and yunet_model is None:
        raise ValueError(
            "--detector yunet: expected --yunet-model, its ONNX file, and --yunet-sha256; OpenCV's "
            "model zoo has face_detection_yunet_2023mar.onnx"
        )
    found = find_photographs(photographs, table)
    print(f"{len(found.photographs)} photographs; {found.said}")
    params = DetectorParams(
        type=detector.value,
        long_side=long_side,
        min_score=min_score,
        max_overlap=0.4,
        yunet_model=str(yunet_model or ""),
        yunet_sha256=yunet_sha256,
    )
    try:
        imported = import_photographs(
            photographs, found, out, params, several.value, named_only, link
        )
    except KeyboardInterrupt:
        print("interrupted; the same `facerec import` goes on where it ended", file=sys.stderr)
        sys.exit(130)
    print(report(imported, out, several.value))


def report(imported: Imported, out: Path, rule: str) -> str:
    """Returns what an import did, in lines."""
    lines = [f"{out}: {len(imported.shown)} photographs of {imported.people} people"]
    if imported.kept:
        lines.append(f"  {imported.kept} photographs had been examined by an earlier run")
    if named := sum(bool(one.record.named) for one in imported.shown):
        lines.append(f"  {named} faces were named by somebody (XMP)")
    if imported.several:
        which = "the largest" if rule == "largest" else "the one most like the person's others"
        lines.append(
            f"  {imported.several} photographs show several faces: {which} was taken, "
            f"{out}/faces.csv lists all"
        )
    if imported.passed_over:
        lines.append(f"  listed in {out}/import_report.csv:")
        lines += [f"  {count:>7}  {reason}" for reason, count in imported.reasons()]
    if out.resolve() == OWN.resolve():
        lines.append("next: make profile NAME=own, then make repro")
    else:
        lines.append(
            f"next: copy profiles/own.yaml to profiles/mine.yaml, with {out} instead of {OWN} in "
            "it; then make profile NAME=mine, and make repro"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
