"""``tether measures``: what every number means, read from the code's own declarations."""

import json
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from pipeline import config, lexicons, measures
from pipeline.cli import options
from pipeline.cli.sections import Command
from pipeline.core.errors import ConfigError
from pipeline.core.registry import nearest
from pipeline.core.schema import Column
from pipeline.core.tables import SCHEMAS
from pipeline.core.vocabulary import ITEMS, WINDOWS_MS
from pipeline.measures.feature import Feature


@click.command(
    "measures",
    cls=Command,
    examples=(
        "tether measures",
        "tether measures talk_share",
        "tether measures turns --tables",
    ),
)
@click.argument("name", required=False)
@click.option("--tables", is_flag=True, help="List the columns of exported tables instead.")
@click.option("--language", help="Language of word measures; default: as in the settings.")
@options.profile
@options.as_json
def command(
    name: str | None, profile: str, language: str | None, *, tables: bool, as_json: bool
) -> None:
    """Explain what every number means: unit, source, error, null.

    Without NAME, list all measures; with NAME, explain one. Rules may use each of them, and its
    `_z` (how unusual for this person or pair) and `_pct` (its rank among their values, 0-1).
    """
    if tables:
        list_tables(name, as_json=as_json)
    else:
        show(name, profile, language, as_json=as_json)


_WHOSE = {
    "speaker": "one speaker; compared with the same speaker",
    "pair": "two speakers together; compared with the same two, in the same order",
    "session": "the whole session; compared within it",
}
_UNMEASURED = "not measured"


def show(name: str | None, profile: str, language: str | None, *, as_json: bool) -> None:
    """List all measures, or explain one.

    Raises
    ------
    ConfigError
        No measure has that name.
    """
    catalogue = known(profile, language)
    if name is not None:
        chosen = tuple(feature for feature in catalogue if feature.name == name)
        if not chosen:
            names = [feature.name for feature in catalogue]
            raise ConfigError(f"no measure '{name}'", expected=nearest(name, names))
        catalogue = chosen
    if as_json:
        click.echo(json.dumps([_machine(feature) for feature in catalogue], indent=1))
    elif name is not None:
        click.echo("\n\n".join(_explained(alike) for alike in _alike(catalogue, null=True)))
    else:
        rows = [
            (alike[0].name, alike[0].unit, _items(alike), alike[0].group, alike[0].means)
            for alike in _alike(catalogue, null=False)
        ]
        _print(("measure", "unit", "of", "whose", "means"), rows)
        click.echo(
            "\nMore on one: tether measures NAME. Columns of tables: tether measures --tables"
        )


def list_tables(name: str | None, *, as_json: bool) -> None:
    """List the columns of all tables, or of one.

    Raises
    ------
    ConfigError
        No table has that name.
    """
    if name is not None and name not in SCHEMAS:
        raise ConfigError(f"no table '{name}'", expected=nearest(name, SCHEMAS))
    chosen = [schema for schema in SCHEMAS.values() if name in (None, schema.name)]
    if as_json:
        rows_of = {schema.name: [_column(column) for column in schema.columns] for schema in chosen}
        click.echo(json.dumps(rows_of, indent=1))
        return
    rows = [
        (schema.name, column.name, str(column.dtype), _with_null(column))
        for schema in chosen
        for column in schema.columns
    ]
    _print(("table", "column", "type", "means"), rows)


def known(profile: str, language: str | None) -> tuple[Feature, ...]:
    """Every measure under these settings, including the word measures of `language`."""
    settings = config.load(profile)
    chosen = language or settings.transcription.language
    loaded = lexicons.load(chosen, own=map(Path, settings.lexicons))
    return measures.catalogue(settings, loaded)


def _alike(catalogue: Sequence[Feature], *, null: bool) -> list[list[Feature]]:
    """Group measures that differ in their item only; with `null`, compare null and source too."""

    def read(feature: Feature) -> tuple[str, ...]:
        text = (feature.name, feature.means, feature.unit, feature.group)
        return (*text, feature.null, feature.source) if null else text

    names = [feature.name for feature in catalogue]
    listed = sorted(catalogue, key=lambda f: (names.index(f.name), ITEMS.index(f.item)))
    return [list(alike) for _, alike in groupby(listed, key=read)]


def _items(alike: Iterable[Feature]) -> str:
    """The items of a measure; all window lengths as one word."""
    items = ", ".join(feature.item for feature in alike)
    return items.replace(", ".join(WINDOWS_MS), "windows").replace("window_", "")


def _explained(alike: Sequence[Feature]) -> str:
    """One measure in full."""
    one = alike[0]
    errors = dict.fromkeys(feature.error for feature in alike if feature.error)
    scale = " of the logarithm" if one.log else "" if one.unit == "0-1" else f" {one.unit}"
    footing = [f"smallest MAD {one.min_mad:g}{scale}"]
    if one.detrend:
        footing.append("drift over the session removed")
    lines = {
        "of": ", ".join(feature.item for feature in alike),
        "whose": _WHOSE[one.group],
        "unit": one.unit,
        "null": one.null,
        "source": one.source,
        "error": "; ".join(errors) or _UNMEASURED,
        "baseline": "; ".join(footing),
        "needs": one.needs,
    }
    if any(feature.item != "session" for feature in alike):
        lines["in rules"] = f"{one.name}, {one.name}_z, {one.name}_pct"
    width = _width()
    text = [textwrap.fill(f"{one.name}: {one.means}", width), ""]
    for key, line in lines.items():
        text.append(
            textwrap.fill(line, width, initial_indent=f"  {key:<9} ", subsequent_indent=" " * 12)
        )
    return "\n".join(text)


def _machine(feature: Feature) -> dict[str, Any]:
    keys = ("name", "item", "unit", "group", "needs", "means", "null", "source", "error", "version")
    return {name: getattr(feature, name) or None for name in keys} | {
        "min_mad": feature.min_mad,
        "log": feature.log,
        "detrend": feature.detrend,
    }


def _column(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": str(column.dtype),
        "means": column.means,
        "null": column.null or None,
        "allowed": list(column.allowed) or None,
    }


def _with_null(column: Column) -> str:
    allowed = f" ({', '.join(column.allowed)})" if column.allowed else ""
    return f"{column.means}{allowed}" + (f"; null: {column.null}" if column.null else "")


def _width() -> int:
    return max(80, shutil.get_terminal_size().columns)


def _print(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows under their heads, aligned; wrap the last column."""
    titles = tuple(title.upper() for title in head)
    widths = [max(len(row[k]) for row in (titles, *rows)) for k in range(len(head) - 1)]
    before = sum(widths) + 2 * len(widths)
    room = max(40, _width() - before)
    for row in (titles, *rows):
        start = "".join(f"{cell:<{width + 2}}" for cell, width in zip(row, widths, strict=False))
        first, *rest = textwrap.wrap(row[-1], room)
        click.echo(start + first)
        for line in rest:
            click.echo(" " * before + line)
