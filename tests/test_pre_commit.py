"""The commit hook, by the real pre-commit in a scratch repository."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent

FLAWED = """
from airflow import DAG
from airflow.providers.google.cloud.operators.cloud_run import (
    CloudRunExecuteJobOperator,
)

with DAG("nightly", schedule=None):
    CloudRunExecuteJobOperator(  WAIVER
        task_id="load",
        project_id="acme-data",
        region="europe-west1",
        job_name="load",
        impersonation_chain=CHAIN,
    )
"""
JOINED = '"hop@acme.iam.gserviceaccount.com,load@acme.iam.gserviceaccount.com"'
LISTED = '["hop@acme.iam.gserviceaccount.com", "load@acme.iam.gserviceaccount.com"]'


class Repository:
    """A scratch repository of DAGs with our hook installed."""

    def __init__(self, folder: Path, hooks: Path) -> None:
        self.folder = folder / "dags-repo"
        self.folder.mkdir()
        self.environment = {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "PRE_COMMIT_HOME": str(folder / "cache"),
            "GIT_AUTHOR_NAME": "t",
            "GIT_AUTHOR_EMAIL": "t@t.example",
            "GIT_COMMITTER_NAME": "t",
            "GIT_COMMITTER_EMAIL": "t@t.example",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        revision = self.run("git", "rev-parse", "HEAD", cwd=hooks).stdout.strip()
        self.run("git", "init", "-q", "-b", "main")
        (self.folder / ".pre-commit-config.yaml").write_text(
            f"repos:\n- repo: {hooks}\n  rev: {revision}\n  hooks: [{{id: dagwarden}}]\n"
        )
        self.run(str(BIN / "pre-commit"), "install", "--install-hooks")

    def run(
        self, *command: str, cwd: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=cwd or self.folder,
            env=self.environment,
            text=True,
            capture_output=True,
            check=True,
        )

    def commit(self, chain: str, waiver: str = "") -> tuple[bool, str]:
        """Commit the DAG with `chain`; tell whether it went through, and the words."""
        (self.folder / "nightly.py").write_text(
            FLAWED.replace("CHAIN", chain).replace("  WAIVER", waiver)
        )
        return self.committed()

    def committed(self) -> tuple[bool, str]:
        """Commit what is there; tell whether it went through, and the words."""
        self.run("git", "add", ".")
        done = subprocess.run(
            ["git", "commit", "-m", "change"],
            cwd=self.folder,
            env=self.environment,
            text=True,
            capture_output=True,
            check=False,
        )
        return done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    folder = tmp_path_factory.mktemp("pre-commit")
    hooks = folder / "dagwarden"
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True
    ).stdout.decode()
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).is_file():
            (hooks / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, hooks / name)
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@t.example", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], cwd=hooks, check=True, capture_output=True)
    return Repository(folder, hooks)


def test_the_hook_blocks_the_flaw_and_lets_the_mended_file_through(
    repository: Repository,
) -> None:
    passed, said = repository.commit(JOINED)
    assert not passed
    assert "nightly.py:8" in said
    assert "comma-joined-impersonation-chain" in said
    passed, said = repository.commit(LISTED)
    assert passed, said


def test_an_inline_waiver_unblocks_at_once_and_a_careless_one_does_not(
    repository: Repository,
) -> None:
    rule = "comma-joined-impersonation-chain"
    passed, said = repository.commit(JOINED, f"  # dagwarden: waive {rule}")
    assert not passed
    assert "has no owner=" in said
    passed, said = repository.commit(
        JOINED,
        f"  # dagwarden: waive {rule} until=2099-12-31 owner=@data -- mended in ACME-7",
    )
    assert passed, said


def test_a_key_in_an_archive_is_blocked_and_what_holds_none_is_not(
    repository: Repository,
) -> None:
    (repository.folder / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n\0" + b"x" * 99)
    (repository.folder / "large.dat").write_bytes(b"\0" * 6_000_000)
    passed, said = repository.committed()
    assert passed, said
    with zipfile.ZipFile(repository.folder / "legacy.zip", "w") as packed:
        packed.writestr("conf/.env", "DB_PASSWORD=" + "vT9mKp2Xq7"[::-1])
    passed, said = repository.committed()
    assert not passed
    assert "legacy.zip/conf/.env:1" in said
    assert "secret-in-repository" in said
