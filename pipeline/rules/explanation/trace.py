"""Why a moment was flagged, and why one was not: every rule on every item near a time.

::

    for trace in tracing.trace(book, tables, at_ms=754_000, reach_ms=10_000):
        trace.rule, [(item.outcome, item.clauses) for item in trace.items]
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import polars as pl

from pipeline.core.tables import Tables
from pipeline.lexicons import Lexicons
from pipeline.rules.book import RuleBook, found
from pipeline.rules.detection import clause_results
from pipeline.rules.detection.clause_results import Judged
from pipeline.rules.explanation import evidence
from pipeline.rules.explanation.evidence import Quoting
from pipeline.rules.language import conditions
from pipeline.rules.language.compiler import Compiled
from pipeline.rules.language.conditions import Quote, Test

State = Literal["held", "failed", "null", "small_baseline"]
Outcome = Literal["hit", "suppressed", "guarded", "too few", "failed"]


@dataclass(frozen=True)
class Checked:
    """A clause or guard on one item.

    Attributes
    ----------
    state
        held, failed, null (a value could not be measured, so it failed), or aside (its baseline is
        small and nothing stands in for it, so it was not asked).
    alternative
        Number of the clause of which it is one alternative; None: it stands alone.
    text
        Its sentence with the observed values.
    id
        Short name of a guard; None: a clause, or a guard without a name.
    """

    state: State
    condition: str
    text: str
    observed: Mapping[str, Any]
    alternative: int | None = None
    id: str | None = None


@dataclass(frozen=True)
class Looked:
    """What a rule made of one item.

    Attributes
    ----------
    outcome
        hit; suppressed: a guard took the hit back; guarded: it holds and a guard fired; too few:
        it holds, and not enough others do; failed: a clause does not hold.
    guards
        Those that fire come first.
    """

    item_id: int
    start_ms: int
    end_ms: int
    outcome: Outcome
    clauses: tuple[Checked, ...]
    guards: tuple[Checked, ...]

    @property
    def near(self) -> int:
        """How near it came: clauses that hold, less those that fail."""
        return sum(
            1 if clause.state in {"held", "small_baseline"} else -1 for clause in self.clauses
        )


@dataclass(frozen=True)
class Trace:
    """What one rule made of the items near a time.

    Attributes
    ----------
    abstains
        Why it was not asked in this session; None: it was.
    needed
        How many items make a hit.
    items
        Those that came nearest first.
    """

    rule: str
    kind: str
    marker: str
    primary: bool
    item: str
    needed: str
    abstains: str | None
    items: tuple[Looked, ...]


def trace(
    book: RuleBook, tables: Tables, lexicons: Lexicons | None, *, at_ms: int, reach_ms: int
) -> tuple[Trace, ...]:
    """What every rule made of the items that lie within `reach_ms` of `at_ms`.

    Parameters
    ----------
    tables
        As for `RuleBook.hits`.
    lexicons
        Of the session's language, for quotes.
    """
    abstains = {
        each.rule: f"needs {each.family}: {each.because}"
        for each in book.abstentions(tables)
        if not each.guards_only
    }
    asked = [compiled for compiled in book.rules if compiled.rule.id not in abstains]
    frames = book.items(asked, [tables])
    near = (pl.col("start_ms") <= at_ms + reach_ms) & (pl.col("end_ms") >= at_ms - reach_ms)
    quoting = Quoting(lexicons)
    made = []
    for compiled in book.rules:
        looked: tuple[Looked, ...] = ()
        if compiled.rule.on in frames and compiled.rule.id not in abstains:
            items = frames[compiled.rule.on]
            places = items.select(near.arg_true()).to_series().to_list()
            looked = tuple(_looked(compiled, items, places, book.min_n, quoting))
        made.append(
            Trace(
                compiled.rule.id,
                compiled.rule.kind,
                compiled.rule.marker,
                compiled.rule.role == "primary",
                compiled.rule.on,
                evidence.needed(compiled),
                abstains.get(compiled.rule.id),
                tuple(sorted(looked, key=lambda each: (-each.near, each.start_ms))),
            )
        )
    return tuple(made)


def _looked(
    compiled: Compiled, items: pl.DataFrame, places: Sequence[int], min_n: int, quoting: Quoting
) -> Iterator[Looked]:
    guards = [
        test.held(min_n, set_aside_holds=False).alias(
            clause_results.name(compiled, f"guard.{number}")
        )
        for number, test in enumerate(compiled.unless)
    ]
    judged = Judged.by([compiled], items, min_n, guards)
    counted, suppressed = found(compiled, judged)
    hit = {place for group in counted for place in group}
    taken = {place for group in suppressed for place in group}
    params = {name: param.value for name, param in compiled.rule.params.items()}
    for place, row in zip(places, evidence.observed(compiled, judged, places), strict=True):
        values = {**params, **row}
        quote = quoting.of(row.get("text"))
        outcome: Outcome = "failed"
        if place in hit:
            outcome = "hit"
        elif place in taken:
            outcome = "suppressed"
        elif row[":held"]:
            outcome = "too few" if row[":guard"] is None else "guarded"
        clauses = [
            _checked(
                test, values, values[f":{n}.{inner}"], min_n, quote, n if len(part) > 1 else None
            )
            for n, part in enumerate(compiled.where)
            for inner, test in enumerate(part)
        ]
        unless = [
            replace(_checked(test, values, values[f":guard.{n}"], min_n, quote, None), id=guard.id)
            for n, (guard, test) in enumerate(
                zip(compiled.rule.unless, compiled.unless, strict=True)
            )
        ]
        yield Looked(
            row["item_id"],
            row["start_ms"],
            row["end_ms"],
            outcome,
            tuple(clauses),
            tuple(sorted(unless, key=lambda each: each.state != "held")),
        )


def _checked(
    test: Test,
    values: Mapping[str, Any],
    held: bool,
    min_n: int,
    quote: Quote,
    alternative: int | None,
) -> Checked:
    small = evidence.smallest(test, values, min_n) is not None
    used = test.fallback if small and test.fallback else test.main
    names = dict.fromkeys((*used.columns, *test.shown))
    observed = {name: values[name] for name in names if name != "text"}
    state: State = "held" if held else "failed"
    if small and test.fallback is None:
        state = "small_baseline"
    elif not held and any(values[name] is None for name in used.columns):
        state = "null"
    text = conditions.filled(test.because, values, quote)
    return Checked(state, used.sql, text, observed, alternative)
