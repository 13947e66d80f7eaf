"""Put a profile in place as params.yaml, and say what changed."""

import sys
from pathlib import Path

import yaml

PARAMS = Path("params.yaml")
PROFILES = Path("profiles")


def main(name: str, force: bool) -> None:
    """Replaces params.yaml by a profile, unless it holds changes that no profile has."""
    profile = PROFILES / f"{name}.yaml"
    names = ", ".join(sorted(path.stem for path in PROFILES.glob("*.yaml")))
    if not profile.is_file():
        sys.exit(f"error: no profile {name!r}; make profile NAME=… takes one of: {names}")
    content = profile.read_bytes()
    before = PARAMS.read_bytes() if PARAMS.exists() else content
    if not force and PARAMS.exists() and current() == "custom":
        sys.exit(
            "error: params.yaml equals no profile, so replacing it would lose your changes; save it as "
            "profiles/<name>.yaml, or repeat with FORCE=1"
        )
    changes = describe(flatten(yaml.safe_load(before)), flatten(yaml.safe_load(content)))
    PARAMS.write_bytes(content)
    print("\n".join([f"params.yaml is now {profile}", *(changes or ["  nothing changed"])]))


def current() -> str:
    """Returns the name of the profile whose values params.yaml has, or `custom`.

    Values, not bytes: `dvc exp run -S` writes the file again in its own layout. `publish.head` does not count: it is
    what `dvc exp run -S publish.head=ce` leaves changed, and no work hangs on it.
    """
    values = _values(PARAMS)
    equal = [path.stem for path in sorted(PROFILES.glob("*.yaml")) if _values(path) == values]
    return equal[0] if equal else "custom"


def _values(path: Path) -> dict[str, object]:
    values = flatten(yaml.safe_load(path.read_text(encoding="utf-8")))
    return {key: value for key, value in values.items() if key != "publish.head"}


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
