try:
    from airflow.sdk import task
except ImportError:
    from airflow.decorators import task


@task(trigger_rule="one_failed", retries=0)
def watcher():
    """Fail when a task has failed."""
    raise RuntimeError("a task has failed")
