"""Files that are written whole or not at all."""

from pathlib import Path


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Writes a file under a temporary name and renames it: readers see all of it or nothing.

    Raises:
        OSError: the file cannot be written, as on a full disk; it names the final path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except BaseException as error:  # KeyboardInterrupt too
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
