"""From rule files to compiled rules, with every mistake of every file told at once."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from pipeline import config
from pipeline.core import plugins
from pipeline.core.errors import ConfigError, listed
from pipeline.core.registry import nearest
from pipeline.measures.feature import Feature
from pipeline.rules.detection.counts import Count
from pipeline.rules.language import columns, conditions, overrides, rulefile
from pipeline.rules.language.columns import Known
from pipeline.rules.language.conditions import Condition, ConditionError, Test, condition
from pipeline.rules.language.rulefile import AnyOf, Clause, Param, Placed, Rule

_Path = tuple[int | str, ...]
_Problem = Callable[[_Path, str], None]


@dataclass(frozen=True)
class Compiled:
    """A rule ready to be evaluated.

    Attributes
    ----------
    among
        Which items count as consecutive; None: those that fulfil `where`.
    where
        Clauses, each a tuple of alternatives of which one must hold.
    guards_need
        Families that its guards stand on beyond its own.
    told
        Keys of the rule, such as its weight, that a profile has set.
    place
        File and line where it begins.
    """

    rule: Rule
    among: Condition | None
    where: tuple[tuple[Test, ...], ...]
    unless: tuple[Test, ...]
    guards_need: frozenset[str]
    told: Mapping[str, Param] = field(default_factory=dict)
    place: str = ""

    @property
    def params(self) -> dict[str, Param]:
        """Parameters with value and source, and whatever else a profile has set."""
        return {**self.rule.params, **self.told}

    @cached_property
    def told_params(self) -> str:
        """`params` as JSON, for evidence."""
        told = {name: param.model_dump() for name, param in self.params.items()}
        return json.dumps(told, sort_keys=True)

    @cached_property
    def columns(self) -> set[str]:
        """All columns that evaluation and evidence need."""
        named: set[str] = set(self.among.columns) if self.among else set()
        for test in (*(test for part in self.where for test in part), *self.unless):
            named |= test.columns | set(test.shown)
        if self.rule.weight_from:
            named.add(self.rule.weight_from)
        return named

    @property
    def count(self) -> Count:
        """How many items make a hit."""
        rule = self.rule
        if rule.of_last:
            return Count(rule.of_last.hits, rule.of_last.items, rule.within_ms)
        many = rule.in_a_row or rule.at_least
        return Count(many, many, rule.within_ms)


def rules(
    settings: config.Settings, features: Sequence[Feature], lexicons: Collection[str]
) -> tuple[Compiled, ...]:
    """Read and compile rule files.

    Parameters
    ----------
    settings
        `rules` names built-in files, or paths; `params` sets parameters.
    features
        The feature catalogue: what conditions may name.
    lexicons
        Names of lexicons: what sentences may quote.

    Raises
    ------
    ConfigError
        All mistakes, each with file and line.
    """
    placed, problems = rulefile.read(settings.rules)
    placed = overrides.overridden(placed, settings, problems)
    compiled = [_rule(each, features, lexicons, problems) for each in placed]
    if problems:
        # A measure that no feature has may be one of a plug-in that failed.
        raise ConfigError(listed(problems), hint=plugins.hint())
    return tuple(rule for rule in compiled if rule is not None)


def _rule(
    placed: Placed,
    features: Sequence[Feature],
    lexicons: Collection[str],
    problems: list[str],
) -> Compiled | None:
    rule, place = placed.rule, placed.place
    known = columns.known(rule.on, features)
    before = len(problems)

    def problem(path: _Path, message: str) -> None:
        problems.append(f"{place.at(path)}: {rule.id}: {message}")

    _check_params(rule, known, problem)
    among = None
    tests: dict[_Path, Test] = {}
    try:
        among = None if rule.among is None else condition(rule.among, known, rule.params)
    except ConditionError as caught:
        problem(("among",), str(caught))
    for path, clause in rule.clauses:
        try:
            tests[path] = conditions.test(clause, known, rule.params, lexicons)
        except ConditionError as caught:
            problem(path, str(caught))
    own = rule.weight_from
    numbers = [name for name, column in known.items() if column.dtype == pl.Float64]
    if own is not None and own not in numbers:
        problem(("weight_from",), f"'{own}' is no number of a {rule.on}, {nearest(own, numbers)}")
    if len(problems) > before:
        return None
    where = tuple(_alternatives(n, part, tests) for n, part in enumerate(rule.where))
    unless = tuple(tests["unless", n] for n in range(len(rule.unless)))
    compiled = Compiled(
        rule,
        among,
        where,
        unless,
        _families(unless, known) - set(rule.needs),
        placed.told,
        place.at(()),
    )
    _check_needs(compiled, known, problem)
    _check_baselines(compiled, problem)
    return compiled


def _alternatives(
    number: int, part: Clause | AnyOf, tests: Mapping[_Path, Test]
) -> tuple[Test, ...]:
    if isinstance(part, AnyOf):
        return tuple(tests["where", number, "any", inner] for inner in range(len(part.any)))
    return (tests["where", number],)


def _families(tests: Iterable[Test], known: Mapping[str, Known]) -> frozenset[str]:
    needs = (known[name].needs for test in tests for name in test.columns)
    return frozenset(family for family in needs if family is not None)


def _check_needs(compiled: Compiled, known: Mapping[str, Known], problem: _Problem) -> None:
    tests = [test for part in compiled.where for test in part]
    used: set[str | None] = set(_families(tests, known))
    used |= {known[name].needs for name in (compiled.among.columns if compiled.among else ())}
    used.discard(None)
    for family in sorted(map(str, used - set(compiled.rule.needs))):
        problem(("needs",), f"a clause stands on {family}, which is not among its needs")


def _check_baselines(compiled: Compiled, problem: _Problem) -> None:
    if compiled.among is not None and compiled.among.baselines:
        problem(("among",), "must not name _z or _pct: a small baseline would change who is next")
    if not any(_is_fixed(part) for part in compiled.where):
        problem(
            ("where",),
            "every clause stands on a baseline; add a fixed one, which holds where it is small",
        )


def _is_fixed(part: Sequence[Test]) -> bool:
    """Whether a clause still says something about size or words where baselines are small."""
    fixed = [not test.main.baselines or test.fallback is not None for test in part]
    sized = any(set(test.columns) - set(columns.ROLE_COLUMNS) for test in part)
    return all(fixed) and sized


def _check_params(rule: Rule, known: Mapping[str, Known], problem: _Problem) -> None:
    texts = [rule.among or ""]
    for _, clause in rule.clauses:
        texts += [clause.condition, clause.small_baseline or "", clause.because]
    everything = " ".join(texts)
    for name in rule.params:
        if name in known:
            problem(("params", name), f"parameter '{name}' has the name of a column")
        if f"{{{name}}}" not in everything and f"{{{name}:" not in everything:
            problem(("params", name), f"parameter '{name}' is not used")
