"""Waivers: which are read, which may apply, what they cover."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dagwarden.errors import WaiverError
from dagwarden.facts import InlineWaiver, Origin
from dagwarden.findings import Waiver, WaiverStatus
from dagwarden.policy.controls import read_controls
from dagwarden.policy.pack import load_rules
from dagwarden.policy.waivers import (
    covers,
    inline_waiver,
    inline_waivers,
    read_waivers,
    standing,
)

RULES = load_rules()
TODAY = date(2026, 11, 22)
ENTRY = """
waivers:
  - rule: default-compute-identity
    subject: "task_identity:prod:*"
    owner: "@data"
    approver: "@security"
    reason: moves to its own account in January
    expires: 2027-01-31
"""


def waiver(**changes: object) -> Waiver:
    plain = Waiver(
        id="w#1",
        kind="waiver",
        rule="default-compute-identity",
        subject="*",
        owner="@data",
        approver="@security",
        reason="because",
        expires="2027-01-31",
        origin=Origin(source="w"),
        inline=False,
        status=WaiverStatus.UNUSED,
    )
    return replace(plain, **changes)


def test_an_entry_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(ENTRY)
    assert read_waivers(path, "w.yaml", RULES) == (
        waiver(
            id="w.yaml#1",
            subject="task_identity:prod:*",
            reason="moves to its own account in January",
            origin=Origin(source="w.yaml", field="waivers[0]"),
        ),
    )


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('    owner: "@data"\n', "", "w.yaml: entry 1: has no owner"),
        ('owner: "@data"', 'owner: ""', "w.yaml: entry 1: has no owner"),
        ("    expires: 2027-01-31\n", "", "entry 1: has no expires"),
        (
            "expires: 2027-01-31",
            "expires: soon",
            "entry 1: Invalid RFC3339 encoded date - at `$.expires`; write a day as 2027-01-31",
        ),
        ("reason:", "raeson:", "unknown field 'raeson'; did you mean reason?"),
        (
            "default-compute-identity",
            "default-compute-identiy",
            "did you mean default-compute-identity?",
        ),
        ("waivers:", "waviers:", "is not a mapping with the one key 'waivers'"),
        ("  - rule", "  rule", "w.yaml:4: is no YAML"),
        ("waivers:", "waivers: [", "is no YAML"),
        # a value is repeated only where it is a word: it may be a secret
        (
            "expires: 2027-01-31",
            "expires: !!timestamp x",
            "w.yaml: entry 1: Invalid RFC3339",
        ),
        ("rule: default", "rule: eyJhbGciOi-default", "unknown rule of 35 characters"),
    ],
)
def test_a_wrong_entry_says_where_and_what(
    old: str, new: str, line: str, tmp_path: Path
) -> None:
    path = tmp_path / "w.yaml"
    assert old in ENTRY
    path.write_text(ENTRY.replace(old, new))
    with pytest.raises(WaiverError) as caught:
        read_waivers(path, "w.yaml", RULES)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "waivers: " + "[" * 30_000,
        "waivers: " + "{a: " * 30_000,
        "a0: &a0 {x: y}\n"
        + "".join(
            f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n"
            for n in range(1, 10)
        ),
        "waivers: []\n---\nwaivers: []",
    ],
)
def test_a_register_can_neither_crash_nor_stall_the_scan(
    text: str, tmp_path: Path
) -> None:
    (tmp_path / "w.yaml").write_text(text)
    with pytest.raises(WaiverError):
        read_waivers(tmp_path / "w.yaml", "w.yaml", RULES)


def test_a_register_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(WaiverError, match="No such file"):
        read_waivers(tmp_path / "w.yaml", "w.yaml", RULES)


def test_a_control_register_is_read_and_its_rules_exist(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "controls:\n  - {id: AC-1, wording: w, owner: o, criteria: [CC6.1],"
        " rules: [default-compute-identity]}\n"
    )
    (control,) = read_controls(path, "c.yaml", RULES)
    assert (control.id, control.rules) == ("AC-1", ("default-compute-identity",))
    path.write_text(path.read_text().replace("default-", "defualt-"))
    with pytest.raises(WaiverError, match=r"entry 1.*did you mean"):
        read_controls(path, "c.yaml", RULES)


@pytest.mark.parametrize(
    ("criterion", "accepted"),
    [
        ("CC6.1", True),
        ("CC1.5", True),  # no rule gives evidence for it; a company may control it
        ("CC6", True),
        ("P8.1", True),
        ("A.8.2", True),  # another framework's
        ("AC-2", True),
        ("PCI 8.3.1", True),
        ("CC99", False),
        ("CC6.9", False),
        ("cc6.1", False),
        ("A1.4", False),
        ("P9", False),
    ],
)
def test_a_criterion_that_looks_like_soc_2_is_one(
    criterion: str, accepted: bool, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "controls:\n"
        f'  - {{id: AC-1, wording: w, owner: o, criteria: ["{criterion}"], rules: []}}\n'
    )
    if accepted:
        assert read_controls(path, "c.yaml", RULES)[0].criteria == (criterion,)
    else:
        with pytest.raises(WaiverError, match=rf"entry 1.*criterion '{criterion}'"):
            read_controls(path, "c.yaml", RULES)


@pytest.mark.parametrize(
    ("text", "status", "note"),
    [
        ("waive r-x until=2027-01-31 owner=@a -- why", WaiverStatus.UNUSED, ""),
        ("waive r-x until=2027-01-31 -- why", WaiverStatus.MALFORMED, "has no owner="),
        ("waive r-x owner=@a -- why", WaiverStatus.MALFORMED, "has no until="),
        ("waive r-x until=soon owner=@a -- why", WaiverStatus.MALFORMED, "until="),
        ("waive r-x until=2027-01-31 owner=@a", WaiverStatus.MALFORMED, "no reason"),
        (
            "waive r-x until=2027-01-31 owner=@a tick=1 -- w",
            WaiverStatus.MALFORMED,
            "unknown field 'tick'",
        ),
        ("ignore r-x", WaiverStatus.MALFORMED, "is not a waiver"),
        ("waive", WaiverStatus.MALFORMED, "is not a waiver"),
    ],
)
def test_a_comment_waives_or_says_loudly_why_not(
    text: str, status: WaiverStatus, note: str
) -> None:
    origin = Origin(source="dags/a.py", line=7)
    read = inline_waiver(InlineWaiver(origin=origin, text=text))
    assert read.status is status
    assert note in read.note
    if status is WaiverStatus.UNUSED:
        assert (read.rule, read.owner, read.expires, read.reason) == (
            "r-x",
            "@a",
            "2027-01-31",
            "why",
        )


def test_comments_on_one_line_are_told_apart_and_unknown_rules_are_told() -> None:
    origin = Origin(source="dags/a.py", line=7)
    text = "waive r-x until=2027-01-31 owner=@a -- why"
    first, second, third, slip = inline_waivers(
        [
            InlineWaiver(origin=origin, text=text),
            InlineWaiver(origin=origin, text=text),
            InlineWaiver(origin=origin, text=text.replace("r-x", "r-y")),
            InlineWaiver(origin=origin, text=text.replace("r-x", "public-invokr")),
        ],
        {"r-x", "public-invoker"},
    )
    assert slip.note == (
        "no rule of this name is in force; did you mean public-invoker?"
    )
    assert (first.id, second.id) == ("dags/a.py:7#r-x", "dags/a.py:7#r-x#2")
    assert (first.note, third.note) == ("", "no rule of this name is in force")


@pytest.mark.parametrize(
    ("changes", "approvers", "trusted", "status"),
    [
        ({}, (), False, WaiverStatus.UNUSED),
        ({"expires": "2026-11-22"}, (), True, WaiverStatus.UNUSED),
        ({"expires": "2026-11-21"}, (), True, WaiverStatus.EXPIRED),
        ({"approver": ""}, (), True, WaiverStatus.UNAPPROVED),
        ({"approver": "@data"}, (), True, WaiverStatus.UNAPPROVED),
        ({}, ("@ciso",), True, WaiverStatus.UNAPPROVED),
        ({}, ("@security",), True, WaiverStatus.UNUSED),
        ({"inline": True, "approver": ""}, (), True, WaiverStatus.UNUSED),
        ({"inline": True, "approver": ""}, ("@s",), True, WaiverStatus.UNAPPROVED),
        ({"inline": True}, ("@security",), True, WaiverStatus.UNUSED),
        ({"inline": True}, (), False, WaiverStatus.REFUSED),
        ({"status": WaiverStatus.MALFORMED}, (), True, WaiverStatus.MALFORMED),
    ],
)
def test_who_may_waive(
    changes: dict[str, object],
    approvers: tuple[str, ...],
    trusted: bool,
    status: WaiverStatus,
) -> None:
    decided = standing(waiver(**changes), TODAY, approvers=approvers, trusted=trusted)
    assert decided.status is status
    told = status not in (WaiverStatus.UNUSED, WaiverStatus.MALFORMED)
    careless = bool(changes.get("inline")) and not changes.get("approver", "@security")
    assert bool(decided.note) is (told or careless)


HERE = Origin(source="dags/a.py", line=7)


@pytest.mark.parametrize(
    ("changes", "covered"),
    [
        ({"subject": "task:prod:a"}, True),
        ({"subject": "task:prod:b"}, False),
        ({"subject": "task:*"}, True),
        ({"subject": "*:a"}, True),
        ({"subject": "task:*:*od:a"}, False),
        ({"subject": "task*a*a"}, False),
        ({"subject": "0123abcd"}, True),
        ({"subject": "", "inline": True, "origin": HERE}, True),
        ({"inline": True, "origin": Origin(source="dags/a.py", line=8)}, False),
        ({"inline": True, "origin": Origin(source="dags/b.py", line=7)}, False),
    ],
)
def test_what_a_waiver_covers(changes: dict[str, object], covered: bool) -> None:
    assert covers(waiver(**changes), "task:prod:a", HERE, "0123abcd") is covered


@given(
    parts=st.lists(st.text("ab*", max_size=4), max_size=4),
    text=st.text("ab", max_size=8),
)
def test_the_wildcard_agrees_with_a_slow_matcher(parts: list[str], text: str) -> None:
    pattern = "*".join(parts)

    def slow(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return slow(pattern[1:], text) or (bool(text) and slow(pattern, text[1:]))
        return bool(text) and pattern[0] == text[0] and slow(pattern[1:], text[1:])

    assert covers(waiver(subject=pattern), text, HERE, "-") is slow(pattern, text)


def test_what_stands_for_a_date_and_is_none_is_not_repeated() -> None:
    text = "waive r-x until=Xq7vT9mKp2 -- why"
    waiver = inline_waiver(
        InlineWaiver(origin=Origin(source="a.py", line=1), text=text)
    )
    assert waiver.status is WaiverStatus.MALFORMED
    assert waiver.expires == ""
