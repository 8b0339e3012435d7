"""What a report says about how it was made, apart from what the tables hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RuleEntry:
    """A rule in one line, for whoever lists what was in force.

    Attributes
    ----------
    rule
        Its id.
    kind, marker
        What it speaks for.
    needs
        Families without which it abstains: timing, voice, words.
    primary
        It may make a moment by itself.
    """

    rule: str
    kind: str
    marker: str
    needs: tuple[str, ...] = ()
    primary: bool = True


@dataclass(frozen=True)
class EngineChoice:
    """One engine that was used.

    Attributes
    ----------
    task
        What it did, for people: "who spoke when", "words", "speech activity", "pitch".
    name
        Its name in the settings.
    because
        Why this one, one clause without a full stop.
    identity
        Library version, model digest and whatever else went into the address of its result.
    """

    task: str
    name: str
    because: str
    identity: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DisabledFamily:
    """A family of rules that abstained in the whole session, and why."""

    family: str
    because: str


@dataclass(frozen=True)
class Provenance:
    """How a session's tables were made; nothing in it may name a file.

    Attributes
    ----------
    version
        Of Tether.
    profile
        Name of the settings.
    options
        Options of the command line that name workspace and settings, where they are not the
        usual ones: without them no command of the report could be pasted.
    engines
        In the order of the walk.
    stages
        Stage to the address of its artifact, in the order of the walk.
    rules
        Every rule that was in force.
    notes
        Sentences for the supervisor, such as why there are no words.
    role_commands
        Commands to type that set the roles, one per speaker or one for all; shown large where
        roles are unknown, and beside the roles where they were inferred.
    """

    version: str
    profile: str
    options: tuple[str, ...] = ()
    engines: tuple[EngineChoice, ...] = ()
    stages: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[RuleEntry, ...] = ()
    notes: tuple[str, ...] = ()
    role_commands: tuple[str, ...] = ()
