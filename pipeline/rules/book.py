"""The rule book: all rules of a run, and what they find in sessions.

A rule holds for an **item** (a turn, a silence, ...) if all its clauses hold; enough such items
near each other make a **hit**. A guard (`unless`) takes an item out; what would have been a hit
without the guards is kept as a suppressed hit with the guard's reason, so that a supervisor can
disagree.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby
from operator import itemgetter

import polars as pl

from pipeline import config
from pipeline.lexicon import Lexicons
from pipeline.ports import Feature
from pipeline.rules import columns, compiling, evidence, outcomes
from pipeline.rules.abstaining import Abstention, abstentions
from pipeline.rules.compiling import Compiled
from pipeline.rules.counting import groups
from pipeline.rules.cutting import cut
from pipeline.rules.evidence import Quoting
from pipeline.rules.measured import SESSION
from pipeline.rules.merging import moments
from pipeline.tables import Tables

READS = (
    *("media", "words", "turns", "silences", "overlaps"),
    *("roles", "measures", "quality"),
)
"""Tables of a session that rules read."""


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
class RuleBook:
    """All rules of a run.

    Attributes
    ----------
    features
        The catalogue that the rules were compiled against.
    min_n
        Values under which a baseline is small.
    """

    rules: tuple[Compiled, ...]
    features: tuple[Feature, ...]
    min_n: int

    @classmethod
    def read(
        cls, settings: config.Settings, features: Sequence[Feature], lexicons: Lexicons
    ) -> "RuleBook":
        """The rule files that the settings name, compiled.

        Parameters
        ----------
        features
            The feature catalogue: what conditions may name.
        lexicons
            What evidence may quote.

        Raises
        ------
        ConfigError
            All mistakes of all files, each with file and line.
        """
        rules = compiling.rules(settings, features, lexicons.ids)
        return cls(rules, tuple(features), settings.baseline.min_n)

    def canonical(self) -> str:
        """Everything in the rules on which hits depend, as JSON for an address."""
        return self._canonical

    @cached_property
    def _canonical(self) -> str:
        rules = [
            compiled.rule.model_dump(by_alias=True)
            | {name: param.model_dump() for name, param in compiled.told.items()}
            for compiled in self.rules
        ]
        return json.dumps({"rules": rules, "min_n": self.min_n}, sort_keys=True)

    def entries(self) -> tuple[RuleEntry, ...]:
        """The rules in force, in order of their files."""
        rules = [compiled.rule for compiled in self.rules]
        return tuple(RuleEntry(r.id, r.kind, r.marker, r.needs, r.role == "primary") for r in rules)

    def abstentions(self, tables: Tables) -> tuple[Abstention, ...]:
        """Rules that abstain in this session, and rules whose guards could not be checked."""
        return abstentions(self.rules, tables)

    def flag(
        self, tables: Tables, lexicons: Lexicons, settings: config.Settings
    ) -> dict[str, pl.DataFrame]:
        """Tables `hits`, `moments` and `set_aside` of a session."""
        return self.flag_all([tables], lexicons, settings)[0]

    def flag_all(
        self, sessions: Sequence[Tables], lexicons: Lexicons, settings: config.Settings
    ) -> list[dict[str, pl.DataFrame]]:
        """As `flag`, of several sessions in one go, which takes less time than one by one.

        Parameters
        ----------
        sessions
            Of each the tables `READS`.
        lexicons
            Of the language that all of them are in.
        """
        flagged = []
        for hits, tables in zip(self.hits_of_all(sessions, lexicons), sessions, strict=True):
            found = self.moments(hits, tables, lexicons, settings)
            shown, aside = cut(found, settings.moments)
            flagged.append({"hits": hits, "moments": shown, "set_aside": aside})
        return flagged

    def moments(
        self, hits: pl.DataFrame, tables: Tables, lexicons: Lexicons, settings: config.Settings
    ) -> pl.DataFrame:
        """All moments of a session, from its `hits`, before any is set aside.

        Parameters
        ----------
        settings
            Its sections `moments` and `response` matter, no others.
        """
        return moments(hits, tables, self._needs(), self.abstentions(tables), settings, lexicons)

    def hits(self, tables: Tables, lexicons: Lexicons | None = None) -> pl.DataFrame:
        """Table `hits` of a session, suppressed ones too.

        Parameters
        ----------
        tables
            `turns`, `silences`, `overlaps`, `roles`, `measures`, `quality`.
        lexicons
            Of the session's language, to quote what they matched; None: evidence quotes nothing.
        """
        return self.hits_of_all([tables], lexicons)[0]

    def hits_of_all(
        self, sessions: Sequence[Tables], lexicons: Lexicons | None = None
    ) -> list[pl.DataFrame]:
        """As `hits`, of several sessions in one go."""
        out = [self._out(tables) for tables in sessions]
        asked = [each for each in self.rules if not all(each.rule.id in ids for ids in out)]
        rows: list[list[dict[str, object]]] = [[] for _ in sessions]
        quoting = Quoting(lexicons)
        for item, items in self.items(asked, sessions).items():
            rules = [compiled for compiled in asked if compiled.rule.on == item]
            judged = items.select(
                expr for compiled in rules for expr in outcomes.expressions(compiled, self.min_n)
            )
            for compiled in rules:
                silent = [number for number, ids in enumerate(out) if compiled.rule.id in ids]
                for session, row in self._hits(compiled, items, judged, quoting, silent):
                    rows[session].append(row)
        for own in rows:
            own.sort(key=lambda row: (row["start_ms"], row["end_ms"], row["rule"]))
        every = evidence.table(
            [{"hit_id": number, **row} for own in rows for number, row in enumerate(own)]
        )
        ends = accumulate(len(own) for own in rows)
        return [every[end - len(own) : end] for own, end in zip(rows, ends, strict=True)]

    def items(
        self, rules: Sequence[Compiled], sessions: Sequence[Tables]
    ) -> dict[str, pl.DataFrame]:
        """Frames of the items of all sessions with the columns that `rules` name, by item."""
        wanted: dict[str, set[str]] = {}
        for compiled in rules:
            wanted.setdefault(compiled.rule.on, set()).update(compiled.columns)
        return columns.frames(wanted, sessions, self.features)

    def _out(self, tables: Tables) -> frozenset[str]:
        """Ids of the rules that abstain in a session."""
        return frozenset(each.rule for each in self.abstentions(tables) if not each.guards_only)

    def _needs(self) -> dict[str, tuple[str, ...]]:
        return {compiled.rule.id: compiled.rule.needs for compiled in self.rules}

    def _hits(
        self,
        compiled: Compiled,
        items: pl.DataFrame,
        judged: pl.DataFrame,
        quoting: Quoting,
        silent: Sequence[int],
    ) -> Iterator[tuple[int, dict[str, object]]]:
        """Session and row of each hit; in the sessions `silent` the rule abstains."""
        counted, suppressed = found(compiled, items, judged, silent)
        if not counted and not suppressed:
            return
        places = sorted({place for group in (*counted, *suppressed) for place in group})
        rows = dict(zip(places, evidence.observed(compiled, items, judged, places), strict=True))
        for chosen, guarded in ((counted, False), (suppressed, True)):
            for group in chosen:
                own = [rows[place] for place in group]
                row = evidence.row(compiled, own, self.min_n, quoting, suppressed=guarded)
                yield own[0][SESSION], row


def found(
    compiled: Compiled,
    items: pl.DataFrame,
    judged: pl.DataFrame,
    silent: Sequence[int] = (),
) -> tuple[list[list[int]], list[list[int]]]:
    """Places of the items of each hit that counts, and of each that guards took back.

    Parameters
    ----------
    items
        In order of session and start.
    judged
        Outcomes of them, see `outcomes`.
    silent
        Sessions in which the rule is not asked.
    """
    sessions = items[SESSION]
    held = judged[outcomes.name(compiled, "held")] & ~sessions.is_in(silent)
    if not held.any():
        return [], []
    among = judged[outcomes.name(compiled, "among")] & sessions.is_in(
        sessions.filter(held).unique().to_list()
    )
    counted: list[list[int]] = []
    suppressed: list[list[int]] = []
    places = among.arg_true()
    guard = judged[outcomes.name(compiled, "guard")]
    rows = zip(
        *(series.gather(places).to_list() for series in (sessions, held, guard, items["start_ms"])),
        places.to_list(),
        strict=True,
    )
    for _, own in groupby(rows, key=itemgetter(0)):
        _, holds, guards, starts_ms, at = zip(*own, strict=True)
        free = [is_held and guard is None for is_held, guard in zip(holds, guards, strict=True)]
        kept = _groups(compiled, free, starts_ms)
        taken = {place for group in kept for place in group}
        lost = [g for g in _groups(compiled, holds, starts_ms) if taken.isdisjoint(g)]
        counted += [[at[n] for n in group] for group in kept]
        suppressed += [[at[n] for n in group] for group in lost]
    return counted, suppressed


def _groups(compiled: Compiled, held: Sequence[bool], starts_ms: Sequence[int]) -> list[list[int]]:
    """Places of the items of each hit."""
    if compiled.among is not None:
        return groups(held, starts_ms, compiled.count)
    # Without `among` an item that does not hold, or is guarded, interrupts nothing.
    places = [place for place, holds in enumerate(held) if holds]
    found = groups([True] * len(places), [starts_ms[p] for p in places], compiled.count)
    return [[places[number] for number in group] for group in found]
