"""
Airflow connections: every place they are defined in, reduced to what is not secret.

`formats` turns bytes into entries, `definition` reads one entry as Airflow does,
`interpret` says what it means and drops the values, `facts_file` is our own
secret-free format, `read` opens the files.
"""

from dagwarden.sources.connections.facts_file import write_connection_facts
from dagwarden.sources.connections.read import read_connections

__all__ = ["read_connections", "write_connection_facts"]
