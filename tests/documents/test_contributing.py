"""Follows docs/contributing.md: adds its code to a copy of the repository, runs its tests.

Each diff of the page has one line to find the place, and adds the others. So the page stays right
for whoever has followed it before.
"""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ["facerec", "stages", "tools", "tests", "profiles", "pyproject.toml", "params.yaml"]
BLOCK = r'^ *```(\w+) title="([^"]+)"\n(.*?)^ *```$'


def blocks(section: str) -> list[tuple[str, str, str]]:
    """Returns language, file and text of each titled code block in a section of the page."""
    page = (ROOT / "docs/contributing.md").read_text()
    text = page.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [
        (language, file, textwrap.dedent(body))
        for language, file, body in re.findall(BLOCK, text, re.MULTILINE | re.DOTALL)
    ]


def apply(diff: str, file: Path) -> None:
    """Adds a diff's lines around its only other line, which the file has once."""
    lines = diff.splitlines(keepends=True)
    (place,) = [line[1:] for line in lines if line.startswith(" ")]
    after = "".join(line[1:] for line in lines)
    content = file.read_text()
    assert content.count(place) == 1, f"{file} does not have, once:\n{place}"
    file.write_text(content.replace(place, after))


def run(folder: Path, *arguments: str) -> str:
    """Returns what a Python module printed in the folder; it must succeed."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    result = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize(
    ("section", "existing_tests"),
    [
        ("Add a head", "tests/recognition/test_heads.py"),
        ("Add a criterion", "tests/selection/test_criteria.py"),
    ],
)
def test_following_the_page_works(tmp_path, section, existing_tests):
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    tests, profiles = [], []
    for language, name, text in blocks(section):
        file = tmp_path / name
        if language == "diff":
            apply(text, file)
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        (tests if language == "python" else profiles).append(file)
    assert len(tests) == len(profiles) == 1
    run(tmp_path, "pytest", "-p", "no:cacheprovider", str(tests[0]))  # fails if it has no test
    run(tmp_path, "pytest", "-p", "no:cacheprovider", existing_tests)
    run(tmp_path, "tools.profile", profiles[0].stem)
    assert profiles[0].stem in (tmp_path / "params.yaml").read_text()
