"""Hostile files, by hypothesis; `make fuzz` tries more of them, and atheris too."""

import io
import os

import numpy as np
import pytest
from collection import make_frame, write_annotations
from fuzz_readers import PAIRS, TABLES, annotations, image, lists_of_pairs, own_tables, table_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

few = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
TOKENS = [
    "image_id",
    "000001.jpg",
    "1",
    "-1",
    "0",
    "nan",
    "inf",
    "1e999",
    "9" * 30,
    "x_1 y_1 width height",
    "lefteye_x",
]
TOKENS += ["fold,first,second,same\n", "label", "2 1\n", "Ann 1 2\n"]
TOKENS += [
    "\n",
    "\r\n",
    "\r",
    ",",
    " ",
    "\t",
    '"',
    "'",
    "\ufeff",
    "\x00",
    "../x.jpg",
    "é",
    "#",
    "True",
    "0x1",
    "1_0",
]


@few
@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(st.sampled_from(TOKENS), max_size=40).map(lambda t: "".join(t).encode()),
    )
)
def test_any_text_is_a_table_or_a_value_error_that_names_the_file(content):
    annotations(content)
    own_tables(content)
    lists_of_pairs(content)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[bytes]:
    return [
        path.read_bytes()
        for path in write_annotations(tmp_path_factory.mktemp("fuzz"), make_frame(2, 2)).values()
    ]


def spoilt(content: bytes, data: st.DataObject) -> bytes:
    """Returns the content with some stretches replaced, and perhaps cut off."""
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 8))
        content = content[:start] + data.draw(st.binary(max_size=8)) + content[start + length :]
    return (
        content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    )


@few
@given(st.data())
def test_a_spoilt_annotation_file_is_a_table_or_a_value_error(files, data):
    annotations(spoilt(data.draw(st.sampled_from(files)), data))


@few
@given(st.sampled_from([table_of(table) for table in TABLES]), st.data())
def test_a_spoilt_table_of_ours_is_a_table_or_a_value_error(content, data):
    own_tables(spoilt(content, data))


@few
@given(st.sampled_from(PAIRS), st.data())
def test_a_spoilt_list_of_pairs_is_a_list_or_a_value_error(content, data):
    lists_of_pairs(spoilt(content, data))


@few
@given(st.sampled_from(["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"]), st.data())
def test_a_spoilt_photograph_is_a_picture_or_a_value_error(kind, data):
    content = io.BytesIO()
    Image.fromarray(np.arange(20 * 24 * 3, dtype=np.uint8).reshape(20, 24, 3)).save(content, kind)
    image(spoilt(content.getvalue(), data))
