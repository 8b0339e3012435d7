"""What README promises can be typed."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pipeline.cli.main import cli
from pipeline.core.errors import TetherError


@pytest.fixture(scope="module")
def readme(repository: Path) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")


def commands(group: click.Group, prefix: str) -> list[str]:
    found = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += commands(command, f"{prefix} {name}")
        else:
            found.append(f"{prefix} {name}")
    return found


def test_every_command_is_documented_and_explains_itself(readme: str) -> None:
    named = commands(cli, "tether")
    assert "tether run" in named
    assert [name for name in named if name not in readme] == []
    for command in (cli, *cli.commands.values()):
        assert command.help
        assert "\\b" not in command.help, "an escape that click does not see"


def unexplained(group: click.Group, prefix: str) -> list[str]:
    """Commands and options, at any depth, that do not say what they do."""
    found = []
    for name, command in group.commands.items():
        here = f"{prefix} {name}"
        if not command.help:
            found.append(here)
        found += [
            f"{here} {option.opts[0]}"
            for option in command.params
            if isinstance(option, click.Option) and not option.help
        ]
        if isinstance(command, click.Group):
            found += unexplained(command, here)
    return found


def test_every_command_and_option_at_any_depth_explains_itself() -> None:
    assert unexplained(cli, "tether") == []


def test_every_typed_command_exists(readme: str) -> None:
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", readme, re.DOTALL))
    typed = re.findall(r"^tether ([a-z]+)", blocks, re.MULTILINE)
    assert typed
    assert set(typed) <= set(cli.commands)


def test_every_exit_code_is_documented(readme: str) -> None:
    kinds: list[type[TetherError]] = [TetherError, *TetherError.__subclasses__()]
    codes = {kind.exit_code for kind in kinds}
    for code in {*codes, 0, 6, 130}:
        assert re.search(rf"^\| {code} \|", readme, re.MULTILINE), code


@pytest.mark.slow
def test_the_python_example_runs(readme: str, repository: Path, tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    (tmp_path / "samples").symlink_to(repository / "samples")
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "withdrawal" in done.stdout
