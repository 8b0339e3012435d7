"""Commands with examples, and groups that list their commands by who uses them."""

from collections.abc import Sequence
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
    section
        One of `SECTIONS`; empty for a command of a subgroup.
    examples
        Command lines, each beginning with ``tether``, and as long as a line of help may be.
    """

    def __init__(
        self, *args: Any, section: str = "", examples: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.section = section
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, unwrapped."""
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")


class Group(Command, click.Group):
    """A group that lists its commands under the sections they name, in the order of the code."""

    command_class = Command
    group_class = type

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002  # click passes it
        formatter: click.HelpFormatter,
    ) -> None:
        """Write each section, its commands aligned with those of all others."""
        commands = {name: each for name, each in self.commands.items() if not each.hidden}
        width = max(map(len, commands))
        limit = formatter.width - 6 - width
        for section in ("", *SECTIONS):
            rows = [
                (name.ljust(width), each.get_short_help_str(limit))
                for name, each in commands.items()
                if getattr(each, "section", "") == section
            ]
            if rows:
                with formatter.section(section or "Commands"):
                    formatter.write_dl(rows)
