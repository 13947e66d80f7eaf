import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from commands import as_command

from tools.profile import composed

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


def test_another_published_head_is_no_change_that_could_be_lost(folder):
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
def test_an_unreadable_params_yaml_is_replaced_if_one_insists(folder, content):
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


def test_a_broken_profile_is_in_nobodys_way_and_never_put_in_place(folder):
    (folder / "profiles/mine.yaml").write_text("select: [")
    before = (folder / "params.yaml").read_bytes()
    result = profile(folder, "mine", "--force")
    assert result.returncode == 1 and "profiles/mine.yaml: not valid YAML" in result.stderr
    assert "Traceback" not in result.stderr and (folder / "params.yaml").read_bytes() == before
    assert profile(folder, "cfp").returncode == 0


def test_a_profile_with_a_mistake_is_not_put_in_place(folder):
    text = (folder / "profiles/cfp.yaml").read_text()
    (folder / "profiles/mine.yaml").write_text(text.replace("fill_up: ", "fill_ups: "))
    before = (folder / "params.yaml").read_bytes()
    result = profile(folder, "mine")
    assert result.returncode == 1 and "select.fill_ups: unknown key" in result.stderr
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


PYTHON = """#!/bin/sh
case "$*" in
*"-m venv "*) echo venv >> made; mkdir -p new/bin; cp "$0" new/bin/python ;;
*"-m pip "*) sleep 0.5; cp "$0" new/bin/uv ;;
esac
"""


@pytest.mark.skipif(
    not shutil.which("flock"), reason="no flock: whoever sets up twice at once is on their own"
)
def test_of_two_that_set_up_at_once_the_second_waits_and_finds_it_done(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    command = ["make", "PYTHON=./python", "VENV=new", "new/bin/uv"]
    both = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = "".join(one.communicate()[0] for one in both)
    assert [one.returncode for one in both] == [0, 0] and said.count("Making new") == 1
    assert (tmp_path / "made").read_text() == "venv\n"


UV = """#!/bin/sh
echo "$*" >> told
for word in "$@"; do case "$word" in *.without-torch) cp "$word" installed ;; esac; done
case "$*" in *torch-backend*) exit $UNREACHABLE ;; esac
"""


@pytest.fixture
def new_environment(tmp_path):
    """A folder in which make has an environment without any package, and a uv that notes what it is told."""
    for name in ("Makefile", "requirements.lock", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "new/bin").mkdir(parents=True)
    (tmp_path / "new/bin/uv").write_text(UV)
    (tmp_path / "new/bin/uv").chmod(0o755)
    return tmp_path


def install(folder: Path, *settings: str, unreachable: int = 0) -> subprocess.CompletedProcess:
    command = ["make", "VENV=new", "new/bin/.installed", *settings]
    environment = {**os.environ, "UNREACHABLE": str(unreachable)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_the_installation_says_first_how_much_there_is_to_fetch_and_checks_every_hash(
    new_environment,
):
    result = install(new_environment)
    assert result.returncode == 0 and "GiB" in result.stdout.splitlines()[0], result.stderr
    (told,) = (new_environment / "told").read_text().splitlines()
    assert "--require-hashes -r requirements.lock" in told


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the lock's torch is the CPU build")
def test_the_cpu_build_of_torch_is_installed_with_the_lock_s_other_packages(new_environment):
    result = install(new_environment, "TORCH=cpu")
    assert result.returncode == 0 and (new_environment / "new/bin/.installed").exists(), (
        result.stderr
    )
    torch, others = (new_environment / "told").read_text().splitlines()
    pins = [
        line
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line.startswith("torch")
    ]
    assert torch.endswith(f"--no-deps --torch-backend cpu {' '.join(pins)}") and len(pins) == 2
    assert "--no-deps --require-hashes" in others
    locked, left = (
        {
            line.split("==")[0]
            for line in path.read_text().splitlines()
            if "==" in line and line[0] != " "
        }
        for path in (ROOT / "requirements.lock", new_environment / "installed")
    )
    gone = locked - left
    assert left < locked and {"torch", "torchvision", "triton"} < gone
    assert all(name.startswith(("torch", "triton", "nvidia-", "cuda-")) for name in gone)
    assert (new_environment / "installed").read_text().count("--hash=") > len(left)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the lock's torch is the CPU build")
def test_where_the_cpu_build_of_torch_cannot_be_fetched_the_way_out_is_said(new_environment):
    result = install(new_environment, "TORCH=cpu", unreachable=1)
    assert result.returncode and "make repro without TORCH=cpu" in result.stderr
    assert not (new_environment / "new/bin/.installed").exists()


def test_another_build_of_torch_is_refused(new_environment):
    result = install(new_environment, "TORCH=gpu")
    assert (
        result.returncode
        and "TORCH: expected cpu" in result.stderr
        and not (new_environment / "told").exists()
    )


@pytest.mark.parametrize(
    ("said", "code", "ends"),
    [
        ("No known vulnerabilities found", 0, 0),
        ("Found 1 known vulnerability in 1 package\nName Version ID Fix Versions", 1, 1),
        (
            "ERROR:pip_audit._cli:a: Dependency not found on PyPI and could not be audited: a (1)",
            1,
            0,
        ),
        ("ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed", 1, 0),
        (
            "Traceback\nrequests.exceptions.ConnectionError: HTTPSConnectionPool: Max retries exceeded",
            1,
            0,
        ),
        ("ERROR:pip_audit._cli:requirement a does not contain a hash: a==1", 1, 1),
        ("usage: pip-audit: error: unrecognized arguments: --strict", 2, 1),
        ("Found 1 known vulnerability\nrequests.exceptions.ConnectionError: x", 1, 1),
        ("", 1, 1),
    ],
)
def test_only_a_want_of_the_vulnerability_service_is_excused(
    tmp_path, monkeypatch, said, code, ends
):
    (tmp_path / "pip-audit").write_text(f"#!/bin/sh\ncat <<'END' >&2\n{said}\nEND\nexit {code}\n")
    (tmp_path / "pip-audit").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    result = subprocess.run(
        [sys.executable, "-m", "tools.vulnerabilities"], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == ends and said in result.stdout
    assert ("was not reached" in result.stdout) == (ends == 0 != code) and bool(
        result.stderr
    ) == bool(ends)


@pytest.mark.parametrize(("survived", "code"), [(1, 0), (2, 1)])
def test_mutants_are_counted_by_file_and_a_tenth_may_not_survive(tmp_path, survived, code):
    codes = {"geometry": [1] * 14 + [3, -24, -11] + [0] * survived + [None], "heads": [None]}
    (tmp_path / "mutants/facerec").mkdir(parents=True)
    for name, exits in codes.items():
        mutants = {
            f"facerec.{name}.x_{name}__mutmut_{number}": exit_code
            for number, exit_code in enumerate(exits)
        }
        (tmp_path / f"mutants/facerec/{name}.py.meta").write_text(
            json.dumps({"exit_code_by_key": mutants})
        )
    files = ["facerec/geometry.py", "facerec/heads.py"]
    (tmp_path / "pyproject.toml").write_text(f"[tool.mutmut]\nonly_mutate = {files}\n")
    command, path = [sys.executable, "-m", "tools.mutants"], {"PYTHONPATH": str(ROOT)}
    untried = subprocess.run(command, cwd=tmp_path, env=path, capture_output=True, text=True)
    assert (untried.returncode, untried.stderr) == (1, "error: no mutants were tried of heads.py\n")
    result = subprocess.run(
        [*command, "geometry"], cwd=tmp_path, env=path, capture_output=True, text=True
    )
    figures = [line.split() for line in result.stdout.splitlines() if line.startswith("facerec/")]
    total = 17 + survived
    expected = [
        "facerec/geometry.py",
        str(total),
        "15",
        "1",
        "1",
        str(survived),
        f"{survived / total:.1%}",
    ]
    assert figures == [expected]
    named = [f"facerec.geometry.x_geometry__mutmut_{number}" for number in range(total)]
    assert result.stdout.splitlines()[2:] == ["timeouts:", named[15], "survivors:", *named[17:]]
    assert result.returncode == code and ("facerec/geometry.py" in result.stderr) == bool(code)
