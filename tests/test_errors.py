"""What errors show of a value that is wrong."""

from typing import Literal

import msgspec
import pytest

from dagwarden.errors import plainly, shown


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("hihg", "'hihg'"),
        ("roles/run.invoker", "'roles/run.invoker'"),
        ("CC6.33", "'CC6.33'"),
        (3, "'3'"),
        ("Xq7vT9mKp2Zr4k", "of 14 characters"),
        ("xq7vt9mkp2zr4k", "of 14 characters"),
        ("a\nb\nc\nd\ne\n", "of 10 characters"),
        ("x" * 62, "of 62 characters"),
    ],
)
def test_only_words_are_repeated(value: object, words: str) -> None:
    assert shown(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("hihg", "Invalid enum value 'hihg' - at `$[0]`"),
        ("Xq7vT9mKp2", "Invalid enum value of 10 characters - at `$[0]`"),
        ("Xq7vT9mKp2' - at x", "Invalid enum value of 18 characters - at `$[0]`"),
        ("Xq7vT9mKp2\nx", "Invalid enum value of 13 characters - at `$[0]`"),
        (5, "Expected `str`, got `int` - at `$[0]`"),
    ],
)
def test_words_of_msgspec_do_not_hold_the_value(value: object, words: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert([value], list[Literal["high", "low"]])
    assert plainly(caught.value) == words
