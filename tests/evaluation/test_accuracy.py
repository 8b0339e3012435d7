"""The table of accuracy: printed where the data is, honest where it is not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def printed(repository: Path, *options: str) -> str:
    command = [sys.executable, str(repository / "scripts" / "accuracy.py"), "--quick", *options]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def test_what_is_not_here_is_said(repository: Path, tmp_path: Path) -> None:
    head, rule, *rows = printed(repository, "--data", str(tmp_path)).splitlines()
    assert head == "| what | on | result |"
    assert rule == "|---|---|---|"
    assert any("| not here: shared/data/calls |" in row for row in rows)
    assert all("| not here: shared/data/" in row for row in rows)


@pytest.mark.slow
def test_every_row_is_measured(repository: Path, shared_data: Path) -> None:
    rows = json.loads(printed(repository, "--data", str(shared_data), "--json"))
    assert len(rows) >= 9
    for row in rows:
        # Without a model a row says what to type; with data and models it has numbers.
        assert row["numbers"] or row["result"].startswith("not measured: "), row
        assert "nan" not in row["result"]
