"""
Airflow Variables: every place they are defined in, secrets taken out.

`read` opens the sources; `records` is what is left, light enough for a commit hook.
"""
