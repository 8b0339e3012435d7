"""The evidence of a hit in words: each clause with its observed values and its thresholds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.report import labels, number_format

Hit = Mapping[str, Any]
"""A row of table `hits`."""

_BASELINE = "_n"
"""Ending of the columns that count the values of a baseline."""
_ROLES = ("role", "before_role", "after_role")
"""Not listed as values: the sentence already says who it is."""


@dataclass(frozen=True)
class Value:
    """An observed value; `column` is its name in rules."""

    column: str
    label: str
    text: str


@dataclass(frozen=True)
class Parameter:
    """A parameter of a rule with its source."""

    name: str
    label: str
    text: str
    source: str


@dataclass(frozen=True)
class Clause:
    """One clause of a rule and its outcome: held, failed or aside.

    Attributes
    ----------
    values
        What was observed.
    baseline
        How many values of the same person or pair it is compared with; empty without a comparison.
    parameters
        Its thresholds.
    """

    text: str
    condition: str
    status: str
    status_words: str
    values: tuple[Value, ...]
    baseline: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class Evidence:
    """One hit of a rule.

    Attributes
    ----------
    rounds
        The clauses, once for each item (turn, silence, ...) that fulfilled the rule.
    counted
        The clause on the number of items; None for a rule that needs only one.
    parameters
        All parameters of the rule, including those of its exceptions.
    """

    rule: str
    kind: str
    kind_name: str
    marker: str
    marker_name: str
    time: str
    primary: bool
    weight: str
    sentence: str
    rounds: tuple[tuple[Clause, ...], ...]
    counted: Clause | None
    parameters: tuple[Parameter, ...]
    suppressed_by: str


def of_hit(hit: Hit) -> Evidence:
    """Everything that a report says about a hit."""
    parameters = _parameters(hit["params"])
    clauses = [_clause(clause, parameters) for clause in hit["clauses"]]
    counted = clauses.pop() if clauses and _counts(hit["clauses"][-1]) else None
    rounds = _rounds(clauses)
    return Evidence(
        rule=hit["rule"],
        kind=hit["kind"],
        kind_name=labels.KINDS[hit["kind"]],
        marker=hit["marker"],
        marker_name=labels.marker(hit["marker"]),
        time=number_format.clock_range(hit["start_ms"], hit["end_ms"]),
        primary=hit["primary"],
        weight=number_format.number(hit["weight"]),
        sentence=_sentence(rounds, counted),
        rounds=rounds,
        counted=counted,
        parameters=parameters,
        suppressed_by=hit["suppressed_by"] or "",
    )


def _sentence(rounds: Sequence[Sequence[Clause]], counted: Clause | None) -> str:
    """The clauses of the first item, and how many items there are."""
    first = dict.fromkeys(c.text for each in rounds[:1] for c in each if c.status == "held")
    return number_format.sentence([first, [counted.text] if counted else []])


def _rounds(clauses: Sequence[Clause]) -> tuple[tuple[Clause, ...], ...]:
    """Clauses by item: each item begins with the condition of the very first clause."""
    rounds: list[list[Clause]] = []
    for clause in clauses:
        if not rounds or clause.condition == clauses[0].condition:
            rounds.append([])
        rounds[-1].append(clause)
    return tuple(tuple(each) for each in rounds)


def _counts(clause: Mapping[str, Any]) -> bool:
    """Whether this is the clause on the number of items."""
    return "items" in _observed(clause)


def _observed(clause: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(clause["observed"] or "{}")
    return values


def _clause(clause: Mapping[str, Any], parameters: Sequence[Parameter]) -> Clause:
    if clause["held"]:
        # With a small baseline, a fixed threshold may have been used instead.
        status, words = "held", clause["set_aside"] or "held"
    elif clause["set_aside"]:
        status, words = "aside", f"set aside: {clause['set_aside']}"
    else:
        status, words = "failed", "not held"
    observed = _observed(clause)
    sizes = [each for name, each in observed.items() if name.endswith(_BASELINE)]
    return Clause(
        text=clause["text"],
        condition=clause["condition"],
        status=status,
        status_words=words,
        values=tuple(
            Value(name, number_format.label(name), number_format.value(name, each))
            for name, each in observed.items()
            if not name.endswith(_BASELINE) and name not in _ROLES
        ),
        baseline=number_format.count(min(sizes), "value") if sizes else "",
        parameters=tuple(p for p in parameters if p.name in (clause["params"] or ())),
    )


def _parameters(text: str) -> tuple[Parameter, ...]:
    """Parameters with their source; a bare number has none."""
    parameters = []
    for name, entry in json.loads(text or "{}").items():
        given = entry if isinstance(entry, dict) else {"value": entry}
        parameters.append(
            Parameter(
                name,
                number_format.label(name),
                number_format.value(name, given.get("value")),
                str(given.get("source") or "no source given"),
            )
        )
    return tuple(parameters)
