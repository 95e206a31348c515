"""
A case: one small repository, and what a reader should say of it.

An author's text carries two marks around what gives the credential away; the lines
between the first and the last are the label, and the marks are taken out before
anything is written. They are of Unicode's private use area: no file has them otherwise.
"""

import base64
import io
import json
import random
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import msgspec
from material import Material

T = TypeVar("T")
OPEN, CLOSE = "\ue000", "\ue001"
MARKS = {ord(OPEN): None, ord(CLOSE): None}
# The package of a case's own modules, in what its authors import
HERE = "HERE"
# The part of authors whose files end their lines as Windows does
WINDOWS = 0.03
# A member of an archive: its lines are those of the member
MEMBER = "!"

# What authors call the same thing: one wording for a case, drawn afresh.
SYNONYMS = {
    "DB_PASSWORD": ("DB_PASSWORD", "DATABASE_PASSWORD", "PG_PASSWORD", "WAREHOUSE_PWD", "DWH_PASS", "REPORTING_DB_PASSWD"),
    "db_password": ("db_password", "database_password", "pg_password", "warehouse_pwd", "dwh_passwd"),
    "API_TOKEN": ("API_TOKEN", "VENDOR_TOKEN", "ACCESS_TOKEN", "SERVICE_AUTH_TOKEN", "CRM_API_TOKEN"),
    "api_token": ("api_token", "vendor_token", "access_token", "crm_auth_token"),
    "api.internal": ("api.internal", "crm.internal", "billing.corp.internal", "10.40.2.17"),
    "loader": ("loader", "ingest-job", "orders-sync", "exporter"),
    "load.sh": ("load.sh", "run_job.sh", "/opt/jobs/sync.sh"),
    "vendor_api_token": ("vendor_api_token", "crm_token", "shop_access_token"),
}  # fmt: skip
WORDING = re.compile(rf"\b(?:{'|'.join(map(re.escape, SYNONYMS))})\b")


class Label(msgspec.Struct, frozen=True):
    """Where a credential stands: a file, and the lines of what was written."""

    file: str
    first: int
    last: int


class Case(msgspec.Struct, frozen=True):
    """One repository; `label` is None where nothing in it is a credential."""

    id: str
    folder: str
    shape: str
    kind: str
    files: dict[str, bytes]
    label: Label | None


class Style(msgspec.Struct, frozen=True):
    """How the author of one repository writes: never with more or fewer lines."""

    folder: str
    words: dict[str, str]
    windows: bool

    def write(self, held: str | bytes) -> bytes:
        """Return what is in the file: no marks, the author's words and line ends."""
        if isinstance(held, bytes):
            return held
        text = clean(held).replace(HERE, self.folder)
        text = WORDING.sub(lambda found: self.words[found[0]], text)
        return (re.sub("\r?\n", "\r\n", text) if self.windows else text).encode()


class Exam:
    """Cases in the making: names, wordings and material from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        # Of its own: another wording does not change every key that follows.
        self.new = Material(random.Random(seed + 1))
        self.cases: list[Case] = []

    def pick(self, *choices: T) -> T:
        return self.rng.choice(choices)

    def hide(self, shape: str, kind: str, files: Mapping[str, str | bytes]) -> None:
        """Add a case with a credential: between the marks, or all of a binary file."""
        label = _label(files)
        if label is None:
            raise ValueError(f"{shape} of {kind}: nothing is marked")
        self._add(shape, kind, files, label)

    def hide_in_archive(
        self, shape: str, kind: str, name: str, members: Mapping[str, str], member: str
    ) -> None:
        """Add an archive with a credential in one member: the lines are the member's."""
        label = _label({f"{name}{MEMBER}{member}": members[member]})
        self._add(shape, kind, {name: zipped(members)}, label)

    def harmless(self, shape: str, files: Mapping[str, str | bytes]) -> None:
        """Add a case without one."""
        self._add(shape, "harmless", files, None)

    def _add(
        self,
        shape: str,
        kind: str,
        files: Mapping[str, str | bytes],
        label: Label | None,
    ) -> None:
        number = len(self.cases)
        folder = f"{self.new.word()}_{self.new.word()}_{number:03}"
        words = {word: self.pick(*said) for word, said in SYNONYMS.items()}
        style = Style(folder, words, self.rng.random() < WINDOWS)
        sign = "+" if label else "-"
        self.cases.append(
            Case(
                id=f"{sign}{number:03} {shape} ({kind})"
                if label
                else f"{sign}{number:03} {shape}",
                # says nothing of what is in it, and is a package's name
                folder=folder,
                shape=shape,
                kind=kind,
                files={name: style.write(held) for name, held in files.items()},
                label=label,
            )
        )

    # -- names ---------------------------------------------------------------------

    def user(self) -> str:
        return self.pick(
            "etl", "svc_loader", "reporting", "airflow_rw", "dbt_runner", "ingest"
        )

    def host(self) -> str:
        return self.pick(
            f"10.{self.rng.randint(1, 250)}.{self.rng.randint(0, 250)}.{self.rng.randint(2, 250)}",
            f"{self.new.word()}-db.internal",
            f"pg-{self.new.word()}.prod.internal",
            f"{self.new.word()}.data.internal",
        )

    def dag_id(self) -> str:
        return f"{self.new.word()}_{self.pick('daily', 'load', 'sync', 'export', 'refresh')}"

    def dag_file(self) -> str:
        folder = self.pick(
            "dags/", "", "dags/" + self.new.word() + "/", "airflow/dags/"
        )
        return f"{folder}{self.dag_id()}.py"


def mark(text: str) -> str:
    """Return what gives a credential away, marked."""
    return f"{OPEN}{text}{CLOSE}"


def clean(text: str) -> str:
    return text.translate(MARKS)


def literal(text: str) -> str:
    """Return `text`, with its marks, as a literal of Python, JSON, TOML and YAML."""
    return json.dumps(text, ensure_ascii=False)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def url_encoded(text: str) -> str:
    return quote(text, safe="")


def indented(text: str, by: int) -> str:
    return "\n".join(" " * by + line if line else line for line in text.splitlines())


def zipped(files: Mapping[str, str]) -> bytes:
    """Return an archive of `files`; the marks are gone."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            # no clock: the same seed, the same bytes
            archive.writestr(zipfile.ZipInfo(name), clean(text), zipfile.ZIP_DEFLATED)
    return held.getvalue()


def halves(rng: random.Random, text: str, parts: int = 2) -> list[str]:
    """Cut `text` so that no part is the whole: the first and the last are marked."""
    third = max(len(text) // (parts + 1), 1)
    cuts = [
        third * (i + 1) + rng.randrange(max(third // 3, 1)) for i in range(parts - 1)
    ]
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    pieces[0] = OPEN + pieces[0]
    pieces[-1] += CLOSE
    return pieces


def write(cases: list[Case], folder: Path) -> None:
    """Write every case into a folder of its own."""
    for case in cases:
        for name, held in case.files.items():
            path = folder / case.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(held)


def _label(files: Mapping[str, str | bytes]) -> Label | None:
    for name, held in files.items():
        if isinstance(held, str) and OPEN in held:
            first = held[: held.index(OPEN)].count("\n") + 1
            last = held[: held.rindex(CLOSE)].count("\n") + 1
            # an archive's member is written beside it, for its marks, and left out
            return Label(name, first, last)
        if isinstance(held, bytes) and not name.endswith(".zip"):
            return Label(name, 1, max(held.count(b"\n"), 1) + 1)
    return None
