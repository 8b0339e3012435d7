from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import lexicons as lexicon
from pipeline.core.errors import ConfigError
from pipeline.lexicons import Lexicons, normalise
from pipeline.lexicons.patterns import bounded, expanded

ENGLISH = lexicon.load("en")
MATCHING = [
    (name, text) for name, entry in ENGLISH.entries.items() for text in entry.examples.match
]
OTHERS = [
    (name, text) for name, entry in ENGLISH.entries.items() for text in entry.examples.no_match
]

GOOD = """
- id: greeting
  means: a greeting
  phrases: [hello there]
  patterns: ["good (?:morning|evening)"]
  unless:
    - {pattern: "(?:he|she) said $", scope: before, because: somebody else greets}
    - {pattern: "no[.]", scope: clause, because: denied}
  examples: {match: [Hello there.], no_match: [Goodbye.]}
"""


def written(folder: Path, text: str) -> Lexicons:
    (folder / "en").mkdir()
    (folder / "en" / "own.yaml").write_text(text, encoding="utf-8")
    (folder / "en" / "language.yaml").write_text('fillers: ["u[hm]+"]', encoding="utf-8")
    return lexicon.load("en", folder)


@pytest.mark.parametrize(("name", "text"), MATCHING)
def test_an_example_matches(name: str, text: str) -> None:
    assert ENGLISH.count(name, text)


@pytest.mark.parametrize(("name", "text"), OTHERS)
def test_a_counterexample_does_not_match(name: str, text: str) -> None:
    assert ENGLISH.count(name, text) == 0


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("He said, sit down. You never listen.", 0),
        ("He said, sit down. No. You never listen.", 0),
        ("He said, sit down. I sat down. You never listen.", 1),
        ("He told me to sit down. You never listen.", 1),
        ("You never listen. He said, sit down.", 1),
    ],
)
def test_direct_speech_goes_on_until_somebody_else_is_the_subject(text: str, counts: int) -> None:
    assert ENGLISH.count("complaint_therapist", text) == counts


def test_every_resolution_strategy_has_a_lexicon() -> None:
    assert sorted(ENGLISH.response_codes().values()) == sorted(f"R{n}" for n in range(1, 11))


def test_offsets_are_those_of_the_original(tmp_path: Path) -> None:
    text = "Well \u201cHello,  um, THERE\u201d he said"
    (match,) = written(tmp_path, GOOD).matches("greeting", text) or ()
    assert text[match.start : match.end] == "Hello,  um, THERE"


def test_matches_keep_to_whole_words(tmp_path: Path) -> None:
    lexicons = written(tmp_path, GOOD)
    assert lexicons.count("greeting", "Othello there") == 0
    assert lexicons.count("greeting", "hello there's") == 0
    assert lexicons.count("greeting", "hello there, hello there") == 2


def test_a_refused_match_says_why(tmp_path: Path) -> None:
    lexicons = written(tmp_path, GOOD)
    text = "She said, hello there. Good morning."
    (refused,) = lexicons.refusals("greeting", text) or ()
    (counted,) = lexicons.matches("greeting", text) or ()
    assert refused.refused == "somebody else greets"
    assert text[counted.start : counted.end] == "Good morning"


def test_a_refusal_looks_no_further_than_its_scope(tmp_path: Path) -> None:
    lexicons = written(tmp_path, GOOD)
    assert lexicons.count("greeting", "hello there, no.") == 1
    assert lexicons.count("greeting", "hello there no.") == 0


def test_a_refusal_may_look_at_the_match_itself(tmp_path: Path) -> None:
    text = """
- id: knowing
  means: somebody knows
  patterns: ["do you know|you know"]
  unless: [{pattern: "^you know$", scope: match, because: a filler}]
  examples: {match: [Do you know?], no_match: [It is.]}
"""
    lexicons = written(tmp_path, text)
    assert lexicons.count("knowing", "Do you know, you know, him?") == 1
    (refused,) = lexicons.refusals("knowing", "It was, you know, late.") or ()
    assert refused.refused == "a filler"


def test_what_a_language_has_for_all_its_lexicons(tmp_path: Path) -> None:
    plain = GOOD.replace('pattern: "no[.]"', "pattern: denied")
    lexicons = written(tmp_path, plain)
    assert lexicons.count("greeting", "hello um there") == 1
    assert lexicons.count("greeting", "hello erm there") == 0
    assert lexicons.count("greeting", "hello there that I denied") == 0
    assert lexicons.count("greeting", "hello there though that I denied") == 0
    (tmp_path / "en" / "language.yaml").write_text("clause_words: [though]", encoding="utf-8")
    told = lexicon.load("en", tmp_path)
    assert told.count("greeting", "hello um there") == 0
    assert told.count("greeting", "hello there though that I denied") == 1
    assert told.canonical() != lexicons.canonical()


@pytest.mark.parametrize("wrong", ['fillers: ["u("]', "filler: [um]", "fillers: um"])
def test_a_mistake_about_the_language_is_told_too(tmp_path: Path, wrong: str) -> None:
    written(tmp_path, GOOD)
    (tmp_path / "en" / "language.yaml").write_text(wrong, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"language\.yaml:1: "):
        lexicon.load("en", tmp_path)


def test_only_asks_for_every_word() -> None:
    assert ENGLISH.only("acknowledgement", "Mm-hm. Yeah, okay!") is True
    assert ENGLISH.only("acknowledgement", "Yeah, but no.") is False
    assert ENGLISH.only("acknowledgement", "...") is False


def test_a_column_is_counted_as_its_texts_are() -> None:
    texts = ["You don't listen.", None, "She said you don't listen.", "Fine.", "Um."]
    for name in ENGLISH.ids:
        counted, refused = ENGLISH.counts(name, pl.Series(texts, dtype=pl.String))
        for row, text in enumerate(texts):
            if text is None:
                assert counted[row] is None
                assert refused[row] is None
            else:
                assert counted[row] == ENGLISH.count(name, text)
                assert refused[row] == len(ENGLISH.refusals(name, text) or ())


def test_the_same_texts_are_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And others anew, though they have the same name and length."""
    feeling = ENGLISH._compiled["feeling"]
    read: list[str] = []

    def normal(text: str) -> str:
        read.append(text)
        return text

    monkeypatch.setattr(feeling, "latest", None)
    monkeypatch.setattr(feeling, "normal", normal)
    texts, others = pl.Series("text", ["I am sad.", None]), pl.Series("text", ["I am.", "So sad."])
    for asked, expected in ((texts, [1, None]), (texts.clone(), [1, None]), (others, [0, 1])):
        assert ENGLISH.counts("feeling", asked)[0].to_list() == expected
    assert read == ["I am sad.", "I am.", "So sad."]


def test_a_language_without_lexicons_answers_null() -> None:
    for language in ("tlh", None):
        none = lexicon.load(language)
        assert none.language is None
        assert none.ids == ENGLISH.ids
        assert none.count("question", "Why?") is None
        assert none.only("acknowledgement", "mm") is None
        counted, _ = none.counts("question", pl.Series(["Why?"]))
        assert counted.to_list() == [None]


def test_a_region_of_a_language_is_that_language() -> None:
    assert lexicon.load("en-GB").language == "en"


def test_an_unknown_lexicon_is_an_error() -> None:
    with pytest.raises(ConfigError, match="did you mean 'acknowledgement'"):
        ENGLISH.count("acknowledgment", "yes")


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = """
- id: one
  means: x
  patterns: ["(a", "(?:a+)+", "(?<=a)b", "<what> is"]
  examples: {match: [a], no_match: [b]}
- id: two
  means: x
  phrase: [a]
  examples: {match: [a], no_match: [b]}
- id: three
  means: x
  phrases: [a]
  unless:
    - {lexicon: on, because: x}
    - {pattern: a, lexicon: one, because: x}
  examples: {match: [a]}
"""
    with pytest.raises(ConfigError) as caught:
        written(tmp_path, text)
    told = caught.value.found.splitlines()
    for line, part in (
        ("4", "not a regular expression"),
        ("4", "repeats a repetition"),
        ("4", "unknown part 'what'"),
        ("8", "did you mean 'phrases'"),
        ("16", "no_match"),
        ("15", "either 'pattern' or 'lexicon'"),
    ):
        assert any(f"own.yaml:{line}:" in each and part in each for each in told), (line, part)


def test_look_around_is_refused(tmp_path: Path) -> None:
    text = GOOD.replace("good (?:morning|evening)", "(?<=a)b")
    with pytest.raises(ConfigError, match=r"own\.yaml:5: greeting: look-around"):
        written(tmp_path, text)


LISTS = """
- id: greeting
  means: a greeting
  parts:
    time: [morning, evening]
    day: ["<time>", day]
  patterns:
    - good <day>
    - pattern: [hello <there>, hi]
      parts: {there: [there, "<time>"]}
      note: written as a list
  unless:
    - {pattern: ["<said>[,:] $", "^no"], parts: {said: [said, says]}, scope: before, because: told}
  examples: {match: [Good day.], no_match: [Goodbye.]}
"""
LINES = """
- id: greeting
  means: a greeting
  patterns:
    - good (?:(?:morning|evening)|day)
    - hello (?:there|(?:morning|evening))|hi
  unless:
    - {pattern: "(?:said|says)[,:] $|^no", scope: before, because: told}
  examples: {match: [Good day.], no_match: [Goodbye.]}
"""


def test_lists_are_the_alternatives_of_one_regular_expression(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    lists, lines = written(tmp_path / "a", LISTS), written(tmp_path / "b", LINES)
    assert lists.entries["greeting"].alternation == lines.entries["greeting"].alternation
    refusals = [each.entries["greeting"].refusal(0, {}).pattern for each in (lists, lines)]
    assert refusals[0] == refusals[1]
    assert lists.canonical() == lines.canonical()


def test_words_are_shared_and_a_part_of_the_same_name_wins(tmp_path: Path) -> None:
    text = """
- id: {0}
  means: a day
  parts: {{{1}}}
  patterns: [good <day>]
  examples: {{match: [Good day.], no_match: [Goodbye.]}}
"""
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "words.yaml").write_text("time: [day, night]\nday: [<time>, week]")
    (tmp_path / "en" / "a.yaml").write_text(text.format("shared", ""))
    (tmp_path / "en" / "b.yaml").write_text(text.format("longer", "day: [<day>, year]"))
    lexicons = lexicon.load("en", tmp_path)
    said = ["good night", "good week", "good year"]
    assert [lexicons.count("shared", each) for each in said] == [1, 1, 0]
    assert [lexicons.count("longer", each) for each in said] == [1, 1, 1]


def test_each_mistake_of_a_list_has_its_line(tmp_path: Path) -> None:
    text = """
- id: one
  means: x
  parts:
    below: [a, <above>]
    above:
      - fine
      - (a
  patterns:
    - plain
    - pattern: <own> <foreign>
      parts:
        own: [a, "(?:b+)+"]
    - pattern: []
    - [a, b]
  examples: {match: [a], no_match: [b]}
"""
    with pytest.raises(ConfigError) as caught:
        written(tmp_path, text)
    assert "own.yaml:14" in caught.value.found
    assert "own.yaml:15" in caught.value.found
    (tmp_path / "en" / "own.yaml").write_text(text.replace("    - pattern: []\n    - [a, b]\n", ""))
    (tmp_path / "en" / "words.yaml").write_text("a: [b]\nc:\n  - <d>\n")
    with pytest.raises(ConfigError) as caught:
        lexicon.load("en", tmp_path)
    told = caught.value.found.splitlines()
    for place, part in (
        ("words.yaml:3", "unknown part 'd'"),
        ("own.yaml:5", "unknown part 'above'"),
        ("own.yaml:8", "not a regular expression"),
        ("own.yaml:11", "unknown part 'foreign'"),
        ("own.yaml:13", "repeats a repetition"),
    ):
        assert any(f"{place}:" in each and part in each for each in told), (place, told)


def test_a_part_hides_no_repetition_of_a_repetition(tmp_path: Path) -> None:
    text = GOOD.replace('"good (?:morning|evening)"', "good(?:<all>)+") + "  parts: {all: 'a+'}\n"
    with pytest.raises(ConfigError, match=r"own\.yaml:5: greeting: repeats a repetition"):
        written(tmp_path, text)


def test_a_pattern_matches_its_own_examples() -> None:
    """The pattern alone, whatever else its lexicon looks for."""
    seen = 0
    for entry in ENGLISH.entries.values():
        for pattern in entry.patterns:
            search = bounded(expanded(entry.whole(pattern))).search
            for text in pattern.examples.match:
                assert search(normalise(text, ENGLISH.grammar.filler)), (entry.id, text)
            for text in pattern.examples.no_match:
                assert not search(normalise(text, ENGLISH.grammar.filler)), (entry.id, text)
            seen += len(pattern.examples.match)
    assert seen


def test_no_line_of_a_settings_file_is_too_long_to_read(repository: Path) -> None:
    long = [
        f"{path.relative_to(repository)}:{number}"
        for path in sorted((repository / "configs").rglob("*.yaml"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 120
    ]
    assert long == []


def test_a_later_folder_adds_and_replaces(tmp_path: Path) -> None:
    (tmp_path / "first" / "en").mkdir(parents=True)
    (tmp_path / "own" / "en").mkdir(parents=True)
    other = GOOD.replace("hello there", "ahoy").replace("Hello there.", "Ahoy.")
    (tmp_path / "first" / "en" / "a.yaml").write_text(
        GOOD + GOOD.replace("id: greeting", "id: kept")
    )
    (tmp_path / "own" / "en" / "b.yaml").write_text(other)
    found = lexicon.load("en", tmp_path / "first", own=[tmp_path / "own"])
    assert (found.count("greeting", "ahoy"), found.count("greeting", "hello there")) == (1, 0)
    assert (found.count("kept", "ahoy"), found.count("kept", "hello there")) == (0, 1)
    with pytest.raises(ConfigError, match="lexicons: no folder"):
        lexicon.load("en", own=[tmp_path / "nowhere"])


def test_capital_letters_are_seen_where_a_lexicon_keeps_them(tmp_path: Path) -> None:
    text = """
- id: group
  means: a group of Alcoholics Anonymous
  keep_case: true
  phrases: [AA]
  unless: [{lexicon: battery, scope: sentence, because: a battery}]
  examples: {match: [AA helps.], no_match: [aa.]}
- id: battery
  means: a battery
  phrases: [batteries]
  examples: {match: [Batteries.], no_match: [x]}
"""
    lexicons = written(tmp_path, text)
    assert lexicons.count("group", "Um, AA and aa") == 1
    assert lexicons.count("group", "Batteries, AA") == 0
    assert lexicons.count("battery", "BATTERIES") == 1
    wrong = text.replace("keep_case: true\n  phrases: [AA]", "phrases: [AA]").replace(
        "a battery\n  phrases", "a battery\n  keep_case: true\n  phrases"
    )
    (tmp_path / "en" / "own.yaml").write_text(wrong)
    with pytest.raises(ConfigError, match=r"own\.yaml:5: group: lexicon 'battery' looks for cap"):
        lexicon.load("en", tmp_path)


def test_canonical_names_what_answers_depend_on(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "c").mkdir()
    before = written(tmp_path / "a", GOOD).canonical()
    same = written(tmp_path / "b", GOOD.replace("[Goodbye.]", "[Farewell.]")).canonical()
    other = written(tmp_path / "c", GOOD.replace("evening", "night")).canonical()
    assert before == same
    assert before != other


@given(st.text())
def test_normalising_keeps_the_length(text: str) -> None:
    assert len(normalise(text)) == len(text)
    assert len(normalise(text, ENGLISH.grammar.filler)) == len(text)


@given(st.text(alphabet="youarentliste, .?'\u2019-", max_size=300), st.sampled_from(ENGLISH.ids))
def test_any_text_can_be_searched(text: str, name: str) -> None:
    for match in (*(ENGLISH.matches(name, text) or ()), *(ENGLISH.refusals(name, text) or ())):
        assert 0 <= match.start < match.end <= len(text)
