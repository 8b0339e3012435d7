"""Human codes of sessions: files of codes, and decisions made at the desk."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from pipeline.core.errors import InputError, TetherError
from pipeline.core.vocabulary import MARKERS, RUPTURES
from pipeline.formats import codes as code_table
from pipeline.formats.annotation import coded_tiers, eaf
from pipeline.formats.codes import SHEETS, Codes
from pipeline.formats.repairs import Repairs
from pipeline.workspace.verdicts import Verdict, as_codes, standing


@dataclass(frozen=True, eq=False)
class Annotations:
    """All human codes: ruptures, uncertain places, benign places.

    Attributes
    ----------
    verdicts
        The decisions among them, including replaced ones.
    by_file_name
        Session names taken from file names: an ELAN file is named after its session.
    repairs
        What was repaired in reading, and what was left out because it cannot be placed.
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
    ) -> "Annotations":
        """Files of codes: CSV, or ``.eaf`` of ELAN named after its session.

        An ELAN file among `codes` may have tiers of uncertain and benign places too. Codes that
        cannot be placed in time or in a session are left out and counted.

        Raises
        ------
        InputError
            A file cannot be read, or has errors; all are reported, by line.
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
    def of_verdicts(cls, verdicts: Iterable[Verdict]) -> "Annotations":
        """Supervisors' decisions at the desk; a session with a decision counts as coded.

        A decision whose kind and marker contradict each other (an earlier version kept some) is
        left out and counted. If it is a rejection, it still refuses its moment.
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

    def __add__(self, other: "Annotations") -> "Annotations":
        return Annotations(
            self.codes + other.codes,
            self.uncertain + other.uncertain,
            self.benign + other.benign,
            self.verdicts + other.verdicts,
            self.by_file_name | other.by_file_name,
            Repairs(self.repairs + other.repairs),
        )

    def of_raters(self, raters: Iterable[str]) -> "Annotations":
        """Only these people's codes; uncertain and benign places are kept.

        Raises
        ------
        InputError
            One of these people has no codes.
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

    def by_session(self) -> dict[str, "Annotations"]:
        """The same codes, separated by session name."""
        codes, uncertain, benign = (
            each.by_session() for each in (self.codes, self.uncertain, self.benign)
        )
        none = Codes.zero()
        verdicts: dict[str, list[Verdict]] = {}
        for verdict in self.verdicts:
            verdicts.setdefault(verdict.recording_id, []).append(verdict)
        return {
            name: Annotations(
                codes.get(name, none),
                uncertain.get(name, none),
                benign.get(name, none),
                tuple(verdicts.get(name, ())),
            )
            for name in self.sessions
        }

    @property
    def sessions(self) -> frozenset[str]:
        """Names of all sessions with codes."""
        return self.codes.looked_at | self.uncertain.looked_at | self.benign.looked_at


def _is_elan(path: Path) -> bool:
    return path.suffix.lower() == ".eaf"


def _agrees_with_itself(entry: Verdict) -> bool:
    kind, marker = entry.kind, entry.marker
    if marker is None:
        return kind in (None, *RUPTURES)
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
