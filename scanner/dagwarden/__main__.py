"""The program: `dagwarden`, or `python -m dagwarden`."""

import os
import sys
from typing import NoReturn


def program() -> NoReturn:
    """Load the command line and run it; who interrupts that is told no more than later."""
    try:
        from dagwarden import cli
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        sys.stderr.flush()
        os._exit(130)
    cli.program()


if __name__ == "__main__":
    program()
