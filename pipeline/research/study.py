"""A study: sessions, what people coded in them, and how well moments agree with it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import polars as pl

from pipeline import config
from pipeline.errors import InputError, TetherError
from pipeline.formats import coded_tiers, eaf
from pipeline.formats import codes as code_table
from pipeline.formats.codes import KINDS, MARKERS, SHEETS, Codes
from pipeline.formats.repairs import Repairs
from pipeline.research import chance, holdout, judging
from pipeline.research.cases import Case, find, in_batches
from pipeline.research.chance import Interval
from pipeline.research.judging import Coded, Judged
from pipeline.research.matching import Place
from pipeline.research.placing import Tolerance, place
from pipeline.research.tally import MarkerTally, RuleTally, Tally, total
from pipeline.verdicts import Verdict, as_codes, standing

GROUPS: Mapping[str, tuple[str, ...]] = {"all": KINDS, **{kind: (kind,) for kind in KINDS}}
"""What tallies are made of: both kinds together, and each by itself."""

_ONLY_SESSION = "ELAN files named after no session, taken for the only one"
_Adds = TypeVar("_Adds", MarkerTally, RuleTally)


@dataclass(frozen=True, eq=False)
class Said:
    """All that people wrote down: ruptures, places on which they were unsure, benign places.

    Attributes
    ----------
    verdicts
        The decisions of the desk that are among them, whatever is replaced too.
    by_file_name
        Names of sessions that stand in no file: an ELAN file is named after its session.
    repairs
        What was mended in reading, and what was left out because it cannot be placed.
    """

    codes: Codes
    uncertain: Codes = field(default_factory=Codes.zero)
    benign: Codes = field(default_factory=Codes.zero)
    verdicts: tuple[Verdict, ...] = ()
    by_file_name: frozenset[str] = frozenset()
    repairs: Repairs = field(default_factory=Repairs)

    @classmethod
    def read(
        cls,
        codes: Iterable[Path],
        uncertain: Iterable[Path] = (),
        benign: Iterable[Path] = (),
    ) -> "Said":
        """Files of codes: CSV, or ``.eaf`` of ELAN named after its session.

        An ELAN file among `codes` may have tiers of uncertain and benign places, too. What cannot
        be placed in time or in a session is left out and counted.

        Raises
        ------
        InputError
            A file cannot be read, or all that is wrong with it, by line.
        """
        lists = {"codes": Codes.zero(), "uncertain": Codes.zero(), "benign": Codes.zero()}
        given = {"codes": tuple(codes), "uncertain": tuple(uncertain), "benign": tuple(benign)}
        repairs = Repairs()
        for name, paths in given.items():
            for number, path in enumerate(paths, 1):
                where = f"{name}, file {number}" if len(paths) > 1 else name
                for which, found in _read(path, name, where, repairs).items():
                    lists[which] += found
        of_elan = (path.stem for paths in given.values() for path in paths if _is_elan(path))
        return cls(
            lists["codes"],
            lists["uncertain"],
            lists["benign"],
            by_file_name=frozenset(of_elan),
            repairs=repairs,
        )

    @classmethod
    def of_verdicts(cls, verdicts: Iterable[Verdict]) -> "Said":
        """What supervisors decided at the desk; a session with a verdict counts as looked at.

        A decision whose kind and marker contradict each other is left out and counted; an earlier
        version kept some. As a rejection it still refuses its moment.
        """
        by_session: dict[str, list[Verdict]] = {}
        for entry in verdicts:
            by_session.setdefault(entry.recording_id, []).append(entry)
        stand = [entry for entries in by_session.values() for entry in standing(entries)]
        usable = [entry for entry in stand if _agrees_with_itself(entry)]
        lists = {
            name: Codes(frame, SHEETS.empty(), frozenset(frame["session"]))
            for name, frame in as_codes(usable).items()
        }
        repairs = Repairs()
        repairs["Decisions whose kind and marker contradict each other, left out"] += len(
            stand
        ) - len(usable)
        return cls(
            lists["codes"],
            lists["uncertain"],
            lists["benign"],
            verdicts=tuple(stand),
            repairs=repairs,
        )

    def __add__(self, other: "Said") -> "Said":
        return Said(
            self.codes + other.codes,
            self.uncertain + other.uncertain,
            self.benign + other.benign,
            self.verdicts + other.verdicts,
            self.by_file_name | other.by_file_name,
            Repairs(self.repairs + other.repairs),
        )

    def of_raters(self, raters: Iterable[str]) -> "Said":
        """Only what these people coded; uncertain and benign places stay.

        Raises
        ------
        InputError
            One of them coded nothing.
        """
        named = frozenset(raters)
        frames = (self.codes.codes, self.codes.sheets)
        known = frozenset(name for frame in frames for name in frame["rater"].drop_nulls())
        if named - known:
            raise InputError(
                f"{len(named - known)} of the raters named coded nothing",
                expected="names as the column rater, or ELAN's annotator, has them",
            )
        codes, sheets = (frame.filter(pl.col("rater").is_in(named)) for frame in frames)
        own = Codes(codes, sheets, self.codes.looked_at)
        return replace(self, codes=own)

    def by_session(self) -> dict[str, "Said"]:
        """The same, apart by the name of the session."""
        codes, uncertain, benign = (
            each.by_session() for each in (self.codes, self.uncertain, self.benign)
        )
        none = Codes.zero()
        verdicts: dict[str, list[Verdict]] = {}
        for verdict in self.verdicts:
            verdicts.setdefault(verdict.recording_id, []).append(verdict)
        return {
            name: Said(
                codes.get(name, none),
                uncertain.get(name, none),
                benign.get(name, none),
                tuple(verdicts.get(name, ())),
            )
            for name in self.sessions
        }

    @property
    def sessions(self) -> frozenset[str]:
        """Names of all sessions of which something is said."""
        return self.codes.looked_at | self.uncertain.looked_at | self.benign.looked_at


def _is_elan(path: Path) -> bool:
    return path.suffix.lower() == ".eaf"


def _agrees_with_itself(entry: Verdict) -> bool:
    kind, marker = entry.kind, entry.marker
    if marker is None:
        return kind in (None, *KINDS)
    return marker in MARKERS and kind in (None, MARKERS[marker])


def _read(path: Path, name: str, where: str, repairs: Repairs) -> dict[str, Codes]:
    try:
        content = path.read_bytes()
        if _is_elan(path):
            found = coded_tiers.of_tiers(eaf.read(content), path.stem, repairs)
            return found if name == "codes" else {name: found["codes"] + found[name]}
        return {name: code_table.read(content, repairs, kind_needed=name == "codes")}
    except OSError as caught:
        reason = (caught.strerror or "unknown reason").lower()
        raise InputError(f"{where}: cannot be read: {reason}", hint="check the path") from None
    except TetherError as caught:
        raise InputError(
            f"{where}: {caught.found}", expected=caught.expected, hint=caught.hint
        ) from None


@dataclass(frozen=True, eq=False)
class Score:
    """What one session came to.

    Attributes
    ----------
    tallies
        By group: all, withdrawal, confrontation.
    judged
        Its moments, events and benign places one by one; None: only sheets were made of it.
    """

    name: str
    recording_id: str
    tallies: Mapping[str, Tally]
    markers: Mapping[str, MarkerTally]
    rules: Mapping[str, RuleTally]
    judged: Judged | None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a study came to.

    Attributes
    ----------
    tolerance
        With which moments were matched.
    settings
        Of the intervals.
    """

    scores: tuple[Score, ...]
    tolerance: Tolerance
    settings: config.Evaluation

    def tally(self, group: str = "all") -> Tally:
        """The sum over its sessions: ``all``, ``withdrawal`` or ``confrontation``."""
        return total(score.tallies[group] for score in self.scores)

    def intervals(self, group: str = "all") -> dict[str, Interval | None]:
        """See `chance.intervals`."""
        own = [score.tallies[group] for score in self.scores]
        drawn = self.settings
        return chance.intervals(own, draws=drawn.draws, level=drawn.level, seed=drawn.seed)

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
        """Table `judging.FLAGGED` of all sessions, with a column `session`."""
        return self._all(lambda judged: judged.moments, judging.FLAGGED.empty())

    @cached_property
    def events(self) -> pl.DataFrame:
        """Table `judging.EVENTS` of all sessions, with a column `session`."""
        return self._all(lambda judged: judged.events, judging.EVENTS.empty())

    @cached_property
    def benign(self) -> pl.DataFrame:
        """Table `judging.BENIGN` of all sessions, with a column `session`."""
        return self._all(lambda judged: judged.benign, judging.BENIGN.empty())

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
    """Sessions with what people coded in them.

    Attributes
    ----------
    cases
        The sessions.
    coded
        Of each session, in the same order, on the axis of `tolerance`.
    strangers
        Names in the codes that are no session of these.
    repairs
        What was left out of the codes because it cannot be placed, and what was assumed.
    """

    cases: tuple[Case, ...]
    coded: tuple[Coded, ...]
    tolerance: Tolerance
    strangers: tuple[str, ...]
    repairs: Repairs = field(default_factory=Repairs)

    @classmethod
    def of(
        cls, cases: Sequence[Case], said: Said, tolerance: Tolerance, *, all_looked_at: bool = False
    ) -> "Study":
        """Bring sessions and codes together.

        Parameters
        ----------
        cases
            Walked sessions, of which only those are taken that the codes name.
        all_looked_at
            Somebody coded all of `cases`: one that the codes do not name is free of ruptures.

        An ELAN file that is named after no session belongs to the session if there is only one,
        and nothing else is said of it.

        Raises
        ------
        InputError
            No session is coded, two sessions have the same code, or no code of a session has a
            place in it.
        """
        repairs = Repairs(said.repairs)
        names = find(cases, sorted(said.sessions))
        if len(cases) == len(names) == 1 and said.by_file_name.issuperset(names):
            (name,) = names
            repairs[_ONLY_SESSION] += names[name] is None
            names[name] = cases[0]
        apart = said.by_session()
        of_case: dict[Case, list[Said]] = {case: [] for case in cases}
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
                expected="the sidecar's code, or an id prefix of at least 6 digits, as session; an "
                "ELAN file has it as its name",
                hint="tether sessions",
            )
        strangers = tuple(name for name, found in names.items() if found is None)
        return cls(tuple(taken), tuple(coded), tolerance, strangers, repairs)

    def in_batches(self, processes: int) -> Iterator["Study"]:
        """The same, a few sessions at a time: see `cases.in_batches`."""
        for few in in_batches(list(zip(self.cases, self.coded, strict=True)), processes):
            cases, coded = zip(*few, strict=True)
            yield replace(self, cases=cases, coded=coded)

    def evaluate(self, settings: config.Evaluation, cases: Sequence[Case] = ()) -> Evaluation:
        """Score the moments of all sessions.

        Parameters
        ----------
        cases
            The same sessions with other moments (another settings file); by default its own.
        """
        scores = [
            # Utterances are those of the study: other settings change no transcript.
            _score(case, coded, self.tolerance, settings, places_of(own, self.tolerance))
            for own, case, coded in zip(self.cases, cases or self.cases, self.coded, strict=True)
        ]
        return Evaluation(tuple(scores), self.tolerance, settings)


def _coded(case: Case, parts: Sequence[Said], tolerance: Tolerance, repairs: Repairs) -> Coded:
    """What is said of a session, by each of the names that it is called by; nothing: no rupture."""
    said = sum(parts[1:], parts[0] if parts else Said(Codes.zero()))

    def placed(codes: Codes) -> pl.DataFrame:
        duration_ms = case.recording.duration_ms
        return place(codes.codes, lambda: case.timeline, tolerance.unit, duration_ms, repairs)

    # Whoever only filled in sheets did not code moments.
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
    moments = case.tables["moments"].filter(pl.col("kind").is_in(KINDS))
    hits = case.tables["hits"].filter(pl.col("kind").is_in(KINDS))
    duration_ms = case.recording.duration_ms
    cells = {
        group: judging.segments(moments, coded, kinds, duration_ms, settings.segment_ms)
        for group, kinds in GROUPS.items()
    }
    name, recording_id = case.name, case.recording.recording_id
    if coded.codes is None:
        only = {group: Tally(segments=cell) for group, cell in cells.items()}
        return Score(name, recording_id, only, {}, {}, None)
    places = locate(moments)
    items = judging.rests_on(moments, hits, case.tables)
    judged = judging.judge(moments, places, coded, tolerance.value, items)
    tallies = {
        group: judging.tally(judged, cells[group], kinds, duration_ms, settings.top)
        for group, kinds in GROUPS.items()
    }
    rules = judging.by_rule(judged, hits, moments, coded, tolerance.value)
    return Score(name, recording_id, tallies, judging.by_marker(judged), rules, judged)


def places_of(case: Case, tolerance: Tolerance) -> Callable[[pl.DataFrame], list[Place]]:
    """From moments of a session to where each lies on the axis of `tolerance`."""

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
