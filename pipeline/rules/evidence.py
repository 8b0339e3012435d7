"""The evidence of a hit: each clause as a sentence with the values that were observed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from pipeline.lexicon import Lexicons
from pipeline.rules import conditions
from pipeline.rules.compiling import Compiled
from pipeline.rules.conditions import Quote, Test

SMALL_BASELINE = "small baseline"
"""How each reason begins for which a clause was set aside."""


def row(
    compiled: Compiled,
    items: pl.DataFrame,
    min_n: int,
    lexicons: Lexicons | None,
    *,
    suppressed: bool,
) -> dict[str, object]:
    """A row of table `hits` but for its id.

    Parameters
    ----------
    items
        The judged items of the hit, see `RuleBook`.
    suppressed
        Whether a guard took items out.
    """
    rule = compiled.rule
    params = {name: param.value for name, param in rule.params.items()}
    clauses: list[dict[str, object]] = []
    reasons: list[str] = []
    for observed in items.iter_rows(named=True):
        values = params | observed
        quote = _quoting(values.get("text"), lexicons)
        for number, part in enumerate(compiled.where):
            clauses += _clauses(number, part, values, min_n, quote)
        if suppressed and values[":guard"] is not None:
            because = compiled.unless[values[":guard"]].because
            reasons.append(conditions.filled(because, values, quote))
    if compiled.count.hits > 1:
        clauses.append(_count(compiled, items))
    sources = {name: param.model_dump() for name, param in compiled.params.items()}
    return {
        "rule": rule.id,
        "kind": rule.kind,
        "marker": rule.marker,
        "primary": rule.role == "primary",
        "weight": rule.weight,
        "item": rule.on,
        "item_ids": items["item_id"].to_list(),
        "start_ms": items["start_ms"].min(),
        "end_ms": items["end_ms"].max(),
        "clauses": clauses,
        "params": json.dumps(sources, sort_keys=True),
        "suppressed_by": "; ".join(dict.fromkeys(reasons)) or None,
    }


def _clauses(
    number: int, part: Sequence[Test], values: Mapping[str, Any], min_n: int, quote: Quote
) -> Iterator[dict[str, object]]:
    """A clause, or of its alternatives those that held."""
    for inner, test in enumerate(part):
        if not values[f":{number}.{inner}"]:
            continue
        n_baseline = _smallest(test, values, min_n)
        used = test.main if n_baseline is None or test.fallback is None else test.fallback
        set_aside = None
        if n_baseline is not None:
            instead = ", a fixed threshold stands in" if test.fallback else ""
            set_aside = f"{SMALL_BASELINE}: {n_baseline} values, {min_n} are needed{instead}"
        names = dict.fromkeys((*used.columns, *test.shown))
        observed = {name: values[name] for name in names if name != "text"}
        yield {
            "text": conditions.filled(test.because, values, quote),
            "condition": used.sql,
            "observed": json.dumps(observed),
            "held": None if n_baseline is not None and test.fallback is None else True,
            "set_aside": set_aside,
        }


def _smallest(test: Test, values: Mapping[str, Any], min_n: int) -> int | None:
    """Values that the smallest baseline of a clause rests on; None: none is small."""
    known = [name for name in test.main.baselines if values[name] is not None]
    small = [n for n in (values[f"{name}_n"] or 0 for name in known) if n < min_n]
    return min(small, default=None)


def _count(compiled: Compiled, items: pl.DataFrame) -> dict[str, object]:
    """That there were enough items, as a clause."""
    starts_ms = items["start_ms"].to_list()
    count, span_ms = compiled.count, starts_ms[-1] - starts_ms[0]
    needed = f"{count.hits} of {count.items} in a row" if compiled.among else f"{count.hits}"
    within = "" if count.within_ms is None else f" within {count.within_ms / 1000:.0f} s"
    return {
        "text": f"{len(starts_ms)} times, from first to last {span_ms / 1000:.1f} s",
        "condition": f"at least {needed}{within}",
        "observed": json.dumps({"items": len(starts_ms), "span_ms": span_ms}),
        "held": True,
        "set_aside": None,
    }


def _quoting(text: str | None, lexicons: Lexicons | None) -> Quote:
    def quote(name: str, form: str) -> str | None:
        if text is None or lexicons is None:
            return None
        lexicon = name.removesuffix("_refused")
        refused = lexicons.refusals(lexicon, text) or ()
        if form == "reason":
            parts = [match.refused or "" for match in refused]
        else:
            found = lexicons.matches(lexicon, text) or refused
            parts = [text[match.start : match.end] for match in found]
        return "; ".join(dict.fromkeys(parts)) or None

    return quote
