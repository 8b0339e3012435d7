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
from pipeline.core.vocabulary import Family, MomentKind

Item = Literal["turn", "silence", "overlap", "window_60s", "window_180s", "window_300s"]
_ID = r"^[a-z][a-z0-9-]*$"


class Param(Section):
    """A number or word under a name. Conditions and sentences name it in braces."""

    value: bool | int | float | str = Field(
        description="a number, a text, true or false; a profile may set another of the same type",
        examples=[3000],
    )
    source: str = Field(
        min_length=3,
        description="where the value comes from: a study, or that it is a starting value",
        examples=["starting value: no more than an acknowledgement has"],
    )


class Clause(Section):
    """One test of an item, with the sentence that tells the supervisor what was observed."""

    condition: str = Field(
        alias="if",
        description="condition in SQL over the columns of the item",
        examples=["n_words <= {few_words}"],
    )
    because: str = Field(
        description="sentence for the supervisor; a column or parameter in braces shows its value",
        examples=["the client answered with {n_words} words"],
    )
    small_baseline: str | None = Field(
        default=None,
        description="condition used instead where `if` names a `_z` or `_pct` and the baseline is "
        "small; without it the clause is left out there",
        examples=["latency_ms >= {late_ms}"],
    )


class Guard(Clause):
    """An exception: a condition that takes an item back."""

    id: str | None = Field(
        default=None,
        pattern=_ID,
        description="short name of the exception within the rule; built-in rules must give one",
        examples=["joke"],
    )


class AnyOf(Section):
    """Alternatives of which one must hold."""

    any: tuple[Clause, ...] = Field(
        min_length=2,
        description="two or more clauses, of which at least one must hold",
        examples=[
            [
                {"if": "latency_ms >= 4000", "because": "after {latency_ms:s}"},
                {"if": "next_therapist_question >= 1", "because": "the therapist asked again"},
            ]
        ],
    )


class OfLast(Section):
    """So many of so many consecutive items."""

    hits: int = Field(ge=1, description="items that must fulfil `where`", examples=[2])
    items: int = Field(
        ge=1, description="consecutive items of `among` among which they must lie", examples=[3]
    )

    @model_validator(mode="after")
    def _in_order(self) -> "OfLast":
        if self.hits > self.items:
            msg = "more hits than items"
            raise ValueError(msg)
        return self


class Rule(Section):
    """One entry of the list in a rule file."""

    id: str = Field(
        pattern=_ID,
        description="name of the rule in reports, profiles and commands: small letters, digits and "
        "hyphens",
        examples=["short-answer-to-feeling"],
    )
    kind: MomentKind = Field(
        description="kind of moment that the rule speaks for", examples=["withdrawal"]
    )
    marker: str = Field(
        pattern=r"^[A-Z]\d{1,2}$",
        description="code of the marker in the 3RS: a capital letter and a number",
        examples=["W2"],
    )
    says: str = Field(
        description="what the rule looks for, in a sentence for the supervisor",
        examples=["The client answers a question about feelings with a few words."],
    )
    on: Item = Field(
        description="what the rule looks at: it tests each item of this kind", examples=["turn"]
    )
    needs: tuple[Family, ...] = Field(
        min_length=1,
        description="families of measures that the conditions use; the rule abstains where the "
        "recording is too poor for one of them",
        examples=[["timing", "words"]],
    )
    params: dict[str, Param] = Field(
        default={},
        description="numbers and words under a name, each with its source",
        examples=[{"few_words": {"value": 4, "source": "starting value"}}],
    )
    among: str | None = Field(
        default=None,
        description="condition in SQL: the items that `in_a_row` and `of_last` count as "
        "consecutive; needed with either of them",
        examples=["role = 'client' AND is_backchannel = FALSE"],
    )
    where: tuple[Clause | AnyOf, ...] = Field(
        min_length=1,
        description="clauses that must all hold; each is shown as evidence",
        examples=[[{"if": "n_words <= 3", "because": "the client answered with {n_words} words"}]],
    )
    at_least: int = Field(
        default=1,
        ge=1,
        description="number of items that must fulfil `where`; needs `within_ms` where it is more "
        "than 1",
        examples=[2],
    )
    within_ms: int | None = Field(
        default=None,
        gt=0,
        description="longest time in ms from the start of the first item to the start of the last",
        examples=[120000],
    )
    in_a_row: int | None = Field(
        default=None,
        ge=2,
        description="number of consecutive items of `among` that must fulfil `where`",
        examples=[2],
    )
    of_last: OfLast | None = Field(
        default=None,
        description="so many of so many consecutive items of `among` must fulfil `where`",
        examples=[{"hits": 2, "items": 3}],
    )
    role: Literal["primary", "supporting"] = Field(
        description="`primary` (a main sign) may make a moment; `supporting` (a weak sign) only "
        "adds strength to one",
        examples=["primary"],
    )
    weight: float = Field(
        gt=0,
        lt=1,
        description="share of the rule's hits that are right: the strength of a moment that rests "
        "on it alone",
        examples=[0.5],
    )
    weight_from: str | None = Field(
        default=None,
        description="column with the probability, 0-1, that a hit is right, if each has its own; "
        "replaces `weight`",
        examples=["reads_as_rupture"],
    )
    unless: tuple[Guard, ...] = Field(
        default=(),
        description="exceptions: the first that holds suppresses the item, and its `because` is "
        "kept as the reason",
        examples=[[{"id": "joke", "if": "joking >= 1", "because": "said as a joke"}]],
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
