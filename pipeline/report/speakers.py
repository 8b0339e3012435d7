"""Who is who in a report: one lane for each role, or for each speaker of unknown role."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from pipeline.core.tables import ROLES, TURNS, Metadata, Tables
from pipeline.report import labels as names

_ORDER = {"therapist": 0, "client": 1, "other": 2, "unknown": 3}


@dataclass(frozen=True)
class Person:
    """A lane of the report.

    Attributes
    ----------
    name
        As shown: "Therapist", or the speaker's label if the role is not known.
    note
        Pseudonym, or a remark on the role.
    role
        therapist, client, other or unknown; also the CSS class that gives the colour.
    speakers
        Speaker labels in this lane.
    """

    name: str
    note: str
    role: str
    speakers: tuple[str, ...]


@dataclass(frozen=True)
class People:
    """Everyone who speaks, therapist first."""

    lanes: tuple[Person, ...]

    @property
    def by_speaker(self) -> Mapping[str, Person]:
        """Speaker label to lane."""
        return {speaker: person for person in self.lanes for speaker in person.speakers}

    @property
    def known(self) -> bool:
        """Whether therapist and client are both known; otherwise nothing is flagged."""
        return {"therapist", "client"} <= {person.role for person in self.lanes}

    def of_role(self, role: str) -> Person | None:
        """The lane of therapist or client; None if nobody has that role."""
        return next((person for person in self.lanes if person.role == role), None)


def people(tables: Tables, metadata: Metadata) -> People:
    """Lanes in order: therapist, client, others, unknown speakers by their first turn."""
    turns = tables.get("turns", TURNS.empty())
    roles = dict(tables.get("roles", ROLES.empty()).select("speaker", "role").iter_rows())
    spoken = turns.group_by("speaker", maintain_order=True).agg(pl.col("role").first())
    speakers: dict[str, str] = dict(spoken.iter_rows())
    speakers |= {speaker: role for speaker, role in roles.items() if speaker in speakers}
    notes = {"therapist": metadata.therapist or "", "client": metadata.client or ""}
    lanes: list[Person] = []
    for role in ("therapist", "client"):
        labels = tuple(speaker for speaker, given in speakers.items() if given == role)
        if labels:
            lanes.append(Person(names.ROLES[role], notes[role], role, labels))
    for speaker, role in sorted(speakers.items(), key=lambda entry: _ORDER[entry[1]]):
        if role not in ("therapist", "client"):
            note = "role unknown" if role == "unknown" else "other"
            lanes.append(Person(speaker[:1].upper() + speaker[1:], note, role, (speaker,)))
    return People(tuple(lanes))
