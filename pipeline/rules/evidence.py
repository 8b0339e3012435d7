"""The evidence of a hit: each clause as a sentence with the values that were observed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import polars as pl

from pipeline.lexicon import Lexicons
from pipeline.rules import conditions
from pipeline.rules.compiling import Compiled
from pipeline.rules.conditions import Quote, Test
from pipeline.rules.measured import SESSION
from pipeline.tables import CLAUSE, HITS

SMALL_BASELINE = "small baseline"
"""How each reason begins for which a clause was set aside."""
_ALWAYS = frozenset([SESSION, "item_id", "start_ms", "end_ms", "text"])


Row = Mapping[str, Any]


def table(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Table `hits` of its rows; lists go in flat, for polars takes long over nested rows."""
    schema = HITS.empty().schema
    flat = [clause for row in rows for clause in row["clauses"]]
    clauses = {key: [clause[key] for clause in flat] for key in CLAUSE.to_schema()}
    item_ids = [place for row in rows for place in row["item_ids"]]
    lists = {
        "clauses": pl.DataFrame(clauses, schema=CLAUSE.to_schema()).to_struct("clauses"),
        "item_ids": pl.Series("item_ids", item_ids, pl.Int64),
    }
    plain = {name: [row[name] for row in rows] for name in schema if name not in lists}
    made = pl.DataFrame(plain, schema={name: schema[name] for name in plain})
    for name, values in lists.items():
        number = np.repeat(np.arange(len(rows)), [len(row[name]) for row in rows])
        by_row = pl.DataFrame({"row": number, name: values})
        made = made.with_columns(by_row.group_by("row", maintain_order=True).agg(name)[name])
    return HITS.conform(made)


def observed(
    compiled: Compiled, items: pl.DataFrame, judged: pl.DataFrame, places: Sequence[int]
) -> list[dict[str, Any]]:
    """What evidence needs to know of the items at `places`.

    Parameters
    ----------
    items, judged
        Items and their outcomes, see `outcomes`, whose columns lose the rule's name here.
    """
    tests = [test for part in (*compiled.where, compiled.unless) for test in part]
    baselines = {name for test in tests for name in test.main.baselines}
    needed = compiled.columns | baselines | {f"{name}_n" for name in baselines} | _ALWAYS
    rule = compiled.rule.id
    own = [pl.col(n).alias(n[len(rule) :]) for n in judged.columns if n.startswith(f"{rule}:")]
    known = items.select(name for name in items.columns if name in needed)
    return known.hstack(judged.select(own))[list(places)].to_dicts()


def row(
    compiled: Compiled,
    items: Sequence[Row],
    min_n: int,
    quoting: "Quoting",
    *,
    suppressed: bool,
) -> dict[str, object]:
    """A row of table `hits` but for its id.

    Parameters
    ----------
    items
        The items of the hit, as `observed` gives them.
    suppressed
        Whether a guard took items out.
    """
    rule = compiled.rule
    params = {name: param.value for name, param in rule.params.items()}
    clauses: list[dict[str, object]] = []
    reasons: list[str] = []
    for each in items:
        values = {**params, **each}
        quote = quoting.of(values.get("text"))
        for number, part in enumerate(compiled.where):
            clauses += _clauses(number, part, values, min_n, quote)
        if suppressed and values[":guard"] is not None:
            because = compiled.unless[values[":guard"]].because
            reasons.append(conditions.filled(because, values, quote))
    if compiled.count.hits > 1:
        clauses.append(_count(compiled, [each["start_ms"] for each in items]))
    return {
        "rule": rule.id,
        "kind": rule.kind,
        "marker": rule.marker,
        "primary": rule.role == "primary",
        "weight": rule.weight,
        "item": rule.on,
        "item_ids": [each["item_id"] for each in items],
        "start_ms": min(each["start_ms"] for each in items),
        "end_ms": max(each["end_ms"] for each in items),
        "clauses": clauses,
        "params": compiled.told_params,
        "suppressed_by": "; ".join(dict.fromkeys(reasons)) or None,
    }


def _clauses(
    number: int, part: Sequence[Test], values: Mapping[str, Any], min_n: int, quote: Quote
) -> Iterator[dict[str, object]]:
    """A clause, or of its alternatives those that held."""
    for inner, test in enumerate(part):
        if not values[f":{number}.{inner}"]:
            continue
        n_baseline = smallest(test, values, min_n)
        used = test.main if n_baseline is None or test.fallback is None else test.fallback
        set_aside = None
        if n_baseline is not None:
            instead = ", a fixed threshold stands in" if test.fallback else ""
            set_aside = f"{SMALL_BASELINE}: {n_baseline} values, {min_n} are needed{instead}"
        baselines = (f"{name}_n" for name in used.baselines)
        names = dict.fromkeys((*used.columns, *test.shown, *baselines))
        observed = {name: values[name] for name in names if name != "text"}
        yield {
            "text": conditions.filled(test.because, values, quote),
            "condition": used.sql,
            "params": list(used.params),
            "observed": json.dumps(observed),
            "held": None if n_baseline is not None and test.fallback is None else True,
            "set_aside": set_aside,
        }


def smallest(test: Test, values: Mapping[str, Any], min_n: int) -> int | None:
    """Values that the smallest baseline of a clause rests on; None: none is small."""
    if not test.main.baselines:
        return None
    known = [name for name in test.main.baselines if values[name] is not None]
    small = [n for n in (values[f"{name}_n"] or 0 for name in known) if n < min_n]
    return min(small, default=None)


def _count(compiled: Compiled, starts_ms: Sequence[int]) -> dict[str, object]:
    """That there were enough items, as a clause."""
    span_ms = starts_ms[-1] - starts_ms[0]
    return {
        "text": f"{len(starts_ms)} times, from first to last {span_ms / 1000:.1f} s",
        "condition": needed(compiled),
        "params": [],
        "observed": json.dumps({"items": len(starts_ms), "span_ms": span_ms}),
        "held": True,
        "set_aside": None,
    }


def needed(compiled: Compiled) -> str:
    """How many items make a hit, in words."""
    count = compiled.count
    many = f"{count.hits} of {count.items} in a row" if compiled.among else f"{count.hits}"
    within = "" if count.within_ms is None else f" within {count.within_ms / 1000:.0f} s"
    return f"at least {many}{within}"


class Quoting:
    """What lexicons matched in the texts of items.

    Parameters
    ----------
    lexicons
        Of the session's language; None: nothing is quoted.
    """

    def __init__(self, lexicons: Lexicons | None) -> None:
        self._lexicons = lexicons
        # Several rules quote the same lexicon from the same text.
        self._quoted = cache(self._quote)

    def of(self, text: str | None) -> Quote:
        """What quotes from one item's text; None: it has none."""
        return partial(self._quoted, text)

    def _quote(self, text: str | None, name: str, form: str) -> str | None:
        lexicons = self._lexicons
        if text is None or lexicons is None:
            return None
        lexicon = name.removesuffix("_refused")
        if form == "reason":
            parts = [match.refused or "" for match in lexicons.refusals(lexicon, text) or ()]
        else:
            found = lexicons.matches(lexicon, text) or lexicons.refusals(lexicon, text) or ()
            parts = [text[match.start : match.end] for match in found]
        return "; ".join(dict.fromkeys(parts)) or None
