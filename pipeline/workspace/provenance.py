"""How the results of a session were made, beyond what its tables hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RuleEntry:
    """A rule in one line, for lists of the rules in force.

    Attributes
    ----------
    rule
        Its id.
    kind, marker
        What the rule looks for.
    needs
        Families without which it abstains: timing, voice, words.
    primary
        Whether it may make a moment by itself.
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
        Its task, for people: "who spoke when", "words", "speech activity", "pitch".
    name
        Its name in the settings.
    because
        Why it was chosen: one clause without a full stop.
    identity
        Library version, model digest and everything else in the address of its result.
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
    """How a session's tables were made; it must not name any file.

    Attributes
    ----------
    version
        Version of Tether.
    profile
        Name of the settings.
    options
        Command-line options for a workspace and settings other than the defaults, so that the
        commands in a report can be pasted.
    engines
        Engines in processing order.
    stages
        Stage to the address of its artifact, in processing order.
    rules
        Every rule in force.
    notes
        Sentences for the supervisor, such as why there are no words.
    role_commands
        Commands that set the roles, one per speaker or one for all; shown large where roles are
        unknown, and beside the roles where they were inferred.
    """

    version: str
    profile: str
    options: tuple[str, ...] = ()
    engines: tuple[EngineChoice, ...] = ()
    stages: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[RuleEntry, ...] = ()
    notes: tuple[str, ...] = ()
    role_commands: tuple[str, ...] = ()
