"""`tether doctor` tells what is wrong; nothing that is wrong may stop it."""

import json
from pathlib import Path

import pytest

from pipeline.cli.commands import doctor


def test_a_damaged_model_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "tether-model.json").write_text("{", encoding="utf-8")
    monkeypatch.setenv("TETHER_MODELS", str(tmp_path))
    assert doctor.examine(tmp_path, "default", as_json=True) == 0
    found = {finding["subject"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert found["models"]["state"] == "missing"
    assert found["models"]["hint"]
    assert "disk" in found
