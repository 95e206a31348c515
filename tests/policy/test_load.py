"""Rule files: every problem at once with its line, hostile input bounded."""

import hashlib
import os
from pathlib import Path

import msgspec
import pytest

from dagwarden.errors import RuleError
from dagwarden.policy import load
from dagwarden.policy.document import BadYaml, plain, read_tree
from dagwarden.policy.load import load_rule_files, rules_to_ship
from dagwarden.policy.pack import load_rules
from dagwarden.rule import Control, Parameter, Rule

GOOD = """\
id: wide-grant
version: 1.0.0
title: A grant is wide
severity: high
confidence: certain
persona: engineer
needs: [snapshot]
subject: grant
when: subject.identity.kind == "user"
assert: subject.level == "service" || subject.role in params.roles
message: "{identity.email} holds {role}"
cause: [binding]
evidence: [role, identity.key]
what: what it does
why: why it matters
remediation: how to mend it
controls:
  - soc2: CC6.3
    because: because
    does_not_cover: the rest
params:
  roles:
    default: [roles/run.invoker]
    description: roles that may be wide
examples:
  - {name: narrow, subject: {identity: {kind: user}, level: service}, expect: pass}
  - {name: wide, subject: {identity: {kind: user}, level: project, role: x}, expect: fail}
"""


def written(folder: Path, text: str = GOOD, name: str = "wide-grant.yaml") -> Path:
    family = folder / "grants"
    family.mkdir(parents=True, exist_ok=True)
    (family / name).write_text(text)
    return folder


def problems(folder: Path) -> list[str]:
    """The problems of the rules in `folder`, without its path."""
    with pytest.raises(RuleError) as caught:
        load_rule_files([folder])
    return [p.replace(f"{folder}/", "") for p in caught.value.problems]


def test_a_good_file_is_the_rule_as_written(tmp_path: Path) -> None:
    (found,) = load_rule_files([written(tmp_path)])
    rule = found.rule
    assert msgspec.structs.replace(rule, sha256="", source="") == Rule(
        id="wide-grant",
        version="1.0.0",
        title="A grant is wide",
        family="grants",
        severity="high",
        confidence="certain",
        persona="engineer",
        needs=("snapshot",),
        subject="grant",
        when='subject.identity.kind == "user"',
        assert_='subject.level == "service" || subject.role in params.roles',
        message="{identity.email} holds {role}",
        what="what it does",
        why="why it matters",
        remediation="how to mend it",
        controls=(Control(soc2="CC6.3", because="because", does_not_cover="the rest"),),
        cause=("binding",),
        evidence=("role", "identity.key"),
        params={
            "roles": Parameter(
                default=("roles/run.invoker",), description="roles that may be wide"
            )
        },
        bundled=False,
    )
    written_bytes = (tmp_path / "grants" / "wide-grant.yaml").read_bytes()
    assert rule.sha256 == hashlib.sha256(written_bytes).hexdigest()
    assert rule.source == f"{tmp_path}/grants/wide-grant.yaml"
    assert [(e.name, e.expect) for e in found.examples] == [
        ("narrow", "pass"),
        ("wide", "fail"),
    ]
    assert found.lines == (26, 27)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("title:", "titel:", "3: a rule has no field titel; did you mean title?"),
        ("title: A grant is wide\n", "", "1: the field title is missing; add it"),
        ("severity: high", "severity: hihg", "4: there is no severity hihg; did you mean high?"),
        ("severity: high", "severity: 3", "4: there is no severity 3; there is: critical"),
        ("certain", "sure", "5: there is no confidence sure; there is: certain, likely"),
        ("engineer", "enginer", "6: there is no persona enginer; did you mean engineer?"),
        ("[snapshot]", "[snapshto]", "7: there is no need snapshto; did you mean snapshot?"),
        ("[snapshot]", "[]", "7: needs: name at least one of dags, connections"),
        ("[snapshot]", "snapshot", "7: needs: Expected array, got str"),
        ("subject: grant", "subject: grants", "8: there is no fact grants; did you mean grant?"),
        ("title: A grant is wide", "title: [a]", "3: title: Expected str, got array"),
        ("title: A grant is wide", "title:", "3: title: Expected str, got null"),
        (".level ==", ".levl ==", "10: assert: there is no field levl; did you mean level?"),
        ('subject.identity.kind == "user"', "has(subject.role)", "9: when: has() would"),
        ('subject.identity.kind == "user"', "subject.role", "9: when: the expression gives a string"),
        ('== "user"', '== "usr"', '9: when: subject.identity.kind is never "usr"'),
        ("params.roles", "params.role", "10: assert: there is no parameter role; did you mean roles?"),
        ("{role}", "{rol}", "11: message: there is no field rol; did you mean role?"),
        ("{identity.email}", "{identity.mail}", "11: message: there is no field identity.mail; did you mean email?"),
        ("{role}", "{}", "11: message: there is no field ;"),
        ("{role}", "{unresolved.symbol}", "11: message: there is no field unresolved.symbol"),
        ("[binding]", "[bindign]", "12: cause: there is no field bindign; did you mean binding?"),
        ("[role, identity.key]", "[identity.id]", "13: evidence: there is no field identity.id"),
        ("soc2: CC6.3", "soc2: CC6.33", "18: there is no SOC 2 criterion CC6.33; did you mean CC6.3?"),
        ("    because: because\n", "", "18: controls: Object missing required field because"),
        ("because: because", "becuase: because", "19: controls: there is no field becuase; did you mean because?"),
        ("default: [roles/run.invoker]", "default: [1]", "22: params: "),
        ("    description: roles that may be wide\n", "", "22: params: Object missing required field description"),
        ("  roles:\n", "  Roles:\n", "22: params: Roles is not lower_case"),
        ("default: [roles/run.invoker]", "default: [x]\n    minimum: 1", "22: params: roles is no number and has no bounds"),
        ("default: [roles/run.invoker]", "default: 5\n    maximum: 4", "22: params: the default of roles is above its maximum 4"),
        ("default: [roles/run.invoker]", "default: 5\n    minimum: 6", "22: params: the default of roles is below its minimum 6"),
        ("expect: pass", "expect: ok", "26: examples: Invalid enum value 'ok' (at expect)"),
        ("{name: narrow,", "{nmae: narrow,", "26: examples: there is no field nmae; did you mean name?"),
        ("id: wide-grant", "id: Wide", "1: id: Wide is not lower-case-with-dashes"),
        ("id: wide-grant", "id: no-wide-grant", "1: id: no-wide-grant names a fix; name the flaw"),
        ("id: wide-grant", "id: wide", "1: id: the file of wide is wide.yaml"),
        ("version: 1.0.0", 'version: "1.0"', "2: version: write three numbers, as 1.0.0"),
        ("version: 1.0.0", "version: 1.0", "2: version: Expected str, got float"),
        ("cause: [binding]", "supersedes: [gone]", "1: supersedes: there is no rule gone"),
        ("cause: [binding]", "supersedes: [wide-grant]", "1: supersedes: a rule cannot supersede itself"),
        ("cause: [binding]", "family: grant", "12: there is no family grant (the directory's name); write `family:` with one of credentials, identity,"),
        ("remediation: how to mend it", "remediation: |\n  {roel}", "16: remediation: there is no field roel; did you mean role?"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_told_with_its_line(
    old: str, new: str, problem: str, tmp_path: Path
) -> None:
    assert old in GOOD
    found = problems(written(tmp_path, GOOD.replace(old, new, 1)))
    assert any(p.startswith(f"grants/wide-grant.yaml:{problem}") for p in found), found


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    bad = GOOD.replace("severity: high", "severity: hihg").replace(".level", ".levl")
    written(tmp_path, bad.replace("title:", "titel:"))
    written(tmp_path, "[", "broken.yaml")
    assert [p.split(";")[0] for p in problems(tmp_path)] == [
        "grants/broken.yaml:2: is no YAML: did not find expected node content",
        "grants/wide-grant.yaml:3: a rule has no field titel",
        "grants/wide-grant.yaml:4: there is no severity hihg",
        "grants/wide-grant.yaml:1: the field title is missing",
        "grants/wide-grant.yaml:10: assert: there is no field levl",
    ]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "1: is no rule"),
        (b"just text", "1: is no rule"),
        (b"- a\n- b\n", "1: is no rule"),
        (b"id: \x00", "1: is no YAML: it cannot be read as text"),
        (b"id: \xff\xfe\xff", "1: is no YAML: "),
        (b"id: a\nid: b\n", "2: 'id' is given twice"),
        (b"id: &a x\n", "1: anchors and aliases are not allowed"),
        (b"id: a\nwhat: *a\n", "2: anchors and aliases are not allowed"),
        (b"id: a\n---\nid: b\n", "2: it holds more than one document"),
        (b"? [a]\n: b\n", "1: a key has to be a plain word"),
        (b"a: " + b"[" * 30, "1: is nested too deeply"),
        (b"a: " + b"[" * 200_000, "1: is nested too deeply"),
        (b"a: " + b"{a: " * 60_000, "1: is nested too deeply"),
        (b"#" * (256 * 1024 + 1), "1: is larger than 256 KB"),
        (
            b"id: !!python/object:os.system x\n",
            "1: fields are missing: version, title,",
        ),
    ],
    ids=range(15),
)
def test_hostile_files_are_refused(data: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(data)
    found = problems(tmp_path)
    assert any(p.startswith(f"x.yaml:{problem}") for p in found), found


def test_aliases_cannot_explode(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    (tmp_path / "bomb.yaml").write_text("\n".join(lines))
    assert problems(tmp_path) == [
        "bomb.yaml:1: anchors and aliases are not allowed; repeat it"
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("'true'", "true"),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("'12'", "12"),
        ("90.0", 90.0),
        ("1.5e3", 1500.0),
        ("1.0.0", "1.0.0"),
        ("2024-01-01", "2024-01-01"),
        ("0x10", "0x10"),
        (".inf", ".inf"),
        ("1" * 400, "1" * 400),
        ("[a, {b: c}]", ["a", {"b": "c"}]),
        ("{a: {b: []}}", {"a": {"b": []}}),
    ],
)
def test_values(text: str, value: object) -> None:
    assert plain(read_tree(text.encode())) == value


def test_lines() -> None:
    tree = read_tree(b"a: 1\nb:\n  - x\n  - y: z\n")
    assert isinstance(tree.value, dict)
    items = tree.value["b"].value
    assert isinstance(items, list)
    assert [tree.value["a"].line, items[0].line, items[1].line] == [1, 3, 4]


def test_bad_yaml_knows_its_line() -> None:
    with pytest.raises(BadYaml, match="is no YAML") as caught:
        read_tree(b"a: 1\nb: [\nc: 2\n")
    assert caught.value.line == 4


def test_links_out_of_the_directory_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text(GOOD)
    own = tmp_path / "own"
    own.mkdir()
    (own / "file.yaml").symlink_to(tmp_path / "secret.yaml")
    (own / "folder").symlink_to(tmp_path)
    (own / "gone.yaml").symlink_to(tmp_path / "nowhere")
    (own / "loop").symlink_to(own / "loop")
    assert problems(own) == [
        f"{name}: is a symlink out of the rules; copy the file"
        for name in ("file.yaml", "folder", "gone.yaml", "loop")
    ]


def test_links_within_the_directory_are_read_once(tmp_path: Path) -> None:
    # As Kubernetes mounts a ConfigMap.
    written(tmp_path / "..2026")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "grants").mkdir()
    link = tmp_path / "grants" / "wide-grant.yaml"
    link.symlink_to("../..data/grants/wide-grant.yaml")
    (tmp_path / "again").symlink_to("grants")
    assert [f.rule.id for f in load_rule_files([tmp_path])] == ["wide-grant"]


def test_a_pipe_does_not_stop_the_scan(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert problems(tmp_path) == ["pipe.yaml: is no regular file; remove it"]


def test_too_deep_a_directory_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "MAX_DEPTH", 2)
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    assert problems(tmp_path) == ["a/b/c: lies too deep; move it up"]


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "MAX_FILES", 2)
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.yaml").write_text("x: 1")
    assert f"{tmp_path}: holds more than 2 rule files; split it" in problems(tmp_path)


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(RuleError, match="gone: is no directory; give the directory"):
        load_rules([gone])


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # By hand, because root, who may run the tests, is refused nothing.
    opened = Path.open

    def refuse(path: Path, mode: str = "r", *rest: object) -> object:
        if path.is_relative_to(tmp_path):
            raise PermissionError(13, "Permission denied")
        return opened(path, mode)

    written(tmp_path)
    monkeypatch.setattr(Path, "open", refuse)
    found = problems(tmp_path)
    assert found == ["grants/wide-grant.yaml:1: cannot be read: Permission denied"]


def test_ids_are_given_once(tmp_path: Path) -> None:
    one, two = written(tmp_path / "one"), written(tmp_path / "two")
    with pytest.raises(RuleError, match=r"wide-grant stands in .*one.* too"):
        load_rule_files([one, two])


def test_a_shipped_id_is_taken(tmp_path: Path) -> None:
    text = GOOD.replace("wide-grant", "public-invoker")
    written(tmp_path, text, "public-invoker.yaml")
    with pytest.raises(RuleError, match="public-invoker is a shipped rule; choose"):
        load_rules([tmp_path])


def test_own_rules_may_name_criteria_that_no_shipped_rule_does(tmp_path: Path) -> None:
    text = GOOD.replace("CC6.3", "CC9.2")
    (found,) = load_rule_files([written(tmp_path, text)])
    assert found.rule.controls[0].soc2 == "CC9.2"
    with pytest.raises(RuleError, match=r"no SOC 2 criterion CC9\.2"):
        rules_to_ship(tmp_path)


def test_superseding_a_rule_over_another_fact(tmp_path: Path) -> None:
    written(tmp_path, GOOD.replace("cause: [binding]", "supersedes: [stale-snapshot]"))
    with pytest.raises(RuleError, match=r"judges another kind of fact \(snapshot\)"):
        load_rules([tmp_path])


def test_shipped_rules_have_to_prove_themselves(tmp_path: Path) -> None:
    start = GOOD.index("examples:")
    written(tmp_path, GOOD[:start] + "examples: []\n")
    assert load_rule_files([tmp_path])
    with pytest.raises(RuleError, match="examples: give at least one"):
        rules_to_ship(tmp_path)
