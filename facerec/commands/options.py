"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

Photographs = Annotated[
    list[Path],
    Argument(metavar="PHOTO", help="photographs, or folders of them", show_default=False),
]
GalleryFile = Annotated[
    Path,
    Argument(
        metavar="GALLERY", help="file of the gallery, such as people.gallery", show_default=False
    ),
]
Model = Annotated[
    Path | None,
    Option(
        help="recogniser: a .pt or .onnx of ours, or an .onnx with a .yaml beside it; "
        "without: the published one in models/",
        show_default=False,
    ),
]
Threshold = Annotated[
    float | None,
    Option(
        min=-1,
        max=1,
        help="cosine from which two faces are one person; without: the one that was measured",
        show_default=False,
    ),
]
Probes = Annotated[
    int | None,
    Option(
        min=1,
        help="for millions of faces: search an approximate index (faiss), in so many of its lists; "
        "more find more and take longer; without: exact",
        show_default=False,
    ),
]
Json = Annotated[bool, Option("--json", help="print JSON, an object a line")]
