"""Where the rules and report templates that ship with dagwarden lie."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

_CHECKOUT = Path(__file__).parents[2]


def bundled(kind: Literal["rules", "reports", "docs"]) -> Traversable:
    """
    Return the directory of shipped `kind` files.

    A wheel carries them in `dagwarden/_bundle/`. In a source checkout they are
    the top-level directories, so that an edit needs no reinstall. Raises
    FileNotFoundError where neither is there: the installation is broken.
    """
    installed = files("dagwarden") / "_bundle" / kind
    if installed.is_dir():
        return installed
    if (_CHECKOUT / "pyproject.toml").is_file():
        return _CHECKOUT / kind
    raise FileNotFoundError(f"dagwarden was installed without its {kind}/ files")
