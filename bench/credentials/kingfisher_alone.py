"""
Kingfisher on the folder it is run in, by its Python package, in the bench's environment.

As its documentation recommends for files: the matching policy that it shares with its
command, archives expanded, hidden files read, only findings that it would show.
"""

import json
import sys

from kingfisher_sdk import DetectionPolicy, Scanner, expand_archives, filesystem

held = expand_archives(filesystem(["."], hidden=True, gitignore=False), depth=2)
found = [
    (str(result.input.path), finding.to_dict()["location"]["line"])
    for result in Scanner(policy=DetectionPolicy()).scan_inputs(held)
    for finding in result.findings
    if finding.visible
]
json.dump(found, sys.stdout)
