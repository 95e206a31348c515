"""Which strings Airflow renders with Jinja before a task runs; nothing is rendered."""

from dagwarden.sources.dags.values import Unknown

# Airflow keeps Jinja's own delimiters.
_OPENING = ("{{", "{%", "{#")
MAX_SHOWN = 120


def is_template(text: str) -> bool:
    """Say whether rendering may change `text`."""
    return any(mark in text for mark in _OPENING)


def rendered_later(text: str) -> Unknown:
    """Return why the value of a template is not known; the template is shown."""
    shown = " ".join(text.split())
    return Unknown("jinja", shown[:MAX_SHOWN])
