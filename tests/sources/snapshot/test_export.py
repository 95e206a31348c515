"""Files as they come: whole, in several spellings, and broken in every way."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from dagwarden.errors import SourceError
from dagwarden.facts import Facts
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.snapshot import elements as taking_apart
from dagwarden.sources.snapshot import export, read_snapshots
from dagwarden.sources.snapshot.elements import Element
from dagwarden.sources.snapshot.export import ALL_KINDS

KEY = Fingerprint(b"a key", True)
CRM = "cloudresourcemanager.googleapis.com"
SECRET = "hunter2-but-much-longer-9Xq"


def bucket(name: str, role: str = "roles/storage.objectViewer", **more: Any) -> Any:
    return {
        "name": f"//storage.googleapis.com/{name}",
        "assetType": "storage.googleapis.com/Bucket",
        "iamPolicy": {"bindings": [{"role": role, "members": ["allUsers"]}]},
        "ancestors": ["projects/71", "organizations/9"],
        **more,
    }


A, B, C = (json.dumps(bucket(name)) for name in "abc")


def read(tmp_path: Path, content: str | bytes, name: str = "export.json") -> Facts:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_all(tmp_path, name)


def read_all(tmp_path: Path, *names: str) -> Facts:
    return read_snapshots(
        [tmp_path / name for name in names],
        tmp_path,
        include_sys_projects=False,
        fingerprint=KEY,
    )


def buckets(facts: Facts) -> list[str]:
    return [r.id[-1] for r in facts.resources if r.kind == "bucket"]


def gaps(facts: Facts) -> list[tuple[str, int | None, str, bool]]:
    return [(g.reason, g.origin.line, g.detail, g.incomplete) for g in facts.gaps]


# --------------------------------------------------------------- spellings and forms


@pytest.mark.parametrize(
    "content",
    [
        f"{A}\n{B}\n{C}\n",
        f"{A}\n\n   \n{B}\r\n{C}",
        f"\ufeff{A}\n{B}\n{C}",
        f"[{A},{B},{C}]",
        f"[\n{A},\n{B},\n{C}\n]\n",
        json.dumps([json.loads(x) for x in (A, B, C)], indent=2),
        # objects one after the other, each over several lines
        "\n".join(json.dumps(json.loads(x), indent=4) for x in (A, B, C)),
    ],
)
def test_every_form_of_export_is_read(tmp_path: Path, content: str) -> None:
    facts = read(tmp_path, content)
    assert buckets(facts) == ["a", "b", "c"]
    assert facts.gaps == ()
    assert facts.snapshots[0].assets == 3


def snake(value: Any) -> Any:
    """Spell the outer fields as exports to Cloud Storage do."""
    names = {
        "assetType": "asset_type",
        "updateTime": "update_time",
        "iamPolicy": "iam_policy",
        "orgPolicy": "org_policy",
    }
    return {names.get(key, key): item for key, item in value.items()}


def test_snake_case_is_the_same_export(tmp_path: Path) -> None:
    one = bucket("a", updateTime="2026-11-01T00:00:00Z", orgPolicy=[])
    camel = read(tmp_path, json.dumps(one))
    other = read(tmp_path, json.dumps(snake(one)))
    assert camel.bindings == other.bindings != ()
    assert camel.resources == other.resources


@pytest.mark.parametrize("more", [{"relatedAssets": {}}, {"kind": "x"}])
def test_a_field_that_few_lines_have_changes_nothing(
    more: dict[str, Any], tmp_path: Path
) -> None:
    record = {"parent": f"//{CRM}/projects/71", "data": {"projectNumber": "71"}}
    one = bucket("a", updateTime="2026-11-01T00:00:00Z", resource=record)
    sent = snake(one)
    plain = [read(tmp_path, json.dumps(line)) for line in (one, sent)]
    rare = [read(tmp_path, json.dumps({**line, **more})) for line in (one, sent)]
    assert [f.bindings for f in (*plain, *rare)] == [plain[0].bindings] * 4
    assert [f.resources for f in (*plain, *rare)] == [plain[0].resources] * 4
    assert [r.ancestors for r in plain[0].resources if r.kind == "bucket"] == [
        (f"//{CRM}/projects/71", f"//{CRM}/organizations/9")
    ]


def test_places_are_told_by_line_and_by_position(tmp_path: Path) -> None:
    text = json.dumps([json.loads(A), json.loads(B)], indent=1)
    facts = read(tmp_path, text)
    line = text[: text.index("/b")].count("\n") + 1 - 1
    assert facts.bindings[1].origin.line == line
    assert facts.bindings[1].origin.field == "[1].iamPolicy.bindings[0]"


def test_types_that_are_not_modelled_are_counted(tmp_path: Path) -> None:
    disk = {
        "name": "//compute.googleapis.com/projects/p/zones/z/disks/d",
        "assetType": "compute.googleapis.com/Disk",
        "resource": {"data": {"sizeGb": "10"}},
    }
    access = {
        "name": f"//{CRM}/organizations/9",
        "asset_type": f"{CRM}/Organization",
        "access_policy": {"name": "accessPolicies/1"},
    }
    content = "\n".join([A, json.dumps(disk), json.dumps(access)])
    facts = read(tmp_path, content)
    snapshot = facts.snapshots[0]
    assert (snapshot.assets, snapshot.assets_not_modelled) == (3, 2)
    assert facts.gaps == ()
    assert snapshot.asset_types == (
        f"{CRM}/Organization",
        "compute.googleapis.com/Disk",
        "storage.googleapis.com/Bucket",
    )


def test_policies_on_other_types_are_bindings_too(tmp_path: Path) -> None:
    topic = bucket("x") | {
        "name": "//pubsub.googleapis.com/projects/p/topics/t",
        "assetType": "pubsub.googleapis.com/Topic",
    }
    facts = read(tmp_path, json.dumps(topic))
    assert [b.resource for b in facts.bindings] == [
        "//pubsub.googleapis.com/projects/p/topics/t"
    ]
    assert facts.snapshots[0].assets_not_modelled == 0


def test_the_file_is_accounted_for(tmp_path: Path) -> None:
    (file,) = read(tmp_path, A).files
    assert (file.path, file.kind, file.size) == ("export.json", "snapshot", len(A))
    assert len(file.sha256) == 64


def test_no_files_are_no_snapshot(tmp_path: Path) -> None:
    assert read_all(tmp_path) == Facts()


# ------------------------------------------------------------------------- bad lines


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        ("not json", "not_an_asset", "not an asset: the line is no JSON"),
        ('{"name": "//x", ', "not_an_asset", "not an asset: the line is no JSON"),
        ("17", "malformed", "JSON, but not of the shape of an asset"),
        ('"text"', "malformed", "JSON, but not of the shape of an asset"),
        ('{"a": 1}', "not_an_asset", "JSON, but nothing that docs/snapshot.md lists"),
        (
            '{"bindings": [{"role": "roles/x", "members": ["allUsers"]}], "etag": "B"}',
            "not_an_asset",
            (
                "an allow policy, which does not say of which resource; give what "
                "`gcloud asset search-all-iam-policies --format=json` prints"
            ),
        ),
        ('{"assetType": "x/Y"}', "malformed", "an asset without a full resource name"),
        ('{"name": 7}', "malformed", "JSON, but not of the shape of an asset"),
        (
            '{"name": "//x\\u001b[31m", "assetType": "x/Y"}',
            "malformed",
            "an asset whose name holds control characters",
        ),
        (
            '{"name": "//x", "assetType": "x/Y", "iamPolicy": {"bindings": [{"members": "allUsers"}]}}',
            "malformed",
            "JSON, but not of the shape of an asset",
        ),
        (
            '{"name": "//x", "assetType": "x/Y", "iamPolicy": ' + "[" * 100_000 + "}",
            "malformed",
            "JSON, but not of the shape of an asset",
        ),
        ('{"x": ' + "[" * 100_000, "too_deep", "JSON nested too deep"),
    ],
)
def test_a_line_that_is_no_asset_is_a_gap_and_the_rest_is_read(
    tmp_path: Path, line: str, reason: str, detail: str
) -> None:
    facts = read(tmp_path, f"{A}\n{line}\n{B}\n")
    assert buckets(facts) == ["a", "b"]
    assert gaps(facts) == [(reason, 2, detail, True)]
    assert facts.gaps[0].kinds == ALL_KINDS
    # it may have been a policy
    assert facts.snapshots[0].layers.allow == "partly"


@pytest.mark.parametrize(
    "line", [b'{"name": "//\xff", "assetType": "x/Y"}', b'{"\xff": 1}']
)
def test_bytes_that_are_not_utf_8(tmp_path: Path, line: bytes) -> None:
    facts = read(tmp_path, A.encode() + b"\n" + line + b"\n" + B.encode())
    assert buckets(facts) == ["a", "b"]
    assert [(g.origin.line, g.incomplete) for g in facts.gaps] == [(2, True)]


def test_a_comment_is_told_and_expected(tmp_path: Path) -> None:
    facts = read(tmp_path, f"# made by hand\n{A}\n")
    assert gaps(facts) == [("not_an_asset", 1, "a comment, not an asset", False)]
    assert facts.gaps[0].kinds == ()


def test_a_flood_of_bad_lines_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MAX_GAPS", 3)
    facts = read(tmp_path, "x\n" * 10)
    assert [g.origin.line for g in facts.gaps] == [1, 2, 3, None]
    assert facts.gaps[-1].detail == "7 more places could not be read"
    assert facts.gaps[-1].kinds == ALL_KINDS


def test_resource_data_of_another_shape_is_a_gap_of_its_kind(tmp_path: Path) -> None:
    account = {
        "name": "//iam.googleapis.com/projects/p/serviceAccounts/1",
        "assetType": "iam.googleapis.com/ServiceAccount",
        "resource": {"data": {"email": [SECRET]}},
    }
    facts = read(tmp_path, json.dumps(account))
    assert [(g.reason, g.kinds) for g in facts.gaps] == [("malformed", ("identity",))]
    assert SECRET not in repr(facts)


def test_what_the_inventory_cut_short_is_a_gap(tmp_path: Path) -> None:
    spellings: tuple[dict[str, Any], ...] = (
        {"assetExceptions": [{"exceptionType": "TRUNCATION"}]},
        {"asset_exceptions": [{"exception_type": 1}]},
    )
    for spelt in spellings:
        facts = read(tmp_path, json.dumps(bucket("a", **spelt)))
        assert [(g.reason, g.kinds) for g in facts.gaps] == [
            ("truncated", ("audit_config", "binding"))
        ]
        assert facts.snapshots[0].layers.allow == "partly"


# ------------------------------------------------------------------------- bad files


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        read_all(tmp_path, "absent.json")
    assert str(caught.value) == (
        "absent.json: no such snapshot file; write one with `dagwarden snapshot`, or "
        "export it from Cloud Asset Inventory"
    )


def test_a_folder_is_read_with_all_that_is_json_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    (folder / "deeper").mkdir(parents=True)
    (folder / "a.json").write_text(A)
    (folder / "deeper" / "b.ndjson").write_text(B)
    (folder / "c.yaml").write_text("assetType: x/Y\nname: //x/c\n")
    (folder / "notes.txt").write_text("no export")
    facts = read_all(tmp_path, "exports", "exports/a.json")
    assert buckets(facts) == ["a", "b"]
    assert [file.path for file in facts.files] == [
        "exports/a.json",
        "exports/c.yaml",
        "exports/deeper/b.ndjson",
    ]
    assert [one.what for one in facts.excluded] == ["exports/notes.txt"]


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(SourceError) as caught:
        read_all(tmp_path, "folder")
    assert str(caught.value) == "folder: an empty folder"


def test_a_loop_of_links_is_a_gap(tmp_path: Path) -> None:
    os.symlink(tmp_path / "b", tmp_path / "a")
    os.symlink(tmp_path / "a", tmp_path / "b")
    facts = read_all(tmp_path, "a")
    assert [g.reason for g in facts.gaps] == ["unreadable"]


@pytest.mark.parametrize(
    ("content", "reason", "detail"),
    [
        (b"", "missing", "the file is empty"),
        (b" \n\n", "missing", "the file is empty"),
        (b"\x1f\x8b\x08", "encoding", "compressed with gzip; decompress it first"),
        (A.encode("utf-16"), "encoding", "UTF-16, not UTF-8"),
        (b"\x7fELF\0\0\0", "encoding", "a binary file, not JSON"),
        (A.encode() + b"\0", "encoding", "a binary file, not JSON"),
    ],
)
def test_a_file_that_is_no_export_is_one_gap(
    tmp_path: Path, content: bytes, reason: str, detail: str
) -> None:
    facts = read(tmp_path, content)
    assert gaps(facts) == [(reason, None, detail, True)]
    assert facts.snapshots[0].layers.allow == "not_given"


def test_an_enormous_line_is_a_gap_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking_apart, "MAX_LINE", 1024 * 1024)
    long = '{"name": "' + "x" * 3 * 1024 * 1024 + '"}'
    facts = read(tmp_path, f"{A}\n{long}\n{B}\n")
    assert buckets(facts) == ["a", "b"]
    assert gaps(facts) == [("too_large", 2, "a line of more than 1 MB", True)]


def test_an_enormous_array_is_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking_apart, "MAX_WHOLE", 1024 * 1024)
    facts = read(tmp_path, "[" + " " * 2 * 1024 * 1024 + "]")
    assert gaps(facts) == [
        (
            "too_large",
            None,
            "a JSON array of more than 1 MB; write it as one asset a line",
            True,
        )
    ]


# --------------------------------------------------------------------- broken arrays


@pytest.mark.parametrize("indent", [None, 2])
def test_broken_json_in_the_middle_of_an_array(
    tmp_path: Path, indent: int | None
) -> None:
    text = json.dumps([bucket(name) for name in "abc"], indent=indent)
    broken = text.replace('"name": "//storage.googleapis.com/b"', '"name" //b"', 1)
    facts = read(tmp_path, broken)
    assert buckets(facts) == ["a", "c"]
    (gap,) = facts.gaps
    first = broken[: broken.index("//b")].count("\n")
    last = broken[: broken.index("/c")].count("\n")
    if indent is None:
        first, last = 1, 1
    assert (gap.reason, gap.origin.line) == ("syntax", first)
    assert gap.detail == (
        f"broken JSON: from line {first} to {last} no asset can be read"
    )


def test_an_array_that_does_not_end(tmp_path: Path) -> None:
    whole = json.dumps([bucket(name) for name in "abc"], indent=2)
    facts = read(tmp_path, whole[: whole.index("/c")])
    assert buckets(facts) == ["a", "b"]
    assert [g.reason for g in facts.gaps] == ["syntax"]
    facts = read(tmp_path, whole.rstrip("]\n") + "\n")
    assert buckets(facts) == ["a", "b", "c"]
    assert [g.reason for g in facts.gaps] == ["truncated"]


def test_something_after_the_array(tmp_path: Path) -> None:
    facts = read(tmp_path, f"[{A}]\n{B}")
    assert buckets(facts) == ["a"]
    assert gaps(facts) == [
        ("syntax", 1, "something follows the array and was not read", True)
    ]


def test_objects_inside_a_broken_element_are_no_assets(tmp_path: Path) -> None:
    text = f'[{A},{{"bad" 1, "x": [{{"role": "r"}}, {{"role": "s"}}]}},{B}]'
    facts = read(tmp_path, text)
    assert buckets(facts) == ["a", "b"]
    assert len(facts.gaps) == 1


@given(st.binary(max_size=300))
def test_nothing_in_a_file_makes_it_crash(tmp_path_factory: Any, junk: bytes) -> None:
    folder = tmp_path_factory.mktemp("junk")
    for content in (junk, b"[" + junk, A.encode() + b"\n" + junk, b"{\n" + junk):
        facts = read(folder, content)
        assert len(facts.snapshots) == 1


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=6),
    st.data(),
    st.sampled_from([None, 1]),
)
def test_one_broken_place_loses_no_other_asset(
    tmp_path_factory: Any, numbers: list[int], data: st.DataObject, indent: int | None
) -> None:
    names = [f"n{position}{number}" for position, number in enumerate(numbers)]
    texts = [json.dumps(bucket(name), indent=indent) for name in names]
    broken = data.draw(st.integers(0, len(names) - 1))
    at = data.draw(st.integers(1, len(texts[broken]) - 2))
    # a byte that cannot stand there, in or out of a string
    texts[broken] = texts[broken][:at] + "\x01" + texts[broken][at:]
    inner = ",\n".join(texts).replace("\n", "\n  ")
    facts = read(tmp_path_factory.mktemp("array"), f"[\n  {inner}\n]")
    found = {r.id.rpartition("/")[2] for r in facts.resources if r.kind == "bucket"}
    assert found >= {name for i, name in enumerate(names) if i != broken}
    assert facts.gaps != ()


# ------------------------------------------------------------------ several records


def at(time: str | None, name: str, role: str) -> str:
    return json.dumps(bucket(name, role, **({"updateTime": time} if time else {})))


def test_the_same_record_twice_is_one(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text(A)
    (tmp_path / "2.json").write_text(json.dumps(snake(json.loads(A))))
    facts = read_all(tmp_path, "1.json", "2.json")
    assert len(facts.bindings) == 1
    assert facts.gaps == ()
    assert facts.snapshots[0].assets == 2


@pytest.mark.parametrize("swapped", [False, True])
def test_of_two_that_differ_the_later_holds(tmp_path: Path, swapped: bool) -> None:
    old = at("2026-11-01T00:00:00Z", "a", "roles/old")
    new = at("2026-11-01T00:00:00.500Z", "a", "roles/new")
    lines = [new, old] if swapped else [old, new]
    facts = read(tmp_path, "\n".join(lines))
    assert [b.role for b in facts.bindings] == ["roles/new"]
    assert gaps(facts) == [
        (
            "conflict",
            2,
            (
                "//storage.googleapis.com/a was read twice, with differing content: "
                "the later one is used"
            ),
            False,
        )
    ]


def test_of_two_that_differ_without_a_time_neither_is_sure(tmp_path: Path) -> None:
    facts = read(tmp_path, "\n".join([at(None, "a", "r/1"), at(None, "a", "r/2")]))
    assert [(g.reason, g.kinds, g.incomplete) for g in facts.gaps] == [
        ("conflict", ("binding",), True)
    ]
    assert facts.snapshots[0].layers.allow == "partly"


def test_a_project_with_two_numbers_is_a_conflict(tmp_path: Path) -> None:
    def project(number: str) -> str:
        return json.dumps(
            {
                "name": f"//{CRM}/projects/{number}",
                "assetType": f"{CRM}/Project",
                "resource": {"data": {"projectId": "p", "projectNumber": number}},
            }
        )

    facts = read(tmp_path, f"{project('1')}\n{project('2')}")
    assert [(g.reason, g.origin.line, g.kinds) for g in facts.gaps] == [
        ("conflict", 2, ("resource",))
    ]


def test_what_lies_in_a_project_tells_once_that_it_has_two_numbers(
    tmp_path: Path,
) -> None:
    def service(name: str, number: str) -> str:
        return json.dumps(
            {
                "name": f"//run.googleapis.com/projects/p/locations/l/services/{name}",
                "assetType": "run.googleapis.com/Service",
                "ancestors": [f"projects/{number}"],
            }
        )

    lines = [service("a", "1"), service("b", "1"), service("c", "2"), service("d", "2")]
    facts = read(tmp_path, "\n".join(lines))
    assert [(g.reason, g.origin.line) for g in facts.gaps] == [("conflict", 3)]


@pytest.mark.parametrize(
    ("ancestors", "parent", "words"),
    [
        (
            ["projects/1", "folders/2"],
            "folders/3",
            "below folders/2 and below folders/3",
        ),
        (
            ["projects/1", "folders/2"],
            "projects/1",
            "below folders/2 and below projects/1",
        ),
        (["projects/1"], "folders/3", "below nothing and below folders/3"),
    ],
)
def test_a_project_in_two_places_is_told_with_both(
    ancestors: list[str], parent: str, words: str, tmp_path: Path
) -> None:
    project = {
        "name": f"//{CRM}/projects/1",
        "assetType": f"{CRM}/Project",
        "ancestors": ancestors,
        "resource": {"parent": f"//{CRM}/{parent}", "data": {"projectId": "p"}},
    }
    facts = read(tmp_path, json.dumps(project))
    assert [g.detail for g in facts.gaps] == [
        (
            f"//{CRM}/projects/1 is in two places, {words}, as if it was moved while it "
            "was read: what it inherits is not known"
        )
    ]


def test_the_order_of_files_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text(f"{A}\n{B}")
    (tmp_path / "2.json").write_text(C)
    assert read_all(tmp_path, "1.json", "2.json") == read_all(
        tmp_path, "2.json", "1.json"
    )


def test_no_path_of_the_machine_leaves(tmp_path: Path) -> None:
    inside = tmp_path / "root"
    inside.mkdir()
    (tmp_path / "outside.json").write_text(A)
    facts = read_snapshots(
        [tmp_path / "outside.json"],
        inside,
        include_sys_projects=False,
        fingerprint=KEY,
    )
    assert facts.files[0].path == "outside.json"
    assert str(tmp_path) not in repr(facts)


# ----------------------------------------------------------------------- sealed files

HEADER = {
    "dagwarden_snapshot": {
        "version": 1,
        "read_time": "2026-11-20T03:00:00Z",
        "scope": "organizations/9",
        "principal": "reader@p.iam.gserviceaccount.com",
        "layers": {"allow": "read", "deny": "read"},
        "asset_types": ["storage.googleapis.com/Bucket", "x/Y"],
    }
}


def sealed(*lines: Any, end: int | None = 1) -> str:
    given = [json.dumps(HEADER), *(json.dumps(line) for line in lines)]
    if end is not None:
        given.append(json.dumps({"dagwarden_end": {"assets": end}}))
    return "\n".join(given) + "\n"


def test_a_sealed_file_says_when_by_whom_and_of_what(tmp_path: Path) -> None:
    facts = read(tmp_path, sealed(json.loads(A)))
    (snapshot,) = facts.snapshots
    assert (snapshot.id, snapshot.read_time) == (
        "snapshot:organizations/9",
        "2026-11-20T03:00:00Z",
    )
    assert snapshot.principal == "reader@p.iam.gserviceaccount.com"
    assert snapshot.layers.deny == "read"
    assert snapshot.asset_types == ("storage.googleapis.com/Bucket", "x/Y")
    assert snapshot.unresolved == ()
    assert facts.gaps == ()


def test_beside_a_plain_export_the_seal_says_nothing_of_the_whole(
    tmp_path: Path,
) -> None:
    (tmp_path / "1.json").write_text(sealed(json.loads(A)))
    (tmp_path / "2.json").write_text(B)
    (snapshot,) = read_all(tmp_path, "1.json", "2.json").snapshots
    assert (snapshot.read_time, snapshot.scope, snapshot.principal) == (
        UNSET,
        UNSET,
        UNSET,
    )
    assert [u.field for u in snapshot.unresolved] == [
        "principal",
        "read_time",
        "scope",
    ]
    assert snapshot.layers.deny == "partly"


@pytest.mark.parametrize(
    ("end", "detail"),
    [
        (None, "the last line is missing: the file was cut short"),
        (2, "1 assets, where its last line counts 2"),
    ],
)
def test_a_sealed_file_cut_short_is_a_gap(
    tmp_path: Path, end: int | None, detail: str
) -> None:
    facts = read(tmp_path, sealed(json.loads(A), end=end))
    assert gaps(facts) == [("truncated", None, detail, True)]
    assert facts.gaps[0].kinds == ALL_KINDS


def test_a_newer_seal_is_told(tmp_path: Path) -> None:
    text = sealed(json.loads(A)).replace('"version": 1', '"version": 2')
    assert gaps(read(tmp_path, text)) == [
        ("unsupported", 1, "sealed as version 2, read as 1", True)
    ]


def test_an_element_shows_its_place_and_never_its_text() -> None:
    assert repr(Element(text=SECRET.encode(), line=3)) == (
        "Element(line=3, index=None)"
    )
