"""Who can trigger what, from the line in a DAG to the Cloud Run service."""

__version__ = "0.1.0"
