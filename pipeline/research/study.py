"""A study: sessions with human codes, and how well moments agree with the codes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

import polars as pl

from pipeline import config
from pipeline.core.errors import InputError
from pipeline.core.vocabulary import RUPTURES
from pipeline.formats.codes import Codes
from pipeline.formats.repairs import Repairs
from pipeline.research import holdout
from pipeline.research.agreement import bootstrap, scoring
from pipeline.research.agreement.alignment import Tolerance, place
from pipeline.research.agreement.annotations import Annotations
from pipeline.research.agreement.bootstrap import Interval
from pipeline.research.agreement.event_matching import Place
from pipeline.research.agreement.metrics import MarkerTally, RuleTally, Tally, total
from pipeline.research.agreement.rule_contribution import by_rule
from pipeline.research.agreement.scoring import Coded, Judged
from pipeline.research.sessions.cases import Case, find, in_batches

GROUPS: Mapping[str, tuple[str, ...]] = {"all": RUPTURES, **{kind: (kind,) for kind in RUPTURES}}
"""Kinds of each tally: both together, and each by itself."""

_ONLY_SESSION = "ELAN files without a session's name, assigned to the only session"
_Adds = TypeVar("_Adds", MarkerTally, RuleTally)


@dataclass(frozen=True, eq=False)
class Score:
    """The scores of one session.

    Attributes
    ----------
    tallies
        By group: all, withdrawal, confrontation.
    markers, rules
        By name.
    judged
        Its moments, events and benign places one by one; None: it was coded on sheets only.
    """

    name: str
    recording_id: str
    tallies: Mapping[str, Tally]
    markers: Mapping[str, MarkerTally]
    rules: Mapping[str, RuleTally]
    judged: Judged | None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The scores of a study.

    Attributes
    ----------
    tolerance
        Used to match moments with events.
    settings
        Settings of the intervals.
    """

    scores: tuple[Score, ...]
    tolerance: Tolerance
    settings: config.Evaluation

    def tally(self, group: str = "all") -> Tally:
        """The sum over its sessions: ``all``, ``withdrawal`` or ``confrontation``."""
        return total(score.tallies[group] for score in self.scores)

    def intervals(self, group: str = "all") -> dict[str, Interval | None]:
        """Bootstrap intervals over sessions; see `bootstrap.intervals`."""
        own = [score.tallies[group] for score in self.scores]
        drawn = self.settings
        return bootstrap.intervals(own, draws=drawn.draws, level=drawn.level, seed=drawn.seed)

    @property
    def markers(self) -> dict[str, MarkerTally]:
        """The sum over its sessions for each 3RS marker, in their order."""
        return _by_name((score.markers for score in self.scores), MarkerTally)

    @property
    def rules(self) -> dict[str, RuleTally]:
        """The sum over its sessions for each rule that had a hit."""
        return _by_name((score.rules for score in self.scores), RuleTally)

    @cached_property
    def moments(self) -> pl.DataFrame:
        """Table `scoring.FLAGGED` of all sessions, with a column `session`."""
        return self._all(lambda judged: judged.moments, scoring.FLAGGED.empty())

    @cached_property
    def events(self) -> pl.DataFrame:
        """Table `scoring.EVENTS` of all sessions, with a column `session`."""
        return self._all(lambda judged: judged.events, scoring.EVENTS.empty())

    @cached_property
    def benign(self) -> pl.DataFrame:
        """Table `scoring.BENIGN` of all sessions, with a column `session`."""
        return self._all(lambda judged: judged.benign, scoring.BENIGN.empty())

    def part(self, names: Iterable[str], *, inside: bool = True) -> "Evaluation":
        """Only the sessions of these names, or only the others."""
        names = frozenset(names)
        own = tuple(score for score in self.scores if (score.name in names) is inside)
        return Evaluation(own, self.tolerance, self.settings)

    def split(self, hold_out: str) -> tuple["Evaluation", "Evaluation"]:
        """The sessions to tune on, and those held out: see `holdout.chosen`."""
        held = holdout.chosen((score.name for score in self.scores), hold_out)
        return self.part(held, inside=False), self.part(held)

    def _all(self, of: Callable[[Judged], pl.DataFrame], empty: pl.DataFrame) -> pl.DataFrame:
        name = pl.lit(None, pl.String).alias("session")
        frames = [empty.select(name, pl.all())]
        frames += [
            of(score.judged).select(pl.lit(score.name).alias("session"), pl.all())
            for score in self.scores
            if score.judged is not None
        ]
        return pl.concat(frames)


@dataclass(frozen=True, eq=False)
class Study:
    """Sessions with their human codes.

    Attributes
    ----------
    cases
        The sessions.
    coded
        Codes of each session, in the same order, on the axis of `tolerance`.
    unmatched_sessions
        Names in the codes that match none of these sessions.
    repairs
        Codes that were left out because they cannot be placed, and assumptions that were made.
    """

    cases: tuple[Case, ...]
    coded: tuple[Coded, ...]
    tolerance: Tolerance
    unmatched_sessions: tuple[str, ...]
    repairs: Repairs = field(default_factory=Repairs)

    @classmethod
    def of(
        cls,
        cases: Sequence[Case],
        said: Annotations,
        tolerance: Tolerance,
        *,
        all_looked_at: bool = False,
    ) -> "Study":
        """Match sessions with their codes.

        An ELAN file without a session's name is assigned to the session if there is only one and
        it has no other codes.

        Parameters
        ----------
        cases
            Processed sessions; only those that the codes name are used.
        said
            Human codes.
        all_looked_at
            All of `cases` were coded: a session without codes is free of ruptures.

        Raises
        ------
        InputError
            No session is coded, two sessions have the same code, or no code of a session can be
            placed in it.
        """
        repairs = Repairs(said.repairs)
        names = find(cases, sorted(said.sessions))
        if len(cases) == len(names) == 1 and said.by_file_name.issuperset(names):
            (name,) = names
            repairs[_ONLY_SESSION] += names[name] is None
            names[name] = cases[0]
        apart = said.by_session()
        of_case: dict[Case, list[Annotations]] = {case: [] for case in cases}
        for name, found in names.items():
            if found is not None:
                of_case[found].append(apart[name])
        taken, coded = [], []
        for case, parts in of_case.items():
            if parts or all_looked_at:
                taken.append(case)
                coded.append(_coded(case, parts, tolerance, repairs))
        if not taken:
            raise InputError(
                "the codes name no session of this workspace",
                expected="as session, the code in the session notes file or at least 6 digits of "
                "the id; for an ELAN file, as its name",
                hint="tether sessions",
            )
        unmatched_sessions = tuple(name for name, found in names.items() if found is None)
        return cls(tuple(taken), tuple(coded), tolerance, unmatched_sessions, repairs)

    def in_batches(self, processes: int) -> Iterator["Study"]:
        """The same study, a few sessions at a time: see `cases.in_batches`."""
        for few in in_batches(list(zip(self.cases, self.coded, strict=True)), processes):
            cases, coded = zip(*few, strict=True)
            yield replace(self, cases=cases, coded=coded)

    def evaluate(self, settings: config.Evaluation, cases: Sequence[Case] = ()) -> Evaluation:
        """Score the moments of all sessions.

        Parameters
        ----------
        cases
            The same sessions with other moments (from other settings); by default its own.
        """
        scores = [
            # Utterances are those of the study: other settings do not change a transcript.
            _score(case, coded, self.tolerance, settings, places_of(own, self.tolerance))
            for own, case, coded in zip(self.cases, cases or self.cases, self.coded, strict=True)
        ]
        return Evaluation(tuple(scores), self.tolerance, settings)


def _coded(
    case: Case, parts: Sequence[Annotations], tolerance: Tolerance, repairs: Repairs
) -> Coded:
    """Codes of a session under any of its names; without any, the session has no rupture."""
    said = sum(parts[1:], parts[0] if parts else Annotations(Codes.zero()))

    def placed(codes: Codes) -> pl.DataFrame:
        duration_ms = case.recording.duration_ms
        return place(codes.codes, lambda: case.timeline, tolerance.unit, duration_ms, repairs)

    # A session coded on sheets only has no coded moments.
    coded_moments = any(
        part.codes.codes.height or (part.codes.looked_at and not part.codes.sheets.height)
        for part in parts
    )
    sheets = said.codes.sheets
    return Coded(
        codes=None if sheets.height and not coded_moments else placed(said.codes),
        uncertain=placed(said.uncertain),
        benign=placed(said.benign),
        sheets=sheets,
        verdicts=said.verdicts,
    )


def _score(
    case: Case,
    coded: Coded,
    tolerance: Tolerance,
    settings: config.Evaluation,
    locate: Callable[[pl.DataFrame], list[Place]],
) -> Score:
    moments = case.tables["moments"].filter(pl.col("kind").is_in(RUPTURES))
    hits = case.tables["hits"].filter(pl.col("kind").is_in(RUPTURES))
    duration_ms = case.recording.duration_ms
    cells = {
        group: scoring.segments(moments, coded, kinds, duration_ms, settings.segment_ms)
        for group, kinds in GROUPS.items()
    }
    name, recording_id = case.name, case.recording.recording_id
    if coded.codes is None:
        only = {group: Tally(segments=cell) for group, cell in cells.items()}
        return Score(name, recording_id, only, {}, {}, None)
    places = locate(moments)
    items = scoring.rests_on(moments, hits, case.tables)
    judged = scoring.judge(moments, places, coded, tolerance.value, items)
    tallies = {
        group: scoring.tally(judged, cells[group], kinds, duration_ms, settings.top)
        for group, kinds in GROUPS.items()
    }
    rules = by_rule(judged, hits, moments, coded, tolerance.value)
    return Score(name, recording_id, tallies, scoring.by_marker(judged), rules, judged)


def places_of(case: Case, tolerance: Tolerance) -> Callable[[pl.DataFrame], list[Place]]:
    """A function from moments of a session to their places on the axis of `tolerance`."""

    def places(moments: pl.DataFrame) -> list[Place]:
        bounds = moments.select("start_ms", "end_ms").iter_rows()
        if tolerance.unit == "ms":
            return [Place(start_ms, end_ms) for start_ms, end_ms in bounds]
        return [case.timeline.place(start_ms, end_ms) for start_ms, end_ms in bounds]

    return places


def _by_name(several: Iterable[Mapping[str, _Adds]], kind: type[_Adds]) -> dict[str, _Adds]:
    found: dict[str, _Adds] = {}
    for each in several:
        for name, tally in each.items():
            found[name] = found.get(name, kind()) + tally
    return dict(sorted(found.items()))
