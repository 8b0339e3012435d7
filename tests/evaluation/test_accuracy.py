"""The table of accuracy: printed where the data is, honest where it is not."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest


def printed(repository: Path, *options: str) -> str:
    command = [sys.executable, str(repository / "scripts" / "accuracy.py"), "--quick", *options]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def rows_of(page: str) -> list[tuple[str, str, str]]:
    """What was measured, on what, and the result, of every row of every table of three columns."""
    rows: list[tuple[str, str, str]] = []
    for what, on, says in re.findall(r"^\| (.*) \| (.+) \| (.+) \|$", page, re.MULTILINE):
        rows.append((what or rows[-1][0], on, says))
    return rows


def test_what_is_not_here_is_said(repository: Path, tmp_path: Path) -> None:
    page = printed(repository, "--data", str(tmp_path))
    first, _, head, rule, *_ = page.splitlines()
    assert (first, head, rule) == ("## Timing", "| what | on | result |", "|---|---|---|")
    rows = [row for row in rows_of(page) if row[0] != "what"]
    assert any(says == "not here: shared/data/calls" for _, _, says in rows)
    assert all(says.startswith("not here: shared/data/") for _, _, says in rows)
    on_the_page = rows_of((repository / "docs" / "accuracy.md").read_text(encoding="utf-8"))
    assert {row[:2] for row in rows} <= {row[:2] for row in on_the_page}


def test_the_pictures_show_the_numbers_of_the_page(repository: Path, tmp_path: Path) -> None:
    docs = repository / "docs"
    script = str(repository / "scripts" / "accuracy.py")
    page = str(docs / "accuracy.md")
    command = [sys.executable, script, "--printed", page, "--figures", str(tmp_path)]
    subprocess.run(command, check=True)
    drawn = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    kept = {
        path.name: path.read_text(encoding="utf-8") for path in (docs / "figures").glob("*.svg")
    }
    assert drawn == kept, "next: scripts/accuracy --printed docs/accuracy.md --figures docs/figures"
    assert "http" not in "".join(drawn.values()).replace("http://www.w3.org/2000/svg", "")


@pytest.mark.slow
def test_every_row_is_measured(repository: Path, shared_data: Path) -> None:
    rows = json.loads(printed(repository, "--data", str(shared_data), "--json"))
    assert len(rows) >= 9
    for row in rows:
        # Without a model a row says what to type; with data and models it has numbers.
        assert row["numbers"] or row["result"].startswith("not measured: "), row
        assert "nan" not in row["result"]
