"""Score sessions with each of the settings to try.

Where only rules differ, tables are read once for all trials; otherwise stages are computed again in
memory. Large numbers of sessions are distributed over several processes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from itertools import product
from pathlib import Path
from typing import Never

from pipeline.config import Settings
from pipeline.core import processes as workers
from pipeline.lexicons import Lexicons
from pipeline.research.agreement.metrics import Tally
from pipeline.research.sessions import ipc
from pipeline.research.sessions.cases import Case
from pipeline.research.sessions.ipc import Packed
from pipeline.research.sessions.rule_runs import decided, flags, loaded
from pipeline.research.study import Study
from pipeline.rules import RuleBook
from pipeline.session import LanguageResources
from pipeline.session.workbench import Workbench

START = -1
"""Number of the settings with which the sessions were loaded."""
Tallies = dict[int, dict[str, Tally]]
"""Number of the settings to session name to tally."""
_OF_RULES = frozenset(["extends", "rules", "params", "moments", "response", "evaluation"])
"""Sections that only hits and moments depend on."""
_Numbers = tuple[int, ...]


@dataclass(frozen=True)
class Tried:
    """Settings to try on sessions of a workspace.

    Attributes
    ----------
    plain
        Settings with which the sessions were loaded; their `evaluation` section is used.
    settings
        One for each trial.
    group
        Kinds of moments to score: a key of `study.GROUPS`.
    """

    workspace: Path
    plain: Settings
    settings: tuple[Settings, ...]
    group: str

    @cached_property
    def by_rules(self) -> tuple[int, ...]:
        """Trials that differ from `plain` only in sections that hits and moments depend on."""
        plain = self.plain.model_dump()
        dumped = enumerate(settings.model_dump() for settings in self.settings)
        rest = plain.keys() - _OF_RULES
        return tuple(n for n, own in dumped if all(own[name] == plain[name] for name in rest))

    def tallies(
        self, study: Study, on_progress: Callable[[int, int], None], processes: int = 1
    ) -> Tallies:
        """Tallies of all sessions for all trials, and for `START`.

        Parameters
        ----------
        on_progress, processes
            As in `tuning.tune`.
        """
        if len(study.cases) * (1 + len(self.settings)) < ipc.WORTH_A_PROCESS * processes:
            processes = 1
        trials = range(len(self.settings))
        others = ((number,) for number in trials if number not in self.by_rules)
        numbers = ((START, *self.by_rules), *others)
        parts = list(study.in_batches(processes))
        found: Tallies = {number: {} for number in (START, *trials)}
        done = 0
        score = self._here if processes == 1 else partial(self._shared, processes)
        for tallies in score(numbers, parts):
            for number, own in tallies.items():
                found[number] |= own
                if number != START:
                    done += 1
                    on_progress(done, len(trials) * len(parts))
        return found

    def _here(self, numbers: Iterable[_Numbers], parts: Sequence[Study]) -> Iterator[Tallies]:
        scorer = _Scorer(self)
        try:
            for few, part in product(numbers, parts):
                yield scorer.of(few, part)
        finally:
            scorer.close()

    def _shared(
        self, processes: int, numbers: Iterable[_Numbers], parts: Sequence[Study]
    ) -> Iterator[Tallies]:
        with workers.pool(processes, __name__) as pool:
            scorer = _Scorer(self)  # reports errors in rules
            scorer.close()
            work = partial(_scored_there, self, scorer.lexicons)
            packed = [(replace(part, cases=()), Packed[Never].of(part.cases)) for part in parts]
            yield from pool.map(work, *zip(*product(numbers, packed), strict=True))


def _scored_there(
    tried: Tried,
    lexicons: Mapping[str | None, Lexicons],
    numbers: _Numbers,
    packed: tuple[Study, Packed[Never]],
) -> Tallies:
    part, cases = packed
    scorer = workers.there(lambda: _Scorer(tried, lexicons))
    return scorer.of(numbers, replace(part, cases=tuple(cases.opened())))


class _Scorer:
    """Scores sessions for trials.

    Parameters
    ----------
    lexicons
        By language, if another process has read them.
    """

    def __init__(self, tried: Tried, lexicons: Mapping[str | None, Lexicons] | None = None) -> None:
        self._tried = tried
        self._bench = Workbench(tried.plain, tried.workspace, lexicons=lexicons)
        self._other: tuple[int, Workbench] = (START, self._bench)
        self._language_resources = cache(self._resources_of)
        self.lexicons = self._bench.lexicons

    def close(self) -> None:
        """Close the workspace."""
        for bench in (self._bench, self._other[1]):
            bench.catalogue.close()

    def of(self, numbers: _Numbers, part: Study) -> Tallies:
        """Tallies of some sessions."""
        held: list[Case] = []
        found: Tallies = {}
        for number in numbers:
            cases: Sequence[Case] = part.cases
            if number in self._tried.by_rules:
                held = held or loaded(part.cases)
                language_resources, settings = (
                    self._language_resources(number),
                    self._tried.settings[number],
                )
                made = flags(held, language_resources, settings)
                cases = [case.with_tables(own) for case, own in zip(held, made, strict=True)]
            elif number != START:
                cases = list(self._anew(number, part.cases))
            scores = part.evaluate(self._tried.plain.evaluation, cases).scores
            found[number] = {score.name: score.tallies[self._tried.group] for score in scores}
        return found

    def _resources_of(self, number: int) -> Callable[[str | None], LanguageResources]:
        """The same lexicons and features, with the rules of a trial."""

        @cache
        def language_resources(language: str | None) -> LanguageResources:
            base = self._bench.language_resources(language)
            settings = self._tried.settings[number]
            return replace(base, rules=RuleBook.read(settings, base.features, base.lexicons))

        return language_resources

    def _anew(self, number: int, cases: Iterable[Case]) -> Iterator[Case]:
        """Sessions for a trial in which more than rules differs."""
        if self._other[0] != number:
            settings, workspace = self._tried.settings[number], self._tried.workspace
            alike = settings.lexicons == self._tried.plain.lexicons
            bench = Workbench(settings, workspace, lexicons=self.lexicons if alike else None)
            self._other[1].catalogue.close()
            self._other = (number, bench)
        for case in decided([case.entry for case in cases], self._other[1]):
            if not isinstance(case, Case):
                raise case
            yield case
