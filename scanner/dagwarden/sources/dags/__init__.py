"""Reads DAG files, without running them."""
