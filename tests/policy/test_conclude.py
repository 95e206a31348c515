"""From verdicts to findings: causes, waivers, ranks and accounts."""

from datetime import date

from msgspec.structs import replace

from dagwarden.facts import (
    Facts,
    Hop,
    InlineWaiver,
    LifetimeChain,
    Origin,
    Path,
    Unresolved,
)
from dagwarden.findings import Missing, Outcome, Verdict, Verdicts, Waiver, WaiverStatus
from dagwarden.policy.conclude import Conclusion, conclude, together
from dagwarden.policy.evaluate import judge
from dagwarden.rule import Rule

RULE = Rule(
    id="unbounded",
    version="1.0.0",
    title="Nothing bounds the run",
    family="lifetimes",
    severity="medium",
    confidence="certain",
    persona="engineer",
    needs=(),
    subject="lifetime_chain",
    when="true",
    assert_="subject.bounded",
    message="{dag_id} runs without end",
    what="",
    why="",
    remediation="set dagrun_timeout",
    controls=(),
    cause=("dag",),
)


def lifetime(task: str, dag: str = "d", bounded: bool | None = False) -> LifetimeChain:
    chain = LifetimeChain(
        id=f"lifetime_chain:prod:dags/{dag}.py:{dag}.{task}",
        origin=Origin(source=f"dags/{dag}.py", line=10 + len(task)),
        environment="prod",
        task=f"task:{task}",
        dag=f"dag:{dag}",
        dag_id=dag,
        operation="run_job",
    )
    if bounded is None:
        missing = Unresolved(field="bounded", reason="setting", symbol="[core] x")
        return replace(chain, unresolved=(missing,))
    return replace(chain, bounded=bounded)


def path(task: str, through: tuple[str, ...] = ()) -> Path:
    return Path(
        id=f"path:{task}",
        origin=Origin(source="dags/d.py"),
        environment="prod",
        task=f"task:{task}",
        operation="run_job",
        via="operator",
        hops=(Hop(kind="task", source=task, target="x", text=f"{task} runs"),),
        through=through,
        assumes=("no deny policy",),
    )


def concluded(
    facts: Facts,
    rules: tuple[Rule, ...] = (RULE,),
    waivers: tuple[Waiver, ...] = (),
    trusted: bool = True,
) -> Conclusion:
    judgement = judge(rules, facts, {}, frozenset())
    return conclude(
        judgement,
        rules,
        facts,
        waivers,
        as_of=date(2026, 11, 22),
        approvers=(),
        trusted=trusted,
    )


def verdicts(result: Conclusion) -> list[Verdict]:
    rules = [rule.id for rule in result.rules]
    return list(Verdicts(rules, result.judged, result.verdicts))


def waiver(subject: str, kind: str = "waiver") -> Waiver:
    return Waiver(
        id=f"w:{subject}",
        kind=kind,
        rule="unbounded",
        subject=subject,
        owner="@a",
        approver="@b",
        reason="r",
        expires="2026-12-31",
        origin=Origin(source="w"),
        inline=False,
        status=WaiverStatus.UNUSED,
    )


def test_one_cause_is_one_finding_that_lists_its_subjects_in_order() -> None:
    facts = Facts(
        lifetime_chains=(lifetime("bbb"), lifetime("a"), lifetime("c", dag="other"))
    )
    first, second = concluded(facts).findings
    assert {first.message, second.message} == {
        "d runs without end",
        "other runs without end",
    }
    both = next(item for item in (first, second) if item.message.startswith("d "))
    assert both.subjects == (
        "lifetime_chain:prod:dags/d.py:d.a",
        "lifetime_chain:prod:dags/d.py:d.bbb",
    )
    assert [origin.line for origin in both.places] == [11, 13]
    assert both.origin == both.places[0]


def test_a_fingerprint_survives_moved_lines_and_names_the_cause() -> None:
    one = concluded(Facts(lifetime_chains=(lifetime("a"),))).findings[0]
    moved = replace(lifetime("a"), origin=Origin(source="dags/d.py", line=99))
    other = lifetime("a", dag="other")
    (same,) = concluded(Facts(lifetime_chains=(moved,))).findings
    (different,) = concluded(Facts(lifetime_chains=(other,))).findings
    assert same.fingerprint == one.fingerprint
    assert different.fingerprint != one.fingerprint


def test_findings_that_cut_more_chains_come_first() -> None:
    facts = Facts(
        lifetime_chains=(lifetime("a", dag="few"), lifetime("b", dag="many")),
        paths=(
            path("a"),
            path("b"),
            path("c", through=("lifetime_chain:prod:dags/many.py:many.b",)),
        ),
    )
    findings = concluded(facts).findings
    assert [(item.message.split()[0], item.chains) for item in findings] == [
        ("many", 2),
        ("few", 1),
    ]


def test_a_finding_without_a_chain_of_its_own_shows_one_it_lies_on() -> None:
    facts = Facts(lifetime_chains=(lifetime("a"),), paths=(path("a"),))
    (finding,) = concluded(facts).findings
    assert [hop.text for hop in finding.hops] == ["a runs"]
    assert finding.assumes == ("no deny policy",)


def test_a_waived_subject_leaves_the_failures_and_keeps_its_finding() -> None:
    facts = Facts(lifetime_chains=(lifetime("a"), lifetime("bb")))
    result = concluded(facts, waivers=(waiver("*d.a"),))
    open_, waived = result.findings
    assert (open_.subjects, open_.waiver) == (
        ("lifetime_chain:prod:dags/d.py:d.bb",),
        None,
    )
    assert (waived.subjects, waived.waiver) == (
        ("lifetime_chain:prod:dags/d.py:d.a",),
        "w:*d.a",
    )
    population = result.rules[0].population
    assert (population.failed, population.waived) == (1, 1)
    (used,) = result.waivers
    assert (used.status, used.matched) == (WaiverStatus.USED, 1)


def test_a_waiver_by_fingerprint_and_one_that_nothing_needs() -> None:
    facts = Facts(lifetime_chains=(lifetime("a"),))
    fingerprint = concluded(facts).findings[0].fingerprint
    result = concluded(facts, waivers=(waiver(fingerprint), waiver("other")))
    assert {item.subject: item.status for item in result.waivers} == {
        fingerprint: WaiverStatus.USED,
        "other": WaiverStatus.UNUSED,
    }


def test_a_comment_on_the_line_waives_where_the_repository_is_trusted() -> None:
    facts = Facts(
        lifetime_chains=(lifetime("a"),),
        inline_waivers=(
            InlineWaiver(
                origin=Origin(source="dags/d.py", line=11),
                text="waive unbounded until=2026-12-31 owner=@a -- soon",
            ),
        ),
    )
    assert concluded(facts).findings[0].waiver == "dags/d.py:11#unbounded"
    refused = concluded(facts, trusted=False)
    assert refused.findings[0].waiver is None
    assert refused.waivers[0].status is WaiverStatus.REFUSED


def test_unknowns_are_grouped_by_what_would_decide_them() -> None:
    facts = Facts(
        lifetime_chains=(lifetime("a", bounded=None), lifetime("b", bounded=None))
    )
    result = concluded(facts)
    (finding,) = result.findings
    assert finding.outcome is Outcome.UNKNOWN
    assert len(finding.subjects) == 2
    assert finding.missing == (Missing(reason="setting", symbol="[core] x"),)
    (unknown,) = result.unknowns
    assert (unknown.symbol, unknown.verdicts, unknown.rules) == (
        "[core] x",
        2,
        ("unbounded",),
    )


def test_an_accepted_gap_stays_unknown_in_every_total() -> None:
    facts = Facts(lifetime_chains=(lifetime("a", bounded=None),))
    result = concluded(facts, waivers=(waiver("*", kind="gap"), waiver("*.a")))
    assert result.rules[0].population.unknown == 1
    assert result.findings[0].waiver == "w:*"
    assert result.unknowns[0].verdicts == 1
    assert [item.status for item in result.waivers if item.kind == "waiver"] == [
        WaiverStatus.UNUSED
    ]


def test_the_more_specific_rule_hides_the_other_ones_finding_not_its_verdict() -> None:
    specific = replace(RULE, id="specific", supersedes=("unbounded",))
    facts = Facts(lifetime_chains=(lifetime("a"),))
    result = concluded(facts, rules=(RULE, specific))
    (finding,) = result.findings
    assert (finding.rule, finding.explains) == ("specific", ("unbounded",))
    assert [rule.population.failed for rule in result.rules] == [1, 1]


def test_it_hides_it_on_other_subjects_of_the_same_task_too() -> None:
    other = replace(
        RULE, id="other", subject="path", assert_="subject.allowed", cause=()
    )
    specific = replace(RULE, supersedes=("other",))
    denied = replace(path("a"), allowed=False), replace(path("b"), allowed=False)
    facts = Facts(lifetime_chains=(lifetime("a"),), paths=denied)
    result = concluded(facts, rules=(specific, other))
    assert [(item.rule, item.subjects) for item in result.findings] == [
        ("other", ("path:b",)),
        ("unbounded", ("lifetime_chain:prod:dags/d.py:d.a",)),
    ]


def test_a_waiver_covers_the_rule_it_names_and_no_other() -> None:
    specific = replace(RULE, id="specific", supersedes=("unbounded",))
    facts = Facts(lifetime_chains=(lifetime("a"),))
    accepted = replace(waiver("*"), rule="specific")
    result = concluded(facts, rules=(RULE, specific), waivers=(accepted,))
    assert [(item.rule, item.waiver, item.explains) for item in result.findings] == [
        ("unbounded", None, ()),
        ("specific", "w:*", ()),
    ]


def test_in_a_part_of_the_estate_an_unused_waiver_is_not_told_to_go() -> None:
    unused = waiver("elsewhere")
    assert concluded(Facts(), waivers=(unused,)).waivers[0].note == ""
    judgement = judge((RULE,), Facts(), {}, frozenset())
    slip = InlineWaiver(
        origin=Origin(source="dags/d.py", line=3),
        text="waive unbouned until=2027-01-31 owner=@a approver=@b -- why",
    )
    misspelt, told = conclude(
        judgement,
        (RULE,),
        Facts(inline_waivers=(slip,)),
        (unused,),
        as_of=date(2026, 11, 22),
        approvers=(),
        trusted=True,
        partial=True,
    ).waivers
    assert told.note == "covers nothing in this part of the estate and rules"
    assert misspelt.note == (
        "no rule of this name is in force; did you mean unbounded?"
    )


def test_conclusions_on_rules_of_their_own_are_together_as_one_on_all() -> None:
    other = replace(
        RULE, id="by-path", subject="path", assert_='subject.task == "task:a"', cause=()
    )
    rules = (replace(RULE, id="first", severity="low"), other, RULE)
    facts = Facts(
        lifetime_chains=(
            lifetime("a"),
            lifetime("bbb"),
            lifetime("c", dag="other"),
            lifetime("e", bounded=None),
            lifetime("f", bounded=True),
        ),
        paths=(path("a"), path("b"), path("c", through=("path:b",))),
    )
    waivers = (
        waiver("*:d.a"),
        waiver("nobody"),
        replace(waiver("path:b"), rule="by-path"),
    )

    def on(own: tuple[Rule, ...]) -> Conclusion:
        return conclude(
            judge(own, facts, {}, frozenset()),
            rules,
            facts,
            waivers,
            as_of=date(2026, 11, 22),
            approvers=(),
            trusted=True,
        )

    at_once = on(rules)
    used = [one.matched for one in at_once.waivers]
    assert (len(at_once.findings), used) == (9, [1, 0, 1])
    # what was judged has no order of its own
    for parts in (
        (on((other,)), on((rules[0], RULE))),
        (on((RULE, rules[0])), on((other,))),
    ):
        found = together(parts, rules)
        assert verdicts(found) == verdicts(at_once)
        assert replace(found, judged=at_once.judged) == at_once
