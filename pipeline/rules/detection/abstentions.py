"""Rules that were not used in a session, and why: the report says so."""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.core.tables import Tables
from pipeline.rules.language.compiler import Compiled


@dataclass(frozen=True)
class Abstention:
    """A rule that was not used, or whose exceptions could not be checked, and why.

    Attributes
    ----------
    family
        Family that the rule needs and the session lacks: timing, voice or words.
    guards_only
        The rule was used, but exceptions that might have ruled out its hits were not checked.
    """

    rule: str
    kind: str
    family: str
    because: str
    guards_only: bool


def abstentions(rules: Iterable[Compiled], tables: Tables) -> tuple[Abstention, ...]:
    """Rules that abstain in a session, and rules whose exceptions could not be checked.

    Parameters
    ----------
    tables
        `turns` and `quality`.
    """
    disabled = _disabled(tables)
    entries = []
    for compiled in rules:
        lacking = [family for family in compiled.rule.needs if family in disabled]
        unchecked = sorted(compiled.guards_need & disabled.keys())
        entries += [
            Abstention(compiled.rule.id, compiled.rule.kind, family, disabled[family], not lacking)
            for family in lacking or unchecked
        ]
    return tuple(entries)


def _disabled(tables: Tables) -> dict[str, str]:
    """Families that are disabled in the session, with the reason."""
    disabled: dict[str, str] = {}
    if tables["turns"]["text"].null_count() == tables["turns"].height:
        disabled["words"] = "no words were recognised"
    for families, because in tables["quality"].select("disables", "because").iter_rows():
        for family in families:
            disabled.setdefault(family, because or "the recording's quality")
    return disabled
