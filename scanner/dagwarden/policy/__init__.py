"""Judging: rules are loaded, facts are judged, verdicts become findings."""
