"""
The command line: arguments to a `Config`, errors to one line, results to a status.

0 clean, 1 findings at or above the gate, 2 usage or configuration error,
3 incomplete, 4 internal error, 5 evidence failed verification.
"""

import gc
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from dagwarden import __version__
from dagwarden.errors import DagwardenError, InternalError, UsageError
from dagwarden.rule import SEVERITIES

if TYPE_CHECKING:
    from dagwarden.findings import Explanation, Holders, Holdings, Report

USAGE = 2
INCOMPLETE = 3
INTERNAL = 4
FORMATS = ("text", "json", "sarif", "html")
SUFFIXES = {".txt": "text", ".json": "json", ".sarif": "sarif", ".html": "html"}
PATH = click.Path(path_type=Path)


def main() -> NoReturn:
    """Run dagwarden and exit with its status; no error shows a traceback."""
    # One run, then the end: the collector's walks over a large estate cost a third
    # of the time and find next to nothing.
    gc.disable()
    try:
        status = app.main(prog_name="dagwarden", standalone_mode=False)
        if sys.stdout:
            sys.stdout.flush()
    except click.exceptions.Exit as error:
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        status = _complain("interrupted", 130)
    except click.ClickException as error:
        status = _usage(error)
    except DagwardenError as error:
        internal = isinstance(error, InternalError)
        status = _complain(str(error), INTERNAL if internal else USAGE)
    except BrokenPipeError:
        _discard_output()
        status = 141
    except OSError as error:  # the disk is full, the terminal is gone
        _discard_output()
        status = _complain(f"cannot write the output ({error.strerror})", USAGE)
    except Exception as error:  # the one place that may catch everything
        status = _crash(error)
    sys.exit(status if isinstance(status, int) else 0)


def program() -> NoReturn:
    """
    Run `main` as a program of its own.

    All is written by then. Taking modules and objects down one by one would cost a
    commit hook a sixth of its time.
    """
    try:
        main()
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 0)


def _discard_output() -> None:
    """Let what is still buffered go nowhere: Python would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _complain(message: str, status: int) -> int:
    from dagwarden.sources.credentials import without_secrets

    # it may repeat an argument or a name that holds one
    for line in without_secrets(message).splitlines():
        word = "error" if "NO_COLOR" in os.environ else click.style("error", fg="red")
        click.echo(f"{word}: {line}", err=True)
    return status


def _usage(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    hint = f"; see `{context.command_path} --help`" if context else ""
    return _complain(
        error.format_message().replace("\n", " ").rstrip(".") + hint, USAGE
    )


def _crash(error: Exception) -> int:
    """Report a defect of ours without its message: that may quote a secret."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = (
        f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}"
        if place
        else "?"
    )
    if os.environ.get("DAGWARDEN_TRACEBACK"):
        raise error
    return _complain(
        f"internal error: {type(error).__name__} in {where}; this is a defect of "
        "dagwarden, please report it (DAGWARDEN_TRACEBACK=1 shows all, and may show "
        "secrets)",
        INTERNAL,
    )


@click.group(
    no_args_is_help=False,  # an error is one line
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="dagwarden")
def app() -> None:
    """
    Show who can trigger what, from a line in a DAG to a Cloud Run service.

    \b
    dagwarden scan dags/                         what the files alone tell
    dagwarden scan dags/ --snapshot iam.ndjson   against the cloud's IAM
    dagwarden snapshot --scope projects/P -o iam.ndjson
    dagwarden explain DAG.TASK run.jobs.run JOB  why, hop by hop
    """


Function = TypeVar("Function", bound=Callable[..., Any])

ESTATE_OPTIONS = (
    click.option(
        "--config",
        "operator",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="The operator's configuration; a repository's own then may only tighten.",
    ),
    click.option(
        "--snapshot",
        "snapshots",
        multiple=True,
        type=PATH,
        help="Cloud Asset export, `dagwarden snapshot` file, what gcloud lists of "
        "policies, roles, groups and tags, or a folder of them; repeatable.",
    ),
    click.option(
        "--connections",
        multiple=True,
        metavar="KIND:FILE",
        help="Connections: env:, env:FILE, export:FILE, local:FILE, astro:FILE or "
        "facts:FILE; repeatable.",
    ),
    click.option(
        "--variables",
        multiple=True,
        metavar="KIND:FILE",
        help="Airflow Variables: env:, env:FILE, export:FILE, local:FILE or "
        "astro:FILE; repeatable.",
    ),
    click.option(
        "--runs-as",
        metavar="ACCOUNT",
        help="Service account that tasks run as when they name no identity.",
    ),
    click.option(
        "--airflow-python",
        type=PATH,
        help="Python of an Airflow installation: runs the DAG files, isolated, for "
        "what reading cannot follow.",
    ),
    click.option(
        "--exclude", multiple=True, metavar="GLOB", help="DAG files to leave out."
    ),
    click.option(
        "--include-sys-projects",
        is_flag=True,
        help="Read the sys-* projects that Apps Script makes, too.",
    ),
    click.option(
        "--no-builtin-roles",
        is_flag=True,
        help="Know no role but those that a snapshot defines.",
    ),
    click.option(
        "--kingfisher",
        is_flag=True,
        help="Look for credentials by Kingfisher's patterns, too (the extra of its name).",
    ),
    click.option(
        "--as-of",
        metavar="TIME",
        help="Judge ages and conditions at this time, not now.",
    ),
    click.option(
        "--no-cache",
        is_flag=True,
        help="Read every file again, and remember nothing for the next run.",
    ),
)


def estate_options(function: Function) -> Function:
    """Add the options that say what the estate is."""
    for option in reversed(ESTATE_OPTIONS):
        function = option(function)
    return function


@app.command()
@click.argument("paths", nargs=-1, type=PATH)
@estate_options
@click.option("--select", multiple=True, metavar="RULE", help="Only these rules.")
@click.option("--ignore", multiple=True, metavar="RULE", help="Not these rules.")
@click.option("--rules", "own_rules", multiple=True, type=PATH, help="Own rules.")
@click.option("--waivers", multiple=True, type=PATH, help="Waiver register (YAML).")
@click.option("--controls", type=PATH, help="Control register (YAML).")
@click.option(
    "--gate",
    type=click.Choice(SEVERITIES),
    help="Fail at findings of this severity or above (default: high).",
)
@click.option("--strict", is_flag=True, help="Exit 3 on UNKNOWN at the gate.")
@click.option(
    "--persona",
    type=click.Choice(["engineer", "auditor"]),
    help="engineer: wrong and mendable here (default); auditor: everything.",
)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text")
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write this file; .html, .json, .sarif or .txt says the format.",
)
@click.option(
    "--baseline", type=PATH, help="Earlier JSON result: only what is new fails."
)
@click.option(
    "--new-since", metavar="REV", help="Git revision: only what is new fails."
)
@click.option(
    "--history",
    is_flag=True,
    help="Look for credentials in every commit that git holds, too.",
)
@click.option("--fingerprint-key", type=PATH, help="File with the fingerprint key.")
@click.option("-v", "--verbose", is_flag=True, help="Every place, every chain.")
def scan(format_: str, outputs: tuple[Path, ...], verbose: bool, **said: Any) -> int:
    """
    Scan DAG files and, where given, connections and a cloud snapshot.

    \b
    dagwarden scan dags/
    dagwarden scan dags/ --connections env:.env --snapshot iam.ndjson -o report.html
    dagwarden scan --config operator.toml --persona auditor --strict

    Exit status: 0 clean, 1 findings at or above the gate, 2 usage error, 3 something
    could not be read (or, with --strict, decided).
    """
    from dagwarden import job
    from dagwarden.policy.status import exit_status

    started = datetime.now(UTC)
    formats = [_format_of(output) for output in outputs]
    arguments = job.Arguments(**said)
    ready = job.prepare(arguments)
    result = job.perform(ready, progress)
    result = job.compared(result, arguments, ready)
    report = (
        job.report(result, ready, sys.argv[1:], started)
        if outputs or format_ != "text"
        else job.bare(result)
    )
    for output, format_of_file in zip(outputs, formats, strict=True):
        write(output, render(report, format_of_file))
    progress("")
    click.echo(render(report, format_, verbose=verbose), nl=False)
    for output in outputs:
        click.echo(f"wrote {output}", err=True)
    if nothing := job.nothing_found(ready, result.counts.get("dag", 0)):
        click.echo(nothing, err=True)
    return exit_status(report.result)


@app.command()
@click.option("--scope", required=True, help="organizations/N, folders/N, projects/ID")
@click.option("-o", "--output", required=True, type=PATH, help="File to write.")
@click.option("--fingerprint-key", type=PATH, help="File with the fingerprint key.")
@click.option("--local-server", metavar="HOST:PORT", hidden=True)  # for tests
def snapshot(
    scope: str, output: Path, fingerprint_key: Path | None, local_server: str | None
) -> int:
    """
    Read resources, IAM and organisation policies from Google Cloud into one file.

    \b
    dagwarden snapshot --scope projects/acme-data -o iam.ndjson

    Needs `pip install 'dagwarden[gcp]'` and application default credentials with
    read access (docs/snapshot.md). Secrets in assets are reduced before writing.
    Exit status 3 when a part could not be read; the file says which.
    """
    from dagwarden.sources.cloud import local_channel, pull
    from dagwarden.sources.credentials import Fingerprint

    pulled = pull(
        scope,
        output,
        fingerprint=Fingerprint.from_environment(os.environ, fingerprint_key),
        channel=local_channel(local_server) if local_server else None,
        progress=lambda part, count: progress(f"{part}: {count}"),
    )
    progress("")
    for gap in pulled.gaps:
        click.echo(f"not read: {gap.origin.source}: {gap.detail}", err=True)
    click.echo(f"wrote {output}: {pulled.assets} assets, {len(pulled.gaps)} gaps")
    return INCOMPLETE if pulled.gaps else 0


@app.command()
@click.argument("words", nargs=-1, metavar="PRINCIPAL PERMISSION RESOURCE")
@click.option("--who-can", is_flag=True, help="PERMISSION RESOURCE: who holds it.")
@click.option("--what-can", is_flag=True, help="PRINCIPAL: what it holds.")
@click.option("--dags", "paths", multiple=True, type=PATH, help="DAG files or folders.")
@click.option(
    "--claims",
    type=PATH,
    metavar="FILE",
    help="Payload of an external token, as JSON: its bearer is the PRINCIPAL `token`.",
)
@click.option(
    "--format", "format_", type=click.Choice(["text", "json", "svg"]), default="text"
)
@estate_options
def explain(
    words: tuple[str, ...], who_can: bool, what_can: bool, format_: str, **said: Any
) -> None:
    """
    Explain why a principal can use a permission on a resource, hop by hop.

    \b
    dagwarden explain --config operator.toml nightly.run_job run.jobs.run load
    dagwarden explain --dags dags/ --snapshot iam.ndjson nightly.run_job run.jobs.run load
    dagwarden explain --snapshot iam.ndjson sa@p.example run.routes.invoke SERVICE
    dagwarden explain --snapshot iam.ndjson --who-can run.routes.invoke SERVICE
    dagwarden explain --snapshot iam.ndjson --what-can sa@p.example
    dagwarden explain --snapshot iam.ndjson --claims ci.json token run.jobs.run load

    PRINCIPAL is an e-mail, an IAM member, DAG.TASK or `token`; RESOURCE a full or relative
    resource name, or the name of a service or job.
    """
    from dagwarden import job

    question = (who_can, what_can, len(words))
    if question not in ((False, False, 3), (True, False, 2), (False, True, 1)):
        raise UsageError(
            "a question is PRINCIPAL PERMISSION RESOURCE, --who-can PERMISSION "
            "RESOURCE, or --what-can PRINCIPAL"
        )
    arguments = job.Arguments(**said)
    answer: Explanation | Holders | Holdings
    if who_can:
        answer = job.ask_who_can(arguments, words[0], words[1])
    elif what_can:
        answer = job.ask_what_can(arguments, words[0])
    else:
        answer = job.ask(arguments, *words)
    click.echo(_answered(answer, format_, " ".join(words)), nl=False)


def _answered(
    answer: "Explanation | Holders | Holdings", format_: str, title: str
) -> str:
    if format_ == "json":
        from dagwarden import job

        return job.as_json(answer)
    if format_ == "svg":
        from dagwarden.render.drawing import draw_chains

        return draw_chains(answer.chains, title=f"{title}: {answer.answer}")
    from dagwarden.render.explanation import render_answer

    return render_answer(answer, colour=_colour())


@app.command()
@click.argument("paths", nargs=-1, type=PATH)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["json", "graphml"]),
    default="json",
    help="networkx's node-link JSON (default), or GraphML.",
)
@click.option("-o", "--output", type=PATH, help="Write here, not to the terminal.")
@estate_options
def graph(format_: str, output: Path | None, **said: Any) -> None:
    """
    Export tasks, whom they act as and what these reach as a graph.

    \b
    dagwarden graph --config operator.toml -o estate.json
    dagwarden graph dags/ --snapshot iam.ndjson --format graphml -o estate.graphml

    What nodes and edges hold: docs/python.md.
    """
    from dagwarden import job

    text = job.graph_text(job.Arguments(**said), format_)
    if output is None:
        click.echo(text, nl=False)
    else:
        write(output, text)


@app.command()
@click.option("--identity", metavar="ACCOUNT", help="Only for this account's calls.")
@click.option("--dag", metavar="DAG_ID", help="Only for this DAG's calls.")
@click.option("--dags", "paths", multiple=True, type=PATH, help="DAG files or folders.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "terraform"]),
    default="text",
)
@estate_options
def suggest(identity: str | None, dag: str | None, format_: str, **said: Any) -> None:
    """
    Suggest the smallest set of grants that keeps every scanned call working.

    \b
    dagwarden suggest --config operator.toml
    dagwarden suggest --config operator.toml --dag nightly
    dagwarden suggest --config operator.toml --identity sa@p.example --format terraform

    The changes are applied to what was read, everything is derived again, and what
    that does not confirm is not suggested. Nothing in the cloud is changed. A grant is
    taken back only from accounts that `exclusive_accounts` of an environment names.
    """
    from dagwarden import job

    found = job.suggestion(job.Arguments(**said), identity, dag)
    if format_ == "json":
        text = job.as_json(found)
    elif format_ == "terraform":
        from dagwarden.render.terraform import render_terraform

        text = render_terraform(found)
    else:
        from dagwarden.render.suggestion import render_suggestion

        text = render_suggestion(found, colour=_colour())
    click.echo(text, nl=False)


@app.command()
@click.argument("paths", nargs=-1, type=PATH)
@click.option(
    "--kind",
    metavar="KIND",
    help="Only this kind of fact: task, call, path, connection, ...; a wrong one "
    "lists all.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["rules", "ndjson"]),
    default="rules",
    help="What rules see, or of each field of a dag, task or call from where it is known.",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of all facts.")
@click.option("-o", "--output", type=PATH, help="Write here, not to the terminal.")
@estate_options
def facts(
    kind: str | None, form: str, schema: bool, output: Path | None, **said: Any
) -> int:
    """
    Print the facts that rules see, one JSON object a line.

    \b
    dagwarden facts dags/ --kind task
    dagwarden facts dags/ --kind task --format ndjson
    dagwarden facts --kind connection --connections export:export.json -o FILE
    dagwarden facts --schema

    A file written with `--kind connection -o FILE` holds no secret and no
    fingerprint: a team can commit it, and scan with `--connections facts:FILE`.

    Exit status: 0 all was read, 2 usage error, 3 something could not be read (said on
    standard error).
    """
    from dagwarden import job
    from dagwarden.render.text import unread

    if schema:
        lines = job.Lines(text=job.facts_schema(), gaps=())
    elif form == "ndjson":
        lines = job.traced_lines(job.Arguments(**said), kind)
    elif kind == "connection" and output is not None:
        lines = job.connection_facts(job.Arguments(**said))
    else:
        lines = job.facts_lines(job.Arguments(**said), kind)
    if output is None:
        click.echo(lines.text, nl=False)
    else:
        write(output, lines.text)
    for gap in lines.gaps:
        click.echo(f"not read: {unread(gap)}", err=True)
    if lines.nothing:
        click.echo(lines.nothing, err=True)
    return INCOMPLETE if any(gap.incomplete for gap in lines.gaps) else 0


@app.command()
@click.argument("result", type=PATH)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    type=PATH,
    help="Write this file; .html, .json, .sarif or .txt says the format.",
)
@click.option("-v", "--verbose", is_flag=True, help="Every place, every chain.")
def report(result: Path, outputs: tuple[Path, ...], verbose: bool) -> int:
    """
    Render a saved JSON result again, without scanning.

    \b
    dagwarden report result.json -o report.html
    """
    from dagwarden import job
    from dagwarden.policy.status import exit_status

    saved = job.read_result(result)
    for output in outputs:
        write(output, render(saved, _format_of(output)))
    if not outputs:
        click.echo(render(saved, "text", verbose=verbose), nl=False)
    return exit_status(saved.result)


@app.command()
@click.argument("earlier", type=PATH)
@click.argument("later", type=PATH)
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text"
)
def diff(earlier: Path, later: Path, format_: str) -> int:
    """
    Compare two saved results: what is new, fixed, unchanged, newly unknown.

    \b
    dagwarden diff monday.json tuesday.json

    Exit status 1 when something at or above the gate is new.
    """
    from dagwarden import job
    from dagwarden.policy.compare import compare
    from dagwarden.policy.status import exit_status
    from dagwarden.render.difference import render_difference

    before, after = job.read_result(earlier), job.read_result(later)
    result = compare(after.result, before.result, earlier.name)
    click.echo(render_difference(result, before.result, format_, colour=_colour()))
    return exit_status(result)


@app.group(no_args_is_help=False)
def rules() -> None:
    """List, show and test rules."""


def rule_options(function: Function) -> Function:
    """Add the options that say where own rules are."""
    for option in (
        click.option("--config", "operator", type=PATH, help="Its `rules` count."),
        click.option("--rules", "own_rules", multiple=True, type=PATH, help="Own."),
    ):
        function = option(function)
    return function


@rules.command("list")
@rule_options
def list_rules(own_rules: tuple[Path, ...], operator: Path | None) -> None:
    """List every rule: id, severity, persona, what it finds."""
    from dagwarden.job import rules_in_force

    for rule in rules_in_force(own_rules, operator):
        click.echo(f"{rule.id:<42} {rule.severity:<9} {rule.persona:<9} {rule.title}")


@rules.command("show")
@click.argument("name")
@rule_options
def show_rule(name: str, own_rules: tuple[Path, ...], operator: Path | None) -> None:
    """Show one rule: what it does, why it matters, how to fix it, its criteria."""
    from dagwarden.config import unknown_name
    from dagwarden.job import rules_in_force
    from dagwarden.render.rule import render_rule

    known = {rule.id: rule for rule in rules_in_force(own_rules, operator)}
    if name not in known:
        raise UsageError(f"unknown rule {name!r}", remedy=unknown_name(name, known))
    click.echo(render_rule(known[name]), nl=False)


@rules.command("test")
@click.argument("folders", nargs=-1, type=PATH)
@click.option("--rules", "own_rules", multiple=True, type=PATH, help="Own rules.")
def test_rules(folders: tuple[Path, ...], own_rules: tuple[Path, ...]) -> int:
    """
    Check rules and run their examples; without FOLDERS, the shipped ones.

    \b
    dagwarden rules test policy/rules

    Exit status 1 when an example fails, or would not notice a broken rule.
    """
    from dagwarden.policy.examples import run_examples
    from dagwarden.policy.load import load_rule_files, load_rules, shipped_rule_files

    folders = (*folders, *own_rules)
    found = (
        load_rule_files(folders, load_rules())
        if folders
        else shipped_rule_files(check=True)
    )
    results = run_examples(found)
    problems = [problem for result in results for problem in result.problems]
    for problem in problems:
        click.echo(problem)
    examples = sum(result.examples for result in results)
    click.echo(f"rules {len(results)}, examples {examples}, problems {len(problems)}")
    return 1 if problems else 0


@app.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """
    Print the completion script of a shell.

    \b
    eval "$(dagwarden completion bash)"
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(app, {}, "dagwarden", "_DAGWARDEN_COMPLETE").source())


def render(report: "Report", format_: str, *, verbose: bool = False) -> str:
    """Return `report` in one of `FORMATS`."""
    if format_ == "json":
        from dagwarden.render.json import render_json

        return render_json(report).decode()
    if format_ == "sarif":
        from dagwarden.render.sarif import render_sarif

        return render_sarif(report).decode()
    if format_ == "html":
        from dagwarden.render.html import render_html

        return render_html(report)
    from dagwarden.render.text import render_text

    return render_text(report, width=_width(), colour=_colour(), verbose=verbose)


def _width() -> int:
    """Return the columns to write in; `shutil` would import archives for that."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 100
    except (OSError, ValueError, AttributeError):  # no terminal, or closed
        return 100


_START = time.monotonic()


_BAR = 24
_drawn = 0.0


def progress(stage: str, done: int = 0, total: int = 0) -> None:
    """Say on a terminal what a scan is at, once it has taken a second."""
    global _drawn
    now = time.monotonic()
    if not (sys.stderr and sys.stderr.isatty()) or now - _START < 1:
        return
    if 0 < done < total and now - _drawn < 0.1:
        return
    _drawn = now
    text = stage and f"{stage} ..."
    if total:
        full = _BAR * done // total
        bar = "\u2501" * full + " " * (_BAR - full)
        text = f"{stage} {bar} {done:,}/{total:,} files"
    click.echo(f"\r\x1b[2K{text}", nl=False, err=True)


def _colour() -> bool:
    terminal = sys.stdout is not None and sys.stdout.isatty()
    return terminal and "NO_COLOR" not in os.environ


def write(path: Path, content: str) -> None:
    """Write `content` whole, readable by its owner only."""
    import tempfile  # with it come random numbers and archives: not for a hook

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
            os.replace(name, path)
        except OSError:
            os.unlink(name)
            raise
    except OSError as error:
        raise UsageError(
            f"cannot be written ({error.strerror})",
            where=str(path),
            remedy="name a file in a folder that you may write to",
        ) from None


def _format_of(path: Path) -> str:
    if path.suffix not in SUFFIXES:
        raise UsageError(
            f"{path}: the ending {path.suffix!r} says no format",
            remedy="use " + ", ".join(SUFFIXES),
        )
    return SUFFIXES[path.suffix]
