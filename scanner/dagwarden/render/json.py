"""The whole report as JSON, and the schema that says what is in it."""

from collections.abc import Iterator

import msgspec

from dagwarden.findings import Report
from dagwarden.render import encode, encoded_in_parts


def render_json(report: Report) -> bytes:
    """Return `report` as JSON; `findings.read_report` reads it back."""
    return b"".join(json_parts(report))


def json_parts(report: Report) -> Iterator[bytes]:
    """Yield what `render_json` returns, in parts: it may be larger than what it tells."""
    return encoded_in_parts(report)


def result_schema() -> bytes:
    """Return the JSON Schema (2020-12) of what `render_json` writes."""
    schema = msgspec.json.schema(Report)
    return encode(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "The result of a dagwarden scan, with the envelope of its run",
            **schema,
        }
    )
