"""docs/researcher.md can be followed: its commands run, and do what it says they do."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_KIND = {"python": "*.py", "yaml": "*.yaml", "csv": "*.csv"}


@pytest.fixture(scope="module")
def blocks(repository: Path) -> list[tuple[str, str]]:
    """Fenced blocks of the page: language and text."""
    page = (repository / "docs" / "researcher.md").read_text(encoding="utf-8")
    return _BLOCK.findall(page)


def test_every_file_that_the_page_shows_is_an_example(
    blocks: list[tuple[str, str]], repository: Path
) -> None:
    examples = repository / "docs" / "examples"
    for language, text in blocks:
        if language in _KIND:
            files = [path.read_text(encoding="utf-8") for path in examples.rglob(_KIND[language])]
            assert any(text in file for file in files), text


@pytest.mark.slow
def test_the_page_can_be_followed(
    blocks: list[tuple[str, str]], repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "docs").symlink_to(repository / "docs")
    steps = [(text, stated(blocks[number + 1 :])) for number, (_, text) in enumerate(blocks)]
    typed = [step for step, (language, _) in zip(steps, blocks, strict=True) if language == "sh"]
    assert len(typed) >= 8
    said = outputs([command for command, _ in typed], tmp_path)
    for (command, lines), output in zip(typed, said, strict=True):
        for line in lines:
            assert squeezed(line) in squeezed(output), f"{command}\n{output}"


def stated(after: list[tuple[str, str]]) -> list[str]:
    """Lines that the page shows as the output of a command: the block right after it."""
    return after[0][1].splitlines() if after and after[0][0] == "text" else []


def outputs(commands: list[str], folder: Path) -> list[str]:
    """What each block of commands prints, all run in one shell that stops at the first failure."""
    mark = "---- next block ----"
    script = f"\necho '{mark}'\n".join(["set -euo pipefail", *commands])
    here = str(Path(sys.executable).parent)
    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": f"{here}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout.split(mark)[1:]


def squeezed(text: str) -> str:
    """Text with its white space as single blanks."""
    return " ".join(text.split())
