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
    """Replaces params.yaml by a profile, unless it holds changes that no profile has. Without a name it lists them."""
    if not name:
        print("make profile NAME=… takes one of:")
        print("\n".join(f"  {each:<11} {_description(each)}" for each in names()))
        return
    if name not in names():
        sys.exit(
            f"error: no profile {name!r}; make profile NAME=… takes one of: {', '.join(names())}"
        )
    if not force and PARAMS.exists() and current() == "custom":
        sys.exit(
            "error: params.yaml equals no profile, so replacing it would lose your changes; save it as "
            "profiles/<name>.yaml, or repeat with FORCE=1"
        )
    try:
        content = composed(name)
        found = _problems(name, content)
    except ValueError as error:
        found = [str(error)]
    if found:
        sys.exit("\n".join(["error: params.yaml is left as it was:", *found]))
    before = _flat(PARAMS) if PARAMS.exists() else None
    write_bytes(PARAMS, content.encode())
    after = _flat(PARAMS) or {}
    changes = describe(before or {}, after)
    print(
        "\n".join([f"params.yaml is now the profile {name}", *(changes or ["  nothing changed"])])
    )


def names() -> list[str]:
    """Returns the profiles that can be put in place."""
    return sorted(path.stem for path in PROFILES.glob("*.yaml") if path.stem != BASE)


def composed(name: str) -> str:
    """Returns a profile as the text of a params.yaml: what it extends with its changes, and the comments of both.

    Raises:
        ValueError: the profile, or one that it extends, is no valid YAML.
    """
    dumped = io.StringIO()
    _yaml().dump(_merged(name), dumped)
    base_header = _header(dumped.getvalue())
    return _header_of(name) + "\n" + dumped.getvalue().removeprefix(base_header).lstrip("\n")


def current() -> str:
    """Returns the name of the profile whose values params.yaml has, or `custom`, which an unreadable one is too.

    Values, not bytes: `dvc exp run -S` writes the file again in its own layout. `publish.recognizer` does not count: it is
    what `dvc exp run -S publish.recognizer=ce` leaves changed, and no work hangs on it.
    """
    values = _without_published(_flat(PARAMS) or {})
    if not values:
        return "custom"
    equal = [name for name in names() if _without_published(_profile_values(name)) == values]
    return equal[0] if equal else "custom"


def _merged(name: str, extended_by: tuple[str, ...] = ()) -> CommentedMap:
    file = PROFILES / f"{name}.yaml"
    if name in extended_by:
        raise ValueError(f"{file}: extends itself, by way of {' and '.join(extended_by)}")
    read_yaml(file)  # names what is wrong with it
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
    """Changes a mapping in place. Mappings are merged, null removes a key, all else is replaced (RFC 7386)."""
    for key, value in changes.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, CommentedMap) and isinstance(into.get(key), CommentedMap):
            _patch(into[key], value)
        else:
            into[key] = value
            _take_comment(key, into, changes)


def _take_comment(key: str, into: CommentedMap, changes: CommentedMap) -> None:
    """Replaces the comment behind a key, if the changes have one; blank lines after it stay as they were."""
    new, old = changes.ca.items.get(key), into.ca.items.get(key)
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
    """Returns the comment lines that a file begins with."""
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
    except ValueError:  # one that is broken is in nobody's way
        return {}


def _without_published(values: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if key != "publish.recognizer"}


def _flat(path: Path) -> dict[str, object] | None:
    """Returns the values of a file under dotted names, None where it cannot be read."""
    try:
        return flatten(read_yaml(path))
    except ValueError:
        return None


def flatten(content: Mapping, prefix: str = "") -> dict[str, object]:
    """Returns the values of nested sections under dotted names."""
    flat: dict[str, object] = {}
    for key, value in content.items():
        nested = isinstance(value, Mapping)
        flat |= flatten(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return flat


def describe(before: dict[str, object], after: dict[str, object]) -> list[str]:
    """Returns a line for every value that differs."""
    keys = dict.fromkeys([*before, *after])
    changed = [key for key in keys if before.get(key, "absent") != after.get(key, "absent")]
    return [f"  {key}: {before.get(key, 'absent')} → {after.get(key, 'absent')}" for key in changed]


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "", force="--force" in sys.argv)
