"""`tether measures`: every number is documented, and no two of them read alike."""

import json
from collections import defaultdict

import pytest
from click.testing import CliRunner

from pipeline import config
from pipeline.cli.commands import measures
from pipeline.cli.main import cli
from pipeline.core.errors import ConfigError
from pipeline.core.tables import SCHEMAS
from pipeline.core.vocabulary import FAMILIES, ITEMS
from pipeline.measures.feature import Feature


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> tuple[Feature, ...]:
    """All measures that there are: those of both voices too."""
    mine = tmp_path_factory.mktemp("settings") / "mine.yaml"
    mine.write_text("extends: default\nfeatures: {therapist_voice: true}\n", encoding="utf-8")
    return measures.known(str(mine), "en")


def test_every_measure_is_documented(catalogue: tuple[Feature, ...]) -> None:
    for feature in catalogue:
        assert feature.item in ITEMS
        assert feature.needs in FAMILIES
        for text in (feature.means, feature.null, feature.source, feature.unit):
            assert len(text.strip()) > 1, f"{feature.item} {feature.name}"
            assert text == text.strip(), f"{feature.item} {feature.name}"
            assert not text.endswith("."), f"{feature.item} {feature.name}"
        assert feature.min_mad > 0
        assert feature.name == feature.name.lower()


def test_a_name_with_a_unit_has_that_unit(catalogue: tuple[Feature, ...]) -> None:
    units = {
        "_ms": "ms",
        "_db": "dB",
        "_share": "0-1",
        "_per_min": "per minute",
        "_st": "semitones",
    }
    for feature in catalogue:
        for ending, unit in units.items():
            if feature.name.endswith(ending):
                assert feature.unit == unit, feature.name


def test_no_two_measures_read_alike(catalogue: tuple[Feature, ...]) -> None:
    named = defaultdict(set)
    for feature in catalogue:
        named[feature.item, feature.means.lower()].add(feature.name)
    assert [names for names in named.values() if len(names) > 1] == []


def test_one_name_has_one_unit_and_serves_one_family(catalogue: tuple[Feature, ...]) -> None:
    facts = defaultdict(set)
    for feature in catalogue:
        facts[feature.name].add((feature.unit, feature.needs))
    assert [name for name, known in facts.items() if len(known) > 1] == []


def test_every_measure_is_listed_once_for_each_meaning() -> None:
    printed = CliRunner().invoke(cli, ["measures"], catch_exceptions=False).output
    names = [line.split()[0] for line in printed.splitlines() if line[:1].isalpha()]
    default = measures.known("default", "en")
    expected = {(f.name, f.means, f.unit, f.group) for f in default}
    assert sum(name in {f.name for f in default} for name in names) == len(expected)
    assert max(map(len, printed.splitlines())) <= 160


def test_one_measure_is_explained_with_all_that_is_known_of_it() -> None:
    printed = CliRunner().invoke(cli, ["measures", "own_silence_share"], catch_exceptions=False)
    text = " ".join(printed.output.split())
    for words in ("T→T", "window_60s, window_180s, window_300s, session", "Künsch", "null", "_pct"):
        assert words in text
    told = CliRunner().invoke(cli, ["measures", "pause_share", "--json"], catch_exceptions=False)
    assert {row["item"] for row in json.loads(told.output)} >= {"turn", "session"}


def test_an_unknown_measure_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="latency_ms"):
        measures.show("latnecy_ms", "default", "en", as_json=False)
    with pytest.raises(ConfigError, match="turns"):
        measures.list_tables("turn", as_json=False)


def test_a_language_without_lexicons_has_the_measures_of_timing() -> None:
    names = {feature.name for feature in measures.known("default", "tlh")}
    assert "latency_ms" in names
    assert config.load().transcription.language == "en"


def test_every_column_of_every_table_is_listed() -> None:
    told = CliRunner().invoke(cli, ["measures", "--tables", "--json"], catch_exceptions=False)
    listed = json.loads(told.output)
    assert set(listed) == set(SCHEMAS)
    for name, schema in SCHEMAS.items():
        assert [column["name"] for column in listed[name]] == list(schema.names)
        assert all(column["means"] for column in listed[name])
    printed = CliRunner().invoke(cli, ["measures", "--tables", "silences"], catch_exceptions=False)
    assert "dropout_ms" in printed.output
