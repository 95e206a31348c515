def get_test_run(dag, **kwargs):
    """Return a test that runs nothing."""
    return lambda: None


def get_test_env_id(env_var_name="SYSTEM_TESTS_ENV_ID"):
    """Return an id that is the same everywhere."""
    return "agreement"
