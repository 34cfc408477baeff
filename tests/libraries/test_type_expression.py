import pytest

from backlint.libraries.type_expression import (
    FALLBACK,
    UNION,
    ArgumentType,
    TypeExpression,
    argument_type,
    parse_type,
)


@pytest.mark.parametrize(
    "text", ["self", "Self", "none", "callback", "Model", "django.db.models.Model", "arg0.0"]
)
def test_names_stand_alone(text: str) -> None:
    assert parse_type(text) == TypeExpression(text)


def test_arguments_nest() -> None:
    assert parse_type("dict[builtins.str, list[arg0.0]]") == TypeExpression(
        "dict",
        (TypeExpression("builtins.str"), TypeExpression("list", (TypeExpression("arg0.0"),))),
    )


def test_a_fallback_binds_tighter_than_a_union() -> None:
    assert parse_type("arg:class_ or S | none") == TypeExpression(
        UNION,
        (
            TypeExpression(FALLBACK, (TypeExpression("arg:class_"), TypeExpression("S"))),
            TypeExpression("none"),
        ),
    )


def test_a_name_that_begins_with_or_is_a_name() -> None:
    assert parse_type("orm.Order") == TypeExpression("orm.Order")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "ends too early"),
        ("list[", "ends too early"),
        ("list[X", "`]` is missing"),
        ("list[]", "unexpected `]`"),
        ("X]", "unexpected `]`"),
        ("X |", "ends too early"),
        ("X Y", "unexpected `Y`"),
        ("X or", "ends too early"),
        ("a-b", "unexpected `-`"),
        ("arg:", "unexpected `:`"),
    ],
)
def test_what_is_no_type_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="type") as caught:
        parse_type(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("arg0", ArgumentType(0)),
        ("arg12.1", ArgumentType(12, 1)),
        ("arg:class_", ArgumentType("class_")),
        ("arg:statement.0", ArgumentType("statement", 0)),
        ("argument", None),
        ("arg", None),
        ("args.Model", None),
    ],
)
def test_references_to_arguments(name: str, expected: ArgumentType | None) -> None:
    assert argument_type(parse_type(name).name) == expected
