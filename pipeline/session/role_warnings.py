"""Speakers by number instead of by label, and roles that are given to speakers who are not there.

Labels may be people's names: what goes into a log or into JSON repeats none that a person chose.
"""

import itertools
import re
from collections.abc import Iterable, Iterator

from pipeline.core.tables import Recording, Tables
from pipeline.speech.roles import CHANNEL_LABEL

_OURS = re.compile(r"(?:speaker|channel) ([0-9]{1,3})")


def numbered(labels: Iterable[str]) -> dict[str, int]:
    """A number for each speaker, for whatever must not show a label that a person chose.

    Tether's own labels keep their number; the others take those that are left, in their order.

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
    """What to call each speaker where no label that a person chose may stand.

    >>> unlabelled(["Anna", "channel 2"])
    {'Anna': 'speaker 1', 'channel 2': 'channel 2'}
    """
    return {
        label: label if _OURS.fullmatch(label) else f"speaker {number}"
        for label, number in numbered(labels).items()
    }


def unused_role_warnings(recording: Recording, tables: Tables) -> Iterator[str]:
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
