"""The commands of `tether`, imported."""

import click


def commands_of(group: click.Group) -> dict[str, click.Command]:
    """Commands of a group by name, in its order."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}
