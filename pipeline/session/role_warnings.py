"""Number speakers instead of showing labels, and warn of roles for absent speakers.

Labels may be people's names, so logs and JSON repeat no label that a person chose.
"""

import itertools
import re
from collections.abc import Iterable, Iterator

from pipeline.core.tables import Recording, Tables
from pipeline.speech.roles import CHANNEL_LABEL

_OURS = re.compile(r"(?:speaker|channel) ([0-9]{1,3})")


def numbered(labels: Iterable[str]) -> dict[str, int]:
    """A number for each speaker, for outputs that must not show labels chosen by a person.

    Tether's own labels keep their number; the others take the free numbers in order.

    >>> numbered(["Anna", "speaker 1"]), numbered(["channel 1", "channel 2"])
    ({'Anna': 2, 'speaker 1': 1}, {'channel 1': 1, 'channel 2': 2})
    """
    labels = list(labels)
    taken: dict[int, str] = {}
    for label in labels:
        if own := _OURS.fullmatch(label):
            taken.setdefault(int(own[1]), label)
    given = {label: number for number, label in taken.items()}
    free = (number for number in itertools.count(1) if number not in taken)
    return {label: given[label] if label in given else next(free) for label in labels}


def unlabelled(labels: Iterable[str]) -> dict[str, str]:
    """A name for each speaker, for outputs that must not show labels chosen by a person.

    >>> unlabelled(["Anna", "channel 2"])
    {'Anna': 'speaker 1', 'channel 2': 'channel 2'}
    """
    return {
        label: label if _OURS.fullmatch(label) else f"speaker {number}"
        for label, number in numbered(labels).items()
    }


def unused_role_warnings(recording: Recording, tables: Tables) -> Iterator[str]:
    """A sentence for each kind of role without a speaker, and the speakers that there are.

    Parameters
    ----------
    tables
        `roles`: all speakers of the session.
    """
    heard = set(tables["roles"]["speaker"])
    if not heard:
        return
    stated = recording.metadata
    beyond = [number for number in stated.channels if number > recording.channels]
    if beyond:
        yield (
            f"The session notes file gives a role to channel {_listed(beyond)}; this recording has "
            f"{recording.channels or 'no'} channels."
        )
    silent = [
        number
        for number in stated.channels
        if number not in beyond and CHANNEL_LABEL.format(number=number) not in heard
    ]
    if len(silent) == len(stated.channels) - len(beyond) and silent:
        yield (
            "The session notes file gives roles to channels, but speakers were not separated by "
            f"channel: give roles to speakers instead. {_there(heard)}"
        )
    elif silent:
        yield (
            f"The session notes file gives a role to channel {_listed(silent)}, which has no "
            "speech."
        )
    absent = stated.roles.keys() - heard
    if absent:
        yield (
            f"The session notes file or the transcript gives a role to {len(absent)} "
            f"{'speaker who is' if len(absent) == 1 else 'speakers who are'} not in this session. "
            f"{_there(heard)}"
        )


def _there(heard: set[str]) -> str:
    if all(_OURS.fullmatch(label) for label in heard):
        return f"It has {_listed(sorted(heard))}."
    return f"It has {len(heard)} speakers; the report shows their labels."


def _listed(parts: Iterable[object]) -> str:
    return ", ".join(str(part) for part in parts)
