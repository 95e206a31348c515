"""
Stands in for Airflow's development package, which is in no registry.

The system tests import a few names from it; both readings see the same ones.
"""
