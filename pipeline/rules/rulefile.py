"""Rule files: what may stand in them, and reading them.

A file is a list of rules; `configs/rules/withdrawal.yaml` is the example to copy. Each key is
documented here, in its ``description``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from pipeline.config import Section, builtin
from pipeline.core import yaml
from pipeline.core.errors import ConfigError
from pipeline.core.registry import nearest

Family = Literal["timing", "voice", "words"]
Kind = Literal["withdrawal", "confrontation", "therapist_move"]
Item = Literal["turn", "silence", "overlap", "window_60s", "window_180s", "window_300s"]
_ID = r"^[a-z][a-z0-9-]*$"


class Param(Section):
    """A number or word that conditions name in braces."""

    value: bool | int | float | str
    source: str = Field(min_length=3, description="where the value comes from, or why it is so")


class Clause(Section):
    """One condition."""

    condition: str = Field(alias="if", description="SQL over the columns of the item")
    because: str = Field(description="sentence for the supervisor; {column} shows its value")
    small_baseline: str | None = Field(
        default=None,
        description="SQL that replaces a condition on _z or _pct where the baseline is small",
    )


class Guard(Clause):
    """A condition that takes an item back."""

    id: str | None = Field(
        default=None,
        pattern=_ID,
        description="its short name within the rule; built-in rules must give one",
    )


class AnyOf(Section):
    """Conditions of which one must hold."""

    any: tuple[Clause, ...] = Field(min_length=2, description="one of these must hold")


class OfLast(Section):
    """How many of how many."""

    hits: int = Field(ge=1, description="items that must fulfil `where`")
    items: int = Field(ge=1, description="consecutive items of `among` that are looked at")

    @model_validator(mode="after")
    def _in_order(self) -> "OfLast":
        if self.hits > self.items:
            msg = "more hits than items"
            raise ValueError(msg)
        return self


class Rule(Section):
    """One rule."""

    id: str = Field(pattern=_ID, description="its name in reports")
    kind: Kind = Field(description="kind of moment that it speaks for")
    marker: str = Field(pattern=r"^[A-Z]\d{1,2}$", description="3RS code")
    says: str = Field(description="what it looks for, a sentence for the supervisor")
    on: Item = Field(description="what it looks at, one row each")
    needs: tuple[Family, ...] = Field(
        min_length=1, description="what it stands on; it abstains where quality disabled one"
    )
    params: dict[str, Param] = Field(default={}, description="named numbers, each with its source")
    among: str | None = Field(
        default=None,
        description="SQL: items that `in_a_row` and `of_last` count as consecutive",
    )
    where: tuple[Clause | AnyOf, ...] = Field(
        min_length=1, description="every one must hold; each is shown as evidence"
    )
    at_least: int = Field(default=1, ge=1, description="items that must fulfil `where`")
    within_ms: int | None = Field(
        default=None, gt=0, description="longest time from the first item's start to the last's end"
    )
    in_a_row: int | None = Field(
        default=None, ge=2, description="consecutive items of `among` that must fulfil `where`"
    )
    of_last: OfLast | None = Field(default=None, description="so many of so many consecutive items")
    role: Literal["primary", "supporting"] = Field(
        description="primary: may make a moment; supporting: only ranks one"
    )
    weight: float = Field(
        gt=0, lt=1, description="how likely a hit of it is right: the score of a moment of it alone"
    )
    unless: tuple[Guard, ...] = Field(
        default=(), description="the first that holds suppresses the item, with its reason"
    )

    @model_validator(mode="after")
    def _one_way_to_count(self) -> "Rule":
        ways = [self.at_least > 1, self.in_a_row is not None, self.of_last is not None]
        if sum(ways) > 1:
            msg = "only one of at_least, in_a_row and of_last"
            raise ValueError(msg)
        if self.at_least > 1 and self.within_ms is None:
            msg = "at_least needs within_ms"
            raise ValueError(msg)
        if (self.in_a_row or self.of_last) and self.among is None:
            msg = "in_a_row and of_last need among: which items are consecutive?"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _one_guard_an_id(self) -> "Rule":
        ids = [guard.id for guard in self.unless if guard.id is not None]
        twice = sorted({each for each in ids if ids.count(each) > 1})
        if twice:
            msg = f"two guards have the id '{twice[0]}'"
            raise ValueError(msg)
        return self

    @property
    def clauses(self) -> Iterator[tuple[tuple[int | str, ...], Clause]]:
        """Clauses of `where` and `unless`, alternatives too, with their places in the file."""
        for number, part in enumerate(self.where):
            if isinstance(part, AnyOf):
                for inner, clause in enumerate(part.any):
                    yield ("where", number, "any", inner), clause
            else:
                yield ("where", number), part
        for number, clause in enumerate(self.unless):
            yield ("unless", number), clause


@dataclass(frozen=True)
class Placed:
    """A rule and where it stands.

    Attributes
    ----------
    told
        Keys of the rule that a profile has set, with value and where.
    """

    rule: Rule
    place: yaml.Document
    told: Mapping[str, Param] = field(default_factory=dict)


def builtin_names() -> list[str]:
    """Names of the rule files that come with the package."""
    folder = builtin() / "rules"
    return sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".yaml"))


def read(choices: Iterable[str]) -> tuple[list[Placed], list[str]]:
    """Rules of built-in names or paths, and every problem found, each with file and line."""
    rules: list[Placed] = []
    problems: list[str] = []
    known: set[str] = set()
    for choice in choices:
        try:
            document = yaml.parse(_text(choice), _name(choice))
        except ConfigError as caught:
            problems.append(str(caught))
            continue
        if not isinstance(document.data, list):
            problems.append(f"{document.name}:1: not a list of rules")
            continue
        for number, data in enumerate(document.data):
            place = yaml.Document(data, document.name, document.line((number,)))
            if not isinstance(data, dict):
                problems.append(f"{document.at((number,))}: not a rule")
                continue
            try:
                rule = yaml.validate(Rule, place)
            except ConfigError as caught:
                problems.append(_readable(caught.found))
                continue
            if rule.id in known:
                problems.append(f"{document.at((number,))}: rule '{rule.id}' stands twice")
            if choice in builtin_names():
                problems += [
                    f"{place.at(('unless', guard))}: a guard of a built-in rule needs an id"
                    for guard, clause in enumerate(rule.unless)
                    if clause.id is None
                ]
            known.add(rule.id)
            rules.append(Placed(rule, place))
    return rules, problems


def _readable(problem: str) -> str:
    """Without the names of Python classes that pydantic puts into the keys of a union."""
    return problem.replace(".Clause", "").replace(".AnyOf", "").replace("the file:", "the rule:")


def _name(choice: str) -> str:
    return choice if choice.endswith((".yaml", ".yml")) else f"rules/{choice}.yaml"


def _text(choice: str) -> str:
    folder = builtin() / "rules"
    if (folder / f"{choice}.yaml").is_file():
        return (folder / f"{choice}.yaml").read_text(encoding="utf-8")
    try:
        return Path(choice).read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        hint = nearest(Path(choice).stem, builtin_names())
        raise ConfigError(
            f"no rule file '{choice}'",
            expected=f"that file, or a built-in one ({hint})",
        ) from None
    except (OSError, UnicodeDecodeError) as caught:
        reason = getattr(caught, "strerror", None) or "not UTF-8 text"
        raise ConfigError(f"rule file '{choice}': {reason}") from None
