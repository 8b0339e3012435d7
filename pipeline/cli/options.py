"""Options that several commands share."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pipeline.core.errors import ConfigError
from pipeline.core.spelling import whole
from pipeline.workspace.layout import USUAL_PROFILE, USUAL_WORKSPACE

Command = Callable[..., Any]

workspace: Callable[[Command], Command] = click.option(
    "--workspace",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(USUAL_WORKSPACE),
    show_default=True,
    envvar="TETHER_WORKSPACE",
    help="Folder of results; `tether run` creates it.",
)
profile: Callable[[Command], Command] = click.option(
    "--config",
    "profile",
    default=USUAL_PROFILE,
    show_default=True,
    help="A built-in profile, or a YAML file of settings.",
)
names: Callable[[Command], Command] = click.option(
    "--names/--no-names",
    default=None,
    help="Print file names; by default only on a terminal, and never in a log.",
)
as_json: Callable[[Command], Command] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for machines."
)


def may_show_names(names: bool | None, *, as_json: bool) -> bool:
    """Whether to print file names: as the option says, otherwise only on a terminal."""
    return sys.stdout.isatty() and not as_json if names is None else names


def pairs(texts: tuple[str, ...], form: str) -> dict[str, str]:
    """Parse texts of the form KEY=VALUE.

    Raises
    ------
    ConfigError
        A text has another form.
    """
    pairs = {}
    for number, text in enumerate(texts, start=1):
        key, equals, value = text.partition("=")
        if not (key and equals and value):  # it may hold a name, so it is not repeated
            which = f"value {number} of {len(texts)}" if len(texts) > 1 else "the value"
            raise ConfigError(f"{which} is not of the form {form}")
        pairs[whole(key.strip())] = value.strip()
    return pairs
