"""Put a profile in place as params.yaml, and say what changed."""

import sys
from pathlib import Path

from facerec.images import write_bytes
from facerec.params import read_yaml
from tools.check_params import problems

PARAMS = Path("params.yaml")
PROFILES = Path("profiles")


def main(name: str, force: bool) -> None:
    """Replaces params.yaml by a profile, unless it holds changes that no profile has."""
    profile = PROFILES / f"{name}.yaml"
    names = ", ".join(sorted(path.stem for path in PROFILES.glob("*.yaml")))
    if not profile.is_file():
        sys.exit(f"error: no profile {name!r}; make profile NAME=… takes one of: {names}")
    if not force and PARAMS.exists() and current() == "custom":
        sys.exit(
            "error: params.yaml equals no profile, so replacing it would lose your changes; save it as "
            "profiles/<name>.yaml, or repeat with FORCE=1"
        )
    if found := problems(profile):
        sys.exit("\n".join(["error: params.yaml is left as it was:", *found]))
    after = _flat(profile) or {}
    before = (_flat(PARAMS) or {}) if PARAMS.exists() else after
    write_bytes(PARAMS, profile.read_bytes())
    print("\n".join([f"params.yaml is now {profile}", *(describe(before, after) or ["  nothing changed"])]))


def current() -> str:
    """Returns the name of the profile whose values params.yaml has, or `custom`, which an unreadable one is too.

    Values, not bytes: `dvc exp run -S` writes the file again in its own layout. `publish.head` does not count: it is
    what `dvc exp run -S publish.head=ce` leaves changed, and no work hangs on it.
    """
    values = _values(PARAMS)
    equal = [path.stem for path in sorted(PROFILES.glob("*.yaml")) if values and _values(path) == values]
    return equal[0] if equal else "custom"


def _values(path: Path) -> dict[str, object] | None:
    values = _flat(path)
    return values and {key: value for key, value in values.items() if key != "publish.head"}


def _flat(path: Path) -> dict[str, object] | None:
    """Returns the values of a file under dotted names, None where it cannot be read."""
    try:
        return flatten(read_yaml(path))
    except ValueError:
        return None


def flatten(content: dict, prefix: str = "") -> dict[str, object]:
    """Returns the values of nested sections under dotted names."""
    flat: dict[str, object] = {}
    for key, value in content.items():
        nested = isinstance(value, dict)
        flat |= flatten(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return flat


def describe(before: dict[str, object], after: dict[str, object]) -> list[str]:
    """Returns a line for every value that differs."""
    keys = dict.fromkeys([*before, *after])
    changed = [key for key in keys if before.get(key, "absent") != after.get(key, "absent")]
    return [f"  {key}: {before.get(key, 'absent')} → {after.get(key, 'absent')}" for key in changed]


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "", force="--force" in sys.argv)
