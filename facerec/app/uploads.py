"""Photographs that arrive by HTTP, as files for the code that reads files."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath, PureWindowsPath

from facerec.collections.originals import Header, read_original

OPEN_FILES = Path("/proc/self/fd")
LONGEST_NAME = 100  # characters of a file's name that a message repeats


class Refused(ValueError):
    """A photograph cannot be used; the message says which one and why."""


@dataclass(frozen=True)
class Upload:
    """A photograph that somebody sent.

    Attributes:
        name: of its file on their side, for messages.
        content: of the file.
    """

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """The SHA-256 of the content, hexadecimal."""
        return sha256(self.content).hexdigest()

    @classmethod
    def named(cls, name: str | None, content: bytes) -> "Upload":
        """Returns a photograph; of its name what a message can hold, without folders."""
        base = PureWindowsPath(PurePosixPath(name or "").name).name
        printable = "".join(each for each in base if each.isprintable())
        return cls(printable[-LONGEST_NAME:] or "photograph", content)


@contextmanager
def as_file(upload: Upload) -> Iterator[Path]:
    """Yields a file of the photograph that is gone afterwards.

    On Linux it has no name in any folder, so that not even a kill leaves it behind.
    """
    if OPEN_FILES.is_dir():
        with tempfile.TemporaryFile() as file:
            file.write(upload.content)
            file.flush()
            yield OPEN_FILES / str(file.fileno())
    else:
        with tempfile.TemporaryDirectory(prefix="facerec-") as folder:
            path = Path(folder) / "photograph"
            path.write_bytes(upload.content)
            yield path


def read_header(upload: Upload, path: Path, max_pixels: int) -> Header:
    """Returns what the header says of a photograph that may be decoded.

    Args:
        upload: the photograph.
        path: its file.
        max_pixels: more are refused.

    Raises:
        Refused: it is no image, damaged, or too large.
    """
    try:
        header = read_original(path)[1]
    except ValueError as error:
        raise Refused(f"{upload.name}: {error}") from None
    if header.width * header.height > max_pixels:
        raise Refused(
            f"{upload.name}: {header.width} × {header.height} px; this page takes at most "
            f"{max_pixels / 1e6:g} megapixels: make it smaller"
        )
    return header
