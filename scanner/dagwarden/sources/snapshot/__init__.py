"""
Snapshots of Google Cloud: from files to facts.

`elements` takes a file apart, `records` says what its parts look like, `export`
makes assets of them (their secrets reduced at once), `names` and `hierarchy` learn
how assets are called and what lies above them, `join` unites what is said of one
resource, `resources`, `workloads`, `policies` and `members` make facts of it, in
`parts` where there is much, but for `exclusions`; `read` is the whole.
"""

from dagwarden.sources.snapshot.read import read_snapshots

__all__ = ["read_snapshots"]
