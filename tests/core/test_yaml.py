"""Mistakes are found all at once, with the line where each stands."""

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipeline.core import yaml
from pipeline.core.errors import ConfigError, InputError


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    threshold: int = Field(default=1, ge=0)
    name: str = "x"


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    inner: Inner = Inner()
    many: list[Inner] = []
    named: dict[str, Inner] = {}
    maybe: Inner | None = None
    word: str = ""

    @field_validator("word")
    @classmethod
    def _no_shouting(cls, value: str) -> str:
        if value.isupper():
            msg = "no shouting"
            raise ValueError(msg)
        return value


TEXT = """\
# a comment
inner:
  threshold: -1
  treshold: 2
many:
  - name: a
  - {nam: b, threshold: x}
named:
  anna:
    threshold: [1]
    nmae: c
maybe:
  thresholds: 3
word: LOUD
wrod: x
"""


def problems(text: str, *, private: bool = False) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        yaml.validate(Outer, yaml.parse(text, "f.yaml"), private=private)
    return str(caught.value).splitlines()


def test_all_at_once_with_line_key_and_nearest_name() -> None:
    found = problems(TEXT)
    lines = sorted(int(line.split(":")[1]) for line in found)
    assert lines == [3, 4, 7, 7, 10, 11, 13, 14, 15]
    for key in ("inner.treshold", "many.1.nam", "named.anna.nmae", "maybe.thresholds", "wrod"):
        assert any(f": {key}: unknown key; did you mean" in line for line in found)
    assert "f.yaml:14: word: no shouting" in found
    assert any(line.startswith("f.yaml:4: inner.treshold: unknown key; did you") for line in found)


def test_no_value_is_told() -> None:
    found = "\n".join(problems("inner: {threshold: secret}\nword: SECRET\n"))
    assert "secret" not in found.lower()


def test_private_hides_what_a_person_chose_as_key() -> None:
    found = problems(TEXT, private=True)
    assert len(found) == 9
    assert "anna" not in "\n".join(found)
    assert any(line.startswith("f.yaml:10: named: ") for line in found)


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: 1\nb: [1, 2\n", 3), ("a: 1\na: 2\n", 2), ("a: 'x\n", 2), ("a: b: c\n", 1), ("\t- a", 1)],
)
def test_what_is_no_yaml_is_told_with_its_line(text: str, line: int) -> None:
    with pytest.raises(InputError, match=rf"^f:{line}: ") as caught:
        yaml.parse(text, "f", InputError)
    assert "\n" not in str(caught.value)


def test_a_character_that_yaml_does_not_know() -> None:
    with pytest.raises(ConfigError, match="not YAML"):
        yaml.parse("a: \x00b\n", "f")


def test_scalars_are_those_of_yaml_1_2() -> None:
    text = """
    numbers: [010, -3, 0x1F, 0o17, 1e3, .5, -.inf]
    words: [yes, on, No, 1_000, 2026-01-02, 1:30, "7", !!str 7]
    others: [true, False, ~, null, ]
    """
    data = yaml.parse(text, "f").data
    assert data["numbers"] == [10, -3, 31, 15, 1000.0, 0.5, float("-inf")]
    assert data["words"] == ["yes", "on", "No", "1_000", "2026-01-02", "1:30", "7", "7"]
    assert data["others"] == [True, False, None, None]
    assert [type(value) for value in data["numbers"][:5]] == [int, int, int, int, float]


def test_a_mapping_takes_in_another_and_its_own_keys_win() -> None:
    document = yaml.parse("- &a\n  x: 1\n  y: 2\n- <<: *a\n  y: 3\n", "f")
    assert document.data == [{"x": 1, "y": 2}, {"x": 1, "y": 3}]
    assert [document.line([1, key]) for key in "xy"] == [2, 5]


@pytest.mark.parametrize(
    "text", ["a: !foo b", "a: !!int b", "? [a]\n: b", "[" * 5000, "[" * 900 + "]" * 900, "a: *b"]
)
def test_no_odd_text_ends_the_program(text: str) -> None:
    """It is read, or it is told; a run that reads many sidecars goes on."""
    try:
        yaml.parse(text, "f")
    except ConfigError as caught:
        assert str(caught).startswith("f:")  # noqa: PT017  # not raised is right, too


def test_an_empty_document_is_an_empty_mapping() -> None:
    for text in ("", "# nothing\n", "---\n"):
        assert dict(yaml.parse(text, "f").data) == {}
        assert yaml.validate(Outer, yaml.parse(text, "f")) == Outer()


def test_several_documents_are_refused() -> None:
    with pytest.raises(ConfigError, match="not YAML"):
        yaml.parse("a: 1\n---\nb: 2\n", "f")


def test_lines_of_values_and_of_the_nearest_parent() -> None:
    document = yaml.parse(TEXT, "f")
    assert document.line(["inner", "threshold"]) == 3
    assert document.line(["many", 1, "threshold"]) == 7
    assert document.line(["many", 5]) == 5
    assert document.line(["inner", "missing"]) == 2
    assert document.line([]) == 1
    assert document.at(["word"]) == "f:14"


def test_data_without_lines_are_named_alone() -> None:
    with pytest.raises(ConfigError, match=r"^options: word: no shouting$"):
        yaml.validate(Outer, yaml.Document({"word": "LOUD"}, "options"))


@pytest.mark.parametrize(
    ("first", "more"),
    [
        ("&a [x, x, x, x, x, x, x, x, x]", "[{}]"),
        ("&a {x: 1, y: 2}", "{{<<: [{}]}}"),
        ("&a {x: 1, y: 2}", "{{z: [{}]}}"),
    ],
)
def test_a_file_of_few_lines_does_not_stand_for_a_billion_values(first: str, more: str) -> None:
    text = f"- {first}\n"
    for one, two in zip("abcdefgh", "bcdefghi", strict=True):
        text += f"- &{two} {more.format(', '.join(['*' + one] * 9))}\n"
    with pytest.raises(ConfigError, match=r"^f:\d: aliases expand to too many values"):
        yaml.parse(text, "f")


@pytest.mark.parametrize("text", ["&a [*a]", "&a {b: *a}", "&a {<<: *a}", "&a [{b: [*a]}]"])
def test_what_holds_itself_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^f:1: aliases expand to too many values"):
        yaml.parse(text, "f")


def test_aliases_in_reason_are_fine() -> None:
    text = "a: &a [x, y]\n" + "".join(f"b{number}: *a\n" for number in range(1000))
    assert yaml.parse(text, "f").data["b999"] == ["x", "y"]


@pytest.mark.parametrize("merged", ["3", "", "[x]", "[[{a: 1}]]"])
def test_only_mappings_are_taken_in(merged: str) -> None:
    with pytest.raises(ConfigError, match=r"^f:1: '<<' merges a mapping"):
        yaml.parse(f"<<: {merged}", "f")


def test_of_several_mappings_the_first_wins_and_own_keys_win_over_all() -> None:
    data = yaml.parse("<<: [{a: 1, b: 1}, {a: 2, c: 2}]\nb: 3\n", "f").data
    assert dict(data) == {"a": 1, "c": 2, "b": 3}


@pytest.mark.parametrize("number", ["1" * 19, "-" + "9" * 4400, "0x" + "f" * 9000, "0x" + "f" * 16])
def test_numbers_that_no_table_holds_are_refused(number: str) -> None:
    with pytest.raises(ConfigError, match=r"^f:2: a number of more than 18 digits"):
        yaml.parse(f"a: 1\nb: {number}\n", "f")


def test_of_many_mistakes_a_few_are_shown_and_all_counted() -> None:
    found = problems("".join(f"key{number}: 1\n" for number in range(5000)))
    assert found[0].startswith("f.yaml:1: key0: unknown key")
    assert found[-1] == f"and {5000 - (len(found) - 1)} more"
    assert len(found) <= 11
