"""Reads the report back: its numbers with where they come from, its tables, its text."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "hr", "input"}


@dataclass
class Shown:
    """A table on the page that says which file it shows."""

    file: str
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


@dataclass
class Reading(HTMLParser):
    """What the page holds.

    Attributes:
        numbers: attributes and text of each `data` element.
        tables: those with a file.
        sections: the text of each part, by its id.
        addresses: values of all attributes that can load or lead somewhere.
        tags: all tags.
        handlers: all attributes that run code.
    """

    numbers: list[dict[str, str]] = field(default_factory=list)
    tables: list[Shown] = field(default_factory=list)
    sections: dict[str, str] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    handlers: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._stack: list[str] = []
        self._section = ""
        self._table: Shown | None = None

    @classmethod
    def of(cls, page: str) -> "Reading":
        reading = cls()
        reading.feed(page)
        reading.close()
        assert not reading._stack, reading._stack  # every element is closed
        return reading

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.addresses += [attributes[name] for name in ("src", "href") if name in attributes]
        self.handlers += [name for name in attributes if name.startswith("on")]
        if tag not in VOID:
            self._stack.append(tag)
        if tag == "section":
            self._section = attributes["id"]
            self.sections[self._section] = ""
        elif tag == "data":
            self.numbers.append({**attributes, "text": ""})
        elif tag == "table" and "data-file" in attributes:
            self._table = Shown(attributes["data-file"])
        elif tag == "tr" and self._table and "tbody" in self._stack:
            self._table.rows.append([])
        elif tag == "td" and self._table:
            self._table.rows[-1].append("")
        elif tag == "option":
            self.options.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._stack.pop() == tag
        if tag in ("td", "th") and self._section:
            self.sections[self._section] += " "
        if tag == "table" and self._table:
            self.tables.append(self._table)
            self._table = None

    def handle_data(self, text: str) -> None:
        inside = self._stack[-1] if self._stack else ""
        if self._section and inside not in ("script", "style"):
            self.sections[self._section] += text
        if inside == "data":
            self.numbers[-1]["text"] += text
        if inside == "option":
            self.options[-1] += text
        if self._table and inside == "th":
            self._table.columns.append(text)
        if self._table and inside == "td":
            self._table.rows[-1][-1] += text
