"""`make profile`: lists the profiles, and puts one in place as params.yaml."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from commands import as_command

from facerec.params import renamed
from tools.profile import composed, flatten

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    (tmp_path / "params.yaml").write_text(composed("drawn"))
    return tmp_path


def profile(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return as_command(folder, "tools.profile", *arguments)


def test_a_profile_is_put_in_place_and_the_changes_are_told(folder):
    result = profile(folder, "cfp")
    assert result.returncode == 0, result.stderr
    assert (folder / "params.yaml").read_text() == composed("cfp")
    assert "select.people: 100 → 320" in result.stdout
    assert "nothing changed" in profile(folder, "cfp").stdout


def test_another_layout_of_the_same_values_is_still_the_profile(folder):
    values = yaml.safe_load((folder / "params.yaml").read_text())
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    assert profile(folder, "cfp").returncode == 0


def test_another_published_recognizer_does_not_count_as_a_change(folder):
    values = yaml.safe_load((folder / "params.yaml").read_text())
    values["publish"]["recognizer"] = "ce"
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    result = profile(folder, "cfp")
    assert result.returncode == 0 and "publish.recognizer: ce → arcface" in result.stdout


def test_params_that_equal_no_profile_are_not_overwritten(folder):
    mine = (folder / "params.yaml").read_text().replace("seed: 1", "seed: 9")
    (folder / "params.yaml").write_text(mine)
    result = profile(folder, "cfp")
    assert result.returncode == 1 and "equals no profile" in result.stderr
    assert (folder / "params.yaml").read_text() == mine
    assert profile(folder, "cfp", "--force").returncode == 0


@pytest.mark.parametrize(
    "content", ["select: [", "", "select: {people: 3}\nselect: {}\n", "just words\n"]
)
def test_force_replaces_an_unreadable_params_yaml(folder, content):
    (folder / "params.yaml").write_text(content)
    result = profile(folder, "cfp")
    assert (
        result.returncode,
        "equals no profile" in result.stderr,
        "Traceback" in result.stderr,
    ) == (1, True, False)
    assert (folder / "params.yaml").read_text() == content
    result = profile(folder, "cfp", "--force")
    assert result.returncode == 0 and "select.people: absent → 320" in result.stdout, result.stderr
    assert (folder / "params.yaml").read_text() == composed("cfp")


def test_broken_profile_is_refused_and_blocks_no_other(folder):
    (folder / "profiles/mine.yaml").write_text("select: [")
    before = (folder / "params.yaml").read_bytes()
    result = profile(folder, "mine", "--force")
    assert result.returncode == 1 and "profiles/mine.yaml: not valid YAML" in result.stderr
    assert "Traceback" not in result.stderr and (folder / "params.yaml").read_bytes() == before
    assert profile(folder, "cfp").returncode == 0


def test_a_profile_with_a_mistake_is_not_put_in_place(folder):
    text = (folder / "profiles/cfp.yaml").read_text()
    (folder / "profiles/mine.yaml").write_text(
        text.replace("allow_rejected: ", "allow_rejecteds: ")
    )
    before = (folder / "params.yaml").read_bytes()
    result = profile(folder, "mine")
    assert result.returncode == 1 and "select.allow_rejecteds: unknown key" in result.stderr
    assert (folder / "params.yaml").read_bytes() == before and not list(folder.glob(".*"))


def test_a_profile_holds_what_it_changes_and_the_comments_of_both_files(folder, monkeypatch):
    monkeypatch.chdir(folder)
    Path("profiles/mine.yaml").write_text(
        "# Mine.\n# Twice.\nextends: cfp\nselect:\n  people: 7 # few\n"
        "recognizers:\n  ce: null\n  new: {alignment: 5}\n"
    )
    text, expected = composed("mine"), yaml.safe_load(composed("cfp"))
    expected["select"]["people"] = 7
    del expected["recognizers"]["ce"]
    expected["recognizers"]["new"] = {"alignment": 5}
    assert yaml.safe_load(text) == expected
    assert text.startswith("# Mine.\n# Twice.\n\ndataset:") and "extends" not in text
    assert re.search(r"people: 7 +# few\n", text) and "# side of the input\n" in text


def test_profile_without_header_and_base_is_params_yaml_as_it_is(folder, monkeypatch):
    monkeypatch.chdir(folder)
    text = yaml.safe_dump(yaml.safe_load(composed("cfp")))
    Path("profiles/mine.yaml").write_text(text)
    assert composed("mine") == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("extends: nobody\n", "profiles/nobody.yaml: no such file"),
        ("extends: mine\n", "extends itself"),
    ],
)
def test_a_profile_that_extends_nothing_or_itself_is_told(folder, text, said):
    (folder / "profiles/mine.yaml").write_text(text)
    result = profile(folder, "mine")
    assert result.returncode == 1 and said in result.stderr and "Traceback" not in result.stderr


def test_without_a_name_the_profiles_are_listed(folder):
    result = profile(folder)
    assert result.returncode == 0 and "cfp_plain " in result.stdout and "base" not in result.stdout
    assert all(len(line.split()) > 3 for line in result.stdout.splitlines()[1:])


def test_an_unknown_profile_is_answered_with_the_known_ones(folder):
    result = profile(folder, "vgg")
    assert result.returncode == 1
    assert all(name in result.stderr for name in ("vgg", "celeba", "cfp", "drawn"))
    assert "Traceback" not in result.stderr


def test_no_renamed_key_is_still_in_use():
    keys = flatten(yaml.safe_load((ROOT / "profiles/base.yaml").read_text()))
    names = {key.rsplit(".", depth)[0] for key in keys for depth in range(key.count(".") + 1)}
    assert "select" in names and "synthesize.flaw_prob" in names
    assert not [name for name in sorted(names) if renamed(name)]
