"""Every kind of bad or odd photograph, through `measure`, `select` and `crop`."""

import io
import json
import os
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from collection import make_collection
from commands import as_command, options_of
from PIL import Image, ImageOps
from test_select import select

from facerec import tables
from facerec.imaging.io import read_image
from facerec.selection.photographs import MIN_SIDE

ORIENTATION = 0x112


def picture(width: int = 100, height: int = 120, mode: str = "RGB") -> Image.Image:
    """Returns smooth colours that differ in each corner, which show turning and mirroring."""
    y, x = np.mgrid[0:height, 0:width]
    values = np.stack([255 * x / width, 255 * y / height, 128 + 60 * np.sin(x / 17)], axis=2)
    return Image.fromarray(values.astype(np.uint8)).convert(mode)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encoded(picture(), "JPEG", quality=95, exif=exif)


def png(width: int, height: int, bits: int, colour: int, rows: bytes, *chunks: bytes) -> bytes:
    """Returns a PNG of any size and depth; Pillow writes none of 16 bits in colour."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    pixels = _chunk(b"IDAT", zlib.compress(rows))
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", header), *chunks, pixels, _chunk(b"IEND", b"")]
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def sixteen_bits() -> bytes:
    values = np.asarray(picture()).astype(">u2") * 257
    return png(100, 120, 16, 2, b"".join(b"\x00" + row.tobytes() for row in values))


def bomb() -> bytes:
    """Returns a good PNG that unpacks to 400 MB: a text, a colour profile, and further rows."""
    zeros = zlib.compress(bytes(100_000_000))
    rows = b"".join(b"\x00" + row.tobytes() for row in np.asarray(picture()))
    further = _chunk(b"zTXt", b"a\0\0" + zeros), _chunk(b"iCCP", b"a\0\0" + zeros)
    return png(100, 120, 8, 2, rows + bytes(200_000_000), *further)


def huge_jpeg() -> bytes:
    content = bytearray(encoded(picture(), "JPEG"))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", 30_000, 30_000)
    return bytes(content)


def huge_bmp() -> bytes:
    content = bytearray(encoded(picture(), "BMP"))
    content[18:26] = struct.pack("<ii", 30_000, 30_000)
    return bytes(content)


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


BAD: dict[str, tuple[bytes, str]] = {
    "no bytes": (b"", "empty file"),
    "a web page": (b"<!DOCTYPE html><html>404</html>", "not a readable image"),
    "half a jpeg": (half(encoded(picture(), "JPEG")), "not a readable image"),
    "a progressive jpeg less two bytes": (
        encoded(picture(), "JPEG", progressive=True)[:-2],
        "not a readable image",
    ),
    "half a png": (half(encoded(picture(), "PNG")), "not a readable image"),
    "half a webp": (half(encoded(picture(), "WEBP")), "not a readable image"),
    "zeros for the second half": (
        half(encoded(picture(), "JPEG")).ljust(9000, b"\0"),
        "not a readable image",
    ),
    "1 x 1": (encoded(picture(1, 1), "PNG"), f"1 × 1 px, expected at least {MIN_SIDE}"),
    "30,000 x 30,000 png": (png(30_000, 30_000, 8, 2, bytes(1000)), "more than 200000000 pixels"),
    "30,000 x 30,000 jpeg": (huge_jpeg(), "more than 200000000 pixels"),
    "30,000 x 30,000 bmp": (huge_bmp(), "more than 200000000 pixels"),
}
ODD: dict[str, bytes] = {
    "png named jpg": encoded(picture(), "PNG"),
    "webp named jpg": encoded(picture(), "WEBP", lossless=True),
    "bmp named jpg": encoded(picture(), "BMP"),
    "cmyk": encoded(picture(mode="CMYK"), "JPEG", quality=95),
    "gray": encoded(picture(mode="L"), "JPEG", quality=95),
    "16 bits": sixteen_bits(),
    "png that unpacks to much more": bomb(),
    "palette": encoded(picture(mode="P"), "PNG"),
    "transparent": encoded(picture(mode="RGBA"), "PNG"),
    "turned by exif": turned(6),
}
PILLOW_CANNOT = {"16 bits", "png that unpacks to much more"}


def directory(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_out(path: Path) -> None:
    outside = path.parents[2] / "outside.jpg"
    outside.write_bytes(encoded(picture(), "JPEG"))
    path.symlink_to(outside)


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def enormous(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(100 * 2**30)  # zeros that take no room on the disk


def nothing(path: Path) -> None:
    assert not path.exists()


PLACES: dict[Callable[[Path], None], str] = {
    directory: "not a file",
    pipe: "not a file",
    link_out: "a symbolic link out of the folder",
    link_to_a_device: "a symbolic link out of the folder",
    link_to_itself: "Too many levels of symbolic links",
    enormous: "more than 1073741824 bytes",
    nothing: "No such file or directory",
}


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Path:
    """Returns a folder with a collection in `raw` and what `select` chose of it in `work`."""
    folder = tmp_path_factory.mktemp("clean")
    assert (
        select(folder / "work", make_collection(folder / "raw", 14, 14), people=8).returncode == 0
    )
    return folder


@pytest.fixture
def damaged(clean, tmp_path) -> tuple[dict[str, Path], list[str]]:
    """Returns the paths of a copy to damage, and the ids of the selected photographs."""
    folder = tmp_path / "raw"
    shutil.copytree(clean / "raw", folder)
    names = {
        "identity": "identity_CelebA",
        "landmarks": "list_landmarks_celeba",
        "boxes": "list_bbox_celeba",
    }
    paths = {key: folder / f"{name}.txt" for key, name in names.items()}
    paths |= {"attributes": folder / "list_attr_celeba.txt", "images": folder / "img_celeba"}
    return paths, tables.read(clean / "work" / "selected.csv", tables.SELECTED).image_id.tolist()


def test_bad_photographs_are_dropped_with_a_reason_and_odd_ones_are_kept(damaged, tmp_path):
    paths, selected = damaged
    images, ids = paths["images"], iter(selected)
    expected = {}
    for content, reason in BAD.values():
        images.joinpath(image_id := next(ids)).write_bytes(content)
        expected[image_id] = reason
    for spoil, reason in PLACES.items():
        images.joinpath(image_id := next(ids)).unlink()
        spoil(images / image_id)
        expected[image_id] = reason
    odd = {next(ids): content for content in ODD.values()}
    for image_id, content in odd.items():
        (images / image_id).write_bytes(content)
    (images / (linked := next(ids))).unlink()
    (images / linked).symlink_to(selected[-1])

    result = select(tmp_path / "work", paths, people=8, max_dropped=40.0)
    assert result.returncode == 0, result.stderr
    dropped = (
        tables.read(tmp_path / "work/dropped.csv", tables.DROPPED).set_index("image_id").reason
    )
    assert {
        image_id: reason
        for image_id, reason in expected.items()
        if reason not in dropped.get(image_id, "")
    } == {}
    assert set(dropped.index) == set(expected)
    assert json.loads((tmp_path / "work/selection.json").read_text())["dropped_unreadable"] == len(
        expected
    )
    kept = {path.name for path in (tmp_path / "work/photos").iterdir()}
    assert {*odd, linked} <= kept and not kept & set(expected)
    assert not (tmp_path / "work/photos" / linked).is_symlink()

    cropped = crop(tmp_path / "work")
    assert cropped.returncode == 0, cropped.stderr
    assert {path.name for path in (tmp_path / "work/cropped").iterdir()} == kept


def crop(folder: Path) -> subprocess.CompletedProcess:
    with (folder / "params.yaml").open("a") as file:
        file.write("crop: {box_scale: 1.2, image_size: 32}\n")
    tables_ = {name: f"{name}.csv" for name in ("selected", "wild", "openset", "landmarks_only")}
    folders = {"photographs": "photos", "cropped": "cropped"}
    arguments = options_of({**tables_, **folders, "cropped_landmarks": "points.csv"})
    return as_command(folder, "stages.crop", *arguments)


@pytest.mark.parametrize("name", ODD)
def test_odd_photographs_look_as_pillow_shows_them(tmp_path, name):
    (tmp_path / "x.jpg").write_bytes(ODD[name])
    ours = read_image(tmp_path / "x.jpg").astype(int)
    opened = picture() if name in PILLOW_CANNOT else Image.open(io.BytesIO(ODD[name]))
    expected = ImageOps.exif_transpose(opened).convert("RGB")
    assert ours.shape == np.asarray(expected).shape
    assert np.abs(ours - np.asarray(expected)).mean() < (4 if name == "cmyk" else 1.5)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_as_its_exif_says(tmp_path, orientation):
    (tmp_path / "x.jpg").write_bytes(turned(orientation))
    upright = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "x.jpg"))).astype(int)
    ours = read_image(tmp_path / "x.jpg")
    assert ours.shape == upright.shape and np.abs(ours - upright).mean() < 1.5


def test_on_bad_image_fail_stops_at_the_first_one(damaged, tmp_path):
    paths, selected = damaged
    (paths["images"] / selected[3]).write_bytes(b"")
    result = select(tmp_path / "work", paths, people=8, on_bad_image="fail")
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert (
        f"{paths['images'] / selected[3]}: empty file (select.on_bad_image is fail" in result.stderr
    )
    assert not (tmp_path / "work/selected.csv").exists()


def test_more_bad_photographs_than_allowed_fail_and_are_listed(damaged, tmp_path):
    paths, selected = damaged
    for image_id in selected[:6]:
        (paths["images"] / image_id).write_bytes(b"")
    result = select(tmp_path / "work", paths, people=8, max_dropped=1.0)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "6 of " in result.stderr and "select.max_dropped allows 1 %" in result.stderr
    assert f"{selected[0]}: empty file" in result.stderr
    assert set(pd.read_csv(tmp_path / "work/dropped.csv").image_id) == set(selected[:6])
    assert not (tmp_path / "work/selected.csv").exists()


def test_a_folder_without_photographs_is_named(damaged, tmp_path):
    paths, _ = damaged
    (tmp_path / "empty").mkdir()
    result = select(tmp_path / "work", {**paths, "images": tmp_path / "empty"}, people=8)
    assert result.returncode == 1 and "196 of 196 photographs are not there" in result.stderr
    assert "it holds no photographs" in result.stderr


def test_a_photograph_without_permission_is_dropped(damaged, tmp_path):
    paths, selected = damaged
    command = without_root(["cat", str(paths["images"] / selected[0])])
    (paths["images"] / selected[0]).chmod(0)
    if subprocess.run(command, capture_output=True).returncode == 0:
        pytest.skip("nothing here keeps root from reading a file without permission")
    result = select(tmp_path / "work", paths, wrap=without_root, people=8)
    assert result.returncode == 0, result.stderr
    dropped = pd.read_csv(tmp_path / "work/dropped.csv")
    assert dropped.values.tolist() == [[selected[0], "Permission denied"]]


WITHOUT_MEMORY = """
import os, resource, runpy, sys
import stages.measure
os.environ["FACEREC_WORKERS"] = "1"
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 300 * 2**20,) * 2)
del sys.modules["stages.measure"]
runpy.run_module("stages.measure", run_name="__main__")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_a_photograph_too_large_for_the_memory_is_no_bad_one(damaged, tmp_path):
    paths, selected = damaged
    (paths["images"] / selected[0]).write_bytes(
        png(14_000, 14_000, 1, 0, bytes(14_000 * (1 + 14_000 // 8)))
    )
    limited = [sys.executable, "-c", WITHOUT_MEMORY]
    result = select(tmp_path / "work", paths, wrap=lambda command: limited + command[3:], people=8)
    assert result.returncode == 1 and result.stderr.startswith("error: out of memory; "), (
        result.stderr
    )
    assert f"{selected[0]}: Failed to allocate 588000000 bytes" in result.stderr
    assert not (tmp_path / "work/measures.csv").exists()


def test_read_only_source_data_are_enough(damaged, tmp_path):
    paths, _ = damaged
    files = [path for path in paths["images"].parent.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    folders = [paths["images"], paths["images"].parent]
    for path in (*files, *folders):
        path.chmod(0o444 if path.is_file() else 0o555)
    result = select(tmp_path / "work", paths, wrap=without_root, people=8)
    for path in folders:
        path.chmod(0o755)
    assert result.returncode == 0, result.stderr
    assert {
        path: path.read_bytes() for path in paths["images"].parent.rglob("*") if path.is_file()
    } == before


def without_root(command: list[str]) -> list[str]:
    """Returns a command that may not do what only root may."""
    if os.geteuid() or not (setpriv := shutil.which("setpriv")):
        return command
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search", *command]


def test_after_select_an_unreadable_photograph_is_an_error(clean, tmp_path):
    folder = tmp_path / "work"
    shutil.copytree(clean / "work", folder)
    damaged_file = sorted((folder / "photos").iterdir())[5]
    damaged_file.write_bytes(damaged_file.read_bytes()[:200])
    result = crop(folder)
    assert result.returncode == 1
    assert (
        result.stderr.splitlines()[-1] == f"error: photos/{damaged_file.name}: not a readable image"
    )
    assert not (folder / "points.csv").exists()
