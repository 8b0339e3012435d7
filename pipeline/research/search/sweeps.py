"""What `tether tune` searches: a YAML file, every error reported with its line.

::

    extends: default                    # settings to start from: a profile, or a path
    codes: codes.csv                    # beside this file; a list for several, .eaf too
    uncertain: unsure.csv               # may be missing
    benign: benign.csv                  # may be missing
    tolerance: {utterances: 2}          # or {ms: 10000}; by default that of the settings
    group: confrontation                # or withdrawal, or all
    goal: f1                            # number to maximise
    at_most: {benign_share: 0.06}       # bounds that must hold too
    at_least: {precision: 0.5}
    hold_out: 8                         # not used while searching; a number or a list
    folds: 5                            # parts of the other sessions
    trials: 200                         # points drawn from the grid; missing: the whole grid
    seed: 1
    parameters:                         # any key of the settings, with its values
      moments.merge_ms: [5000, 10000, 15000, 30000]
      moments.merge_ms: {from: 10000, to: 30000, step: 10000}

Values are tried in the given order: of two settings that do equally well the earlier is chosen, so
list the value first that you would choose without evidence.
"""

import itertools
import random
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from pipeline.config import Section
from pipeline.core import yaml
from pipeline.core.errors import ConfigError
from pipeline.core.registry import nearest
from pipeline.research.agreement.alignment import Tolerance
from pipeline.research.agreement.bootstrap import RANKED, STATISTICS

GOALS = (*STATISTICS, RANKED)
"""What may be a goal or a bound."""

Value = bool | int | float | str | None


class Range(Section):
    """Evenly spaced numbers, including both ends."""

    first: float = Field(alias="from", description="the first number")
    last: float = Field(alias="to", description="the largest number allowed")
    step: float = Field(gt=0, description="from one to the next")

    @model_validator(mode="after")
    def _forwards(self) -> "Range":
        if self.last < self.first:
            msg = "'to' is smaller than 'from'"
            raise ValueError(msg)
        return self

    def values(self) -> list[Value]:
        """The numbers; whole ones as such."""
        count = int((self.last - self.first) / self.step + 1e-9) + 1
        numbers = [round(self.first + number * self.step, 10) for number in range(count)]
        return [int(number) if number.is_integer() else number for number in numbers]


class Within(Section):
    """A tolerance, in one unit."""

    ms: int | None = Field(default=None, ge=0, description="in milliseconds")
    utterances: int | None = Field(default=None, ge=0, description="in utterances")

    @model_validator(mode="after")
    def _one_unit(self) -> "Within":
        if (self.ms is None) == (self.utterances is None):
            msg = "either ms or utterances"
            raise ValueError(msg)
        return self

    @property
    def tolerance(self) -> Tolerance:
        """The tolerance with its unit."""
        if self.ms is not None:
            return Tolerance(self.ms, "ms")
        assert self.utterances is not None
        return Tolerance(self.utterances, "utterances")


class Sweep(Section):
    """One search."""

    extends: str = Field(default="default", description="settings to start from")
    codes: str | tuple[str, ...] = Field(description="tables of codes, beside this file")
    uncertain: str | tuple[str, ...] = Field(
        default=(), description="places that count neither way"
    )
    benign: str | tuple[str, ...] = Field(default=(), description="places that must not be flagged")
    tolerance: Within | None = Field(default=None, description="null: that of the settings")
    group: Literal["all", "withdrawal", "confrontation"] = Field(description="what is scored")
    goal: str = Field(description="number to maximise")
    at_most: dict[str, float] = Field(default={}, description="upper bounds of numbers")
    at_least: dict[str, float] = Field(default={}, description="lower bounds of numbers")
    hold_out: int | str | None = Field(default=None, description="a number of sessions, or a list")
    folds: int = Field(ge=2, description="parts into which the other sessions are cut")
    trials: int | None = Field(default=None, ge=1, description="points that are drawn; null: all")
    seed: int = Field(default=0, ge=0, description="of the draw")
    parameters: dict[str, tuple[Value, ...] | Range] = Field(
        min_length=1, description="keys of the settings, each with its values"
    )

    @model_validator(mode="after")
    def _known_numbers(self) -> "Sweep":
        for name in (self.goal, *self.at_most, *self.at_least):
            if name not in GOALS:
                msg = f"unknown number '{name}', {nearest(name, GOALS)}"
                raise ValueError(msg)
        empty = [key for key, values in self.values.items() if not values]
        if empty:
            msg = f"no value for {', '.join(empty)}"
            raise ValueError(msg)
        return self

    @property
    def values(self) -> dict[str, list[Value]]:
        """Values of each parameter, in order."""
        return {
            key: own.values() if isinstance(own, Range) else list(own)
            for key, own in self.parameters.items()
        }

    def points(self) -> Iterator[dict[str, Value]]:
        """Points of the grid in order, or `trials` of them, drawn without repeats."""
        values = self.values
        sizes = [len(own) for own in values.values()]
        number = prod(sizes)
        if self.trials is None or self.trials >= number:
            for point in itertools.product(*values.values()):
                yield dict(zip(values, point, strict=True))
            return
        # The first point is the author's own choice, so it is always included.
        drawn = random.Random(self.seed).sample(range(1, number), self.trials - 1)  # noqa: S311
        for place in sorted([0, *drawn]):
            yield _at(place, values)

    def files(self, name: Literal["codes", "uncertain", "benign"], base: Path) -> list[Path]:
        """Paths of the tables of a kind; `base` is the folder of the sweep."""
        given: str | tuple[str, ...] = getattr(self, name)
        return [base / each for each in ((given,) if isinstance(given, str) else given)]


def read(path: Path) -> Sweep:
    """Read a sweep from its file.

    Raises
    ------
    ConfigError
        All errors, each with its line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as caught:
        reason = getattr(caught, "strerror", None) or "not UTF-8 text"
        raise ConfigError(f"the sweep cannot be read: {reason.lower()}") from None
    sweep = yaml.validate(Sweep, yaml.parse(text, path.name))
    if sweep.extends.endswith((".yaml", ".yml")):
        return sweep.model_copy(update={"extends": str(path.parent / sweep.extends)})
    return sweep


def _at(place: int, values: Mapping[str, list[Value]]) -> dict[str, Any]:
    """The point with a number; the last parameter varies fastest, as in a product."""
    point: dict[str, Any] = {}
    for key in reversed(list(values)):
        place, number = divmod(place, len(values[key]))
        point[key] = values[key][number]
    return {key: point[key] for key in values}
