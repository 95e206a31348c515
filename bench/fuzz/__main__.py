"""
The reader of DAGs under coverage-guided fuzzing, for as long as it is let.

    .venv/bin/python bench/fuzz [SECONDS [SEED]]      600 seconds by default

atheris steers the choices by which a real DAG file (fixtures and, after `make foreign`,
the provider's system tests) is changed at random, toward code of the reader that was
not reached before. Each file that comes of it is read as a scan would. It ends at once,
with the program printed, where reading raises, does something to the world, takes more
than two seconds of processor time, or loses an operator call; otherwise it prints how
many were read.
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
INSTALLED = ROOT / ".fuzz"
MAX_SECONDS = 2.0

sys.path[:0] = [str(ROOT), str(INSTALLED)]


def install() -> None:
    """Install atheris beside the environment, once."""
    if not (INSTALLED / "atheris").exists():
        uv = str(Path(sys.executable).with_name("uv"))
        where = ["--python", sys.executable, "--target", str(INSTALLED)]
        what = ["--require-hashes", "-r", str(HERE / "requirements.txt")]
        subprocess.run([uv, "pip", "install", "--quiet", *where, *what], check=True)


class Choices(random.Random):
    """Chance that takes its choices from the fuzzer's bytes while there are any."""

    def __init__(self, data: bytes) -> None:
        """Go on from a seed made of `data` where it ends."""
        super().__init__(data)
        self.data = data
        self.position = 0

    def getrandbits(self, k: int, /) -> int:
        """Return the next `k` bits."""
        size = (k + 7) // 8
        taken = self.data[self.position : self.position + size]
        self.position += size
        if len(taken) < size:
            return super().getrandbits(k)
        return int.from_bytes(taken, "big") >> (8 * size - k)


def main(seconds: int, seed: int) -> None:
    """Fuzz."""
    install()
    import atheris

    with atheris.instrument_imports(include=["dagwarden.sources.dags"]):
        from tests.sources.dags import test_fuzz as reader
        from tests.sources.dags.mutation import is_python, mutated

    folder = Path(tempfile.mkdtemp(prefix="dagwarden-fuzz-"))
    count, slowest, started = 0, 0.0, time.monotonic()

    def one(data: bytes) -> None:
        nonlocal count, slowest
        program = mutated(Choices(data), reader.SOURCES)
        (folder / "dag.py").write_bytes(program)
        begun = time.process_time()
        try:
            with reader.audited() as noted:
                facts = reader.read(folder)
            taken = time.process_time() - begun
            slowest = max(slowest, taken)
            assert not noted, noted
            assert taken < MAX_SECONDS, f"{taken:.1f} s"
            if is_python(program):
                lost = reader.lost(folder, facts)
                assert not lost, lost
        except BaseException:
            sys.stderr.buffer.write(program)
            raise
        count += 1
        if time.monotonic() - started > seconds:
            print(f"{count} files, the slowest took {slowest:.2f} s; nothing found")
            sys.stdout.flush()
            # libFuzzer knows no other way to end in time
            import os

            os._exit(0)

    options = [f"-seed={seed}", "-max_len=400", "-len_control=0", "-rss_limit_mb=4096"]
    quiet = ["-verbosity=0", f"-artifact_prefix={folder}/"]
    atheris.Setup([sys.argv[0], *options, *quiet], one)
    atheris.Fuzz()


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(given[0] if given else 600, given[1] if len(given) > 1 else 1)
