"""Joins facts into the identity graph and derives what needs traversal."""
