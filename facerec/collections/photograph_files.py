"""The photographs in a folder and its folders; light to import, as commands need it at once."""

import os
from pathlib import Path

from facerec.collections import xmp

PHOTOGRAPH_SUFFIXES = frozenset(
    {"jpg", "jpeg", "jpe", "jfif", "png", "webp", "tif", "tiff", "bmp"}
    | {"avif", "heic", "heif", "hif"}
)
NO_PHOTOGRAPH = "not a photograph: its ending is none of " + ", ".join(sorted(PHOTOGRAPH_SUFFIXES))


def walk(folder: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """Returns the photographs' paths, sorted, and what is none with the reason.

    Raises:
        ValueError: there is no photograph.
    """
    photographs: list[str] = []
    passed_over: list[tuple[str, str]] = []

    def refuse(error: OSError) -> None:
        path = Path(error.filename).relative_to(folder).as_posix()
        passed_over.append((path, f"cannot be listed: {error.strerror}"))

    for root, folders, files in os.walk(folder, onerror=refuse):
        inside = Path(root).relative_to(folder)
        for name in [*folders]:
            reason = ""
            if name.startswith((".", "@")):  # .thumbnails; a NAS's @eaDir
                reason = "a hidden folder"
            elif (Path(root) / name).is_symlink():  # may lead back up
                reason = "a symbolic link to a folder"
            if reason:
                passed_over.append(((inside / name).as_posix(), reason))
                folders.remove(name)
        if not files and not folders:
            passed_over.append((inside.as_posix(), "an empty folder"))
        in_folder = [name for name in files if _is_photograph(name)]
        photographs += [(inside / name).as_posix() for name in in_folder]
        sidecars = {
            sidecar.name for name in in_folder for sidecar in xmp.sidecars(Path(root) / name)
        }
        for name in set(files) - {*in_folder, *sidecars}:
            reason = "a hidden file" if name.startswith(".") else NO_PHOTOGRAPH
            passed_over.append(((inside / name).as_posix(), reason))
    if not photographs:
        known = ", ".join(sorted(PHOTOGRAPH_SUFFIXES))
        raise ValueError(f"{folder}: no photographs (endings: {known}) in it or in its folders")
    return sorted(photographs), passed_over


def _is_photograph(name: str) -> bool:
    suffix = os.path.splitext(name)[1][1:].lower()
    return suffix in PHOTOGRAPH_SUFFIXES and not name.startswith(".")


def printable(path: str) -> str:
    """Returns a path as text; bytes of a file name that are none become escapes."""
    return path.encode("utf-8", "backslashreplace").decode()
