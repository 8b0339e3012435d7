import json
from pathlib import Path

import pytest
from strategies import book, catalogue, english, settings

from pipeline.core.errors import ConfigError
from pipeline.core.vocabulary import MOMENT_KINDS
from pipeline.rules import RuleBook

GOOD = """
- id: long-silence
  kind: withdrawal
  marker: W2
  says: A long silence.
  on: silence
  needs: [timing]
  params:
    min_ms: {value: 3000, source: some study}
  where:
    - {if: "length_ms >= {min_ms}", because: "for {length_ms:s}"}
  role: primary
  weight: 0.5
"""


def read(folder: Path, text: str, name: str = "own.yaml") -> RuleBook:
    (folder / name).write_text(text, encoding="utf-8")
    chosen = settings().model_copy(update={"rules": (str(folder / name),)})
    return RuleBook.read(chosen, catalogue(), english())


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, GOOD).entries()
    assert (entry.rule, entry.marker, entry.needs) == ("long-silence", "W2", ("timing",))


def test_the_built_in_rules_compile_and_say_where_numbers_come_from() -> None:
    assert {compiled.rule.kind for compiled in book().rules} == set(MOMENT_KINDS)
    for compiled in book().rules:
        assert compiled.rule.says.endswith(".")
        assert all(param.source for param in compiled.rule.params.values())


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("length_ms >=", "lenght_ms >=", 11, "did you mean 'length_ms'"),
        ("length_ms >= {min_ms}", "length_ms >= 1", 9, "'min_ms' is not used"),
        ("length_ms >= {min_ms}", "length_ms + {min_ms}", 11, "must be true or false"),
        ("min_ms:", "length_ms:", 9, "has the name of a column"),
        ("length_ms >= {min_ms}", "length_ms_z >= {min_ms}", 10, "stands on a baseline"),
        ("[timing]", "[voice]", 7, "stands on timing"),
        ("on: silence", "on: silense", 6, "Input should be"),
        ("role: primary", "role: primary\n  at_least: 2", 2, "at_least needs within_ms"),
        ("role: primary", "role: primary\n  in_a_row: 2", 2, "need among"),
        (
            "role: primary",
            "role: primary\n  in_a_row: 2\n  of_last: {hits: 1, items: 2}",
            2,
            "only one of",
        ),
        ("weight: 0.5", "wieght: 1.0", 13, "did you mean 'weight'"),
        ("weight: 0.5", "weight: 0.5\n  weight_from: lost_mss", 14, "no number of a silence"),
        ("source: some study", "sauce: some study", 9, "sauce: unknown key"),
        ("for {length_ms:s}", "for {length:s}", 11, "unknown name 'length'"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, GOOD.replace(old, new, 1))
    told = caught.value.found.splitlines()
    assert any(f"own.yaml:{line}:" in each and message in each for each in told), told


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(GOOD.replace("length_ms >=", "long >="), encoding="utf-8")
    two = GOOD.replace("on: silence", "on: turn") + GOOD.replace("min_ms:", "mim_ms:", 1)
    (tmp_path / "two.yaml").write_text(two, encoding="utf-8")
    files = [str(tmp_path / name) for name in ("one.yaml", "two.yaml", "three.yaml")]
    chosen = settings().model_copy(update={"rules": (*files, "withdrawl")})
    with pytest.raises(ConfigError) as caught:
        RuleBook.read(chosen, catalogue(), english())
    told = caught.value.found
    for part in (
        "one.yaml:11: long-silence: unknown column 'long'",
        "unknown parameter 'min_ms', did you mean 'mim_ms'",
        "'long-silence' stands twice",
        "three.yaml'; expected: that file, or a built-in one",
        "did you mean 'withdrawal'",
    ):
        assert part in told


@pytest.mark.parametrize("text", ["a: 1", "- a", "- [1]", "- id: [", ""])
def test_what_is_no_list_of_rules_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"own\.yaml:\d+"):
        read(tmp_path, text)


def test_canonical_changes_with_a_threshold(tmp_path: Path) -> None:
    before = read(tmp_path, GOOD).canonical()
    after = read(tmp_path, GOOD.replace("3000", "4000")).canonical()
    assert json.loads(before)
    assert before != after
