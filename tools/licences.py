"""List the licences of the installed packages that requirements.lock names."""

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

LOCK = Path("requirements.lock")
CLASSIFIER = "License :: OSI Approved :: "


def main() -> None:
    """Prints one licence a line, with the packages under it."""
    packages: dict[str, list[str]] = {}
    for name in re.findall(r"^([A-Za-z0-9_.\-]+)==", LOCK.read_text(), re.MULTILINE):
        if licence := licence_of(name):
            packages.setdefault(licence, []).append(name)
    for licence, names in sorted(packages.items()):
        print(f"{licence}: {', '.join(sorted(set(names)))}")


def licence_of(name: str) -> str | None:
    """Returns what a package says of its licence, None if it is not installed (it belongs to another platform)."""
    try:
        described = metadata(name)
    except PackageNotFoundError:
        return None
    classifiers = [
        c.removeprefix(CLASSIFIER) for c in described.get_all("Classifier") or [] if CLASSIFIER in c
    ]
    stated = [
        described[key].strip().split("\n")[0]
        for key in ("License-Expression", "License")
        if key in described
    ]
    expression = stated[0] if "License-Expression" in described else "; ".join(classifiers)
    return expression or (stated[0] if stated else "") or "not stated"


if __name__ == "__main__":
    main()
