"""List the profiles, or put one in place as params.yaml and say what changed."""

import io
import sys
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from facerec.files import write_bytes
from facerec.params import read_yaml
from tools.check_params import problems

PARAMS = Path("params.yaml")
PROFILES = Path("profiles")
BASE = "base"  # holds every parameter; the profiles extend it
EXTENDS = "extends"


def main(name: str, force: bool) -> None:
    """Replaces params.yaml by a profile, or lists the profiles if there is no name.

    It refuses to replace a params.yaml that equals no profile, unless `force` is set.
    """
    if not name:
        print("make profile NAME=… takes one of:")
        width = max(map(len, names()))
        print("\n".join(f"  {each:<{width}}  {_description(each)}" for each in names()))
        return
    if name not in names():
        known = ", ".join(names())
        sys.exit(f"error: no profile {name!r}; make profile NAME=… takes one of: {known}")
    if not force and PARAMS.exists() and current() == "custom":
        sys.exit(
            "error: params.yaml equals no profile, so replacing it would lose your changes; "
            "save it as profiles/<name>.yaml, or repeat with FORCE=1"
        )
    try:
        content = composed(name)
        errors = _problems(name, content)
    except ValueError as error:
        errors = [str(error)]
    if errors:
        sys.exit("\n".join(["error: params.yaml is unchanged:", *errors]))
    before = _values(PARAMS)
    write_bytes(PARAMS, content.encode())
    changes = describe(before, _values(PARAMS)) or ["  nothing changed"]
    print("\n".join([f"params.yaml is now the profile {name}", *changes]))


def names() -> list[str]:
    """Returns the profiles that can be put in place."""
    return sorted(path.stem for path in PROFILES.glob("*.yaml") if path.stem != BASE)


def composed(name: str) -> str:
    """Returns a profile as the text of a params.yaml, with the comments of all that it extends.

    Raises:
        ValueError: the profile, or one that it extends, is not valid YAML.
    """
    dumped = io.StringIO()
    _yaml().dump(_merged(name), dumped)
    base_header = _header(dumped.getvalue())
    body = dumped.getvalue().removeprefix(base_header).lstrip("\n")
    header = _header_of(name)
    return f"{header}\n{body}" if header else body


def current() -> str:
    """Returns the name of the profile with the values of params.yaml, or `custom`.

    It compares values, not bytes: `dvc exp run -S` writes the file again in its own layout.
    `publish.recognizer` does not count: `dvc exp run -S publish.recognizer=ce` leaves it changed.
    """
    values = _without_published(_values(PARAMS))
    if not values:
        return "custom"
    equal = [name for name in names() if _without_published(_profile_values(name)) == values]
    return equal[0] if equal else "custom"


def _merged(name: str, extended_by: tuple[str, ...] = ()) -> CommentedMap:
    file = PROFILES / f"{name}.yaml"
    if name in extended_by:
        raise ValueError(f"{file}: extends itself, by way of {' and '.join(extended_by)}")
    read_yaml(file)  # has the clearer errors
    try:
        content = _yaml().load(file.read_text(encoding="utf-8"))
    except YAMLError as error:
        raise ValueError(f"{file}: not valid YAML: {error}") from None
    if EXTENDS not in content:
        return content
    base = _merged(str(content.pop(EXTENDS)), (*extended_by, name))
    _patch(base, content)
    return base


def _patch(into: CommentedMap, changes: CommentedMap) -> None:
    """Changes a mapping in place: merges mappings, removes keys that are null (RFC 7386)."""
    for key, value in changes.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, CommentedMap) and isinstance(into.get(key), CommentedMap):
            _patch(into[key], value)
        else:
            into[key] = value
            _take_comment(key, into, changes)


def _take_comment(key: str, into: CommentedMap, changes: CommentedMap) -> None:
    """Replaces the comment behind a key, if the changes have one. Blank lines after it stay."""
    new = changes.ca.items.get(key)
    old = into.ca.items.get(key)
    if not (new and new[2] and new[2].value.strip()):
        return
    if old and old[2]:
        blank_lines = old[2].value[len(old[2].value.rstrip("\n")) :]
        new[2].value = new[2].value.rstrip("\n") + blank_lines
    into.ca.items[key] = new


def _yaml() -> YAML:
    yaml = YAML()
    yaml.width = 200
    yaml.preserve_quotes = True
    return yaml


def _header(text: str) -> str:
    """Returns the comment lines at the start of a file."""
    return "".join(takewhile(lambda line: line.startswith("#"), text.splitlines(keepends=True)))


def _header_of(name: str) -> str:
    return _header((PROFILES / f"{name}.yaml").read_text(encoding="utf-8"))


def _description(name: str) -> str:
    return _header_of(name).split("\n")[0].removeprefix("#").strip()


def _problems(name: str, content: str) -> list[str]:
    with TemporaryDirectory() as folder:
        draft = Path(folder) / f"{name}.yaml"
        write_bytes(draft, content.encode())
        return [problem.replace(f"{folder}/", f"{PROFILES}/") for problem in problems(draft)]


def _profile_values(name: str) -> dict[str, object]:
    try:
        return flatten(YAML(typ="safe").load(composed(name)))
    except ValueError:  # a broken profile must not hinder the others
        return {}


def _without_published(values: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if key != "publish.recognizer"}


def _values(path: Path) -> dict[str, object]:
    """Returns the values of a file under dotted names, none if it cannot be read."""
    try:
        return flatten(read_yaml(path))
    except ValueError:
        return {}


def flatten(content: Mapping, prefix: str = "") -> dict[str, object]:
    """Returns the values of nested sections under dotted names."""
    flat: dict[str, object] = {}
    for key, value in content.items():
        nested = isinstance(value, Mapping)
        flat |= flatten(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return flat


def describe(before: dict[str, object], after: dict[str, object]) -> list[str]:
    """Returns a line for each value that differs."""
    keys = dict.fromkeys([*before, *after])
    changed = [key for key in keys if before.get(key, "absent") != after.get(key, "absent")]
    return [f"  {key}: {before.get(key, 'absent')} → {after.get(key, 'absent')}" for key in changed]


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "", force="--force" in sys.argv)
