"""The program: `dagwarden`, or `python -m dagwarden`."""

# What Python has loaded by now, and no more: an interrupt here would show a traceback.
import os
import sys


def program() -> None:
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
