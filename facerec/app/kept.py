"""The photographs that were enrolled on the page: files beside the gallery while it needs them.

The gallery itself keeps embeddings and thumbnails. The whole photographs are kept so that another
model can embed them again.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facerec.app.uploads import Upload
from facerec.files import write_bytes
from facerec.gallery.store import Gallery

FOLDER = ".photographs"  # after the gallery's name
OWNER_ONLY = 0o700


class KeptPhotographs:
    """The folder of a gallery's photographs. What the gallery does not name is deleted from it."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self.folder = gallery.path.with_name(gallery.path.name + FOLDER)
        self._lock = threading.Lock()

    @contextmanager
    def keeping(self, upload: Upload, suffix: str) -> Iterator[Path]:
        """Yields the file of a photograph; it stays if the gallery names it afterwards.

        Args:
            upload: the photograph.
            suffix: of its format.
        """
        with self._lock:
            self.folder.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
            path = self.folder / f"{upload.sha256}{suffix}"
            write_bytes(path, upload.content)
            try:
                yield path
            except BaseException:
                self._delete_unnamed()
                raise

    def delete_unnamed(self) -> None:
        """Deletes photographs that the gallery does not name, such as those of removed people."""
        with self._lock:
            self._delete_unnamed()

    def _delete_unnamed(self) -> None:
        if not self.folder.is_dir():
            return
        named = {photograph.sha256 for photograph in self._gallery.photographs()}
        for path in self.folder.iterdir():
            if path.name.split(".")[0] not in named:
                path.unlink()
