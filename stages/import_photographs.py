"""Bring a folder of photographs into CelebA's layout."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from facerec.collections.importer import Imported, import_photographs
from facerec.collections.layouts import find_photographs
from facerec.detection.params import DetectorParams
from facerec.progress import set_resume_point
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
        Path, Argument(help="folder of photographs: a folder in it for each person, or a CSV in it")
    ],
    out: Annotated[Path, Argument(help="output: folder of the collection, such as data/own")],
    table: Annotated[
        Path | None,
        Option(help="CSV of file, person; without: one in the folder, or folders' names"),
    ] = None,
    several: Annotated[
        Rule,
        Option(help="of several faces: the largest, or the one most like the person's others"),
    ] = Rule.largest,
    named_only: Annotated[
        bool, Option(help="take only faces that somebody has named (XMP); folders name nobody")
    ] = False,
    link: Annotated[
        bool, Option(help="hard links instead of copies: no space, but they are the originals")
    ] = False,
    detector: Annotated[DetectorName, Option(help="what finds the faces")] = (
        DetectorName.retinaface
    ),
    long_side: Annotated[
        int, Option(min=32, help="px that the detector looks at; more finds smaller faces")
    ] = 640,
    min_score: Annotated[float, Option(help="of a face, between 0 and 1")] = 0.5,
    yunet_model: Annotated[Path | None, Option(help="YuNet's ONNX file")] = None,
    yunet_sha256: Annotated[str, Option(help="its SHA-256")] = "",
) -> None:
    """Bring a folder of photographs into CelebA's layout."""
    found = find_photographs(photographs, table)
    print(f"{len(found.photographs)} photographs; {found.said}")
    set_resume_point("where it ended; so does the same `facerec import`")
    params = DetectorParams(
        type=detector.value,
        long_side=long_side,
        min_score=min_score,
        max_overlap=0.4,
        yunet_model=str(yunet_model or ""),
        yunet_sha256=yunet_sha256,
    )
    imported = import_photographs(photographs, found, out, params, several.value, named_only, link)
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
        lines.append(f"  passed over, all listed in {out}/import_report.csv:")
        lines += [f"  {count:>7}  {reason}" for reason, count in imported.reasons()]
    if out == OWN:
        lines.append("next: make profile NAME=own, then make repro")
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
