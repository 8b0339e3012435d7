"""An evaluation as text for a terminal, and as plain values for machines."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from pipeline.core.spelling import SHORT_ID
from pipeline.core.vocabulary import RUPTURES
from pipeline.report import labels
from pipeline.report.number_format import clock_range, count
from pipeline.research.agreement.bootstrap import RANKED, Interval
from pipeline.research.agreement.metrics import MS_PER_HOUR, Tally
from pipeline.research.comparison import CHANGES, SAME, Comparison
from pipeline.research.study import GROUPS, Evaluation

Row = tuple[str, ...]
_NONE = "\u2013"
_OF_A_SHARE = 2
"""Digits after the point; rates an hour have one."""


def text(evaluation: Evaluation) -> str:
    """The whole evaluation: total and kinds, scores, markers, rules.

    The interval over sessions is in brackets; a dash means "not defined".
    """
    parts = [_totals(evaluation), _scores_of(evaluation)]
    if evaluation.markers:
        parts.append(_markers(evaluation))
    if evaluation.rules:
        parts.append(_rules(evaluation))
    return "\n\n".join(parts)


def machine(evaluation: Evaluation) -> dict[str, Any]:
    """Everything in plain values; sessions by id, never by name."""
    return {
        "tolerance": asdict(evaluation.tolerance),
        "groups": {
            group: numbers(evaluation.tally(group))
            | {
                "intervals": {
                    name: None if each is None else [each.low, each.high]
                    for name, each in evaluation.intervals(group).items()
                },
                "reliability": [
                    asdict(part) | {"share": part.share}
                    for part in evaluation.tally(group).reliability(evaluation.settings.bins)
                ],
            }
            for group in GROUPS
        },
        "markers": {
            marker: asdict(tally) | {"recall": tally.recall, "precision": tally.precision}
            for marker, tally in evaluation.markers.items()
        },
        "rules": {
            rule: asdict(tally) | {"precision": tally.precision}
            for rule, tally in evaluation.rules.items()
        },
        "sessions": {
            score.recording_id[:SHORT_ID]: {
                group: numbers(tally) for group, tally in score.tallies.items()
            }
            for score in evaluation.scores
        },
    }


def numbers(tally: Tally) -> dict[str, Any]:
    """Counts and rates of a tally, in plain values."""
    cells = tally.segments
    return {
        "sessions": tally.sessions,
        "hours": tally.duration_ms / MS_PER_HOUR,
        "events": tally.events,
        "moments": tally.moments,
        "found": tally.found,
        "misses": tally.misses,
        "false_alarms": tally.false_alarms,
        "repeats": tally.repeats,
        "uncertain": tally.uncertain,
        "precision": tally.precision,
        "recall": tally.recall,
        "f1": tally.f1,
        RANKED: tally.average_precision,
        "precision_at": {str(k): tally.precision_at(k) for k in tally.top},
        "misses_per_hour": tally.misses_per_hour,
        "false_alarms_per_hour": tally.false_alarms_per_hour,
        "benign": tally.benign,
        "benign_flagged": tally.benign_flagged,
        "benign_share": tally.benign_share,
        "segments": asdict(cells)
        | {
            "agreement": cells.agreement,
            "kappa": cells.kappa,
            "pabak": cells.pabak,
            "prevalence": cells.prevalence,
            "flagged": cells.flagged,
        },
    }


def _totals(evaluation: Evaluation) -> str:
    tallies = {group: evaluation.tally(group) for group in GROUPS}
    chances = {group: evaluation.intervals(group) for group in GROUPS}
    whole = tallies["all"]

    def counted(label: str, of: Callable[[Tally], object]) -> Row:
        return (label, *(str(of(tally)) for tally in tallies.values()))

    def rated(
        label: str, name: str, of: Callable[[Tally], float | None], digits: int = _OF_A_SHARE
    ) -> Row:
        cells = (
            _rate(of(tally), chances[group].get(name), digits) for group, tally in tallies.items()
        )
        return (label, *cells)

    rows: list[Row] = [
        ("", *GROUPS),
        counted("events coded", lambda t: t.events),
        counted("found", lambda t: t.found),
        counted("false alarms", lambda t: t.false_alarms),
        counted("  of these repeats", lambda t: t.repeats),
        counted("uncertain, not counted", lambda t: t.uncertain),
        rated("precision", "precision", lambda t: t.precision),
        rated("recall", "recall", lambda t: t.recall),
        rated("F1", "f1", lambda t: t.f1),
        *(
            rated(f"precision at {k}", f"precision_at_{k}", lambda t, k=k: t.precision_at(k))  # type: ignore[misc]
            for k in whole.top
        ),
        rated("average precision", RANKED, lambda t: t.average_precision),
        rated("misses an hour", "misses_per_hour", lambda t: t.misses_per_hour, 1),
        rated(
            "false alarms an hour", "false_alarms_per_hour", lambda t: t.false_alarms_per_hour, 1
        ),
        counted("benign flagged", lambda t: f"{t.benign_flagged} of {t.benign}"),
        rated("  share", "benign_share", lambda t: t.benign_share),
        counted("segments", lambda t: t.segments.number),
        rated("  share coded", "", lambda t: t.segments.prevalence),
        rated("  share flagged", "", lambda t: t.segments.flagged),
        rated("  agreement", "agreement", lambda t: t.segments.agreement),
        rated("  kappa", "kappa", lambda t: t.segments.kappa),
        rated("  PABAK", "pabak", lambda t: t.segments.pabak),
    ]
    hours = whole.duration_ms / MS_PER_HOUR
    head = (
        f"{count(len(evaluation.scores), 'session')}, {hours:.1f} h. Within "
        f"{evaluation.tolerance} a moment has found an event.\n"
        f"In brackets: {evaluation.settings.level:.0%} intervals over sessions."
    )
    return f"{head}\n\n{table(rows)}"


def _scores_of(evaluation: Evaluation) -> str:
    """For each range of scores, how many of the counted moments are right."""
    bins = evaluation.settings.bins
    parts = {group: evaluation.tally(group).reliability(bins) for group in GROUPS}
    ends = (*bins, 1.0)
    rows: list[Row] = [("right, by score", *GROUPS)]
    rows += [
        (
            f"{share(low)} to {share(high)}",
            *(_of_all(part.right, part.moments, part.share) for part in own),
        )
        for low, high, own in zip(
            (0.0, *bins), ends, zip(*parts.values(), strict=True), strict=True
        )
    ]
    return table(rows)


def _of_all(right: int, number: int, part: float | None) -> str:
    return f"{right} of {number}, {share(part)}" if number else _NONE


def _markers(evaluation: Evaluation) -> str:
    rows: list[Row] = [("marker", "", "events", "found", "recall", "moments", "right", "same")]
    rows += [
        (
            code,
            labels.marker(code),
            str(tally.events),
            str(tally.found),
            share(tally.recall),
            str(tally.moments),
            str(tally.right),
            str(tally.same),
        )
        for code, tally in evaluation.markers.items()
    ]
    return table(rows, left=2)


def _rules(evaluation: Evaluation) -> str:
    heading = ("rule", "hits", "held back", "moments", "right", "precision", "supports")
    rows: list[Row] = [(*heading, "alone", "lost without", "spared without", "benign")]
    rows += [
        (
            rule,
            str(tally.hits),
            str(tally.suppressed),
            str(tally.moments),
            str(tally.right),
            share(tally.precision),
            str(tally.supports),
            str(tally.alone),
            str(tally.lost),
            str(tally.spared),
            str(tally.benign),
        )
        for rule, tally in evaluation.rules.items()
    ]
    return table(rows)


def _rate(value: float | None, interval: Interval | None, digits: int) -> str:
    if value is None:
        return _NONE
    shown = _number(value, digits)
    if interval is None:
        return shown
    return f"{shown} [{_number(interval.low, digits)}, {_number(interval.high, digits)}]"


def share(value: float | None) -> str:
    """A number with two digits, see `_number`; a dash where it is not defined."""
    return _NONE if value is None else _number(value, _OF_A_SHARE)


def _number(value: float, digits: int) -> str:
    """Shares without the leading zero, as papers print them; other numbers in full.

    >>> _number(0.123, 2), _number(1.0, 2), _number(-0.05, 2), _number(0.4, 1), _number(12.34, 1)
    ('.12', '1.00', '-.05', '0.4', '12.3')
    """
    shown = f"{value:.{digits}f}"
    if digits != _OF_A_SHARE:
        return shown
    return shown.replace("0.", ".", 1) if shown.removeprefix("-").startswith("0.") else shown


def table(rows: Sequence[Row], left: int = 1) -> str:
    """`rows` in columns, the first `left` of them aligned to the left."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if number < left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def changes(comparison: Comparison) -> str:
    """A comparison as text: counts, scores, then moment by moment.

    Sessions are named by the first digits of their id.
    """
    counts = comparison.counts
    rows: list[Row] = [("moments", *RUPTURES)]
    rows += [(change, *(str(counts[kind][change]) for kind in RUPTURES)) for change in CHANGES]
    parts = [table(rows)]
    if comparison.before and comparison.after:
        parts.append(_scores(comparison, comparison.before, comparison.after))
    moved = comparison.moments.filter(pl.col("change") != SAME)
    lines: list[Row] = [("session", "change", "from", "to", "score", "now", "rules", "now", "")]
    lines += [_line(row) for row in moved.iter_rows(named=True)]
    if moved.height:
        parts.append(table(lines, left=len(lines[0])))
    if comparison.remarks:
        parts.append("\n".join(comparison.remarks))
    return "\n\n".join(parts)


def changes_machine(comparison: Comparison) -> dict[str, Any]:
    """A comparison in plain values; sessions by id, never by name."""
    moments = comparison.moments.drop("session").with_columns(
        pl.col("recording_id").str.head(SHORT_ID)
    )
    values: dict[str, Any] = {
        "counts": comparison.counts,
        "moments": moments.to_dicts(),
        "remarks": comparison.remarks,
    }
    if comparison.before and comparison.after:
        values["before"] = {group: numbers(comparison.before.tally(group)) for group in GROUPS}
        values["after"] = {group: numbers(comparison.after.tally(group)) for group in GROUPS}
        values["differences"] = {
            group: {
                name: None if each is None else [each.low, each.high]
                for name, each in comparison.differences(group).items()
            }
            for group in GROUPS
        }
    return values


def _scores(comparison: Comparison, before: Evaluation, after: Evaluation) -> str:
    rows: list[Row] = [("", "", "first", "second", "second minus first")]
    for group in GROUPS:
        chances = comparison.differences(group)
        pair = (before.tally(group), after.tally(group))
        for name in ("precision", "recall", "f1", RANKED, "false_alarms_per_hour", "benign_share"):
            one, other = (getattr(tally, name) for tally in pair)
            apart = None if one is None or other is None else other - one
            label = name.replace("_", " ")
            cells = (share(one), share(other), _rate(apart, chances[name], _OF_A_SHARE))
            rows.append((group, label, *cells))
    return table(rows, left=2)


def _line(row: Mapping[str, Any]) -> Row:
    def bounds(side: str) -> str:
        if row[f"start_ms_{side}"] is None:
            return _NONE
        clock = clock_range(row[f"start_ms_{side}"], row[f"end_ms_{side}"])
        return f"{clock} {row[f'marker_{side}']}"

    outcomes = [row["outcome_a"], row["outcome_b"]]
    outcome = " > ".join(dict.fromkeys(str(each) for each in outcomes if each is not None))
    return (
        row["recording_id"][:SHORT_ID],
        row["change"],
        bounds("a"),
        bounds("b"),
        share(row["score_a"]),
        share(row["score_b"]),
        ", ".join(row["rules_a"] or [_NONE]),
        ", ".join(row["rules_b"] or [_NONE]),
        outcome,
    )


def listed(unmatched_sessions: Iterable[str], left_out: int, unreadable: int) -> Iterable[str]:
    """Remarks on sessions that are not in the table."""
    unknown = len(tuple(unmatched_sessions))
    if unknown:
        yield f"{count(unknown, 'session')} of the codes not found among these"
    if left_out:
        yield (
            f"{count(left_out, 'session')} without codes left out; name them on the command line "
            "if they were coded and have no rupture"
        )
    if unreadable:
        yield f"{count(unreadable, 'session')} of the workspace not fully processed, or damaged"
