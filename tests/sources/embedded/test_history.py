"""What git keeps of a credential is found, with the commits that hold it."""

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.sources.embedded.test_places import KEY_FILE, PASSWORD, TOKEN

from dagwarden import repository as git_objects
from dagwarden.facts import EmbeddedSecret, Facts, in_history
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.dags.records.outcome import Outcome
from dagwarden.sources.dags.together import Progress, Wanted, read_files
from dagwarden.sources.embedded import history
from dagwarden.sources.embedded.history import with_history
from dagwarden.sources.embedded.join import joined
from dagwarden.sources.embedded.read import find_files

KEY = Fingerprint(b"k" * 32, False)
LEAK = f"API_TOKEN={TOKEN}\n"


class Repository:
    """A git repository that a test fills."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.git("init", "-q", "-b", "main")
        self.clock = 1_700_000_000

    def git(self, *arguments: str, given: bytes = b"") -> str:
        self.clock = getattr(self, "clock", 0) + 60
        when = f"{self.clock} +0000"
        done = subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@t.example", *arguments],
            cwd=self.folder,
            env={**os.environ, "GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when},
            input=given,
            check=True,
            capture_output=True,
        )
        return done.stdout.decode().strip()

    def commit(self, **files: str | bytes | None) -> str:
        """Write files (None: delete) under the names that are given, and commit."""
        return self.commit_files(
            {name.replace("_", "."): content for name, content in files.items()}
        )

    def commit_files(
        self, files: dict[str, str | bytes | None], message: str = "x"
    ) -> str:
        for name, content in files.items():
            path = self.folder / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            data = content.encode() if isinstance(content, str) else content
            path.write_bytes(data)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repo")


def looked(
    folder: Path, place: Path | None = None, exclude: tuple[str, ...] = ()
) -> Facts:
    places = [place or folder]
    tree = find_files(
        folder, places, only=None, exclude=exclude, fingerprint=KEY
    ).read()
    whole = with_history(tree, folder, places, exclude=exclude, fingerprint=KEY)
    return joined(whole, keep=False)


def found(facts: Facts) -> list[EmbeddedSecret]:
    return [fact for fact in facts.embedded_secrets if fact.secret is not None]


def held(fact: EmbeddedSecret) -> tuple[str, str, int, bool]:
    assert fact.commits is not None
    one = fact.commits
    return one.first, one.last, one.count, one.in_head


def gaps(facts: Facts) -> list[tuple[str, str]]:
    return [(gap.reason, gap.detail) for gap in facts.gaps]


def test_a_deleted_file_is_told_at_the_last_commit_that_holds_it(
    repository: Repository,
) -> None:
    first = repository.commit(a_env=f"# ours\n{LEAK}")
    last = repository.commit(b_txt="nothing")
    repository.commit(a_env=None)
    (fact,) = found(looked(repository.folder))
    at = f"{last[:12]}:a.env"
    assert (fact.origin.source, fact.origin.line, fact.path) == (at, 2, at)
    assert fact.id == f"history:{at}:API_TOKEN"
    assert fact.secret == "bearer_token"
    assert held(fact) == (first, last, 2, False)


def test_a_changed_line_leaves_the_old_value_and_not_the_file(
    repository: Repository,
) -> None:
    first = repository.commit(a_env=f"DB_PASSWORD={PASSWORD}\n")
    second = repository.commit(a_env="DB_PASSWORD=${FROM_VAULT}\n")
    facts = looked(repository.folder)
    (fact,) = found(facts)
    assert held(fact) == (first, first, 1, False)
    harmless = [one.id for one in facts.embedded_secrets if one.secret is None]
    messages = [f"history:message of commit {one[:12]}" for one in (first, second)]
    assert harmless == ["file:a.env", *sorted(messages)]
    # the file as it is now was looked into as a file, not once more as a commit's
    assert f"{second[:12]}:" not in "".join(harmless)


def test_a_value_of_today_keeps_its_finding_and_gains_its_commits(
    repository: Repository,
) -> None:
    first = repository.commit(a_env=LEAK)
    repository.commit(a_env=f"# moved\n{LEAK}")
    last = repository.commit(a_env=None, b_env=f"OTHER=1\n{LEAK}")
    (fact,) = found(looked(repository.folder))
    assert fact.id == "file:b.env:API_TOKEN"
    assert held(fact) == (first, last, 3, True)


def test_what_was_never_committed_has_no_commits(repository: Repository) -> None:
    repository.commit(a_txt="x")
    (repository.folder / "b.env").write_text(LEAK)
    (fact,) = found(looked(repository.folder))
    assert fact.commits is None


def test_a_file_of_head_that_is_gone_from_the_work_tree_is_still_in_head(
    repository: Repository,
) -> None:
    head = repository.commit(a_env=LEAK)
    (repository.folder / "a.env").write_text("nothing\n")
    (fact,) = found(looked(repository.folder))
    assert fact.origin.source == f"{head[:12]}:a.env"
    assert held(fact) == (head, head, 1, True)


def test_one_value_at_several_paths_and_in_an_unmerged_branch_is_one_finding(
    repository: Repository,
) -> None:
    first = repository.commit(a_env=LEAK)
    repository.git("checkout", "-q", "-b", "side")
    side = repository.commit_files({"a.env": None, "deep/b.env": f"# x\n{LEAK}"})
    repository.git("checkout", "-q", "main")
    repository.commit(a_env=None)
    facts = [one for one in found(looked(repository.folder)) if one.secret]
    assert len({one.credential for one in facts}) == len(facts) == 1
    assert facts[0].origin.source == f"{side[:12]}:deep/b.env"
    assert held(facts[0]) == (first, side, 2, False)


def test_merges_bring_what_the_other_side_holds(repository: Repository) -> None:
    repository.commit(a_txt="x")
    repository.git("checkout", "-q", "-b", "side")
    side = repository.commit(b_env=LEAK)
    repository.git("checkout", "-q", "main")
    repository.commit(c_txt="y")
    repository.git("merge", "-q", "--no-edit", "side")
    merge = repository.head()
    repository.commit(b_env=None)
    (fact,) = found(looked(repository.folder))
    assert held(fact) == (side, merge, 2, False)


def test_what_only_a_merge_itself_wrote_is_found(repository: Repository) -> None:
    repository.commit(a_env="x=1\n")
    repository.git("checkout", "-q", "-b", "side")
    repository.commit(b_txt="y")
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--no-ff", "--no-commit", "side")
    evil = repository.commit(a_env=LEAK)
    repository.commit(a_env="x=1\n")
    (fact,) = found(looked(repository.folder))
    assert held(fact) == (evil, evil, 1, False)


def test_a_rename_is_no_second_credential(repository: Repository) -> None:
    first = repository.commit(a_env=LEAK)
    repository.git("mv", "a.env", "b.env")
    last = repository.commit()
    repository.commit(b_env=None)
    (fact,) = found(looked(repository.folder))
    assert fact.path == f"{last[:12]}:b.env"
    assert held(fact) == (first, last, 2, False)


def test_keys_and_binary_files(repository: Repository) -> None:
    repository.commit_files(
        {"key.json": KEY_FILE, "a.png": f"\0{LEAK}", "b.env": b"\0\1" + LEAK.encode()}
    )
    repository.commit_files({"key.json": None, "a.png": None, "b.env": None})
    facts = looked(repository.folder)
    (fact,) = found(facts)
    assert (fact.secret, fact.identity) == (
        "service_account_key",
        "loader@acme.iam.gserviceaccount.com",
    )
    assert ("git history", "binary", 1) in [
        (one.what, one.reason, one.count) for one in facts.excluded
    ]
    assert gaps(facts) == [("encoding", "is no text, whatever its name says")]


HOSTILE = [
    "a\nb.env",
    'q"uo\\te.env',
    "-rf.env",
    "\udcff.env",
    "x" * 240 + ".env",
    ":(glob).env",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(name: str, repository: Repository) -> None:
    repository.commit_files({name: LEAK})
    repository.commit_files({name: None})
    (fact,) = found(looked(repository.folder))
    assert held(fact)[2:] == (1, False)
    assert (
        fact.path.partition(":")[2] == name.encode("utf-8", "backslashreplace").decode()
    )


def test_a_path_that_leads_out_is_not_followed(repository: Repository) -> None:
    blob = repository.git("hash-object", "-w", "--stdin", given=LEAK.encode())
    row = f"100644 blob {blob}\t..\0".encode()
    tree = repository.git("mktree", "-z", given=row)
    above = repository.git("mktree", "-z", given=f"040000 tree {tree}\tx\0".encode())
    commit = repository.git("commit-tree", above, "-m", "x")
    repository.git("update-ref", "refs/heads/bad", commit)
    repository.commit(a_txt="x")
    assert found(looked(repository.folder)) == []


def test_a_replaced_object_hides_nothing(repository: Repository) -> None:
    first = repository.commit(a_env=LEAK)
    repository.commit(a_env="x=1\n")
    leak = repository.git("rev-parse", f"{first}:a.env")
    harmless = repository.git("rev-parse", "HEAD:a.env")
    repository.git("replace", leak, harmless)
    (fact,) = found(looked(repository.folder))
    assert held(fact) == (first, first, 1, False)


def configured(folder: Path, mark: str) -> None:
    (folder / ".gitattributes").write_text("*.env diff=x filter=x\n")
    settings = {
        "diff.x.textconv": mark,
        "diff.x.command": mark,
        "diff.external": mark,
        "filter.x.smudge": mark,
        "core.fsmonitor": mark,
        "core.pager": mark,
        "core.hooksPath": str(folder),
        "core.alternateRefsCommand": mark,
        "log.showSignature": "true",
        "gpg.program": mark,
    }
    for name, value in settings.items():
        subprocess.run(["git", "config", name, value], cwd=folder, check=True)


def test_nothing_that_a_repository_configures_runs(
    repository: Repository, tmp_path: Path
) -> None:
    first = repository.commit(a_env=LEAK)
    repository.commit(a_env="x=1\n")
    ran = tmp_path / "ran"
    configured(repository.folder, f"sh -c 'echo x > {ran}'")
    (fact,) = found(looked(repository.folder))
    assert held(fact) == (first, first, 1, False)
    assert not ran.exists()


def test_objects_of_another_repository_are_read_where_they_lie(
    repository: Repository, tmp_path: Path
) -> None:
    first = repository.commit(a_env=LEAK)
    repository.commit(a_env=None, b_txt="x")
    clone = tmp_path / "clone"
    repository.git("clone", "-q", "--shared", str(repository.folder), str(clone))
    assert (clone / ".git/objects/info/alternates").exists()
    (fact,) = found(looked(clone))
    assert held(fact) == (first, first, 1, False)


def test_a_shallow_clone_is_a_gap(repository: Repository, tmp_path: Path) -> None:
    repository.commit(a_env=LEAK)
    repository.commit(a_env=None, b_env=f"DB_PASSWORD={PASSWORD}\n")
    last = repository.commit(b_env=None, c_txt="x")
    clone = tmp_path / "clone"
    url = f"file://{repository.folder}"
    repository.git("clone", "-q", "--depth", "2", url, str(clone))
    facts = looked(clone)
    (fact,) = found(facts)
    assert held(fact)[2:] == (1, False)
    assert held(fact)[1] != last
    assert [one[0] for one in gaps(facts)] == ["missing"]
    assert "git fetch --unshallow" in gaps(facts)[0][1]
    assert facts.gaps[0].incomplete


def lose(repository: Repository, name: str) -> None:
    identifier = repository.git("rev-parse", name)
    path = repository.folder / ".git/objects" / identifier[:2] / identifier[2:]
    path.chmod(0o600)
    path.unlink()


@pytest.mark.parametrize(
    ("lost", "detail"),
    [
        ("HEAD~1:a.env", "1 contents of files are not in this clone"),
        ("HEAD~1^{tree}", "git cannot say what"),
        ("HEAD~1", "git cannot say what its commits are"),
    ],
)
def test_what_is_lost_is_a_gap(lost: str, detail: str, repository: Repository) -> None:
    repository.commit(z_txt="1")
    repository.commit(a_env=LEAK)
    repository.commit(a_env=None)
    lose(repository, lost)
    facts = looked(repository.folder)
    assert found(facts) == []
    assert any(detail in one for _, one in gaps(facts))
    assert all(gap.incomplete for gap in facts.gaps)


# ------------------------------------------- what a ref leads to, not by a commit


@pytest.mark.parametrize("tag", [(), ("-a", "-m", "x")], ids=["light", "annotated"])
def test_a_file_that_only_a_tag_leads_to_is_told(
    tag: tuple[str, ...], repository: Repository
) -> None:
    repository.commit(a_txt="x")
    blob = repository.git("hash-object", "-w", "--stdin", given=LEAK.encode())
    repository.git("tag", *tag, "keys/old.env", blob)
    if tag:
        repository.git("tag", *tag, "again", "keys/old.env")
    (fact,) = found(looked(repository.folder))
    name = "refs/tags/again" if tag else "refs/tags/keys/old.env"
    assert fact.path == f"{blob[:12]}:{name}"
    assert (fact.origin.line, fact.commits) == (1, None)


def test_every_entry_of_the_stash_is_looked_into(repository: Repository) -> None:
    repository.commit(a_env="A=1\n")
    for text in (LEAK, f"DB_PASSWORD={PASSWORD}\n", "A=2\n"):
        (repository.folder / "a.env").write_text(text)
        repository.git("stash", "push", "-q")
    assert {fact.secret for fact in found(looked(repository.folder))} == {
        "bearer_token",
        "password",
    }


def test_a_reflog_of_the_stash_that_nobody_wrote_is_no_harm(
    repository: Repository,
) -> None:
    repository.commit(a_env=LEAK)
    repository.commit(a_env=None)
    logs = repository.folder / ".git" / "logs" / "refs"
    logs.mkdir(parents=True, exist_ok=True)
    missing = "1" * 40
    (logs / "stash").write_text(f"{missing} {missing} x\n--output=/x --all y\n\xff")
    facts = looked(repository.folder)
    assert [fact.secret for fact in found(facts)] == ["bearer_token"]
    assert gaps(facts) == []


def test_a_tree_that_only_a_ref_leads_to_is_told(repository: Repository) -> None:
    repository.commit(a_txt="x")
    blob = repository.git("hash-object", "-w", "--stdin", given=LEAK.encode())
    inner = repository.git("mktree", given=f"100644 blob {blob}\ta.env\n".encode())
    tree = repository.git("mktree", given=f"040000 tree {inner}\tconf\n".encode())
    repository.git("update-ref", "refs/backup/x", tree)
    (fact,) = found(looked(repository.folder))
    assert fact.path == f"{tree[:12]}:refs/backup/x/conf/a.env"


def test_what_a_commit_holds_too_is_told_of_the_commit(repository: Repository) -> None:
    first = repository.commit(a_env=LEAK)
    repository.git("tag", "key", f"{first}:a.env")
    repository.commit(a_env=None)
    (fact,) = found(looked(repository.folder))
    assert fact.path == f"{first[:12]}:a.env"
    assert held(fact) == (first, first, 1, False)


def test_of_a_folder_alone_what_has_no_path_is_left_out(repository: Repository) -> None:
    repository.commit_files({"dags/a.txt": "x"})
    blob = repository.git("hash-object", "-w", "--stdin", given=LEAK.encode())
    repository.git("tag", "key", blob)
    facts = looked(repository.folder, repository.folder / "dags")
    assert found(facts) == []
    assert [(one.what, one.reason, one.count) for one in facts.excluded] == [
        ("git history", "at no path: a message of a commit or tag", 1),
        ("git history", "at no path: a ref leads to it, not by a commit", 1),
    ]


# ------------------------------------------------------------------------ messages

SAID = f"Take the token out\n\nIt was {TOKEN} until today.\n"


def test_the_message_of_a_commit_is_a_place(repository: Repository) -> None:
    commit = repository.commit_files({"a.txt": "x"}, SAID)
    again = repository.commit_files({"a.txt": "y"}, SAID)
    last = repository.commit(a_txt="z")
    facts = looked(repository.folder)
    (fact,) = found(facts)
    at = f"message of commit {again[:12]}"
    assert (fact.path, fact.origin.source, fact.origin.line) == (at, at, 3)
    assert fact.id == f"history:{at}:text"
    assert held(fact) == (commit, again, 2, False)
    assert in_history(at) == (again[:12], "")
    assert fact.commits is not None
    assert fact.commits.told == (
        "In the git history the messages of 2 commits hold it"
        f" ({commit[:12]} to {again[:12]})."
    )
    harmless = [one.path for one in facts.embedded_secrets if one.secret is None]
    assert f"message of commit {last[:12]}" in harmless


def test_what_a_file_and_a_message_hold_is_told_of_the_file(
    repository: Repository,
) -> None:
    first = repository.commit(a_env=LEAK)
    said = repository.commit_files({"a.env": None, "b.txt": "x"}, SAID)
    (fact,) = found(looked(repository.folder))
    assert fact.path == f"{first[:12]}:a.env"
    assert held(fact) == (first, first, 1, False)
    assert fact.commits is not None
    assert fact.commits.told == (
        f"In the git history 1 commit holds it ({first[:12]}); HEAD does not;"
        f" the message of 1 commit holds it ({said[:12]})."
    )


def test_what_a_file_holds_today_and_only_a_message_of_the_past(
    repository: Repository,
) -> None:
    said = repository.commit_files({"b.txt": "x"}, SAID)
    (repository.folder / "a.env").write_text(LEAK)
    (fact,) = found(looked(repository.folder))
    assert fact.path == "a.env"
    assert held(fact) == (said, said, 1, False)


def test_the_message_of_a_tag_is_a_place(repository: Repository) -> None:
    repository.commit(a_txt="x")
    repository.git("tag", "-a", "v1", "-m", SAID)
    inner = repository.git("rev-parse", "v1")
    repository.git("tag", "-a", "v2", "-m", "of a tag", "v1")
    outer = repository.git("rev-parse", "v2")
    repository.git("tag", "-d", "v1")
    facts = looked(repository.folder)
    (fact,) = found(facts)
    assert fact.path == f"message of tag {inner[:12]} refs/tags/v2"
    assert (fact.origin.line, fact.commits) == (3, None)
    paths = {one.path for one in facts.embedded_secrets}
    assert f"message of tag {outer[:12]} refs/tags/v2" in paths


def test_words_of_a_message_are_no_credential(repository: Repository) -> None:
    words = "Refresh the token: it expired\n\nThe password was rotated.\n"
    repository.commit_files({"a.txt": "x"}, words)
    assert found(looked(repository.folder)) == []


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("message of commit", None),
        ("message of commit ", None),
        ("message of commit x:y", None),
        ("message of tag 0123456789ab refs/tags/a:b c", ("0123456789ab", "")),
        ("0123456789ab:a b", ("0123456789ab", "a b")),
        ("0123456789ab:", None),
        ("0123456789ag:a", None),
    ],
)
def test_places_of_the_history_are_told_from_files(
    source: str, told: tuple[str, str] | None
) -> None:
    assert in_history(source) == told


# -------------------------------------------------------------------------- bounds


def test_the_units_of_all_contents_are_bounded(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        repository.commit(a_env=f"N={number}\n" + f"# {'x' * 90}\n" * 100 + LEAK)
    repository.commit(a_env=None)
    monkeypatch.setattr(history, "MAX_WORK", 100_000)
    monkeypatch.setattr(history, "MAX_UNITS", 101_000)
    facts = looked(repository.folder)
    # one at a time, until what the next may take is not left
    (gap, _) = gaps(facts)
    assert gap[0] == "too_large"
    assert gap[1].endswith(" looked into: it would take too long")
    count = int(gap[1].split(" ")[0])
    assert 0 < count < 6
    (fact,) = found(facts)
    assert held(fact)[2:] == (6 - count, False)


def test_nothing_is_written_while_contents_are_looked_into(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        repository.commit(a_env=f"N={number}\n{LEAK}")
    repository.commit(a_env=None)
    written: list[bytes] = []
    real = Path.write_bytes

    def told(path: Path, data: bytes) -> int:
        written.append(data)
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", told)
    (fact,) = found(looked(repository.folder))
    assert held(fact)[2:] == (40, False)
    assert not [data for data in written if TOKEN.encode() in data]


# ------------------------------------------------------------ hostile repositories


def test_hooks_and_programs_of_a_repository_never_run(
    repository: Repository, tmp_path: Path
) -> None:
    first = repository.commit(a_env=LEAK)
    repository.commit(a_env="x=1\n")
    ran = tmp_path / "ran"
    program = f"#!/bin/sh\necho x > {ran}\n"
    git = repository.folder / ".git"
    for name in ("post-checkout", "post-index-change", "reference-transaction"):
        (git / "hooks" / name).write_text(program)
        (git / "hooks" / name).chmod(0o755)
    for name, value in {
        "remote.origin.url": f"ext::sh -c 'echo x > {ran}'",
        "remote.origin.promisor": "true",
        "extensions.partialClone": "origin",
        "include.path": str(tmp_path / "more"),
        "core.sshCommand": f"sh -c 'echo x > {ran}'",
        "core.askPass": str(tmp_path / "ask"),
        "uploadpack.packObjectsHook": str(tmp_path / "hook"),
    }.items():
        repository.git("config", name, value)
    lose(repository, f"{first}^{{tree}}")
    facts = looked(repository.folder)
    assert [words for _, words in gaps(facts)] == [
        "git cannot say what 2 commits changed"
    ]
    assert not ran.exists()


def test_grafts_and_replaced_parents_hide_no_commit(repository: Repository) -> None:
    first = repository.commit(a_env=LEAK)
    repository.commit(a_env=None, b_txt="x")
    last = repository.commit(b_txt="y")
    info = repository.folder / ".git/info"
    info.mkdir(exist_ok=True)
    (info / "grafts").write_text(f"{last}\n")
    repository.git("replace", "--graft", last)
    (fact,) = found(looked(repository.folder))
    assert held(fact) == (first, first, 1, False)


def test_submodules_are_said_to_have_a_history_of_their_own(
    repository: Repository, tmp_path: Path
) -> None:
    other = Repository(tmp_path / "other")
    other.commit(a_env=LEAK)
    other.commit(a_env="x=1\n")
    allowed = ("-c", "protocol.file.allow=always")
    repository.git(*allowed, "submodule", "add", "-q", str(other.folder), "lib")
    repository.commit(b_txt="x")
    facts = looked(repository.folder)
    assert found(facts) == []
    assert gaps(facts) == [
        (
            "missing",
            "1 submodules: each has a history of its own, which is not looked into",
        )
    ]


def test_trees_that_hold_each_other_end_at_a_bound(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = repository.git("hash-object", "-w", "--stdin", given=LEAK.encode())
    tree = repository.git("mktree", given=f"100644 blob {blob}\ta.env\n".encode())
    for _ in range(12):  # 10 ** 12 files
        rows = "".join(f"040000 tree {tree}\t{number}\n" for number in range(10))
        tree = repository.git("mktree", given=rows.encode())
    commit = repository.git("commit-tree", tree, "-m", "x")
    repository.git("update-ref", "refs/heads/main", commit)
    repository.git("tag", "bomb", tree)
    monkeypatch.setattr(git_objects, "MAX_MEMORY", 12_000_000)
    monkeypatch.setattr(git_objects, "MAX_ENTRIES", 1000)
    monkeypatch.setattr(history, "MAX_ENTRIES", 1000)
    facts = looked(repository.folder)
    assert ("unreadable", "git cannot say what 1 commits changed") in gaps(facts)
    assert ("too_large", "refs/tags/bomb leads to too many files") in gaps(facts)
    assert len(found(facts)) == 1


def test_a_broken_object_costs_no_other(repository: Repository) -> None:
    repository.commit(a_env=LEAK)
    repository.commit(b_env=f"DB_PASSWORD={PASSWORD}\n" + "# more\n" * 5000)
    repository.commit(c_env=f"API_TOKEN=ghp_{'Zk4mPq8vTr2nWs6y' * 2}9xQ7\n")
    repository.commit(a_env=None, b_env=None, c_env=None, z_txt="z")
    identifier = repository.git("rev-parse", "HEAD~1:b.env")
    path = repository.folder / ".git/objects" / identifier[:2] / identifier[2:]
    data = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(data[: len(data) // 2])
    facts = looked(repository.folder)
    assert {one.origin.source.partition(":")[2] for one in found(facts)} == {
        "a.env",
        "c.env",
    }
    assert gaps(facts) == [("unreadable", "git cannot read 1 contents of files")]
    assert facts.gaps[0].incomplete


def no_contents(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(history, "MAX_CONTENTS", 1)


def no_bytes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(history, "MAX_BYTES", 10)


def no_work(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(history, "MAX_UNITS", 1)


def no_size(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(history, "MAX_SIZE", 10)


def no_commits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(history, "MAX_COMMITS", 2)


@pytest.mark.parametrize(
    ("bound", "reason", "detail"),
    [
        (
            no_contents,
            "too_large",
            "1 contents of files, the oldest, are not looked into",
        ),
        (no_bytes, "too_large", "1 contents of files, the oldest, are not looked into"),
        (no_work, "too_large", "2 contents of files, the oldest, are not looked into"),
        (no_size, "too_large", "1 contents of files of more than 0 MB are not"),
        (no_commits, "too_large", "commits before the newest 2 are not looked at"),
    ],
)
def test_what_exceeds_a_bound_is_a_gap_that_counts(
    bound: Callable[[pytest.MonkeyPatch], None],
    reason: str,
    detail: str,
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repository.commit(a_env=LEAK)
    repository.commit(a_env="x=1\n")
    repository.commit(a_env=None)
    bound(monkeypatch)
    facts = looked(repository.folder)
    assert found(facts) == []
    told, words = gaps(facts)[0]
    assert told == reason
    assert words.startswith(detail)


def test_without_a_repository_there_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text(LEAK)
    facts = looked(tmp_path)
    assert [one.id for one in found(facts)] == ["file:a.env:API_TOKEN"]
    assert [one[0] for one in gaps(facts)] == ["missing"]


def test_only_what_is_asked_for_and_not_excluded_is_looked_into(
    repository: Repository,
) -> None:
    names = ("dags/a.env", "other/a.env", "dags/old/a.env", "dags/node_modules/a.env")
    files = {name: f"{LEAK}# {name}\n" for name in names}
    repository.commit_files(dict(files))
    repository.commit_files(dict.fromkeys(files))
    repository.commit_files({"dags/x.txt": "x"})
    folder = repository.folder
    facts = looked(folder, folder / "dags", ("dags/old/",))
    (fact,) = found(facts)
    assert fact.path.endswith(":dags/a.env")
    counted = {one.reason: one.count for one in facts.excluded}
    assert counted == {
        "excluded by 'dags/old/'": 1,
        "holds installed packages": 1,
        "at no path: a message of a commit or tag": 3,
    }


def test_each_content_is_looked_into_once(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        repository.commit_files({f"f{number}.env": LEAK, "other.txt": str(number)})
    repository.commit_files({f"f{number}.env": None for number in range(3)})
    looked_into: list[int] = []

    def counted(
        wanted: Sequence[Wanted], progress: Progress
    ) -> list[dict[Path, Outcome]]:
        looked_into.extend(len(one.files) for one in wanted)
        return read_files(wanted, progress)

    monkeypatch.setattr(history, "read_files", counted)
    (fact,) = found(looked(repository.folder))
    # of the four that there are, the work tree holds the last of other.txt; and messages
    assert looked_into == [3, 4]
    assert held(fact)[2:] == (3, False)


def test_a_marker_on_the_line_accepts_it_in_the_history_too(
    repository: Repository,
) -> None:
    commit = repository.commit(a_env=f"{LEAK.strip()} # gitleaks:allow\n")
    repository.commit(a_env=None, b_txt="x")
    (waiver,) = looked(repository.folder).inline_waivers
    assert waiver.marker == "gitleaks:allow"
    assert waiver.origin.source == f"{commit[:12]}:a.env"
