"""`tether --help`: grouped by user, nothing cut off, an example for every command."""

import shlex
from collections.abc import Iterator
from pkgutil import iter_modules

import click
import pytest
from click.testing import CliRunner
from commands import commands_of

from pipeline.cli import commands as commands_package
from pipeline.cli import sections
from pipeline.cli.main import COMMANDS, cli


def commands(
    group: click.Group = cli, *path: str
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command and group, at any depth, with the words that name it."""
    yield path, group
    for name, command in commands_of(group).items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


ALL = {" ".join(("tether", *path)): command for path, command in commands()}


def helped(*arguments: str) -> str:
    """What a terminal of 80 columns shows."""
    result = CliRunner().invoke(cli, [*arguments, "--help"], env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    return result.output


def test_commands_stand_under_the_people_who_use_them() -> None:
    text = helped()
    places = [text.index(f"\n{section}:\n") for section in sections.SECTIONS]
    assert places == sorted(places)
    for section, listed in COMMANDS.items():
        part = text[text.index(f"\n{section}:\n") :].partition("\n\n")[0]
        for name in listed:
            assert f"\n  {name} " in part, name


def test_the_line_about_a_command_is_the_first_of_its_help() -> None:
    lines = {name: line for listed in COMMANDS.values() for name, line in listed.items()}
    files = {each.name for each in iter_modules(commands_package.__path__)}
    assert files == set(lines)
    for name, command in commands_of(cli).items():
        assert command.name == name
        assert lines[name] == (command.help or "").partition("\n")[0]


@pytest.mark.parametrize("name", [n for n, each in ALL.items() if isinstance(each, click.Group)])
def test_no_line_about_a_command_is_cut_off(name: str) -> None:
    text = helped(*name.split()[1:])
    assert "..." not in text.partition("\nOptions:")[2]
    group = ALL[name]
    assert isinstance(group, click.Group)
    for command in commands_of(group).values():
        assert command.help
        assert command.help.partition("\n\n")[0].strip() in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_an_example_that_names_it(name: str) -> None:
    command = ALL[name]
    assert isinstance(command, sections.Command)
    assert command.examples
    shown = helped(*name.split()[1:])
    for example in command.examples:
        assert example.startswith(f"{name} ") or example == name
        assert f"\n  {example}\n" in shown, "it is wrapped, or missing"
        assert len(example) <= 98, "a line of help is 100 wide"
        assert shlex.split(example)
