"""The environment that the Makefile sets up, and the files that describe it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ON_LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere the lock's torch is the CPU build"
)

FAKE_PYTHON = """#!/bin/sh
case "$*" in
*"-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
*"-m pip "*)
  sleep 0.5
  printf '#!/bin/sh\\nmkdir -p new/bin\\n' > "${0%/*}/uv"
  chmod +x "${0%/*}/uv" ;;
esac
"""

FAKE_UV = """#!/bin/sh
echo "$*" >> calls
case "$*" in *torch-backend*) exit $EXIT_CODE ;; esac
"""


@pytest.fixture
def new_environment(tmp_path):
    """A folder with an environment without packages, and a uv that writes down its calls."""
    for name in ("Makefile", "uv.lock", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "new/bin").mkdir(parents=True)
    (tmp_path / "new/bin/uv").write_text(FAKE_UV)
    (tmp_path / "new/bin/uv").chmod(0o755)
    return tmp_path


def install(folder: Path, *settings: str, exit_code: int = 0) -> subprocess.CompletedProcess:
    command = ["make", "--no-print-directory", "VENV=new", "new/bin/.installed", *settings]
    environment = {**os.environ, "EXIT_CODE": str(exit_code)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def test_installation_tells_the_size_first_and_installs_the_lock(new_environment):
    result = install(new_environment)
    assert result.returncode == 0, result.stderr
    assert "GiB" in result.stdout.splitlines()[0]
    assert calls(new_environment) == ["sync --quiet --frozen --inexact"]


@ON_LINUX
def test_torch_cpu_replaces_torch_and_the_packages_of_cuda(new_environment):
    result = install(new_environment, "TORCH=cpu")
    assert result.returncode == 0, result.stderr
    torch, others = calls(new_environment)
    pins = re.findall(r"^torch(?:vision)?==\S+", (ROOT / "requirements.txt").read_text(), re.M)
    assert len(pins) == 2 and torch.endswith(f"--no-deps --torch-backend cpu {' '.join(pins)}")
    left_out = set(re.findall(r"--no-install-package (\S+)", others))
    assert {"torch", "torchvision", "triton", "nvidia-cublas"} <= left_out
    assert all(name.startswith(("torch", "triton", "nvidia-", "cuda-")) for name in left_out)


@ON_LINUX
def test_unreachable_torch_cpu_is_answered_with_the_other_build(new_environment):
    result = install(new_environment, "TORCH=cpu", exit_code=1)
    assert result.returncode != 0 and "make repro without TORCH=cpu" in result.stderr
    assert not (new_environment / "new/bin/.installed").exists()


def test_another_build_of_torch_is_refused(new_environment):
    result = install(new_environment, "TORCH=gpu")
    assert result.returncode != 0 and "TORCH: expected cpu" in result.stderr
    assert not (new_environment / "calls").exists()


def test_two_set_ups_at_once_both_succeed(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "python").write_text(FAKE_PYTHON)
    (tmp_path / "python").chmod(0o755)
    command = ["make", "PYTHON=./python", "VENV=new", "new/bin/uv"]
    processes = [subprocess.Popen(command, cwd=tmp_path) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert (tmp_path / "new/bin/uv").is_file() and not list(tmp_path.glob("new.*"))


def test_lock_names_no_registry_but_pypi():
    urls = re.findall(r'https?://[^/"]+', (ROOT / "uv.lock").read_text())
    assert set(urls) == {"https://pypi.org", "https://files.pythonhosted.org"}


def test_requirements_are_the_dependencies_of_the_lock():
    locked = {
        (package["name"], package["version"])
        for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    }
    requirements = (ROOT / "requirements.txt").read_text()
    pins = set(re.findall(r"^([\w.-]+)==([^ \n]+)", requirements, re.M))
    assert pins <= locked
    direct = {
        re.split("[>=]", dependency)[0].lower().replace(".", "-")
        for dependency in PROJECT["project"]["dependencies"]
    }
    assert direct <= {name for name, _ in pins}


@pytest.mark.parametrize("key", ["only_mutate", "pytest_add_cli_args_test_selection"])
def test_paths_of_the_mutation_testing_exist(key):
    paths = PROJECT["tool"]["mutmut"][key]
    assert paths and all((ROOT / path).is_file() for path in paths)
