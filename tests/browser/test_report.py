"""The auditor's page in a real browser."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.render.sample import AUDITOR, SCRIPT

from dagwarden.render.html import render_html

pytestmark = pytest.mark.browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TITLE = "<title>Control test evidence: acme-data</title>"
ROWS = '<tbody id="explorer-rows"><tr>'


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_html(AUDITOR), encoding="utf-8")
    return path


def chrome(
    page: Path, profile: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    found = os.environ.get("DAGWARDEN_CHROME") or next(
        filter(None, map(shutil.which, NAMES))
    )
    done = subprocess.run(
        [
            found,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--enable-logging=stderr",
            f"--user-data-dir={profile}",
            "--virtual-time-budget=5000",
            *options,
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_hostile_names_run_nothing_and_our_script_runs(
    page: Path, tmp_path: Path
) -> None:
    done = chrome(page, tmp_path, "--dump-dom")
    # the hostile names set the title
    assert TITLE in done.stdout
    assert done.stdout.count("<script") == 2
    assert "&lt;script&gt;document.title='pwned'&lt;/script&gt;" in done.stdout
    # ours unpacked the verdicts, hostile subjects as text
    rows = done.stdout.partition(ROWS)[2].partition("</tbody>")[0]
    assert rows.count("<tr>") + 1 == len(AUDITOR.result.verdicts)
    assert SCRIPT not in rows
    assert "&lt;script&gt;" in rows
    # the page keeps to its own policy
    assert "Content Security Policy" not in done.stderr
    assert "Uncaught" not in done.stderr


def test_it_reads_without_javascript(page: Path, tmp_path: Path) -> None:
    # --dump-dom itself needs scripting, so the page's own policy turns it off
    still = tmp_path / "still.html"
    still.write_text(
        re.sub(
            r"script-src [^;]*", "script-src &#39;none&#39;", page.read_text("utf-8")
        ),
        encoding="utf-8",
    )
    done = chrome(still, tmp_path / "profile", "--dump-dom")
    assert TITLE in done.stdout
    assert ROWS not in done.stdout
    assert 'id="explorer" hidden=""' in done.stdout
    assert '<p class="none" id="explorer-off">' in done.stdout
    for words in ("Auditor's conclusion", "impersonation_chain of gcp_billing", "F-6"):
        assert words in done.stdout


def test_it_prints(page: Path, tmp_path: Path) -> None:
    paper = tmp_path / "report.pdf"
    chrome(
        page, tmp_path / "profile", f"--print-to-pdf={paper}", "--no-pdf-header-footer"
    )
    assert paper.read_bytes().count(b"/Type /Page\n") > 5
