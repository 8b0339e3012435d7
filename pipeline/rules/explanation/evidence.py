"""The evidence of a hit: each clause as a sentence, with the observed values."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

import polars as pl

from pipeline.lexicons import Lexicons
from pipeline.rules.detection.clause_results import Judged
from pipeline.rules.detection.feature_join import SESSION
from pipeline.rules.language import conditions
from pipeline.rules.language.compiler import Compiled
from pipeline.rules.language.conditions import Quote, Test

SMALL_BASELINE = "small baseline"
"""Beginning of the reason why a clause was set aside."""
_ALWAYS = frozenset([SESSION, "item_id", "start_ms", "end_ms", "text"])
WORDED = frozenset(["text", "reads_in", "resembles"])
"""Columns of words: sentences may quote them, and no observed value holds them."""
_AROUND_QUOTE = " .,;:"
"""A match may begin or end with these: they are not quoted."""
_NEXT_QUOTE = "\u201d, \u201c"
"""Between two matches: closes one quotation and opens the next."""


Row = Mapping[str, Any]


def observed(compiled: Compiled, judged: Judged, places: Sequence[int]) -> list[dict[str, Any]]:
    """The values of the items at `places` that their evidence needs.

    Columns of outcomes lose the rule's name.
    """
    tests = [test for part in (*compiled.where, compiled.unless) for test in part]
    baselines = {name for test in tests for name in test.main.baselines}
    needed = compiled.columns | baselines | {f"{name}_n" for name in baselines} | _ALWAYS
    rule = compiled.rule.id
    columns = judged.outcomes.columns
    outcomes = [pl.col(n).alias(n[len(rule) :]) for n in columns if n.startswith(f"{rule}:")]
    known = judged.items.select(name for name in judged.items.columns if name in needed)
    return known.hstack(judged.outcomes.select(outcomes))[list(places)].to_dicts()


def clauses(
    compiled: Compiled, items: Sequence[Row], min_n: int, quoting: "Quoting"
) -> list[dict[str, object]]:
    """The clauses of a hit, as in table `hits`.

    Parameters
    ----------
    items
        The items of the hit, as `observed` gives them.
    """
    params = {name: param.value for name, param in compiled.rule.params.items()}
    rows: list[dict[str, object]] = []
    for each in items:
        values = {**params, **each}
        quote = quoting.of(values.get("text"))
        for number, part in enumerate(compiled.where):
            rows += _clauses(number, part, values, min_n, quote)
    if compiled.count.hits > 1:
        rows.append(_count(compiled, [each["start_ms"] for each in items]))
    return rows


def reasons(compiled: Compiled, items: Iterable[Row], quoting: "Quoting") -> str:
    """Why exceptions ruled a hit out, as a sentence; empty: no exception held.

    Parameters
    ----------
    items
        The items of the hit, as `observed` gives them.
    """
    params = {name: param.value for name, param in compiled.rule.params.items()}
    told = []
    for each in items:
        if each[":guard"] is not None:
            values = {**params, **each}
            because = compiled.unless[each[":guard"]].because
            told.append(conditions.filled(because, values, quoting.of(values.get("text"))))
    return "; ".join(dict.fromkeys(told))


def _clauses(
    number: int, part: Sequence[Test], values: Mapping[str, Any], min_n: int, quote: Quote
) -> Iterator[dict[str, object]]:
    """The clause, or those of its alternatives that held."""
    for inner, test in enumerate(part):
        if not values[f":{number}.{inner}"]:
            continue
        n_baseline = smallest(test, values, min_n)
        used = test.main if n_baseline is None or test.fallback is None else test.fallback
        set_aside = None
        if n_baseline is not None:
            instead = ", a fixed threshold was used" if test.fallback else ""
            set_aside = f"{SMALL_BASELINE}: {n_baseline} values ({min_n} needed){instead}"
        baselines = (f"{name}_n" for name in used.baselines)
        names = dict.fromkeys((*used.columns, *test.shown, *baselines))
        observed = {name: values[name] for name in names if name not in WORDED}
        yield {
            "text": conditions.filled(test.because, values, quote),
            "condition": used.sql,
            "params": list(used.params),
            "observed": json.dumps(observed),
            "held": None if n_baseline is not None and test.fallback is None else True,
            "set_aside": set_aside,
        }


def smallest(test: Test, values: Mapping[str, Any], min_n: int) -> int | None:
    """Number of values in the smallest baseline of a clause; None: no baseline is small."""
    if not test.main.baselines:
        return None
    known = [name for name in test.main.baselines if values[name] is not None]
    small = [n for n in (values[f"{name}_n"] or 0 for name in known) if n < min_n]
    return min(small, default=None)


def _count(compiled: Compiled, starts_ms: Sequence[int]) -> dict[str, object]:
    """The clause that says that there were enough items."""
    span_ms = starts_ms[-1] - starts_ms[0]
    return {
        "text": f"{len(starts_ms)} times within {span_ms / 1000:.0f} s",
        "condition": needed(compiled),
        "params": [],
        "observed": json.dumps({"items": len(starts_ms), "span_ms": span_ms}),
        "held": True,
        "set_aside": None,
    }


def needed(compiled: Compiled) -> str:
    """Number of items that make a hit, in words."""
    count = compiled.count
    many = f"{count.hits} of {count.items} in a row" if compiled.among else f"{count.hits}"
    within = "" if count.within_ms is None else f" within {count.within_ms / 1000:.0f} s"
    return f"at least {many}{within}"


class Quoting:
    """Quotes what lexicons matched in the texts of items.

    Parameters
    ----------
    lexicons
        Lexicons of the session's language; None: nothing is quoted.
    """

    def __init__(self, lexicons: Lexicons | None) -> None:
        self._lexicons = lexicons
        # Several rules quote the same lexicon from the same text.
        self._quoted = cache(self._quote)

    def of(self, text: str | None) -> Quote:
        """Function that quotes from one item's text; None: the item has no text."""
        return partial(self._quoted, text)

    def _quote(self, text: str | None, name: str, form: str) -> str | None:
        lexicons = self._lexicons
        if text is None or lexicons is None:
            return None
        lexicon = name.removesuffix("_refused")
        if form == "reason":
            reasons = [match.refused or "" for match in lexicons.refusals(lexicon, text) or ()]
            return "; ".join(dict.fromkeys(reasons)) or None
        matches = lexicons.matches(lexicon, text) or lexicons.refusals(lexicon, text) or ()
        ordered = sorted(matches, key=lambda match: match.start)
        # Each match in quotation marks of its own: they do not follow each other directly.
        quotes = (text[m.start : m.end].strip(_AROUND_QUOTE) for m in ordered)
        return _NEXT_QUOTE.join(dict.fromkeys(quotes)) or None
