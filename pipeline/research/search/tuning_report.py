"""The result of a search: a report for people, and the settings as a file."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.report.number_format import count
from pipeline.research.agreement.bootstrap import RANKED
from pipeline.research.agreement.metrics import Tally
from pipeline.research.search.sweeps import Value
from pipeline.research.search.tuning import Tuning, goal_of
from pipeline.research.text_report import Row, share, table

_SHOWN = (
    *("f1", "precision", "recall", RANKED),
    *("benign_share", "misses_per_hour", "false_alarms_per_hour"),
)


def report(tuning: Tuning) -> str:
    """The search as text, with optimistic numbers beside unbiased ones."""
    sweep = tuning.sweep
    number = sum(len(fold) for fold in tuning.folds)
    bounds = [f"{name} at most {value:g}" for name, value in sweep.at_most.items()]
    bounds += [f"{name} at least {value:g}" for name, value in sweep.at_least.items()]
    kept = "" if not bounds else f"; {', '.join(bounds)} ({'kept' if tuning.bounded else 'broken'})"
    columns: dict[str, Tally | None] = {
        "start": tuning.start,
        "chosen": tuning.apparent,
        "cross_validated": tuning.cross_validated,
        "held out, start": tuning.held_start,
        "held out, chosen": tuning.held,
    }
    shown = {name: tally for name, tally in columns.items() if tally is not None}
    rows: list[Row] = [(sweep.group, *shown)]
    rows.append(("events", *(str(tally.events) for tally in shown.values())))
    rows += [
        (name.replace("_", " "), *(share(getattr(tally, name)) for tally in shown.values()))
        for name in _SHOWN
    ]
    head = (
        f"{count(len(tuning.trials), 'point')} tried on {count(number, 'session')} in "
        f"{len(tuning.folds)} folds; goal: {sweep.goal} of {sweep.group}{kept}.\n"
        f"{tuning.agreed} of {len(tuning.folds)} folds would have chosen the same settings."
    )
    legend = (
        "chosen: optimistic (tuned on these sessions). cross_validated: each fold with the "
        "settings\nthat the others would have chosen. held out: sessions that were not tuned on."
    )
    parts = [head, table(rows), legend, table(_values(tuning), left=3)]
    return "\n\n".join([*parts, *filter(None, ["\n".join(tuning.remarks)])])


def machine(tuning: Tuning) -> dict[str, Any]:
    """The search as plain values, with the goal of every trial; no session is named."""
    names = [name for fold in tuning.folds for name in fold]
    of = goal_of(tuning.sweep)

    def values(tally: Tally | None) -> dict[str, Any] | None:
        if tally is None:
            return None
        return {name: getattr(tally, name) for name in ("events", "found", "moments", *_SHOWN)}

    return {
        "chosen": dict(tuning.chosen),
        "bounds_kept": tuning.bounded,
        "folds_that_agree": tuning.agreed,
        "start": values(tuning.start),
        "apparent": values(tuning.apparent),
        "cross_validated": values(tuning.cross_validated),
        "held_out_start": values(tuning.held_start),
        "held_out": values(tuning.held),
        "remarks": tuning.remarks,
        "trials": [
            {"values": dict(trial.values), "goal": of(trial.tally(names))}
            for trial in tuning.trials
        ],
    }


def settings(tuning: Tuning) -> str:
    """The chosen settings as a file for ``--config``."""
    sweep = tuning.sweep
    number, of = len(tuning.trials), goal_of(sweep)
    found = share(of(tuning.cross_validated))
    lines = [
        f"# Chosen by tether tune from {number} points: {sweep.goal} of {sweep.group}",
        f"# {found} where each fold was scored with the choice of the others.",
    ]
    if tuning.held is not None:
        found = share(of(tuning.held))
        lines.append(f"# {found} on sessions that were held out.")
    is_file = sweep.extends.endswith((".yaml", ".yml"))
    extends = str(Path(sweep.extends).absolute()) if is_file else sweep.extends
    lines.append(f"extends: {_scalar(extends)}")
    return "\n".join([*lines, *_nested(_tree(tuning.chosen), 0)]) + "\n"


def _values(tuning: Tuning) -> list[Row]:
    """For each value of each parameter, the best goal of any trial with it."""
    names = [name for fold in tuning.folds for name in fold]
    of = goal_of(tuning.sweep)
    goals = [of(trial.tally(names)) for trial in tuning.trials]
    rows: list[Row] = [("parameter", "value", "", f"best {tuning.sweep.goal} with it")]
    for key, values in tuning.sweep.values.items():
        for value in values:
            own = [
                goal
                for goal, trial in zip(goals, tuning.trials, strict=True)
                if trial.values[key] == value and goal is not None
            ]
            mark = "<" if tuning.chosen[key] == value else ""
            rows.append((key, _scalar(value), mark, share(max(own, default=None))))
    return rows


def _tree(values: Mapping[str, Value]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *parents, last = key.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return tree


def _nested(tree: Mapping[str, Any], depth: int) -> Iterable[str]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield f"{'  ' * depth}{key}:"
            yield from _nested(value, depth + 1)
        else:
            yield f"{'  ' * depth}{key}: {_scalar(value)}"


def _scalar(value: Value) -> str:
    """A value in YAML, written as JSON, which is valid YAML."""
    return json.dumps(value, ensure_ascii=False)
