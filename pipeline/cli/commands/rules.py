"""``tether rules``: check, list, explain, trace, schema."""

import json
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from pipeline import config, lexicons, measures
from pipeline.cli import options
from pipeline.cli.sections import Group
from pipeline.core.errors import ConfigError, InputError
from pipeline.core.registry import nearest
from pipeline.core.time import ms_to_clock
from pipeline.research.sessions.load_sessions import read
from pipeline.rules import RuleBook
from pipeline.rules.explanation import evidence, trace
from pipeline.rules.language import column_descriptions, json_schema
from pipeline.workspace.database import require

_WIDTH = 100
_MARKS = {"held": "+", "failed": "-", "null": "?", "small_baseline": "~"}
_STATES = {
    "held": "held",
    "failed": "failed",
    "null": "a value could not be measured",
    "small_baseline": "left out, small baseline",
}

_language = click.option("--language", help="Language; default: as in the settings.")


@click.group(
    "rules",
    cls=Group,
    examples=("tether rules list", "tether rules trace 3fa94c2b71d0 --at 12:34"),
)
def command() -> None:
    """Check, list and explain rules, and trace what they flagged."""


@command.command(
    "check",
    examples=(
        "tether rules check my-rules.yaml",
        "tether rules check --config mine.yaml",
    ),
)
@click.argument("files", nargs=-1, type=click.Path(dir_okay=False))
@options.profile
@_language
@options.as_json
def check_command(
    files: tuple[str, ...], profile: str, language: str | None, *, as_json: bool
) -> None:
    """Report every error in rule files.

    All errors are reported at once, each with file, line and the nearest known name.

    Without FILES, check the rules of the settings, together with the settings' params.
    """
    try:
        book, _ = _book(profile, language, files)
    except ConfigError as caught:
        if as_json:
            click.echo(json.dumps({"problems": str(caught).splitlines()}, indent=1))
            raise click.exceptions.Exit(ConfigError.exit_code) from None
        raise
    count = len(book.rules)
    if as_json:
        click.echo(json.dumps({"problems": [], "rules": count}, indent=1))
    else:
        click.echo(f"{count} rule{'' if count == 1 else 's'}, no errors")


@command.command(
    "list",
    examples=(
        "tether rules list",
        "tether rules list --config screening",
    ),
)
@options.profile
@_language
@options.as_json
def list_command(profile: str, language: str | None, *, as_json: bool) -> None:
    """List the rules in force."""
    book, _ = _book(profile, language)
    listed = [
        {
            "id": compiled.rule.id,
            "kind": compiled.rule.kind,
            "marker": compiled.rule.marker,
            "role": compiled.rule.role,
            "weight": compiled.rule.weight,
            "needs": list(compiled.rule.needs),
            "says": compiled.rule.says,
        }
        for compiled in book.rules
    ]
    if as_json:
        click.echo(json.dumps(listed, indent=1))
        return
    head = ("rule", "kind", "marker", "role", "needs", "says")
    rows = [tuple(_cell(each[name]) for name in head[1:]) for each in listed]
    _print(head, [(str(each["id"]), *row) for each, row in zip(listed, rows, strict=True)])


@command.command(
    "explain",
    examples=("tether rules explain silence-after-question",),
)
@click.argument("rule")
@options.profile
@_language
@options.as_json
def explain_command(rule: str, profile: str, language: str | None, *, as_json: bool) -> None:
    """Explain a rule: clauses, exceptions, sources of its numbers."""
    book, _ = _book(profile, language)
    chosen = next((each for each in book.rules if each.rule.id == rule), None)
    if chosen is None:
        known = [each.rule.id for each in book.rules]
        raise ConfigError(f"no rule '{rule}'", expected=nearest(rule, known))
    parts = _explained(chosen, book.features)
    click.echo(json.dumps(parts, indent=1) if as_json else _in_words(parts))


@command.command(
    "trace",
    examples=(
        "tether rules trace 3fa94c2b71d0 --at 12:34",
        "tether rules trace 3fa94c2b71d0 --at 12:34 --rule silence-after-question --all",
    ),
)
@click.argument("session")
@click.option("--at", required=True, metavar="TIME", help="12:34, 1:02:03, or seconds.")
@click.option("--within", default=10.0, show_default=True, help="Seconds on either side.")
@click.option("--rule", "only", multiple=True, help="Only this rule; may be repeated.")
@click.option("--all", "everything", is_flag=True, help="All items, not the nearest two per rule.")
@options.profile
@options.as_json
@options.workspace
def trace_command(
    session: str,
    at: str,
    within: float,
    only: tuple[str, ...],
    profile: str,
    workspace: Path,
    *,
    everything: bool,
    as_json: bool,
) -> None:
    """Show why something was flagged at a time, or was not.

    Every rule is tested again on the measures of the last run, under these settings. For each
    turn, silence, overlap and window near that time you see which clauses hold and which fail,
    with the observed values. Nothing in the workspace changes.
    """
    require(workspace)
    at_ms = clock_ms(at)
    (case,) = read(workspace, [session]).cases
    if at_ms > case.recording.duration_ms:
        raise InputError("the time is after the end of the recording", expected="an earlier time")
    book, lexicons = _book(profile, case.language, settled=True)
    unknown = sorted(set(only) - {each.rule.id for each in book.rules})
    if unknown:
        raise ConfigError(f"no rule '{unknown[0]}'", expected="names as `tether rules list` prints")
    reach_ms = round(within * 1000)
    found = trace.trace(book, case.tables, lexicons, at_ms=at_ms, reach_ms=reach_ms)
    found = tuple(each for each in found if not only or each.rule in only)
    flagged = book.flag(case.tables, lexicons, _settings(profile))
    near = [
        {**moment, "set_aside": moment.get("because")}
        for name in ("moments", "set_aside")
        for moment in flagged[name].iter_rows(named=True)
        if moment["start_ms"] <= at_ms + reach_ms and moment["end_ms"] >= at_ms - reach_ms
    ]
    if as_json:
        click.echo(json.dumps(_machine(near, found), indent=1))
        return
    click.echo("\n".join(_trace_lines(near, found, everything=everything)))


@command.command(
    "schema",
    examples=("tether rules schema > rules.schema.json",),
)
@click.argument(
    "which",
    type=click.Choice(["rules", "lexicon", "words", "language", "settings"]),
    default="rules",
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it here.")
def schema_command(which: Any, output: Path | None) -> None:
    """Print the JSON Schema with which an editor checks rule files.

    There are schemas for lexicons and settings too. With "# yaml-language-server: $schema=FILE"
    on the first line of a YAML file, an editor completes and checks it while you type.
    """
    text = json.dumps(json_schema.schema(which), indent=1)
    if output is None:
        click.echo(text)
    else:
        output.write_text(f"{text}\n", encoding="utf-8")
        click.echo(str(output))


def clock_ms(text: str) -> int:
    """Milliseconds of "12:34", "1:02:03.5" or "754".

    Raises
    ------
    ConfigError
        The text is not a time.

    Examples
    --------
    >>> clock_ms("12:34"), clock_ms("1:02:03.5"), clock_ms("754")
    (754000, 3723500, 754000)
    """
    total = 0.0
    try:
        for part in text.split(":"):
            number = float(part)
            if number < 0:
                raise ValueError  # noqa: TRY301  # one message for every bad time
            total = total * 60 + number
        return round(total * 1000)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"'{text}' is not a time", expected="12:34, 1:02:03, or seconds"
        ) from None


def _settings(profile: str) -> Any:
    return config.load(profile)


def _book(
    profile: str, language: str | None, files: Sequence[str] = (), *, settled: bool = False
) -> tuple[Any, Any]:
    """Rules and lexicons of `language`; None is the settings' language, unless `settled`."""
    settings = _settings(profile)
    if not settled:
        language = language or settings.transcription.language
    known = lexicons.load(language, own=map(Path, settings.lexicons))
    if files:
        settings = settings.model_copy(update={"rules": tuple(files), "params": {}})
    catalogue = measures.catalogue(settings, known)
    return RuleBook.read(settings, catalogue, known), known


def _explained(compiled: Any, features: Any) -> dict[str, Any]:
    """All parts of a rule."""
    rule = compiled.rule
    dumped = rule.model_dump(by_alias=True, mode="json")
    named = sorted(compiled.columns)
    return {
        "id": rule.id,
        "file": compiled.place,
        "kind": rule.kind,
        "marker": rule.marker,
        "says": rule.says,
        "role": rule.role,
        "weight": rule.weight,
        "needs": list(rule.needs),
        "on": rule.on,
        "among": rule.among,
        "counts": evidence.needed(compiled),
        "where": dumped["where"],
        "unless": dumped["unless"],
        "params": {name: param.model_dump() for name, param in compiled.params.items()},
        "columns": {name: column_descriptions.meaning(rule.on, name, features) for name in named},
    }


def _in_words(told: dict[str, Any]) -> str:
    lines = [f"{told['id']}  ({told['file']})", *_wrapped(told["says"], 2), ""]
    lines.append(
        f"  {told['kind']}, {told['marker']}; {told['role']}, weight {told['weight']}; "
        f"needs {', '.join(told['needs'])}"
    )
    lines.append(f"  looks at each {told['on']}; {told['counts']} make a hit")
    if told["among"]:
        lines += _wrapped(f"counted among: {told['among']}", 2)
    lines += ["", "  All of these must hold:"]
    for part in told["where"]:
        if "any" in part:
            lines.append("    one of:")
        for clause in part.get("any", [part]):
            lines += _clause(clause, 6 if "any" in part else 4)
    if told["unless"]:
        lines += ["", "  Exceptions: none of these may hold:"]
        for clause in told["unless"]:
            lines += _clause(clause, 4, clause["id"])
    if told["params"]:
        lines += ["", "  Parameters:"]
        for name, param in told["params"].items():
            lines += _wrapped(f"{name} = {param['value']}: {param['source']}", 4)
    lines += ["", "  Columns:"]
    for name, meaning in told["columns"].items():
        lines += _wrapped(f"{name}: {meaning}" if meaning else name, 4)
    return "\n".join(lines)


def _clause(clause: dict[str, Any], indent: int, name: str | None = None) -> list[str]:
    lines = _wrapped(f"{name}: {clause['if']}" if name else clause["if"], indent)
    if clause["small_baseline"]:
        lines += _wrapped(f"where the baseline is small: {clause['small_baseline']}", indent + 2)
    return [*lines, *_wrapped(f"says: {clause['because']}", indent + 2)]


def _machine(near: list[dict[str, Any]], found: Iterable[Any]) -> dict[str, Any]:
    return {"moments": near, "rules": [asdict(each) for each in found]}


def _trace_lines(
    near: list[dict[str, Any]], found: Iterable[Any], *, everything: bool
) -> Iterable[str]:
    """A trace in words."""
    for moment in near:
        span = f"{ms_to_clock(moment['start_ms'])} to {ms_to_clock(moment['end_ms'])}"
        aside = f"; not listed: {moment['set_aside']}" if moment["set_aside"] else ""
        yield f"{moment['kind']} {moment['marker']}, {span}, strength {moment['score']:.2f}{aside}"
    if not near:
        yield "No moment there."
    silent = []
    for each in found:
        shown = each.items if everything else each.items[:2]
        if each.abstains:
            yield f"\n{each.rule}: not tested; {each.abstains}"
        elif not shown or (not everything and all(item.near <= 0 for item in shown)):
            silent.append(each.rule)
        else:
            role = "main sign" if each.primary else "weak sign"
            yield f"\n{each.rule} ({each.kind} {each.marker}, {role}; {each.needed})"
            for item in shown:
                yield from _item(item, each.item, ms_to_clock(item.start_ms))
    if silent:
        yield "\nRules for which nothing nearby holds: " + ", ".join(silent)
    yield "\n+ held   - failed   ? a value could not be measured   ~ left out, small baseline"


def _item(item: Any, kind: str, clock: str) -> Iterable[str]:
    outcomes = {
        "hit": "part of a hit",
        "suppressed": "would be a hit, but an exception applies",
        "guarded": "holds, but an exception applies",
        "too few": "holds, but too few others do",
        "failed": "does not hold",
    }
    yield f"  {kind} {item.item_id} at {clock}: {outcomes[item.outcome]}"
    for clause in item.clauses:
        choice = "" if clause.alternative is None else "or: "
        yield from _checked(clause, f"    {_MARKS[clause.state]} {choice}")
    for guard in item.guards:
        if guard.state == "held" and item.outcome in {"suppressed", "guarded"}:
            name = f" {guard.id}" if guard.id else ""
            yield from _checked(guard, f"    ! unless{name}: ")


def _checked(clause: Any, start: str) -> Iterable[str]:
    values = ", ".join(f"{name} = {_value(value)}" for name, value in clause.observed.items())
    yield from textwrap.wrap(
        f"{clause.condition}   [{values}]",
        _WIDTH,
        initial_indent=start,
        subsequent_indent=" " * 8,
    )


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return "null" if value is None else str(value)


def _cell(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _wrapped(text: str, indent: int) -> list[str]:
    start = " " * indent
    return textwrap.wrap(text, _WIDTH, initial_indent=start, subsequent_indent=f"{start}  ")


def _print(head: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows under their heads, aligned; wrap the last column."""
    titles = tuple(title.upper() for title in head)
    widths = [max(len(row[k]) for row in (titles, *rows)) for k in range(len(head) - 1)]
    before = sum(widths) + 2 * len(widths)
    for row in (titles, *rows):
        start = "".join(f"{cell:<{width + 2}}" for cell, width in zip(row, widths, strict=False))
        first, *rest = textwrap.wrap(row[-1], max(40, _WIDTH - before))
        click.echo(start + first)
        for line in rest:
            click.echo(" " * before + line)
