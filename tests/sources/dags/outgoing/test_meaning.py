"""What calls of foreign names mean: found without loading what most files never call."""

import subprocess
import sys

import pytest

from dagwarden.sources.dags.outgoing import libraries, meaning

OF_PATTERNS = (
    "google.cloud.run_v2.JobsClient",
    "google.cloud.run_v2.services.jobs.JobsAsyncClient",
    "google.cloud.run_v2.ServicesClient.service_path",
    "google.cloud.run_v2.RunJobRequest.Overrides",
    "airflow.providers.google.cloud.hooks.cloud_run.CloudRunHook",
    "airflow.providers.google.cloud.hooks.tasks.CloudTasksHook",
    "airflow.providers.http.hooks.http.HttpAsyncHook",
)


@pytest.mark.parametrize("name", [*libraries.NAMES, *OF_PATTERNS])
def test_every_name_that_is_known_is_found(name: str) -> None:
    assert meaning(name) is not None
    assert libraries.meaning(name) is not None


@pytest.mark.parametrize(
    "name",
    [
        *("os.path.join", "json.dumps", "airflow.providers.google.X", "print"),
        *("google.cloud.storage.Client", "urllib.parse.quote", "my.requests.get"),
    ],
)
def test_no_other_name_loads_what_is_known(name: str) -> None:
    program = f"""
import sys
from dagwarden.sources.dags.outgoing import meaning
assert meaning({name!r}) is None
print("dagwarden.sources.dags.outgoing.libraries" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
