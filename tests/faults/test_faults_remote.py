"""An S3 remote, moto's server on 127.0.0.1: push, pull, a broken push, a damaged object."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from test_end_to_end import Repository, make_repository

pytestmark = pytest.mark.slow
BUCKET = "faces"
SECRET = "not-a-real-secret"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[str]:
    """Yields the address of an S3 server, which runs in its own process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("s3") / "log").open("w")
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=log, stderr=log)
    for _ in range(600):
        with socket.socket() as knock:
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()
    log.close()


@pytest.fixture(scope="module")
def bucket(server):
    client = boto3.client(
        "s3",
        endpoint_url=server,
        aws_access_key_id="id",
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture(scope="module")
def repository(tmp_path_factory, server) -> Repository:
    """Returns a repository whose pipeline has run, with the remote set as the README says."""
    repository = make_repository(tmp_path_factory.mktemp("remote") / "repo")
    repository.repro()
    repository.commit("run")
    set_remote(repository, server)
    return repository


def set_remote(repository: Repository, server: str) -> None:
    repository.environment |= {"AWS_DEFAULT_REGION": "us-east-1"}
    url = f"s3://{BUCKET}/shared"
    repository.run(
        "make", "-o", f"{sys.prefix}/bin/.installed", "remote", f"URL={url}", f"VENV={sys.prefix}"
    )
    repository.run("dvc", "remote", "modify", "--local", "storage", "endpointurl", server)
    repository.run("dvc", "remote", "modify", "--local", "storage", "access_key_id", "id")
    repository.run("dvc", "remote", "modify", "--local", "storage", "secret_access_key", SECRET)


def keys(bucket) -> list[str]:
    pages = bucket.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def clone(repository: Repository, folder: Path, server: str) -> Repository:
    repository.run("git", "clone", "-q", str(repository.folder), str(folder))
    copy = Repository(folder)
    set_remote(copy, server)
    return copy


def test_a_push_broken_in_the_middle_is_completed_by_the_next(repository, bucket):
    process = subprocess.Popen(
        ["dvc", "push", "--jobs", "1"],
        cwd=repository.folder,
        env=repository.environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while len(keys(bucket)) < 20 and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = len(keys(bucket))
    assert 20 <= before < 240  # the photographs alone are 240
    repository.run("dvc", "push")
    assert len(keys(bucket)) > 240
    assert "in sync" in repository.run("dvc", "status", "--cloud")


def test_a_fresh_clone_pulls_and_recomputes_nothing(repository, server, tmp_path):
    copy = clone(repository, tmp_path / "clone", server)
    copy.run("dvc", "pull")
    assert "up to date" in copy.run("dvc", "status")
    assert copy.repro() == []
    for folder in ("data", "models", "metrics"):
        for path in (repository.folder / folder).rglob("*.*"):
            if path.is_file():
                assert (
                    copy.folder / path.relative_to(repository.folder)
                ).read_bytes() == path.read_bytes()


def test_an_object_that_was_changed_in_the_remote_is_noticed(repository, bucket, server, tmp_path):
    key = sorted(keys(bucket))[10]
    content = bucket.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    bucket.put_object(Bucket=BUCKET, Key=key, Body=content[:-1] + b"\x00\x01")
    copy = clone(repository, tmp_path / "clone", server)
    result = subprocess.run(
        ["dvc", "pull"], cwd=copy.folder, env=copy.environment, capture_output=True, text=True
    )
    bucket.put_object(Bucket=BUCKET, Key=key, Body=content)
    assert result.returncode != 0, result.stdout
    copy.run("dvc", "pull")


def test_the_secret_is_in_no_file_that_git_holds(repository):
    (repository.folder / "note.txt").write_text("after the remote was set")
    repository.commit("note")
    held = subprocess.run(
        ["git", "grep", "-l", SECRET], cwd=repository.folder, capture_output=True, text=True
    ).stdout
    assert held == ""
    assert SECRET in (repository.folder / ".dvc/config.local").read_text()
