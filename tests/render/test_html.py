"""The auditor's page, as text; tests/browser opens it."""

import gzip
import json
import re
from base64 import b64decode
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from tests.render.sample import (
    AUDITOR,
    EMPTY,
    ESCAPES,
    FINDINGS,
    OVERRIDE,
    REPORT,
    RESULT,
    SCRIPT,
    WITHOUT_REGISTER,
)
from tests.render.snapshot import FOLDER, assert_same

from dagwarden.findings import Outcome, Report, Verdict
from dagwarden.render.html import render_html

REPORTS = pytest.mark.parametrize("report", [REPORT, AUDITOR, WITHOUT_REGISTER, EMPTY])


class Page(HTMLParser):
    """Tags with attributes, and the text of every element but script and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "input", "col", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"script", "style"}:
            self.texts.append(data)

    def attributes(self, name: str) -> list[str]:
        return [
            value or ""
            for _, found in self.tags
            for key, value in found.items()
            if key == name
        ]


def text(report: Report) -> str:
    return " ".join(" ".join(Page(render_html(report)).texts).split())


def with_result(**changes: Any) -> Report:
    return msgspec.structs.replace(
        REPORT, result=msgspec.structs.replace(RESULT, **changes)
    )


def verdicts(page: str) -> Any:
    packed = re.search(r'id="verdicts">"([A-Za-z0-9+/=]*)"</script>', page)
    assert packed is not None
    return json.loads(gzip.decompress(b64decode(packed[1])))


@pytest.mark.parametrize(
    ("name", "report"), [("report", REPORT), ("without-register", WITHOUT_REGISTER)]
)
def test_html(name: str, report: Report) -> None:
    page = render_html(report)
    page = re.sub(r"(<style>).*(</style>)", r"\1\2", page, flags=re.DOTALL)
    page = re.sub(r"(<script[^>]*>).*?(</script>)", r"\1\2", page, flags=re.DOTALL)
    page = re.sub(r"sha256-[^']*", "sha256-", page)
    assert_same(page.encode(), FOLDER / f"{name}.html")


def test_equal_reports_make_equal_pages() -> None:
    assert render_html(REPORT) == render_html(msgspec.structs.replace(REPORT))


@REPORTS
def test_the_page_is_well_formed_and_loads_nothing(report: Report) -> None:
    page = Page(render_html(report))
    assert page.open == []
    assert {tag for tag, _ in page.tags} & {
        "link",
        "img",
        "iframe",
        "object",
        "base",
    } == set()
    assert page.attributes("src") == []
    assert [link for link in page.attributes("href") if not link.startswith("#")] == []
    # inline styles and handlers would be blocked by the page's own policy
    assert page.attributes("style") == []
    assert [k for _, found in page.tags for k in found if k.startswith("on")] == []
    style = re.search(r"<style>(.*)</style>", render_html(report), re.DOTALL)
    assert style is not None
    assert re.findall(r"url\(|@import", style[1]) == []


@REPORTS
def test_every_link_has_its_target_and_every_name_is_unique(report: Report) -> None:
    page = Page(render_html(report))
    ids = page.attributes("id")
    assert sorted(set(ids)) == sorted(ids)
    known = {link.removeprefix("#") for link in page.attributes("href")}
    labels = " ".join(page.attributes("aria-labelledby")).split()
    assert sorted((known | set(labels)) - set(ids)) == []


def test_hostile_names_are_text_and_nothing_else() -> None:
    page = render_html(AUDITOR)
    parsed = Page(page)
    assert SCRIPT in " ".join(parsed.texts)
    assert [found for tag, found in parsed.tags if tag == "script"] == [
        {"type": "application/json", "id": "verdicts"},
        {},
    ]
    assert ESCAPES not in page
    assert OVERRIDE not in page
    assert [line for line in page.splitlines() if not line.isprintable()] == []


def test_controls_stand_with_their_tests_and_no_conclusion() -> None:
    said = text(REPORT)
    assert "AC-11" in said
    assert "2 of 8 tested deviated: F-1 , F-6" in said
    assert "No deviation in 2 tested" in said
    assert "Not tested: no audit configuration was given" in said
    assert "not among the rules of this run: rule-that-is-not-here" in said
    assert said.count("Auditor's conclusion Name, date") == len(RESULT.controls)
    assert "Tests that no control names" in said


def test_without_a_register_the_page_says_so() -> None:
    said = text(WITHOUT_REGISTER)
    assert "No control register was given." in said
    assert "Does not cover authorisation inside the service." in said
    assert "Tests mapped to no criterion" in said
    assert "No control register was given." not in text(REPORT)


@REPORTS
def test_there_is_no_score(report: Report) -> None:
    said = text(report)
    assert "%" not in said
    assert re.findall(r"\bPASS\b|compliant", said) == []


def test_totals_reconcile() -> None:
    said = text(REPORT)
    assert "201 1 1 107 ✓ passed" not in said
    assert re.search(r"\b201 1 1 107 70 12 1 9\b", said)


def test_every_verdict_is_in_the_page() -> None:
    data = verdicts(render_html(REPORT))
    rebuilt = [
        (data["rules"][rule], data["subjects"][subject], outcome, data["notes"][note])
        for rule, subject, outcome, note in zip(
            data["rule"], data["subject"], data["outcome"], data["note"], strict=True
        )
    ]
    letters = {Outcome.PASS: "p", Outcome.FAIL: "f", Outcome.UNKNOWN: "u"}
    assert rebuilt == [
        (
            verdict.rule,
            verdict.subject,
            "w" if verdict.waiver else letters[verdict.outcome],
            verdict.waiver
            or ", ".join(f"{m.reason}: {m.symbol}" for m in verdict.missing),
        )
        for verdict in RESULT.verdicts
    ]


def test_a_hundred_thousand_verdicts_keep_the_page_small() -> None:
    many = tuple(
        Verdict(
            "task-gets-403",
            f"path:prod:dags/team_{n % 97}/dag_{n}.py:d.t",
            Outcome.PASS,
        )
        for n in range(100_000)
    )
    page, small = render_html(with_result(verdicts=many)), render_html(REPORT)
    assert len(page) < 8_000_000
    packed = re.compile(r'(id="verdicts">)"[^"]*"')
    static = [len(packed.sub(r"\1", made)) for made in (page, small)]
    assert static[0] - static[1] < 100


def test_chains_are_drawn_for_the_first_and_listed_for_all() -> None:
    page = render_html(with_result(findings=(FINDINGS[1],) * 25))
    assert page.count('<svg class="chain"') == 20 * 2
    assert page.count('<ol class="hops">') == 25


def test_more_findings_than_fit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dagwarden.render.html.WRITTEN", 2)
    page = render_html(REPORT)
    assert page.count('<article class="finding') == 2
    assert "This page shows the first 2; 4 further deviations are in the JSON" in page


def test_more_places_than_fit_are_told() -> None:
    finding = FINDINGS[3]
    many = msgspec.structs.replace(
        finding, subjects=finding.subjects * 10, places=finding.places * 10
    )
    page = render_html(with_result(findings=(many,)))
    assert page.count("<small>lifetime_chain:prod:dags/ingest.py:ingest.load_") == 50
    assert "and 20 more: see" in page


def test_a_waiver_is_managements_word_not_a_result() -> None:
    page = render_html(REPORT)
    (response,) = re.findall(r"<aside class=\"response\".*?</aside>", page, re.DOTALL)
    assert "not a test result" in response
    assert "The partner takes nothing but a key" in response


def test_a_name_that_is_no_text_is_spelled_out() -> None:
    page = render_html(
        with_result(verdicts=(Verdict("key-is-old", "\udcff", Outcome.PASS),))
    )
    assert verdicts(page)["subjects"] == [r"\udcff"]
    page.encode()
