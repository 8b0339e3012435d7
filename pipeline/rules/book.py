"""The rule book: all rules of a run, and what they find in a session.

A rule holds for an **item** (a turn, a silence, ...) if all its clauses hold; enough such items
near each other make a **hit**. A guard (`unless`) takes an item out; what would have been a hit
without the guards is kept as a suppressed hit with the guard's reason, so that a supervisor can
disagree.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from pipeline import config
from pipeline.lexicon import Lexicons
from pipeline.ports import Feature
from pipeline.rules import columns, compiling, evidence
from pipeline.rules.abstaining import Abstention, abstentions
from pipeline.rules.compiling import Compiled
from pipeline.rules.counting import groups
from pipeline.rules.merging import moments
from pipeline.tables import HITS, Tables


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
        """Tables `hits` and `moments` of a session."""
        hits = self.hits(tables, lexicons)
        return {"hits": hits, "moments": self.moments(hits, tables, lexicons, settings)}

    def moments(
        self, hits: pl.DataFrame, tables: Tables, lexicons: Lexicons, settings: config.Settings
    ) -> pl.DataFrame:
        """Table `moments` of a session, from its `hits`.

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
        out = {each.rule for each in self.abstentions(tables) if not each.guards_only}
        asked = [compiled for compiled in self.rules if compiled.rule.id not in out]
        rows: list[dict[str, object]] = []
        for item in dict.fromkeys(compiled.rule.on for compiled in asked):
            rules = [compiled for compiled in asked if compiled.rule.on == item]
            wanted = {name for compiled in rules for name in compiled.columns}
            items = columns.frame(item, tables, self.features, wanted)
            for compiled in rules:
                judged = items.with_columns(self._verdicts(compiled))
                rows += self._hits(compiled, judged, lexicons)
        rows.sort(key=lambda row: (row["start_ms"], row["end_ms"], row["rule"]))
        return HITS.frame({"hit_id": number, **row} for number, row in enumerate(rows))

    def _needs(self) -> dict[str, tuple[str, ...]]:
        return {compiled.rule.id: compiled.rule.needs for compiled in self.rules}

    def _verdicts(self, compiled: Compiled) -> Iterator[pl.Expr]:
        """Columns `:held`, `:among`, `:guard` (number of the first that fires; null: none).

        For each alternative there is `:<clause>.<alternative>`, too.
        """
        parts = []
        for number, part in enumerate(compiled.where):
            # Among alternatives, one that had to be set aside proves nothing.
            alone = len(part) == 1
            held = [test.held(self.min_n, set_aside_holds=alone) for test in part]
            parts.append(pl.any_horizontal(held))
            yield from (expr.alias(f":{number}.{n}") for n, expr in enumerate(held))
        yield pl.all_horizontal(parts).alias(":held")
        yield (compiled.among.expr if compiled.among else pl.all_horizontal(parts)).alias(":among")
        guard = pl.lit(None, dtype=pl.Int64)
        for number, test in reversed(list(enumerate(compiled.unless))):
            fires = test.held(self.min_n, set_aside_holds=False)
            guard = pl.when(fires).then(pl.lit(number, dtype=pl.Int64)).otherwise(guard)
        yield guard.alias(":guard")

    def _hits(
        self, compiled: Compiled, judged: pl.DataFrame, lexicons: Lexicons | None
    ) -> Iterator[dict[str, object]]:
        if not judged[":held"].any():
            return
        judged = judged.filter(":among")
        holds = judged[":held"].to_list()
        guarded = judged[":guard"].is_not_null().to_list()
        free = [held and not guard for held, guard in zip(holds, guarded, strict=True)]
        counted = _groups(compiled, free, judged)
        taken = {place for group in counted for place in group}
        for group in counted:
            yield evidence.row(compiled, judged[group], self.min_n, lexicons, suppressed=False)
        for group in _groups(compiled, holds, judged):
            if taken.isdisjoint(group):
                yield evidence.row(compiled, judged[group], self.min_n, lexicons, suppressed=True)


def _groups(compiled: Compiled, held: Sequence[bool], judged: pl.DataFrame) -> list[list[int]]:
    """Places of the items of each hit."""
    starts_ms = judged["start_ms"].to_list()
    if compiled.among is not None:
        return groups(held, starts_ms, compiled.count)
    # Without `among` an item that does not hold, or is guarded, interrupts nothing.
    places = [place for place, holds in enumerate(held) if holds]
    found = groups([True] * len(places), [starts_ms[p] for p in places], compiled.count)
    return [[places[number] for number in group] for group in found]
