"""The rule book: all rules of a run, and what they find in sessions.

A rule holds for an **item** (a turn, a silence, ...) if all its clauses hold; enough such items
near each other make a **hit**. A guard (`unless`) takes an item out; what would have been a hit
without the guards is kept as a suppressed hit with the guard's reason, so that a supervisor can
disagree.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline import config
from pipeline.core.schema import split
from pipeline.core.tables import MOMENTS, SET_ASIDE, Tables
from pipeline.lexicons import Lexicons
from pipeline.measures.feature import Feature
from pipeline.rules.detection import hit, response
from pipeline.rules.detection.abstentions import Abstention, abstentions
from pipeline.rules.detection.clause_results import Judged
from pipeline.rules.detection.counts import groups
from pipeline.rules.detection.feature_join import SESSION
from pipeline.rules.detection.hit import Hit
from pipeline.rules.detection.moment_limits import cut
from pipeline.rules.detection.moments import moments
from pipeline.rules.detection.unsure_words import weakened
from pipeline.rules.explanation import evidence
from pipeline.rules.explanation.evidence import Quoting
from pipeline.rules.language import columns, compiler
from pipeline.rules.language.compiler import Compiled
from pipeline.workspace.provenance import RuleEntry

READS: Mapping[str, Collection[str] | None] = {
    **dict.fromkeys(("media", "turns", "silences", "overlaps", "roles", "measures", "quality")),
    "words": ("start_ms", "speaker", "confidence", "timing"),
    "transcription": ("engine",),
    "readings": None,
}
"""Tables of a session that rules read, and which of their columns; None: all of them."""

_LEAST = 0.01
"""No hit is certain, and none is worth nothing."""
_TAKEN_BACK = "a guard"
"""What `suppressed_by` says where nothing is explained."""


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
        rules = compiler.rules(settings, features, lexicons.ids)
        return cls(rules, tuple(features), settings.baseline.min_n)

    def canonical(self) -> str:
        """Everything in the rules on which hits depend, as JSON for an address."""
        return self._canonical

    @cached_property
    def _canonical(self) -> str:
        rules = [
            # A guard's id is a name: no hit depends on it.
            compiled.rule.model_dump(by_alias=True, exclude={"unless": {"__all__": {"id"}}})
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
        self,
        sessions: Sequence[Tables],
        lexicons: Lexicons,
        settings: config.Settings,
        *,
        explained: bool = True,
    ) -> list[dict[str, pl.DataFrame]]:
        """As `flag`, of several sessions in one go, which takes less time than one by one.

        Parameters
        ----------
        sessions
            Of each the tables `READS`.
        lexicons
            Of the language that all of them are in.
        settings
            Its sections `moments` and `response` matter, no others.
        explained
            False: no hit has its evidence, `clauses` and `params`, and `suppressed_by` says no more
            than that a guard took it back. All else is the same, in half of the time.
        """
        abstaining = [self.abstentions(tables) for tables in sessions]
        items = self.items(self.rules, sessions, response.features(lexicons))
        hits = self._hits(items, abstaining, lexicons, explained=explained)
        talks = response.talks(items["turn"], [each["media"] for each in sessions], lexicons)
        needs = {compiled.rule.id: compiled.rule.needs for compiled in self.rules}
        of_words = {rule for rule, families in needs.items() if "words" in families}
        least = settings.moments.min_word_confidence
        hits = [
            weakened(own, tables, of_words, least)
            for own, tables in zip(hits, sessions, strict=True)
        ]
        cuts = []
        for own, tables, out, talk in zip(hits, sessions, abstaining, talks, strict=True):
            rows = moments(own, tables, needs, out, settings, talk)
            cuts.append(cut(rows, settings.moments))
        shown, aside = ([each[n] for each in cuts] for n in (0, 1))
        made = {
            "hits": hit.tables(hits),
            "moments": split(MOMENTS.frame(chain.from_iterable(shown)), map(len, shown)),
            "set_aside": split(SET_ASIDE.frame(chain.from_iterable(aside)), map(len, aside)),
        }
        return [{name: frames[n] for name, frames in made.items()} for n in range(len(sessions))]

    def hits(self, tables: Tables, lexicons: Lexicons | None = None) -> pl.DataFrame:
        """Table `hits` of a session, suppressed ones too.

        Parameters
        ----------
        tables
            `turns`, `silences`, `overlaps`, `roles`, `measures`, `quality`.
        lexicons
            Of the session's language, to quote what they matched; None: evidence quotes nothing.
        """
        abstaining = [self.abstentions(tables)]
        items = self.items(self.rules, [tables])
        return hit.tables(self._hits(items, abstaining, lexicons, explained=True))[0]

    def items(
        self,
        rules: Iterable[Compiled],
        sessions: Sequence[Tables],
        of_turns: Collection[str] = (),
    ) -> dict[str, pl.DataFrame]:
        """Frames of the items of all sessions with the columns that `rules` name, by item.

        Parameters
        ----------
        of_turns
            Features of turns that somebody else asks for.
        """
        wanted: dict[str, set[str]] = {"turn": set(of_turns)}
        for compiled in rules:
            wanted.setdefault(compiled.rule.on, set()).update(compiled.columns)
        return columns.frames(wanted, sessions, self.features)

    def _hits(
        self,
        items: Mapping[str, pl.DataFrame],
        abstaining: Sequence[Iterable[Abstention]],
        lexicons: Lexicons | None,
        *,
        explained: bool,
    ) -> list[list[Hit]]:
        """Hits of each session in order of start."""
        out = [{each.rule for each in own if not each.guards_only} for own in abstaining]
        quoting = Quoting(lexicons)
        hits: list[list[Hit]] = [[] for _ in abstaining]
        for item, frame in items.items():
            rules = [compiled for compiled in self.rules if compiled.rule.on == item]
            judged = Judged.by(rules, frame, self.min_n)
            for compiled in rules:
                silent = [number for number, ids in enumerate(out) if compiled.rule.id in ids]
                groups = found(compiled, judged, silent)
                made = self._of(compiled, judged, *groups, quoting, explained=explained)
                for session, each in made:
                    hits[session].append(each)
        for own in hits:
            own.sort(key=lambda each: (each.start_ms, each.end_ms, each.rule))
        return [[Hit(n, *each[1:]) for n, each in enumerate(own)] for own in hits]

    def _of(
        self,
        compiled: Compiled,
        judged: Judged,
        counted: Sequence[Sequence[int]],
        suppressed: Sequence[Sequence[int]],
        quoting: Quoting,
        *,
        explained: bool,
    ) -> Iterator[tuple[int, Hit]]:
        """Hits of one rule that were `found`, each with its session."""
        rule, groups = compiled.rule, [*counted, *suppressed]
        if not groups:
            return
        rows: dict[int, evidence.Row] = {}
        if explained:
            told = sorted({place for group in groups for place in group})
            rows = dict(zip(told, evidence.observed(compiled, judged, told), strict=True))
        places = np.array([place for group in groups for place in group])
        small = judged.said(compiled, "small")[places].tolist()
        known = judged.items.select(SESSION, "item_id", "start_ms", "end_ms")[places].to_dict()
        session, ids, start_ms, end_ms = (column.to_list() for column in known.values())
        weights = _weights(compiled, judged, places)
        ends = accumulate(len(group) for group in groups)
        for number, (group, end) in enumerate(zip(groups, ends, strict=True)):
            own = slice(end - len(group), end)
            clauses: list[dict[str, object]] = []
            reason = _TAKEN_BACK
            if explained:
                values = [rows[place] for place in group]
                clauses = evidence.clauses(compiled, values, self.min_n, quoting)
                reason = evidence.reasons(compiled, values, quoting)
            yield (
                session[own.start],
                Hit(
                    hit_id=0,  # their order is known when all rules were asked
                    rule=rule.id,
                    kind=rule.kind,
                    marker=rule.marker,
                    primary=rule.role == "primary",
                    weight=max(weights[own]),
                    item=rule.on,
                    item_ids=ids[own],
                    start_ms=min(start_ms[own]),
                    end_ms=max(end_ms[own]),
                    clauses=clauses,
                    params=compiled.told_params if explained else "{}",
                    suppressed_by=reason if number >= len(counted) else None,
                    small_baseline=any(small[own]),
                ),
            )


def found(
    compiled: Compiled, judged: Judged, silent: Collection[int] = ()
) -> tuple[list[list[int]], list[list[int]]]:
    """Places of the items of each hit that counts, and of each that guards took back.

    Parameters
    ----------
    silent
        Sessions in which the rule is not asked.
    """
    session = judged.session
    asked = ~np.isin(session, list(silent))
    held = judged.said(compiled, "held") & asked
    if not held.any():
        return [], []
    free = held & ~judged.said(compiled, "guard")
    if compiled.among is None and compiled.count.hits == 1:
        return _alone(free), _alone(held & ~free)
    among = held if compiled.among is None else judged.said(compiled, "among")
    counted: list[list[int]] = []
    suppressed: list[list[int]] = []
    for number in np.unique(session[held]):
        own = session == number
        kept, every = (_groups(compiled, judged, each & own, among & own) for each in (free, held))
        taken = {place for group in kept for place in group}
        counted += kept
        suppressed += [group for group in every if taken.isdisjoint(group)]
    return counted, suppressed


def _weights(compiled: Compiled, judged: Judged, places: NDArray[np.int64]) -> list[float]:
    """Weight of each place: the rule's, or its own in the column that the rule names."""
    rule = compiled.rule
    if rule.weight_from is None:
        return [rule.weight] * len(places)
    own: list[float] = judged.items[rule.weight_from][places].clip(_LEAST, 1 - _LEAST).to_list()
    return own


def _alone(holds: NDArray[np.bool_]) -> list[list[int]]:
    """Each place that holds by itself."""
    return [[place] for place in np.flatnonzero(holds).tolist()]


def _groups(
    compiled: Compiled,
    judged: Judged,
    holds: NDArray[np.bool_],
    among: NDArray[np.bool_],
) -> list[list[int]]:
    """Places of the items of each hit among those that hold, which are of one session."""
    # Without `among` an item that does not hold, or is guarded, interrupts nothing.
    places = np.flatnonzero(holds if compiled.among is None else among)
    found = groups(holds[places].tolist(), judged.start_ms[places].tolist(), compiled.count)
    return [[int(places[n]) for n in group] for group in found]
