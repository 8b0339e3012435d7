"""A condition of a rule: SQL in, a polars expression out, and the sentence that explains it.

The SQL is parsed by `polars.sql_expr` and tried on an empty typed frame when the file is read. It
may compare, calculate and use the functions in `FUNCTIONS`; whatever looks at more than one row
(aggregates, OVER) is refused, for a rule looks at one item at a time.

**A condition is false if any column it names is null**, whatever SQL says: what could not be
measured flags nothing.
"""

import re
import string
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache

import polars as pl

from pipeline.core.registry import nearest
from pipeline.rules.language.columns import Known
from pipeline.rules.language.rulefile import Clause, Param

FUNCTIONS = frozenset(
    [
        *("abs", "ceil", "floor", "round", "sign", "sqrt", "ln", "log", "exp", "pow", "mod"),
        *("least", "greatest", "length", "lower", "upper", "trim", "substr", "concat"),
        *("starts_with", "ends_with", "regexp_like", "strpos"),
    ]
)
"""Functions that a condition may call."""
_KEYWORDS = frozenset(
    ["and", "or", "not", "in", "between", "like", "ilike", "case", "when", "then", "else"]
)
_REFUSED = frozenset(["over", "select", "from", "union", "exists", "unnest", "all", "any"])
_STRINGS = re.compile(r"'(?:[^']|'')*'")
_CALLS = re.compile(r"([A-Za-z_]\w*)\s*\(")
_BRACES = re.compile(r"\{(\w+)\}")
_ONE_WORDS = re.compile(r"(?<![\d.,])1 words\b")
_LONGEST_HINT = 300
_FORMATS = frozenset(("", "s", "%", "quote", "reason"))
_NUMBER_FORMAT = re.compile(r"^\.\d+f$")

Values = Mapping[str, object]
Quote = Callable[[str, str], str | None]
"""From lexicon and "quote" or "reason" to what a sentence shows; None: nothing to show."""


class ConditionError(Exception):
    """A condition or sentence that cannot be used; whoever read the file adds file and line."""


@dataclass(frozen=True)
class Condition:
    """Compiled SQL.

    Attributes
    ----------
    sql
        With parameters filled in.
    expr
        Boolean and never null: false if a column is null.
    columns
        Columns that it names.
    baselines
        Features on whose baseline it stands.
    params
        Parameters of the rule that it names.
    """

    sql: str
    expr: pl.Expr
    columns: tuple[str, ...]
    baselines: tuple[str, ...]
    params: tuple[str, ...]


@dataclass(frozen=True)
class Test:
    """A clause ready to be evaluated.

    Attributes
    ----------
    fallback
        Replaces `main` where the baseline is small; None: then the clause is set aside.
    shown
        Columns that the sentence names.
    """

    main: Condition
    fallback: Condition | None
    because: str
    shown: tuple[str, ...]

    @property
    def columns(self) -> set[str]:
        """All columns that an evaluation needs."""
        return set(self.main.columns) | set(self.fallback.columns if self.fallback else ())

    def small(self, min_n: int) -> pl.Expr:
        """Whether the value is there but its baseline rests on fewer than `min_n` values."""
        return pl.any_horizontal(
            pl.lit(value=False),
            *(
                pl.col(name).is_not_null() & (pl.col(f"{name}_n") < min_n).fill_null(value=True)
                for name in self.main.baselines
            ),
        )

    def held(self, min_n: int, *, set_aside_holds: bool) -> pl.Expr:
        """Whether the clause holds for each item."""
        if not self.main.baselines:
            return self.main.expr
        instead = self.fallback.expr if self.fallback else pl.lit(value=set_aside_holds)
        return pl.when(self.small(min_n)).then(instead).otherwise(self.main.expr)


LONGEST = 1000
"""Characters of a condition. polars parses deep SQL on the stack: a long one ends the program."""


def condition(sql: str, columns: Mapping[str, Known], params: Mapping[str, Param]) -> Condition:
    """Compile `sql`.

    Raises
    ------
    ConditionError
        What is wrong, with the nearest known name.
    """
    filled = _BRACES.sub(lambda found: _literal(found[1], params), sql)
    if max(len(sql), len(filled)) > LONGEST:
        raise ConditionError(f"more than {LONGEST} characters: split it")
    bare = _STRINGS.sub("''", filled).lower()
    for name in _CALLS.findall(bare):
        if name not in FUNCTIONS | _KEYWORDS:
            raise ConditionError(f"function '{name}' is not allowed: {nearest(name, FUNCTIONS)}")
    words = set(re.findall(r"[a-z_]\w*", bare))
    if words & _REFUSED:
        raise ConditionError(f"'{min(words & _REFUSED)}' is not allowed: one item at a time")
    if "is" in words and "null" in words:
        raise ConditionError("a condition on null is needless: it is false if a column is null")
    try:
        expr = pl.sql_expr(filled)
    except pl.exceptions.PolarsError as caught:
        raise ConditionError(f"not SQL: {_first_line(caught)}") from None
    names = tuple(dict.fromkeys(expr.meta.root_names()))
    unknown = [name for name in names if name not in columns]
    if unknown:
        raise ConditionError(
            "; ".join(f"unknown column '{name}', {_hint(name, columns)}" for name in unknown)
        )
    if not names:
        raise ConditionError("names no column")
    _try(expr, names, columns)
    known = [columns[name].feature for name in names]
    guarded = expr.fill_null(value=False) & pl.all_horizontal(
        pl.col(name).is_not_null() for name in names
    )
    baselines = tuple(dict.fromkeys(name for name in known if name is not None))
    named = tuple(dict.fromkeys(_BRACES.findall(sql)))
    return Condition(filled, guarded, names, baselines, named)


def test(
    clause: Clause,
    columns: Mapping[str, Known],
    params: Mapping[str, Param],
    lexicons: Collection[str],
) -> Test:
    """Compile a clause.

    Raises
    ------
    ConditionError
        What is wrong with its condition or its sentence.
    """
    main = condition(clause.condition, columns, params)
    fallback = None
    if clause.small_baseline is not None:
        if not main.baselines:
            raise ConditionError("small_baseline, but the condition names no _z or _pct")
        fallback = condition(clause.small_baseline, columns, params)
        if fallback.baselines:
            raise ConditionError("small_baseline must not name _z or _pct itself")
    named = placeholders(clause.because)
    for name, form in named:
        if name not in columns and name not in params:
            raise ConditionError(
                f"because: unknown name '{name}', {_hint(name, [*columns, *params])}"
            )
        if form in {"quote", "reason"} and name.removesuffix("_refused") not in lexicons:
            raise ConditionError(f"because: '{name}' is no lexicon and cannot be quoted")
        if form not in _FORMATS and not _NUMBER_FORMAT.match(form):
            raise ConditionError(
                f"because: unknown format '{form}'; known: s (seconds), % , .1f, quote, reason"
            )
    shown = tuple(dict.fromkeys(name for name, _ in named if name in columns))
    return Test(main, fallback, clause.because, shown)


def placeholders(sentence: str) -> list[tuple[str, str]]:
    """Names in braces with their formats.

    Raises
    ------
    ConditionError
        A brace without its partner.

    Examples
    --------
    >>> placeholders("for {length_ms:s}, {n_words} words")
    [('length_ms', 's'), ('n_words', '')]
    """
    try:
        parts = _parsed(sentence)
    except ValueError:
        raise ConditionError("because: a brace without its partner") from None
    return [(name, form) for _, name, form in parts if name is not None]


def filled(sentence: str, values: Values, quote: Quote | None = None) -> str:
    """`sentence` with the values of one item.

    >>> filled("for {length_ms:s}, {n_words} words", {"length_ms": 3450, "n_words": 2.0})
    'for 3.5 s, 2 words'
    """
    text = []
    for plain, name, form in _parsed(sentence):
        text.append(plain)
        if name is not None:
            text.append(_shown(name, form, values.get(name), quote))
    return _ONE_WORDS.sub("1 word", "".join(text))


@cache
def _parsed(sentence: str) -> list[tuple[str, str | None, str]]:
    """Plain text, and the name and format that follow it (None: nothing does)."""
    parts = string.Formatter().parse(sentence)
    return [(plain, name, form or "") for plain, name, form, _ in parts]


def _shown(name: str, form: str, value: object, quote: Quote | None) -> str:
    if form in {"quote", "reason"}:
        shown = quote(name, form) if quote else None
        return shown if shown is not None else "\u2026"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(value, form)
    return "not measured" if value is None else str(value)


def _number(value: float, form: str) -> str:
    if form == "s":
        return f"{value / 1000:.1f} s"
    if form:
        return format(value, ".0%" if form == "%" else form)
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.2f}"


def _literal(name: str, params: Mapping[str, Param]) -> str:
    if name not in params:
        hint = nearest(name, params) if params else "the rule declares none"
        raise ConditionError(f"unknown parameter '{name}', {hint}")
    value = params[name].value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


def _try(expr: pl.Expr, names: tuple[str, ...], columns: Mapping[str, Known]) -> None:
    empty = pl.DataFrame(schema={name: columns[name].dtype for name in names})
    try:
        result = empty.select(expr.alias("result"))
    except pl.exceptions.PolarsError as caught:
        raise ConditionError(f"types do not fit: {_first_line(caught)}") from None
    if result.schema["result"] != pl.Boolean:
        raise ConditionError(f"is {result.schema['result']}, must be true or false")
    if result.height:
        raise ConditionError("looks at more than one row: aggregates are not allowed")


def _hint(name: str, known: Collection[str]) -> str:
    """The nearest name; hundreds of columns are not listed."""
    hint = nearest(name, known)
    listed = hint.startswith("known:") and len(hint) > _LONGEST_HINT
    return "`tether measures` lists what may be named" if listed else hint


def _first_line(caught: Exception) -> str:
    return (str(caught).splitlines() or [""])[0]
