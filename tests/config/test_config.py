"""Settings: one file over another, every mistake told at once and where it stands."""

import pickle
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from pipeline import config
from pipeline.core.errors import ConfigError
from pipeline.engines.transcription.faster_whisper import FasterWhisper
from pipeline.rules.language import json_schema, rulefile


def write(path: Path, content: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return str(path)


def test_the_default_is_whole_and_frozen() -> None:
    settings = config.load()
    assert settings.turns.turn_pause_ms > settings.turns.unit_pause_ms
    with pytest.raises(ValueError, match="frozen"):
        settings.require_consent = True  # type: ignore[misc]


def undescribed(section: type[config.Section], inside: str) -> list[str]:
    found = []
    for key, field in section.model_fields.items():
        inner = next(iter(get_args(field.annotation)), field.annotation)  # X of X | None
        if isinstance(inner, type) and issubclass(inner, config.Section):
            found += undescribed(inner, f"{inside}{key}.")
        elif not field.description and "Literal" not in str(inner):
            found.append(f"{inside}{key}")
    return found


def test_every_setting_is_described_and_stands_in_the_default(repository: Path) -> None:
    assert set(undescribed(config.settings_model(), "")) <= {"extends"}
    text = (repository / "configs" / "default.yaml").read_text(encoding="utf-8")
    for name in config.settings_model().model_fields:
        assert name == "extends" or re.search(rf"^{name}:", text, re.MULTILINE)


def test_every_built_in_profile_loads() -> None:
    names = [item.name for item in config.builtin().iterdir() if item.name.endswith(".yaml")]
    assert "default.yaml" in names
    for name in names:
        assert config.load(name.removesuffix(".yaml"))


def test_a_file_names_only_what_differs(tmp_path: Path) -> None:
    mine = write(tmp_path / "mine.yaml", "turns:\n  turn_pause_ms: 2000\nrules: []\n")
    settings, default = config.load(mine), config.load()
    assert settings.turns.turn_pause_ms == 2000
    assert settings.turns.unit_pause_ms == default.turns.unit_pause_ms
    assert settings.rules == ()
    assert settings.engines == default.engines


def test_settings_travel_to_another_process() -> None:
    settings = config.load(overrides={"faster_whisper.beam_size": 7})
    arrived = pickle.loads(pickle.dumps(settings))  # noqa: S301  # its own
    assert arrived == settings
    assert arrived.section(FasterWhisper).beam_size == 7
    assert arrived.origin("none", "none") == settings.origin("none", "none")


def test_an_engine_is_named_by_the_registry() -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(overrides={"engines.diarizer": "clusterin", "engines.pitch": "auto"})
    assert "unknown diarizer 'clusterin'; did you mean 'clustering'?" in str(caught.value)
    assert "unknown pitch tracker 'auto'; known: pyin, swift_f0" in str(caught.value)
    engines = json_schema.schema("settings")["$defs"]["Engines"]["properties"]
    assert {"auto", "imported", "clustering"} < set(engines["diarizer"]["enum"])


def test_a_section_that_no_engine_has() -> None:
    class Other(config.Section):
        """Settings of an engine that is not registered."""

    with pytest.raises(ConfigError, match="no section of Other"):
        config.load().section(Other)


def test_a_chain_of_files_the_upper_wins(tmp_path: Path) -> None:
    write(tmp_path / "base.yaml", "turns: {turn_pause_ms: 1, unit_pause_ms: 2}\n")
    write(tmp_path / "in" / "site.yaml", "extends: ../base.yaml\nturns: {turn_pause_ms: 3}\n")
    # A file of the same name in another folder is another file.
    mine = write(tmp_path / "in" / "base.yaml", "extends: site.yaml\nrequire_consent: true\n")
    settings = config.load(mine)
    assert (settings.turns.turn_pause_ms, settings.turns.unit_pause_ms) == (3, 2)
    assert settings.require_consent


def test_a_circle_is_told(tmp_path: Path) -> None:
    one = write(tmp_path / "one.yaml", "extends: two.yaml\n")
    write(tmp_path / "two.yaml", "extends: ./one.yaml\n")
    with pytest.raises(ConfigError, match="extend themselves"):
        config.load(one)
    with pytest.raises(ConfigError, match="extend themselves"):
        config.load(write(tmp_path / "self.yaml", "extends: self.yaml\n"))


def test_all_mistakes_at_once_each_in_its_file(tmp_path: Path) -> None:
    write(tmp_path / "base.yaml", "# base\n\nquality:\n  min_snr_db: loud\n")
    mine = write(
        tmp_path / "mine.yaml",
        "extends: base.yaml\nturns:\n  turn_pause: 3\n  unit_pause_ms: -1\nenginse: {}\n",
    )
    with pytest.raises(ConfigError) as caught:
        config.load(mine, {"engines.diarizer": "clusterin"})
    problems = str(caught.value).splitlines()
    assert len(problems) == 5
    assert "did you mean 'turn_pause_ms'?" in str(caught.value)
    assert "did you mean 'engines'?" in str(caught.value)
    where = {line.split(": ")[1]: line.split(": ")[0] for line in problems}
    assert where == {
        "turns.turn_pause": f"{mine}:3",
        "turns.unit_pause_ms": f"{mine}:4",
        "enginse": f"{mine}:5",
        "quality.min_snr_db": "base.yaml:4",
        "engines.diarizer": "options",
    }


def test_overrides_win_and_unknown_ones_are_told(tmp_path: Path) -> None:
    mine = write(tmp_path / "mine.yaml", "engines: {diarizer: pyannote, threads: 7}\n")
    settings = config.load(mine, {"engines.diarizer": "clustering", "require_consent": True})
    assert settings.engines.diarizer == "clustering"
    assert settings.engines.threads == 7
    assert settings.require_consent
    with pytest.raises(ConfigError, match="did you mean 'engines'"):
        config.load("default", {"engine.diarizer": "clustering"})


def test_an_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'default'") as caught:
        config.load("defualt")
    assert "no profile 'defualt'" in str(caught.value)
    with pytest.raises(ConfigError, match="known: "):
        config.load("qqqqqq")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"- a\n", "not a mapping"),
        (b"turns: [\n", "not YAML"),
        (b"turns: {}\nturns: {}\n", "duplicate key"),
        (b"caf\xe9: 1\n", "not UTF-8 text"),
        (b"extends: 3\n", "extends: not a name"),
        (b"extends: {a: b}\n", "extends: not a name"),
        (b"turns:\n", "turns: "),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=found):
        config.load(str(path))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        config.load(str(tmp_path / "none.yaml"))


def test_an_empty_file_and_a_byte_order_mark(tmp_path: Path) -> None:
    assert config.load(write(tmp_path / "empty.yaml", "")).turns == config.load().turns
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbfrequire_consent: true\n")
    assert config.load(str(tmp_path / "bom.yaml")).require_consent


def test_on_is_a_word() -> None:
    """YAML 1.2: in 1.1 the keys `on` and `no` would be booleans."""
    from pipeline.core import yaml  # noqa: PLC0415

    assert dict(yaml.parse("on: no\n", "x").data) == {"on": "no"}


def test_the_wheel_carries_the_configs(tmp_path: Path, repository: Path) -> None:
    """Laid out as the wheel is, without the checkout beside it."""
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"configs": "pipeline/configs"}
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(repository / "pipeline", tmp_path / "pipeline", ignore=leave)
    shutil.copytree(repository / "configs", tmp_path / "pipeline" / "configs", ignore=leave)
    script = "from pipeline import config; config.load(); print(config.builtin())"
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.stdout.strip() == str(tmp_path / "pipeline" / "configs"), ran.stderr


def test_settings_that_contradict_each_other_are_all_told(tmp_path: Path) -> None:
    mine = write(
        tmp_path / "mine.yaml",
        "pitch:\n  min_hz: 900\npyannote: {min_speakers: 4, max_speakers: 3}\n"
        "turns: {turn_pause_ms: 1}\nfeatures:\n  voiced_min_ms: 99999\n  speech_min_ms: 99999\n",
    )
    with pytest.raises(ConfigError) as caught:
        config.load(mine, {"engines.threads": 0})
    problems = str(caught.value).splitlines()
    assert len(problems) == 5
    (pitch,) = [line for line in problems if "pitch" in line]
    assert re.fullmatch(rf"{mine}:1: pitch: min_hz \(900.*must be less than max_hz \(.*", pitch)
    (features,) = [line for line in problems if "features" in line]
    assert "voiced_min_ms (99999) must not exceed window_voiced_min_ms" in features
    assert "speech_min_ms (99999) must not exceed window_speech_min_ms" in features


RULE = """- id: mine
  kind: withdrawal
  marker: W1
  says: a silence
  on: silence
  needs: [timing]
  where: [{if: "length_ms >= 1", because: "long"}]
  role: primary
  weight: 0.5
"""


def test_rule_files_lie_beside_the_settings_that_name_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "site" / "own.yaml", RULE)
    # A file beside the settings does not hide a built-in name.
    write(tmp_path / "site" / "withdrawal.yaml", RULE)
    site = write(tmp_path / "site" / "site.yaml", "rules: [withdrawal, own.yaml]\n")
    here = tmp_path / "here"
    write(here / "own.yaml", "- not a rule\n")
    mine = write(tmp_path / "mine.yaml", f"extends: {site}\n")
    monkeypatch.chdir(here)
    for choice in (site, mine, "../site/site.yaml"):
        rules, problems = rulefile.read(config.load(choice).rules)
        assert not problems
        assert [placed.rule.id for placed in rules].count("mine") == 1
        assert len(rules) > 1
    named = write(tmp_path / "site" / "named.yaml", "rules: [own]\n")
    assert len(rulefile.read(config.load(named).rules)[0]) == 1


def test_a_rule_file_that_is_nowhere_names_both_places(tmp_path: Path) -> None:
    for name in ("withdrawl", "withdrawl.yaml"):
        mine = write(tmp_path / "mine.yaml", f"rules: [{name}]\n")
        _, (problem,) = rulefile.read(config.load(mine).rules)
        assert str(tmp_path / "withdrawl.yaml") in problem
        assert "did you mean 'withdrawal'?" in problem


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pitch.vowel_low_hz", 2_500),
        ("phonation.cpp_first_ms", 30),
        ("features.final_last_ms", 300),
    ],
)
def test_limits_that_leave_nothing_between_them_are_refused(key: str, value: int) -> None:
    with pytest.raises(ConfigError):
        config.load("default", {key: value})


def test_cues_of_roles_cannot_all_weigh_nothing() -> None:
    cues = ("questions", "address", "frame", "listening", "brevity")
    with pytest.raises(ConfigError, match="weigh"):
        config.load("default", {f"roles.{cue}": 0 for cue in cues})
    assert config.load("default", {f"roles.{cue}": 0 for cue in cues[1:]})
