"""
What the fields of a connection hold, by its type, where their names do not say it.

Read in `get_provider_info` ("connection-types": fields shown as passwords, labels) and in
the hooks of these releases of Airflow's providers, each named as on PyPI without its
prefix: airbyte 6.2, alibaba 3.5, amazon 9.39, cncf-kubernetes 10.25, databricks 7.23,
dbt-cloud 4.11, discord 3.12, github 2.12, google 22.8, hashicorp 4.8, http 6.3,
microsoft-azure 15.2, openai 2.2, opsgenie 5.11, pagerduty 5.3, pinecone 2.5, salesforce
5.15, segment 3.10, sftp 7.0, slack 9.11, snowflake 6.20, ssh 7.0, telegram 4.10, weaviate
3.5, yandex 4.6.

Not here is what is told without: extras whose names say it (`security_token`,
`shared_access_key`, `private_key_passphrase`), and what is a secret by its content alone
(`keyfile_dict`, `kube_config`, `connection_string`, `service_account_json`).
"""

from dagwarden.facts import SecretKind

# Extras that hold a secret under a name that says nothing, or less.
_EXTRAS: dict[str, dict[str, SecretKind]] = {
    # hooks/adx.py, hooks/msgraph.py: a certificate with its private key
    "azure_data_explorer": {"certificate": "private_key"},
    "msgraph": {"certificate_data": "private_key"},
    # hooks/discord_webhook.py: webhooks/ID/TOKEN, below the connection's host
    "discord": {"webhook_endpoint": "webhook_url"},
    # hooks/http.py: what is no option of requests becomes a header
    "http": {"cookie": "bearer_token"},
    # hooks/pagerduty.py: whoever has it sends events
    "pagerduty": {"routing_key": "api_key"},
    "salesforce": {"private_key": "private_key"},
    # hooks/segment.py
    "segment": {"write_key": "api_key"},
    "sftp": {"private_key": "private_key"},
    # hooks/snowflake.py: PEM in base64
    "snowflake": {"private_key_content": "private_key"},
    "ssh": {"private_key": "private_key"},
    # utils/credentials.py: an OAuth token
    "yandexcloud": {"oauth": "bearer_token"},
}
# What the field `password` is, where it is no password.
_PASSWORDS: dict[str, SecretKind] = {
    **dict.fromkeys(("aws", "athena"), "aws_secret_key"),
    **dict.fromkeys(
        # labelled secret of a client, of an application
        (
            "airbyte",
            "azure",
            "azure_ai_agents",
            "azure_analysis_services",
            "azure_compute",
            "azure_container_volume",
            "azure_data_factory",
            "azure_data_lake",
            "azure_synapse",
            "gcp_looker",
            "msgraph",
            "powerbi",
        ),
        "client_secret",
    ),
    # labelled key of an account: nobody chose it
    **dict.fromkeys(
        ("adls", "azure_batch", "azure_cosmos", "azure_fileshare", "wasb"),
        "secret_value",
    ),
    **dict.fromkeys(("chime", "slackwebhook"), "webhook_url"),
    **dict.fromkeys(("dbt_cloud", "github", "slack", "telegram"), "bearer_token"),
    **dict.fromkeys(
        ("openai", "opsgenie", "pagerduty", "pagerduty_events", "pinecone"), "api_key"
    ),
}
# Without a login the password of these is a token.
_TOKENS = frozenset({"databricks", "vault"})


def password_kind(conn_type: str, login: object) -> SecretKind:
    """Return what the password of a connection of this type is."""
    kind = conn_type.replace("-", "_")
    if kind in _TOKENS and not login:
        return "bearer_token"
    return _PASSWORDS.get(kind, "password")


def extra_kinds(conn_type: str) -> dict[str, SecretKind]:
    """Return the extras of a type that hold a secret, with what each is."""
    return _EXTRAS.get(conn_type.replace("-", "_"), {})


def bare(conn_type: str, name: str) -> str:
    """Return the name of an extra without the prefix that old versions gave it."""
    prefix = f"extra__{conn_type.replace('-', '_')}__"
    return name.removeprefix(prefix).lower()
