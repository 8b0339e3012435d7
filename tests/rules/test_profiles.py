"""The three profiles: strict shows no more than default, default no more than screening."""

import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from strategies import Session, english, everything, script, tables_of

from pipeline import config
from pipeline.rules import RuleBook

PROFILES = ("strict", "default", "screening")
ASKS = "So what was it like for you when you heard all of this from her?"
TALK = ("C", 0.3, "I went to the market and bought some apples and some bread for the week.")
LONG = ("C", 0.4, "I was thinking about it the whole week and then on Sunday I called my brother.")
ADVISES = "You really need to talk to your landlord about this soon."
OBJECTS = "Well, that won't work with him."
SCRIPTS = {
    "silences of 3.5 s": [TALK, ("T", 0.3, "Hm."), ("T", 3.5, "I see."), ("T", 3.6, "Well.")],
    "silences of 4.5 s": [TALK, ("T", 0.3, "Hm."), ("T", 4.5, "I see."), ("T", 4.6, "Well.")],
    "4 s after a question": [TALK, ("T", 0.3, "What happened?"), ("T", 4, "Well."), TALK],
    "6 s after a question": [TALK, ("T", 0.3, "What happened?"), ("T", 6, "Well."), TALK],
    "8 s after a question": [TALK, ("T", 0.3, "What happened?"), ("T", 8, "Well."), TALK],
    "minimal answers": [TALK, *[("T", 0.3, ASKS), ("C", 2.6, "Fine.")] * 3, TALK],
    "a complaint": [TALK, ("T", 0.3, "Hm."), ("C", 0.4, "You never listen to me."), LONG],
    "gives way, unurged": [TALK, ("T", 0.3, "I see how it was."), ("C", 0.4, "Whatever you say.")],
    "objects, unurged": [TALK, ("T", 0.3, "I see how it was."), ("C", 0.4, OBJECTS)],
    "objects to advice": [TALK, ("T", 0.3, ADVISES), ("C", 0.4, OBJECTS), LONG],
    "two bare assents": [
        *[TALK, *[("T", 0.3, ADVISES), ("C", 0.4, "Okay.")] * 2],
        *[("T", 0.4, "I see how it was."), LONG] * 5,
    ],
    "a benign talk": [TALK, ("T", 0.3, ASKS), LONG, ("T", 0.4, "I see."), LONG],
    "all at once": [
        *[TALK, ("T", 0.3, "What happened?"), ("T", 8, "Well.")],
        *[("C", 0.4, "You never listen to me."), LONG, ("T", 0.4, ASKS)],
        *[("C", 2.6, "Fine."), ("T", 0.3, ASKS), ("C", 2.6, "Fine."), ("T", 0.3, ASKS)],
        *[("C", 2.6, "Fine."), ("T", 0.3, "Hm."), ("C", 0.3, "This is a waste of time.")],
    ],
}


@cache
def settings(profile: str) -> config.Settings:
    return config.load(profile)


@cache
def book(profile: str) -> RuleBook:
    return RuleBook.read(settings(profile), everything(), english())


@cache
def tables(name: str) -> Session:
    return tables_of(script(*SCRIPTS[name]))


def flagged(profile: str, name: str) -> dict[str, pl.DataFrame]:
    return book(profile).flag(tables(name), english(), settings(profile))


@pytest.mark.parametrize("profile", PROFILES)
def test_each_loads_and_compiles(profile: str) -> None:
    assert book(profile).rules


@pytest.mark.parametrize("name", SCRIPTS)
def test_none_shows_more_than_a_wider_one(name: str) -> None:
    shown = [flagged(profile, name)["moments"] for profile in PROFILES]
    for narrow, wide in pairwise(shown):
        assert narrow.height <= wide.height
        for moment in narrow.iter_rows(named=True):
            touching = wide.filter(
                (pl.col("kind") == moment["kind"])
                & (pl.col("start_ms") < moment["end_ms"])
                & (pl.col("end_ms") > moment["start_ms"])
            )
            assert touching.height


@pytest.mark.parametrize(
    ("name", "narrowest"),
    [
        ("gives way, unurged", "screening"),
        ("objects, unurged", "screening"),
        ("two bare assents", "screening"),
        ("objects to advice", "default"),
        ("a complaint", "strict"),
    ],
)
def test_words_matter_too(name: str, narrowest: str) -> None:
    showing = [profile for profile in PROFILES if flagged(profile, name)["moments"].height]
    assert showing == list(PROFILES[PROFILES.index(narrowest) :])


def test_they_differ() -> None:
    counts = [
        sum(flagged(profile, name)["moments"].height for name in SCRIPTS) for profile in PROFILES
    ]
    assert counts == sorted(set(counts)), counts


def test_what_strict_cuts_stays_visible() -> None:
    strict, default = flagged("strict", "minimal answers"), flagged("default", "minimal answers")
    assert default["moments"].height
    seen = strict["moments"].height + strict["set_aside"].height
    assert seen or strict["hits"].height == default["hits"].height


@pytest.mark.parametrize("profile", ["strict", "screening"])
def test_every_key_of_a_profile_has_its_reason(repository: Path, profile: str) -> None:
    text = (repository / "configs" / f"{profile}.yaml").read_text(encoding="utf-8")
    assert re.search(r"^extends: default$", text, re.MULTILINE)
    for line in text.splitlines():
        if re.match(r"\s+\w+: \S", line):
            assert "# " in line, line
