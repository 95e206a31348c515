def create_airflow_connection(*args, **kwargs):
    """Make no connection."""


def delete_airflow_connection(*args, **kwargs):
    """Delete none."""


def make_authenticated_rest_api_request(*args, **kwargs):
    """Ask nobody."""
