"""Named faces in XMP: read from photographs and sidecars, written as sidecars.

Two schemas hold them. MWG's regions (Metadata Working Group 2010, "Guidelines for handling image
metadata", section 5.9) are what digiKam, Lightroom, Picasa and PhotoPrism write. Microsoft's
(`MP:RegionInfo`) are what Windows Photo Gallery wrote, and digiKam writes beside MWG's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import numpy as np

from facerec.files import write_bytes

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
MWG = "http://www.metadataworkinggroup.com/schemas/regions/"
DIMENSIONS = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
AREA = "http://ns.adobe.com/xmp/sType/Area#"
MP = "http://ns.microsoft.com/photo/1.2/"
MP_INFO = "http://ns.microsoft.com/photo/1.2/t/RegionInfo#"
MP_REGION = "http://ns.microsoft.com/photo/1.2/t/Region#"

MAX_XMP_BYTES = 16 * 2**20  # of a sidecar; real ones have a few thousand
MAX_SHARE = 1e6  # of a picture's side: beyond it a number is damaged
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height

# What each EXIF orientation does to a point (x, y) of the stored picture, as shares of its sides
# (CIPA DC-008, tag 274): displayed = x * column 0 + y * column 1 + column 2.
TURNS = {
    1: [[1, 0, 0], [0, 1, 0]],
    2: [[-1, 0, 1], [0, 1, 0]],
    3: [[-1, 0, 1], [0, -1, 1]],
    4: [[1, 0, 0], [0, -1, 1]],
    5: [[0, 1, 0], [1, 0, 0]],
    6: [[0, -1, 1], [1, 0, 0]],
    7: [[0, -1, 1], [-1, 0, 1]],
    8: [[0, 1, 0], [-1, 0, 1]],
}


@dataclass(frozen=True)
class Region:
    """A face and its name.

    Attributes:
        name: of the person.
        box: x, y, width, height of its left upper corner, as shares of the picture's sides.
    """

    name: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Regions:
    """The named faces of a photograph.

    Attributes:
        faces: each with a name.
        size: width and height of the picture that they were drawn on, px; None if not said.
        problem: which XMP could not be read, and why; None if all could.
    """

    faces: list[Region]
    size: tuple[int, int] | None = None
    problem: str | None = None

    def boxes(self, width: int, height: int, orientation: int = 1) -> np.ndarray:
        """Returns boxes (F, 4) x, y, width, height, px of the upright picture.

        Regions lie on the picture as it is stored, before EXIF turns it, as MWG asks for and
        digiKam does. Programs that draw them on the upright picture give themselves away where it
        lies on its side: the size beside the regions is the upright one.

        Args:
            width: of the upright picture, px.
            height: of the upright picture, px.
            orientation: EXIF's, 1 to 8.
        """
        if not self.faces:
            return np.zeros((0, 4))
        shares = np.array([face.box for face in self.faces], float)
        if orientation in SIDEWAYS and self.size is not None and width != height:
            is_upright = (self.size[0] > self.size[1]) == (width > height)
            orientation = 1 if is_upright else orientation
        turn = np.array(TURNS.get(orientation, TURNS[1]), float)
        corners = np.stack([shares[:, :2], shares[:, :2] + shares[:, 2:]], axis=1)
        turned = corners @ turn[:, :2].T + turn[:, 2]
        first, last = turned.min(axis=1), turned.max(axis=1)
        return np.concatenate([first, last - first], axis=1) * [width, height, width, height]


def sidecars(photograph: Path) -> list[Path]:
    """Returns where a photograph's sidecar may lie, digiKam's name first, then Lightroom's."""
    return [photograph.with_name(photograph.name + ".xmp"), photograph.with_suffix(".xmp")]


def read_regions(photograph: Path, embedded: bytes | str | None = None) -> Regions:
    """Returns the named faces of a photograph; those of a sidecar go before those inside it.

    XMP is only extra: what cannot be read of it is passed over, and named in `problem`.

    Args:
        photograph: its path.
        embedded: the XMP packet in it, if there is one.
    """
    problems = []
    regions = Regions([])
    for source in (*sidecars(photograph), embedded):
        try:
            regions = _read(source)
        except (OSError, ValueError) as error:
            where = source.name if isinstance(source, Path) else "the XMP in the photograph"
            reason = error.strerror if isinstance(error, OSError) else error
            problems.append(f"{where}: {reason}")
        if regions.faces:
            break
    return replace(regions, problem="; ".join(problems) or None)


def _read(source: Path | bytes | str | None) -> Regions:
    if isinstance(source, Path):
        if not source.is_file():
            return Regions([])
        if source.stat().st_size > MAX_XMP_BYTES:
            raise ValueError(f"more than {MAX_XMP_BYTES} bytes, expected an XMP file")
        source = source.read_bytes()
    return parse_regions(source) if source else Regions([])


def parse_regions(packet: bytes | str) -> Regions:
    """Returns the named faces of an XMP packet, MWG's or, without those, Microsoft's.

    Regions without a name, or of another type than a face (a pet, a focus point), are left out.

    Raises:
        ValueError: it is no XML, or declares a document type, which XMP never does.
    """
    content = packet.encode() if isinstance(packet, str) else packet
    if b"<!DOCTYPE" in content:
        raise ValueError("expected XMP, got XML with a document type")
    try:
        root = ElementTree.fromstring(content.strip(b"\0 \t\r\n"))
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # of an unknown encoding
        raise ValueError(f"not readable XMP: {error}") from None
    size = next((_size(node) for node in root.iter(f"{{{MWG}}}AppliedToDimensions")), None)
    mwg = [_mwg_face(item, size) for item in _items(root, MWG, "RegionList")]
    microsoft = [_microsoft_face(item) for item in _items(root, MP_INFO, "Regions")]
    faces = [face for face in mwg if face] or [face for face in microsoft if face]
    return Regions(list(dict.fromkeys(faces)), size)


def _items(root: ElementTree.Element, namespace: str, name: str) -> Iterator[ElementTree.Element]:
    for regions in root.iter(f"{{{namespace}}}{name}"):
        yield from regions.iter(f"{{{RDF}}}li")


def _field(node: ElementTree.Element | None, namespace: str, name: str) -> str | None:
    """Returns a structure's field, which RDF writes as an attribute or as an element."""
    if node is None:
        return None
    key = f"{{{namespace}}}{name}"
    for holder in (node, *node.findall(f"{{{RDF}}}Description")):
        if key in holder.attrib:
            return holder.attrib[key]
        if (child := holder.find(key)) is not None:
            return child.text or ""
    return None


def _child(node: ElementTree.Element, namespace: str, name: str) -> ElementTree.Element | None:
    key = f"{{{namespace}}}{name}"
    found = node.find(key)
    return found if found is not None else node.find(f"{{{RDF}}}Description/{key}")


def _numbers(node: ElementTree.Element | None, namespace: str, names: str) -> list[float] | None:
    """Returns the fields named by one letter each, None unless all are finite numbers."""
    try:
        values = [float(_field(node, namespace, name) or "") for name in names]
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def _size(node: ElementTree.Element) -> tuple[int, int] | None:
    values = _numbers(node, DIMENSIONS, "wh")
    return (round(values[0]), round(values[1])) if values and min(values) > 0 else None


def _mwg_face(item: ElementTree.Element, size: tuple[int, int] | None) -> Region | None:
    name = (_field(item, MWG, "Name") or "").strip()
    kind = (_field(item, MWG, "Type") or "Face").strip()
    area = _child(item, MWG, "Area")
    centre = _numbers(area, AREA, "xy")
    sides = _numbers(area, AREA, "wh")
    if sides is None and (diameter := _numbers(area, AREA, "d")):  # a circle
        sides = diameter * 2
    if kind.lower() != "face" or centre is None or sides is None:
        return None
    (x, y), (width, height) = centre, sides
    if _field(area, AREA, "unit") == "pixel":
        if size is None:
            return None
        x, width = x / size[0], width / size[0]
        y, height = y / size[1], height / size[1]
    return _region(name, x - width / 2, y - height / 2, width, height)


def _microsoft_face(item: ElementTree.Element) -> Region | None:
    name = (_field(item, MP_REGION, "PersonDisplayName") or "").strip()
    try:
        x, y, width, height = map(float, (_field(item, MP_REGION, "Rectangle") or "").split(","))
    except ValueError:
        return None
    return _region(name, x, y, width, height)


def _region(name: str, x: float, y: float, width: float, height: float) -> Region | None:
    """Returns a region, None unless it has a name and a box that px can hold."""
    is_box = min(width, height) > 0 and np.abs([x, y, width, height]).max() < MAX_SHARE
    return Region(name, (x, y, width, height)) if name and is_box else None


def named_regions(
    names: Sequence[str], boxes: np.ndarray, width: int, height: int, orientation: int = 1
) -> Regions:
    """Returns named faces as they lie on the picture as it is stored; undoes `Regions.boxes`.

    Args:
        names: (F,) of the people.
        boxes: (F, 4) x, y, width, height, px of the upright picture.
        width: of the upright picture, px.
        height: of the upright picture, px.
        orientation: EXIF's, 1 to 8.
    """
    turn = np.array(TURNS.get(orientation, TURNS[1]), float)
    boxes = np.asarray(boxes, float).reshape(-1, 4) / [width, height, width, height]
    corners = np.stack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    stored = (corners - turn[:, 2]) @ turn[:, :2]  # a turn's transpose undoes it
    first, last = stored.min(axis=1), stored.max(axis=1)
    shares = np.concatenate([first, last - first], axis=1)
    faces = [Region(name, (x, y, w, h)) for name, (x, y, w, h) in zip(names, shares, strict=True)]
    return Regions(faces, (height, width) if orientation in SIDEWAYS else (width, height))


def write_sidecar(path: Path, faces: Sequence[Region], width: int, height: int) -> None:
    """Writes named faces as a sidecar with MWG's and Microsoft's regions, whole or not at all.

    Args:
        path: of the sidecar.
        faces: on the picture as it is stored.
        width: of the stored picture, px.
        height: of the stored picture, px.
    """
    write_bytes(path, _packet(faces, width, height).encode())


def _packet(faces: Sequence[Region], width: int, height: int) -> str:
    mwg = "".join(_mwg_item(face) for face in faces)
    microsoft = "".join(
        f"      <rdf:li MPReg:PersonDisplayName={quoteattr(face.name)}"
        f' MPReg:Rectangle="{", ".join(f"{value:.6f}" for value in face.box)}"/>\n'
        for face in faces
    )
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="{RDF}">
  <rdf:Description rdf:about=""
    xmlns:mwg-rs="{MWG}"
    xmlns:stDim="{DIMENSIONS}"
    xmlns:stArea="{AREA}"
    xmlns:MP="{MP}"
    xmlns:MPRI="{MP_INFO}"
    xmlns:MPReg="{MP_REGION}">
   <mwg-rs:Regions rdf:parseType="Resource">
    <mwg-rs:AppliedToDimensions stDim:w="{width}" stDim:h="{height}" stDim:unit="pixel"/>
    <mwg-rs:RegionList>
     <rdf:Bag>
{mwg}     </rdf:Bag>
    </mwg-rs:RegionList>
   </mwg-rs:Regions>
   <MP:RegionInfo rdf:parseType="Resource">
    <MPRI:Regions>
     <rdf:Bag>
{microsoft}     </rdf:Bag>
    </MPRI:Regions>
   </MP:RegionInfo>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


def _mwg_item(face: Region) -> str:
    x, y, width, height = face.box
    area = {"x": x + width / 2, "y": y + height / 2, "w": width, "h": height}
    numbers = " ".join(f'stArea:{name}="{value:.6f}"' for name, value in area.items())
    return f"""      <rdf:li>
       <rdf:Description mwg-rs:Name={quoteattr(face.name)} mwg-rs:Type="Face">
        <mwg-rs:Area {numbers} stArea:unit="normalized"/>
       </rdf:Description>
      </rdf:li>
"""
