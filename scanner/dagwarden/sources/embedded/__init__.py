"""
Credentials that stand in clear anywhere in a repository.

`walk` finds the files, `file` looks into one, `formats` knows how each kind of file
says that a value has a name, `join` makes one credential of its places. What a
credential is, `sources.credentials` decides.
"""
