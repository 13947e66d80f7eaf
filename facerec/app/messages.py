"""What the page is answered, as its OpenAPI schema describes it."""

from pydantic import BaseModel, Field


class Candidate(BaseModel):
    """Somebody whom a face may show."""

    person: int = Field(description="number of the person")
    name: str
    cosine: float = Field(description="with the person's most similar photograph")
    probability: float | None = Field(
        description="that both are one person, where that is as likely as not; null: not measured"
    )
    photograph: int = Field(description="number of that photograph, see /photographs")


class Opinion(BaseModel):
    """What another recogniser says of a face."""

    recogniser: str
    names: bool = Field(description="whether a threshold was measured, from which it names people")
    name: str | None = Field(description='null: "unknown"')
    candidates: list[Candidate]
    compared_with: int = Field(description="photographs of the gallery that it has seen")
    photographs: int = Field(description="in the gallery")


class FoundFace(BaseModel):
    """A face of a photograph."""

    box: list[float] = Field(description="x, y, width, height, px of the upright photograph")
    score: float = Field(description="of the detector, 0 to 1")
    points: list[list[float]] | None = Field(
        description="x, y of lefteye, righteye, nose, leftmouth, rightmouth, px; null: not found"
    )
    confidence: float = Field(description="of the points, 0 to 1")
    usable: bool = Field(description="whether it could be aligned; otherwise nobody resembles it")
    aligned: str = Field(description="the aligned face, a picture as data URI")
    heatmaps: list[str] = Field(
        default=[], description="where the hourglass saw each point; pictures as data URIs"
    )


class IdentifiedFace(FoundFace):
    """A face and whom it may show."""

    name: str | None = Field(description='null: "unknown"')
    candidates: list[Candidate]
    other: Opinion | None = Field(description="of another recogniser, if the page has one")
    embedding: str | None = Field(
        description="little-endian float32 in base64, if asked for: /names and /groups take it"
    )


class Detected(BaseModel):
    """The faces of a photograph."""

    width: int = Field(description="of the upright photograph, px")
    height: int
    faces: list[FoundFace]


class Identified(BaseModel):
    """The faces of a photograph, with names."""

    width: int = Field(description="of the upright photograph, px")
    height: int
    faces: list[IdentifiedFace]


class Judgement(BaseModel):
    """Whether two faces are one person, by one recogniser."""

    recogniser: str
    cosine: float
    probability: float | None
    same: bool | None = Field(description="null: no threshold was measured")


class Compared(BaseModel):
    """Whether the largest faces of two photographs are one person."""

    judgements: list[Judgement] = Field(description="of the page's recognisers, its own first")
    faces: list[FoundFace] = Field(description="the two that were compared")


class Person(BaseModel):
    """Somebody in the gallery."""

    person: int = Field(description="number of the person; it stays when the name changes")
    name: str
    photographs: list[int] = Field(description="their numbers, see /photographs")


class People(BaseModel):
    """People in the gallery."""

    people: list[Person] = Field(description="by name")
    total: int = Field(description="all people in the gallery")


class NewName(BaseModel):
    """Another name for a person."""

    name: str


class Into(BaseModel):
    """The person into whom another one is merged."""

    person: int


class Enrolled(BaseModel):
    """What became of a face that was handed in."""

    person: int
    name: str
    photograph: int
    is_new: bool = Field(description="false: the person had this photograph already")


class Faces(BaseModel):
    """Faces that were looked at before."""

    embeddings: list[str] = Field(max_length=20_000, description="as /identify gives them")


class NamedFace(BaseModel):
    """Whom a face may show."""

    name: str | None = Field(description='null: "unknown"')
    candidates: list[Candidate]


class NamedFaces(BaseModel):
    """Whom faces may show."""

    faces: list[NamedFace] = Field(description="in the order of the request")


class Groups(BaseModel):
    """Faces that seem to be of one person each."""

    groups: list[list[int]] = Field(description="places in the request; the largest group first")
    alone: list[int] = Field(description="faces that resemble no other one")


class Recogniser(BaseModel):
    """What looks at the photographs."""

    description: dict[str, str]
    names_above: float | None = Field(description="cosine; null: no threshold was measured")
    threshold: str = Field(description='what "unknown" means, in words')
    compared_with: int = Field(description="photographs of the gallery that it can compare with")


class About(BaseModel):
    """What this page works with."""

    gallery: str
    people: int
    photographs: int
    recognisers: list[Recogniser] = Field(description="its own first")
    max_bytes: int = Field(description="of one photograph")
    max_pixels: int = Field(description="of one photograph")


class Problem(BaseModel):
    """Why something was not done."""

    error: str
