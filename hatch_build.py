"""
Build hook: the shipped rules are checked once, here, and packed.

The wheel gets `dagwarden/_bundle/rules.json`, so that the commit hook parses no YAML
and checks no types. A bad rule stops the build.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface[Any]):
    """Adds the compiled rule pack to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Check and pack the rules; an editable install reads them from rules/."""
        if self.target_name != "wheel" or version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root / "scanner"))
        try:
            from dagwarden.policy.pack import compile_pack
        finally:
            sys.path.pop(0)
        folder = Path(tempfile.mkdtemp(prefix="dagwarden-"))
        self._packed = folder / "rules.json"
        self._packed.write_bytes(compile_pack(root / "rules"))
        build_data["force_include"][str(self._packed)] = "dagwarden/_bundle/rules.json"

    def finalize(
        self, version: str, build_data: dict[str, Any], artifact_path: str
    ) -> None:
        """Remove what `initialize` wrote."""
        if packed := getattr(self, "_packed", None):
            packed.unlink()
            packed.parent.rmdir()
