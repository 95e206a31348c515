"""
The command line: arguments to a `Config`, errors to one line, results to a status.

0 clean, 1 findings at or above the gate, 2 usage or configuration error,
3 incomplete, 4 internal error.
"""

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from dagwarden import __version__
from dagwarden.errors import DagwardenError, InternalError, UsageError

USAGE = 2
INTERNAL = 4


def main() -> NoReturn:
    """Run dagwarden and exit with its status; no error shows a traceback."""
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
    except OSError as error:
        status = _system(error)
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
    from dagwarden.cli.output import progress
    from dagwarden.sources.credentials import without_secrets

    progress("")  # what was under way is no part of the line
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


def _place(error: Exception) -> tuple[Path, int]:
    """Return the file and line that an error was raised in."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return Path("?"), 0
    return Path(place.tb_frame.f_code.co_filename), place.tb_lineno


def _system(error: OSError) -> int:
    """Report what the system refused: the output, a file that was named, or more."""
    file, _ = _place(error)
    # click raised it, by which all is written, or the last flush here
    if file.parent == Path(click.__file__).parent or file == Path(__file__):
        _discard_output()  # the disk is full, the terminal is gone
        return _complain(f"cannot write the output ({error.strerror})", USAGE)
    named: object = error.filename
    if error.errno is None or not isinstance(named, (str, bytes)):
        return _crash(error)
    from dagwarden.render import visible

    name = visible(os.fsdecode(named))
    return _complain(f"{name}: cannot be used ({os.strerror(error.errno)})", USAGE)


def _crash(error: Exception) -> int:
    """Report a defect of ours without its message: that may quote a secret."""
    if os.environ.get("DAGWARDEN_TRACEBACK"):
        raise error
    file, line = _place(error)
    said = ""
    if isinstance(error, OSError) and error.errno:  # the system's words
        said = f" ({os.strerror(error.errno)})"
    return _complain(
        f"internal error: {type(error).__name__}{said} in {file.name}:{line}; this is a defect of "
        "dagwarden, please report it (DAGWARDEN_TRACEBACK=1 shows all, and may show "
        "secrets)",
        INTERNAL,
    )


# In the order of `--help`.
_COMMANDS = (
    *("completion", "diff", "explain", "facts", "graph", "report", "rules", "scan"),
    *("snapshot", "suggest"),
)


class Commands(click.Group):
    """The commands, of which a run loads the one that it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name, None for any other."""
        match cmd_name:
            case "scan":
                from dagwarden.cli.scan import scan as command
            case "snapshot":
                from dagwarden.cli.snapshot import snapshot as command
            case "explain":
                from dagwarden.cli.questions import explain as command
            case "facts":
                from dagwarden.cli.questions import facts as command
            case "graph":
                from dagwarden.cli.questions import graph as command
            case "suggest":
                from dagwarden.cli.questions import suggest as command
            case "diff":
                from dagwarden.cli.saved import diff as command
            case "report":
                from dagwarden.cli.saved import report as command
            case "rules":
                from dagwarden.cli.rules import rules as command
            case "completion":
                from dagwarden.cli.completion import completion as command
            case _:
                return None
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is asked for; raises UsageError for an unknown one."""
        name = args[0]
        if not (name in _COMMANDS or name.startswith("-") or ctx.resilient_parsing):
            from dagwarden.config import unknown_name

            raise UsageError(
                f"no such command {name!r}", remedy=unknown_name(name, _COMMANDS)
            )
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
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
