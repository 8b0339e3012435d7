"""Roles that a sidecar or transcript gives to channels or speakers who are not there.

The sentences go into reports and logs, so that they repeat no label that a person chose.
"""

import re
from collections.abc import Iterable, Iterator

from pipeline.roles import CHANNEL_LABEL
from pipeline.tables import Recording, Tables

_OURS = re.compile(r"(speaker|channel) \d+")


def unheeded(recording: Recording, tables: Tables) -> Iterator[str]:
    """A sentence for each kind of role that names nobody, with what there is instead.

    Parameters
    ----------
    tables
        `roles`: everybody who was heard.
    """
    heard = set(tables["roles"]["speaker"])
    if not heard:
        return
    stated = recording.metadata
    beyond = [number for number in stated.channels if number > recording.channels]
    if beyond:
        yield (
            f"The sidecar gives a role to channel {_listed(beyond)}, and this recording has "
            f"{recording.channels or 'no'} channels."
        )
    silent = [
        number
        for number in stated.channels
        if number not in beyond and CHANNEL_LABEL.format(number=number) not in heard
    ]
    if len(silent) == len(stated.channels) - len(beyond) and silent:
        yield (
            "The sidecar gives roles to channels, and the speakers were not told apart by channel: "
            f"name them instead. {_there(heard)}"
        )
    elif silent:
        yield f"The sidecar gives a role to channel {_listed(silent)}, where nobody was heard."
    absent = stated.roles.keys() - heard
    if absent:
        yield (
            f"The sidecar or the transcript gives a role to {len(absent)} "
            f"{'speaker who is' if len(absent) == 1 else 'speakers who are'} not in this session. "
            f"{_there(heard)}"
        )


def _there(heard: set[str]) -> str:
    if all(_OURS.fullmatch(label) for label in heard):
        return f"It has {_listed(sorted(heard))}."
    return f"It has {len(heard)} speakers, whose labels stand in the report."


def _listed(parts: Iterable[object]) -> str:
    return ", ".join(str(part) for part in parts)
