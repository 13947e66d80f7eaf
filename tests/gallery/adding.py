"""Adds faces to a gallery one by one, and says the number of each that is confirmed.

PYTHONPATH=.:tests/gallery python tests/gallery/adding.py GALLERY NAME FIRST COUNT
"""

import sys
from pathlib import Path

from new_faces import DIM, new_face

from facerec.gallery.store import Gallery

path, name, first, count = sys.argv[1:]
with Gallery.open(Path(path), "model a", DIM, "A", create=True) as gallery:
    for number in range(int(first), int(first) + int(count)):
        gallery.add(new_face(name, number))
        print(number, flush=True)
