"""The program: `dagwarden`, or `python -m dagwarden`."""

# What Python has loaded by now or built in, no more: an interrupt here would show a traceback.
import gc
import os
import sys


def program() -> None:
    """Load the command line and run it; who interrupts that is told no more than later."""
    # One run, then the end: the collector's walks over a large estate cost a third
    # of the time, those while a hook loads what it needs a fiftieth, and find next to
    # nothing.
    gc.disable()
    try:
        from dagwarden import cli
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        sys.stderr.flush()
        os._exit(130)
    cli.program()


if __name__ == "__main__":
    program()
