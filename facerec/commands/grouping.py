"""The faces of photographs in groups: shown, as a table, as folders."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facerec.collections.photograph_files import printable
from facerec.commands.output import Output, counted
from facerec.engine.engine import FaceEngine
from facerec.files import write_bytes
from facerec.gallery.clusters import group_faces

SHOWN = 5  # photographs of a group in the text
COLUMNS = ["photograph", "group", "x", "y", "width", "height"]


@dataclass(frozen=True, eq=False)
class Groups:
    """Faces and the groups that they are in.

    Attributes:
        paths: (N,) the photograph of each face.
        boxes: (N, 4) x, y, width, height, px of the upright photograph.
        groups: (N,) from 0; -1 for a face that resembles no other.
        photographs: how many were read.
        sentence: which threshold was taken.
    """

    paths: list[Path]
    boxes: np.ndarray
    groups: np.ndarray
    photographs: int
    sentence: str

    @classmethod
    def found(
        cls,
        paths: Sequence[Path],
        engine: FaceEngine,
        threshold: float | None,
        output: Output,
    ) -> "Groups":
        """Returns the groups of the faces on photographs.

        Args:
            paths: of the photographs.
            engine: finds the faces.
            threshold: cosine from which two faces count as one person's; None takes the engine's.
            output: is told of photographs that cannot be read.

        Raises:
            ValueError: no threshold was measured for the model.
        """
        point = engine.operating_point
        if threshold is not None:
            sentence = f"one person from a mean cosine of {threshold:g}, as --threshold says"
        elif point is not None:
            threshold = point.verify_threshold
            sentence = (
                f"one person from a mean cosine of {threshold:.3f}, which {point.verify_fpr:.2%} "
                f"of different-person pairs exceed, measured on {point.measured_on}"
            )
        else:
            raise ValueError(
                "no threshold was measured for this model; `facerec calibrate` measures one, or "
                "--threshold sets one"
            )
        photographs = 0
        found: list[tuple[Path, np.ndarray, np.ndarray]] = []
        for path, faces in engine.over_files(paths, "find faces"):
            if isinstance(faces, ValueError):
                output.problem(path, faces)
                continue
            photographs += 1
            found += [(path, face.box, face.embedding) for face in faces if face.usable]
        embeddings = np.array([embedding for *_, embedding in found], "f4")
        return cls(
            paths=[path for path, *_ in found],
            boxes=np.array([box for _, box, _ in found], float).reshape(-1, 4),
            groups=group_faces(embeddings.reshape(len(found), engine.embedding_dim), threshold),
            photographs=photographs,
            sentence=sentence,
        )

    def __len__(self) -> int:
        """Returns the number of groups."""
        return int(self.groups.max(initial=-1)) + 1

    def photographs_of(self, group: int) -> list[Path]:
        """Returns the photographs of a group, each once."""
        members = np.flatnonzero(self.groups == group)
        return list(dict.fromkeys(self.paths[place] for place in members))

    def show(self, output: Output) -> None:
        """Prints the groups; as JSON, the faces."""
        if output.as_json:
            for path, box, group in zip(self.paths, self.boxes, self.groups, strict=True):
                number = int(group) + 1 or None
                box_values = np.round(box, 1).tolist()
                values = {"photograph": printable(str(path)), "box": box_values, "group": number}
                output.result("", values)
            return
        for group in range(len(self)):
            paths = self.photographs_of(group)
            names = ", ".join(printable(str(path)) for path in paths[:SHOWN])
            more = f" and {len(paths) - SHOWN:,} more" if len(paths) > SHOWN else ""
            count = counted(len(paths), "photograph", "photographs")
            output.result(f"group {group + 1}: {count}: {names}{more}", {})

    @property
    def summary(self) -> str:
        """How many of what there are, and which threshold was taken."""
        values = self.summary_values()
        return (
            f"{counted(values['photographs'], 'photograph', 'photographs')}, "
            f"{counted(values['faces'], 'face', 'faces')}: "
            f"{counted(values['groups'], 'group', 'groups')}, and {values['alone']:,} faces alone\n"
            f"{self.sentence}"
        )

    def summary_values(self) -> dict[str, Any]:
        """Returns what JSON has at its end."""
        return {
            "photographs": self.photographs,
            "faces": len(self.paths),
            "groups": len(self),
            "alone": int((self.groups < 0).sum()),
            "sentence": self.sentence,
        }

    def write_table(self, path: Path) -> None:
        """Writes a CSV with a row for each face; no group is an empty one."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(COLUMNS)
        for photograph, box, group in zip(self.paths, self.boxes, self.groups, strict=True):
            rows.writerow([photograph, int(group) + 1 or "", *np.round(box, 1).tolist()])
        write_bytes(path, os.fsencode(text.getvalue()))  # a path may hold bytes that are no text

    def write_folders(self, folder: Path, link: bool) -> None:
        """Writes a folder for each group, with copies of its photographs or links to them."""
        digits = len(str(len(self)))
        for group in range(len(self)):
            inside = folder / f"group {group + 1:0{digits}d}"
            inside.mkdir(parents=True)
            for path in self.photographs_of(group):
                target = _free(inside, path)
                if link:
                    target.symlink_to(path.absolute())
                else:
                    write_bytes(target, path.read_bytes())


def _free(folder: Path, path: Path) -> Path:
    """Returns a path in a folder that is free, with the name of another file."""
    target, number = folder / path.name, 1
    while target.exists() or target.is_symlink():
        number += 1
        target = folder / f"{path.stem} ({number}){path.suffix}"
    return target
