"""
Kingfisher on the folder it is run in, by its Python package, in the bench's environment.

As its documentation recommends for files: the matching policy that it shares with its
command, archives expanded, hidden files read, only findings that it would show.
"""

import json
import sys
from collections.abc import Iterator

from kingfisher_sdk import (
    DetectionPolicy,
    ScanInput,
    Scanner,
    expand_archives,
    filesystem,
)


def inputs() -> Iterator[ScanInput]:
    for file in filesystem(["."], hidden=True, gitignore=False):
        try:
            yield from list(expand_archives([file], depth=2))
        except RuntimeError:  # a .key that is no archive of a presentation, say
            yield file


found = [
    (str(result.input.path), finding.to_dict()["location"]["line"])
    for result in Scanner(policy=DetectionPolicy()).scan_inputs(inputs())
    for finding in result.findings
    if finding.visible
]
json.dump(found, sys.stdout)
