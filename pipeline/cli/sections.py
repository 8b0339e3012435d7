"""Commands with examples, and groups that list commands by user and import them when typed."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click

EVERYONE = "Everyone"
SUPERVISOR = "For the supervisor"
CLINIC = "For the clinic"
RESEARCHER = "For the researcher"

SECTIONS = (EVERYONE, SUPERVISOR, CLINIC, RESEARCHER)
"""In the order in which ``tether --help`` shows them."""


class Command(click.Command):
    """A command whose help ends with examples.

    Parameters
    ----------
    examples
        Command lines, each beginning with ``tether``, at most as long as a line of help.
    """

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, unwrapped."""
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")


class Group(Command, click.Group):
    """A group that lists its commands in the order of the code."""

    command_class = Command
    group_class = type

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click passes it
        """Names, in the order of the code."""
        return list(self.commands)


class Lazy(Group):
    """A group whose commands are imported when they are typed or looked up.

    Parameters
    ----------
    sections
        Title of each section to its commands, each with its line. A command is the attribute
        `command` of the module of that name in `pipeline.cli.commands`.
    """

    def __init__(
        self, *args: Any, sections: Mapping[str, Mapping[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.sections = sections

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click passes it
        """Names, section by section."""
        return [name for section in self.sections.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported."""
        if cmd_name not in self.list_commands(ctx):
            return None
        found: click.Command = import_module(f"pipeline.cli.commands.{cmd_name}").command
        return found

    def format_commands(
        self,
        ctx: click.Context,
        formatter: click.HelpFormatter,
    ) -> None:
        """Write all sections, with commands aligned across them, without importing any."""
        width = max(map(len, self.list_commands(ctx)))
        for title, section in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), line) for name, line in section.items()])
