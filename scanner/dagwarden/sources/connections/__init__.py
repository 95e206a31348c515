"""
Airflow connections: every place they are defined in, reduced to what is not secret.

`formats` turns bytes into entries, `definition` reads one entry as Airflow does,
`interpret` says what it means and drops the values, `values` what code may be told of
it, `facts_file` is our own secret-free format, `read` opens the files; `records` is
what DAG files ask, light enough for a commit hook.
"""
