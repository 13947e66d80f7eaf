"""Named faces in XMP, as programs write them, against positions known from the picture."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from facerec.collections.xmp import (
    Region,
    Regions,
    parse_regions,
    read_regions,
    sidecars,
    write_sidecar,
)

RDF = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about=""
  xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
  xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"
  xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"
  xmlns:MP="http://ns.microsoft.com/photo/1.2/"
  xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#"
  xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#">{}</rdf:Description></rdf:RDF></x:xmpmeta>"""

# As digiKam, Lightroom and Picasa write them: fields as attributes of a description.
ATTRIBUTES = RDF.format("""
<mwg-rs:Regions rdf:parseType="Resource">
 <mwg-rs:AppliedToDimensions stDim:w="4000" stDim:h="3000" stDim:unit="pixel"/>
 <mwg-rs:RegionList><rdf:Bag>
  <rdf:li><rdf:Description mwg-rs:Name="Ann &amp; Bea" mwg-rs:Type="Face" mwg-rs:Rotation="0.1">
   <mwg-rs:Area stArea:x="0.5" stArea:y="0.25" stArea:w="0.1" stArea:h="0.2"
     stArea:unit="normalized"/></rdf:Description></rdf:li>
  <rdf:li><rdf:Description mwg-rs:Name="Rex" mwg-rs:Type="Pet">
   <mwg-rs:Area stArea:x="0.7" stArea:y="0.5" stArea:w="0.1" stArea:h="0.1"/>
  </rdf:Description></rdf:li>
  <rdf:li><rdf:Description mwg-rs:Type="Focus">
   <mwg-rs:Area stArea:x="0.3" stArea:y="0.6"/></rdf:Description></rdf:li>
  <rdf:li><rdf:Description/></rdf:li>
 </rdf:Bag></mwg-rs:RegionList>
</mwg-rs:Regions>""")

# As Apple and exiftool write them: fields as elements, a sequence instead of a bag.
ELEMENTS = RDF.format("""
<mwg-rs:Regions rdf:parseType="Resource">
 <mwg-rs:RegionList><rdf:Seq>
  <rdf:li rdf:parseType="Resource">
   <mwg-rs:Area rdf:parseType="Resource"><stArea:x>0.5</stArea:x><stArea:y>0.25</stArea:y>
    <stArea:w>0.1</stArea:w><stArea:h>0.2</stArea:h><stArea:unit>normalized</stArea:unit>
   </mwg-rs:Area>
   <mwg-rs:Name>Ann &amp; Bea</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type>
   <mwg-rs:Extensions rdf:parseType="Resource"/>
  </rdf:li>
  <rdf:li rdf:parseType="Resource"><mwg-rs:Type>Face</mwg-rs:Type>
   <mwg-rs:Area rdf:parseType="Resource"><stArea:x>0.1</stArea:x><stArea:y>0.1</stArea:y>
    <stArea:w>0.1</stArea:w><stArea:h>0.1</stArea:h></mwg-rs:Area></rdf:li>
 </rdf:Seq></mwg-rs:RegionList>
 <mwg-rs:AppliedToDimensions rdf:parseType="Resource">
  <stDim:h>3000</stDim:h><stDim:w>4000</stDim:w><stDim:unit>pixel</stDim:unit>
 </mwg-rs:AppliedToDimensions>
</mwg-rs:Regions>""")

PIXELS = ATTRIBUTES.replace(
    'stArea:x="0.5" stArea:y="0.25" stArea:w="0.1" stArea:h="0.2"\n     stArea:unit="normalized"',
    'stArea:x="2000" stArea:y="750" stArea:w="400" stArea:h="600" stArea:unit="pixel"',
)
MICROSOFT = RDF.format("""
<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag>
 <rdf:li MPReg:PersonDisplayName="Ann &amp; Bea" MPReg:Rectangle="0.45, 0.15, 0.1, 0.2"/>
 <rdf:li MPReg:Rectangle="0.1, 0.1, 0.1, 0.1"/>
</rdf:Bag></MPRI:Regions></MP:RegionInfo>""")


@pytest.mark.parametrize("packet", [ATTRIBUTES, ELEMENTS, PIXELS, MICROSOFT])
def test_the_named_faces_of_every_spelling_are_read(packet):
    regions = parse_regions(packet)
    assert [face.name for face in regions.faces] == ["Ann & Bea"]
    np.testing.assert_allclose(regions.faces[0].box, [0.45, 0.15, 0.1, 0.2])
    np.testing.assert_allclose(regions.boxes(400, 300), [[180, 45, 40, 60]])


def test_mwgs_faces_go_before_microsofts():
    both = ATTRIBUTES.replace(
        "</rdf:Description></rdf:RDF>",
        MICROSOFT[
            MICROSOFT.index("<MP:") : MICROSOFT.index("</rdf:Description></rdf:RDF>")
        ].replace("Ann &amp; Bea", "someone else")
        + "</rdf:Description></rdf:RDF>",
    )
    assert [face.name for face in parse_regions(both).faces] == ["Ann & Bea"]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("drawn_on", ["stored", "upright"])
def test_a_region_follows_its_face_when_exif_turns_the_picture(orientation, drawn_on):
    stored = np.zeros((60, 80, 3), np.uint8)
    stored[10:20, 12:36] = 255  # the face
    exif = Image.Exif()
    exif[0x112] = orientation
    content = io.BytesIO()
    Image.fromarray(stored).save(content, "PNG", exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(content)))
    rows, columns = np.nonzero(upright[..., 0])
    height, width = upright.shape[:2]
    box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
    if drawn_on == "stored":
        regions = Regions([Region("Ann", (12 / 80, 10 / 60, 24 / 80, 10 / 60))], (80, 60))
    elif orientation < 5:
        pytest.skip("nothing tells the two apart where the sides are not swapped")
    else:
        shares = tuple(np.array(box) / [width, height, width, height])
        regions = Regions([Region("Ann", shares)], (width, height))
    np.testing.assert_allclose(regions.boxes(width, height, orientation), [box], atol=1e-9)


@pytest.mark.parametrize("name", ["李 娜", 'O\'Neil, "Pat" <&>', "Łukasz\u0301", "شيرين"])
def test_what_is_written_is_read_again(tmp_path, name):
    faces = [Region(name, (0.1, 0.2, 0.3, 0.4)), Region("Bea", (0.5, 0.5, 0.25, 0.125))]
    photograph = tmp_path / "foto ñ.jpg"
    sidecar = sidecars(photograph)[0]
    write_sidecar(sidecar, faces, 4000, 3000)
    read = read_regions(photograph)
    assert read.size == (4000, 3000) and [face.name for face in read.faces] == [name, "Bea"]
    np.testing.assert_allclose([face.box for face in read.faces], [f.box for f in faces], atol=1e-6)
    only_microsofts = sidecar.read_text().replace("mwg-rs:Name", "mwg-rs:Title")
    again = parse_regions(only_microsofts)
    np.testing.assert_allclose(
        [face.box for face in again.faces], [f.box for f in faces], atol=1e-6
    )


def test_a_sidecar_goes_before_the_packet_in_the_photograph(tmp_path):
    photograph = tmp_path / "a.jpg"
    assert read_regions(photograph, ATTRIBUTES).faces[0].name == "Ann & Bea"
    (tmp_path / "a.xmp").write_text(ATTRIBUTES.replace("Ann &amp; Bea", "Lightroom's"))
    assert read_regions(photograph, ATTRIBUTES).faces[0].name == "Lightroom's"
    (tmp_path / "a.jpg.xmp").write_text(ATTRIBUTES.replace("Ann &amp; Bea", "digiKam's"))
    assert read_regions(photograph).faces[0].name == "digiKam's"
    (tmp_path / "a.jpg.xmp").write_text(RDF.format(""))  # ratings alone
    assert read_regions(photograph).faces[0].name == "Lightroom's"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<x", "not readable XMP"),
        (b" ", "not readable XMP"),
        (b"\xff\xd8", "not readable XMP"),
        (b'<?xml version="1.0" encoding="martian"?><a/>', "unknown encoding"),
        (b'<?xml version="1.0" encoding="shift_jis"?><a/>', "multi-byte encodings"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
    ],
)
def test_a_damaged_sidecar_is_named_and_the_next_one_is_read(tmp_path, content, said):
    (tmp_path / "a.jpg.xmp").write_bytes(content)
    nothing = read_regions(tmp_path / "a.jpg")
    assert nothing.faces == [] and nothing.problem.startswith("a.jpg.xmp: ")
    assert said in nothing.problem
    (tmp_path / "a.xmp").write_text(ATTRIBUTES)
    found = read_regions(tmp_path / "a.jpg")
    assert [face.name for face in found.faces] == ["Ann & Bea"]
    assert found.problem == nothing.problem
    assert "in the photograph: " in read_regions(tmp_path / "b.jpg", content).problem


@pytest.mark.parametrize("value", ["nan", "inf", "1e308", "", "x", "-0.1", "0"])
def test_a_region_without_an_area_is_no_face(value):
    assert parse_regions(ATTRIBUTES.replace('stArea:w="0.1"', f'stArea:w="{value}"')).faces == []
