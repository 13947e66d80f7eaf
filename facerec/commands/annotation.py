"""Photographs with their faces drawn on copies, or named in sidecars."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from facerec.collections.originals import Header, read_original, read_pixels
from facerec.collections.photograph_files import printable
from facerec.collections.xmp import named_regions, sidecars, write_sidecar
from facerec.commands.drawing import draw_faces
from facerec.commands.naming import NamedFace
from facerec.commands.output import Output
from facerec.imaging.io import write_image

DRAWN = (".jpg", ".jpeg", ".png", ".webp", ".bmp")  # what is written under its own name
IN_THE_WAY = "is there already, and nothing is overwritten: choose another OUT, or remove it"


class Annotation:
    """Writes a picture or a sidecar for each photograph.

    Args:
        files: the photographs, each with its path inside OUT.
        out: a folder, or for a single photograph the file of its picture.
        xmp: whether to write sidecars, and no pictures.
        output: that is told of each photograph.

    Attributes:
        written: how many pictures or sidecars.
        nobody: how many photographs show no face, or with sidecars no named one.

    Raises:
        ValueError: OUT cannot be what it should be.
    """

    def __init__(self, files: Mapping[Path, Path], out: Path, xmp: bool, output: Output) -> None:
        self._xmp, self._output = xmp, output
        self.written = self.nobody = 0
        is_file = not out.is_dir() and out.suffix.lower() in {*DRAWN, ".xmp"}
        if not is_file and out.exists() and not out.is_dir():
            raise ValueError(f"{out}: expected a folder, or the name of a new picture (.jpg, .png)")
        if is_file and (xmp or len(files) != 1):
            raise ValueError(
                f"{out}: expected a folder"
                + (": a sidecar is found by its photograph's name" if xmp else "")
            )
        self._targets = {
            path: out if is_file else out / self._name(inside) for path, inside in files.items()
        }

    def without_target_in_the_way(self) -> list[Path]:
        """Returns the photographs that can be annotated; the others are reported."""
        free = []
        taken: set[Path] = set()
        for path, target in self._targets.items():
            targets = sidecars(target.with_suffix("")) if self._xmp else [target]
            there = [each for each in targets if each.exists() or each in taken]
            taken.add(target)
            if there:
                self._output.problem(path, f"{there[0]} {IN_THE_WAY}")
            else:
                free.append(path)
        return free

    def write(self, path: Path, faces: Sequence[NamedFace] | ValueError) -> None:
        """Writes what was found on a photograph."""
        if isinstance(faces, ValueError):
            self._output.problem(path, faces)
            return
        shown = [face for face in faces if face.is_known] if self._xmp else list(faces)
        if not shown:
            self.nobody += 1
            self._output.result("", {"photograph": printable(str(path)), "faces": []})
            return
        target = self._targets[path]
        try:
            _, header = read_original(path)
            if self._xmp:
                _write_regions(target, shown, header)
            else:
                image, _ = read_pixels(path, header, max(header.width, header.height))
                target.parent.mkdir(parents=True, exist_ok=True)
                write_image(target, draw_faces(image, shown))
        except ValueError as error:
            self._output.problem(path, error)
            return
        self.written += 1
        captions = ", ".join(face.caption for face in shown if face.caption)
        text = f"{printable(str(path))} → {printable(str(target))}"
        self._output.result(
            f"{text}  {captions}" if captions else text,
            {
                "photograph": printable(str(path)),
                "written": printable(str(target)),
                "faces": [face.values() for face in shown],
            },
        )

    def _name(self, inside: Path) -> Path:
        """Returns the name of a photograph's picture or sidecar."""
        if self._xmp:
            return sidecars(inside)[0]
        is_drawn = inside.suffix.lower() in DRAWN
        return inside if is_drawn else inside.with_name(f"{inside.name}.jpg")


def _write_regions(target: Path, faces: Sequence[NamedFace], header: Header) -> None:
    names = [face.name or "" for face in faces]
    boxes = np.stack([face.face.box for face in faces])
    regions = named_regions(names, boxes, header.width, header.height, header.orientation)
    assert regions.size is not None
    write_sidecar(target, regions.faces, *regions.size)
