"""The scanners that take the exam: each as its users install and run it."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import msgspec

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# dagwarden finds more than credentials; these rules speak of them.
FAMILY, OTHERS = "credentials", {"static-bearer-token"}


class Found(msgspec.Struct, frozen=True):
    """One remark; `sure` is False where the scanner says that it does not know."""

    path: str
    line: int
    sure: bool = True


class Taken(msgspec.Struct, frozen=True):
    """What one run found, and what it took: seconds by the clock and of the CPU."""

    found: list[Found]
    seconds: float
    cpu: float


class Tool(msgspec.Struct, frozen=True):
    """A scanner: its command, run in the folder, and how its output is read."""

    name: str
    command: tuple[str, ...]
    read: Callable[[str], Iterable[Found]]
    environ: dict[str, str] = {}
    copies: int = (
        5  # of the foreign folder, for its speed; a slow one needs no more than one
    )


def tools(work: Path) -> list[Tool]:
    """Return every scanner; make their environments if need be."""
    others = _environment(work / "others", HERE / "requirements.txt")
    ours = _environment(work / "dagwarden", ROOT / "requirements" / "run.txt")
    _install(ours, work / "wheel")
    scan = (
        str(ours / "bin" / "dagwarden"),
        "scan",
        "--format",
        "json",
        "--no-cache",
        ".",
    )
    own = [Tool("dagwarden", scan, _dagwarden)]
    if any("kingfisher" in one for one in metadata.requires("dagwarden") or []):
        # Beside the environment, not in it: the same command with and without.
        extra = {"PYTHONPATH": str(_extra(work / "extra"))}
        own.append(
            Tool("dagwarden + kingfisher", (*scan, "--kingfisher"), _dagwarden, extra)
        )
    script = (str(others / "bin" / "python"), str(HERE / "kingfisher_alone.py"))
    leaks = (
        str(others / "bin" / "betterleaks"),
        ".",
        "--silent",
        "--no-banner",
        "--jsonl",
        "--output",
        "-",
    )
    # not verified: nothing is sent to anybody
    secrets = (
        str(others / "bin" / "detect-secrets"),
        "scan",
        "--all-files",
        "--no-verify",
        ".",
    )
    return [
        *own,
        Tool("kingfisher", script, _kingfisher),
        Tool("betterleaks", leaks, _betterleaks),
        Tool("detect-secrets", secrets, _detect_secrets, copies=1),
    ]


def take(tool: Tool, folder: Path) -> Taken:
    """Run one scanner in `folder`."""
    environ = {**os.environ, **tool.environ}
    start, before = time.perf_counter(), getrusage(RUSAGE_CHILDREN)
    done = subprocess.run(
        tool.command,
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds, after = time.perf_counter() - start, getrusage(RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    try:
        found = list(tool.read(done.stdout))
    except (ValueError, KeyError) as error:
        sys.exit(f"{tool.name}: exit {done.returncode}, {error}\n{done.stderr[-2000:]}")
    return Taken(
        [
            msgspec.structs.replace(one, path=one.path.removeprefix("./"))
            for one in found
        ],
        seconds,
        cpu,
    )


def _dagwarden(output: str) -> Iterable[Found]:
    result = json.loads(output)["result"]
    told = {rule["id"] for rule in result["rules"] if rule["family"] == FAMILY} | OTHERS
    for finding in result["findings"]:
        if finding["rule"] in told:
            places = {
                (at["source"], at["line"] or 0)
                for at in (finding["origin"], *finding["places"])
            }
            for source, line in sorted(places):
                yield Found(source, line, finding["outcome"] == "fail")


def _kingfisher(output: str) -> Iterable[Found]:
    for path, line in json.loads(output):
        yield Found(path, line)


def _betterleaks(output: str) -> Iterable[Found]:
    for line in output.splitlines():
        told = json.loads(line)
        if "finding" in told:  # the last line counts
            at = told["finding"]["location"]
            yield Found(at["path"], at.get("start_line", 0))


def _detect_secrets(output: str) -> Iterable[Found]:
    for path, remarks in json.loads(output)["results"].items():
        for remark in remarks:
            yield Found(path, remark["line_number"])


def _environment(folder: Path, locked: Path) -> Path:
    made = folder / "made"
    if not made.exists() or made.read_bytes() != locked.read_bytes():
        print(f"making an environment in {folder.relative_to(ROOT)}", flush=True)
        _uv("venv", "--clear", "--python", sys.executable, str(folder))
        # compiled, as pip leaves it
        how = ("--compile-bytecode", "--require-hashes")
        _uv("pip", "sync", "--python", str(folder), *how, str(locked))
        made.write_bytes(locked.read_bytes())
    return folder


def _install(environment: Path, wheels: Path) -> None:
    """Install dagwarden as it stands, from a wheel as its users get it."""
    shutil.rmtree(wheels, ignore_errors=True)
    _uv(
        "build",
        "--wheel",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "--out-dir",
        str(wheels),
        str(ROOT),
    )
    (wheel,) = wheels.glob("*.whl")
    _uv(
        "pip",
        "install",
        "--python",
        str(environment),
        "--no-deps",
        "--reinstall",
        "--compile-bytecode",
        str(wheel),
    )


def _extra(folder: Path) -> Path:
    """Return a folder with Kingfisher alone, at the version of the others' lock."""
    locked = (HERE / "requirements.txt").read_text()
    start = locked.index("kingfisher-secret-scanner==")
    pinned = folder.with_suffix(".txt")
    pinned.write_text(locked[start : locked.index("\n    #", start)] + "\n")
    _uv(
        "pip",
        "install",
        "--python",
        sys.executable,
        "--target",
        str(folder),
        "--no-deps",
        "--require-hashes",
        "-r",
        str(pinned),
    )
    return folder


def _uv(*arguments: str) -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, *arguments[:1], "--quiet", *arguments[1:]], check=True)
