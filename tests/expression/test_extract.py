"""What stands at a template's place, by the examples of the documentation's kind."""

import pytest

from dagwarden.expression.extract import extract, is_template

NAME = "projects/_/buckets/orders-a/objects/lake/orders/order_date=2019-11-03/aef87g"


# iam/docs/conditions-attribute-reference#extract
@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("/order_date={date}/", "2019-11-03"),
        ("buckets/{name}/", "orders-a"),
        ("/orders/{empty}order_date", ""),
        ("{start}/objects/lake", "projects/_/buckets/orders-a"),
        ("orders/{end}", "order_date=2019-11-03/aef87g"),
        ("{all}", NAME),
        ("/orders/{none}/order_date=", ""),
        ("/lakes/{none}", ""),
    ],
)
def test_what_stands_at_the_place(template: str, found: str) -> None:
    assert is_template(template)
    assert extract(NAME, template) == found


@pytest.mark.parametrize("template", ["", "orders", "{a}{b}", "{a", 7])
def test_what_is_no_template(template: object) -> None:
    assert not is_template(template)
    if isinstance(template, str):
        with pytest.raises(ValueError, match="no template"):
            extract(NAME, template)
