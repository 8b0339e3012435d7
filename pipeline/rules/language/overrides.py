"""Parameters of rules that a profile sets other than the rule's own file.

::

    params:
      silence-after-question: {min_ms: 4000, weight: 0.8}

Beside the names under a rule's ``params`` stand those in `OWN`, which every rule has. Evidence
then says where the value was set, beside the source of what the file has.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pydantic import ValidationError

from pipeline import config
from pipeline.core.registry import nearest
from pipeline.rules.language import rulefile
from pipeline.rules.language.rulefile import Param, Placed, Rule

OWN = ("weight", "role", "at_least", "in_a_row", "within_ms")
"""Keys of a rule that may be set as its parameters may."""

Value = bool | int | float | str


def overridden(
    placed: Sequence[Placed], settings: config.Settings, problems: list[str]
) -> list[Placed]:
    """Rules as `settings` want them; what is wrong is added to `problems`.

    A rule of a built-in file that is not in use may be named: a profile may stand under other
    rules.
    """
    ids = [each.rule.id for each in placed]
    unused: tuple[str, ...] | None = None
    for rule in settings.params:
        if rule in ids:
            continue
        unused = _builtin() if unused is None else unused
        if rule not in unused:
            place = settings.origin(rule, "").place
            problems.append(f"{place}: params: unknown rule '{rule}', {nearest(rule, ids)}")
    return [
        _with(each, settings.params[each.rule.id], settings, problems)
        if each.rule.id in settings.params
        else each
        for each in placed
    ]


def _with(
    placed: Placed, given: Mapping[str, Value], settings: config.Settings, problems: list[str]
) -> Placed:
    """One rule with the values that are `given`."""
    rule = placed.rule
    params, own, told = dict(rule.params), {}, {}
    for name, value in given.items():
        origin = settings.origin(rule.id, name)
        if name not in params and name not in OWN:
            hint = nearest(name, [*params, *OWN])
            problems.append(f"{origin.place}: params: {rule.id} has no parameter '{name}', {hint}")
        elif name not in params:
            was = getattr(rule, name)
            before = "none" if was is None else was
            own[name] = value
            told[name] = Param(
                value=value, source=f"set in {origin.profile}; the rule's file has {before}"
            )
        elif _is_other(value, params[name].value):
            expected = type(params[name].value).__name__
            problems.append(f"{origin.place}: params: {rule.id}.{name}: must be {expected}")
        else:
            was = params[name]
            params[name] = Param(
                value=value,
                source=f"set in {origin.profile}; the rule's file has {was.value}: {was.source}",
            )
    try:
        made = Rule.model_validate(
            rule.model_dump(by_alias=True, exclude_unset=True) | own | {"params": params}
        )
    except ValidationError as caught:
        for item in caught.errors(include_input=False, include_url=False):
            name = str(item["loc"][0]) if item["loc"] else ""
            place = settings.origin(rule.id, name).place
            message = item["msg"].removeprefix("Value error, ")
            problems.append(f"{place}: params: {rule.id}{'.' * bool(name)}{name}: {message}")
        return placed
    return replace(placed, rule=made, told=told)


def _is_other(value: Value, was: Value) -> bool:
    """Whether a value is of another type; a whole number may stand for any."""
    if isinstance(was, bool) or isinstance(value, bool):
        return type(value) is not type(was)
    return isinstance(value, str) != isinstance(was, str)


def _builtin() -> tuple[str, ...]:
    """Ids of all rules that come with the package."""
    return tuple(_ids(rulefile.builtin_names()))


def _ids(choices: Iterable[str]) -> Iterator[str]:
    placed, _ = rulefile.read(choices)
    return (each.rule.id for each in placed)
