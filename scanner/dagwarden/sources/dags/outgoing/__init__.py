"""What the code and the commands of tasks send to Google Cloud."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagwarden.sources.dags.outgoing.libraries import Meaning

# How the names begin that `libraries` knows, and the ends of those that Airflow has:
# most files call none of them, and do not load it.
_BEGINNINGS = (
    *("aiohttp.", "asyncio.", "httpx.", "importlib.", "requests.", "runpy."),
    *("google.auth.", "google.cloud.iam_credentials", "google.cloud.run_v2."),
    *("google.oauth2.", "googleapiclient.", "os.environ.", "os.popen", "os.putenv"),
    *("os.system", "subprocess.", "urllib.request."),
)
_OF_AIRFLOW = ("Hook", "_id_token_credentials")


def meaning(name: str) -> "Meaning | None":
    """Return what calling the foreign `name` does; None if it is not known here."""
    of_airflow = name.startswith("airflow.providers.") and name.endswith(_OF_AIRFLOW)
    if not of_airflow and not name.startswith(_BEGINNINGS):
        return None
    from dagwarden.sources.dags.outgoing import libraries

    return libraries.meaning(name)
