"""What a run prints on standard output: a table for people, or JSON Lines for machines.

Both read what they print from each result as it finishes, and keep no table of a session. Speakers
appear by number, files by number and path hash: labels and file names may be names of people.
"""

import errno
import json
import os
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import click

from pipeline import session
from pipeline.cli.signals import heed
from pipeline.core.errors import EXIT_INTERRUPTED, StoreError
from pipeline.core.spelling import SHORT_ID, printable
from pipeline.report import REPORT, SessionSummary, notices, summarize
from pipeline.report.number_format import count
from pipeline.report.summary import write
from pipeline.session import SessionResult
from pipeline.session.batch import Listener, Result
from pipeline.session.intake import PassedOver
from pipeline.workspace.catalogue import place
from pipeline.workspace.store import Store

_MOST_NAMES = 20
"""Most skipped files that are named on a terminal."""

_MOMENT = ("moment_id", "kind", "marker", "start_ms", "end_ms", "score", "response", "caveats")
_MEDIA = ("codec", "channels", "sample_rate_hz", "promised_ms", "damaged_packets", "gap_ms")


class Output(Protocol):
    """Takes results as they finish, and closes with a summary of the run.

    Attributes
    ----------
    total
        Number of recordings in the run; None until the first one begins.
    """

    total: int | None

    def ends(self, result: Result, report: Path | None) -> None:
        """A recording finished or failed; `report` is the path of its report."""

    def close(self, exit_code: int, *, error: str | None = None) -> None:
        """The run is over; `error` says why it stopped early."""


class Both(Listener):
    """Passes progress to a listener, and results to an output too.

    A signal that was lost in compiled code stops the run at the next stage.
    """

    def __init__(self, listener: Listener, output: Output, store: Store) -> None:
        self._listener = listener
        self._output = output
        self._store = store

    def begins(self, number: int, total: int, path: Path) -> None:
        """A recording begins."""
        heed()
        self._output.total = total
        self._listener.begins(number, total, path)

    def stage(self, name: str, state: str) -> None:
        """A stage changed its state."""
        heed()
        self._listener.stage(name, state)

    def ends(self, result: Result) -> None:
        """Log the result first, then print it."""
        report = None
        if result.processed is not None:
            folder = self._store.session(result.processed.recording.recording_id)
            report = (folder / REPORT).absolute()
        self._listener.ends(result)
        self._output.ends(result, report)


class JsonLines(Output):
    """One line for each recording as it finishes, and a last line with the summary.

    Parameters
    ----------
    passed_over
        Files in the folders that are not processed; filled during the run.
    names
        Whether the path of each file is printed too.
    """

    def __init__(self, passed_over: PassedOver, *, names: bool) -> None:
        self.total = None
        self._passed_over = passed_over
        self._names = names
        self._counts: Counter[str] = Counter(done=0, kept=0, failed=0, withheld=0)
        self._began = time.monotonic()

    def ends(self, result: Result, report: Path | None) -> None:
        """Print the line of this recording."""
        self._counts[result.status] += 1
        line = _file(result, names=self._names)
        if result.processed is not None:
            line |= {"report": str(report), **_results(result.processed)}
            line["notes"] = (*line["notes"], *result.older.sentences)
        _print(line)

    def close(self, exit_code: int, *, error: str | None = None) -> None:
        """Print the summary."""
        ended = sum(self._counts.values())
        summary: dict[str, Any] = {
            "recordings": self.total,
            "counts": {
                **self._counts,
                "unfinished": None if self.total is None else self.total - ended,
            },
            "exit_code": exit_code,
            "interrupted": exit_code == EXIT_INTERRUPTED,
            "error": error,
            "passed_over": list(self._passed_over.sentences()),
            "seconds": round(time.monotonic() - self._began, 3),
        }
        _print({"summary": summary})


class Table(Output):
    """A row for each recording, printed when the run is over.

    Parameters
    ----------
    passed_over
        Files in the folders that are not processed; filled during the run.
    names
        Whether rows show file names.
    labels
        Whether the commands that set roles may name speakers by their labels.
    """

    def __init__(self, passed_over: PassedOver, *, names: bool, labels: bool) -> None:
        self.total = None
        self._passed_over = passed_over
        self._names = names
        self._labels = labels
        self._rows: list[SessionSummary] = []
        self._below: list[str] = []

    def ends(self, result: Result, report: Path | None) -> None:
        """Keep the row, and the commands to type where roles are unknown."""
        short = (result.recording_id or "")[:SHORT_ID] or "-"
        label = result.path.name if self._names else short
        if result.processed is None:
            note = result.withheld or (result.error or "").partition("\n")[0]
            row = SessionSummary(label, result.status, note=note)
            if self._names and result.status == "failed":
                self._below.append(f"failed: {place(result.path)}")
        else:
            row = summarize(
                result.processed.recording,
                result.processed.tables,
                label=label,
                status=result.status,
                report=str(report),
            )
            if self._names:
                self._below += _role_commands(result.processed, labels=self._labels)
            self._below += [f"{short}: {sentence}" for sentence in result.older.sentences]
        # On a terminal the name is enough, and the hash would not fit.
        path_hash = "" if self._names and sys.stdout.isatty() else result.path_hash
        self._rows.append(replace(row, number=result.number, path_hash=path_hash))

    def close(self, exit_code: int, *, error: str | None = None) -> None:  # noqa: ARG002  # on stderr
        """Print the table."""
        with _writable():
            if self._rows:
                write(self._rows, sys.stdout)
            for line in self._last_lines():
                click.echo(line)

    def _last_lines(self) -> Iterator[str]:
        yield from map(printable, self._below)
        yield from self._passed_over.sentences()
        if self._names:
            yield from self._names_passed_over()
        withheld = sum(row.status == "withheld" for row in self._rows)
        if withheld:
            yield (
                f"{count(withheld, 'recording')} withheld: purged, or consent was withdrawn; "
                "nothing was processed or kept. Next: tether withheld"
            )
        failed = sum(row.status == "failed" for row in self._rows)
        if failed and not self._names:
            yield f"{count(failed, 'file')} failed; `tether sessions --failed --names` shows which."
        if self._rows and all(row.status == "kept" for row in self._rows):
            yield "Nothing to compute: all results are up to date."

    def _names_passed_over(self) -> Iterator[str]:
        strays, others = self._passed_over.strays, self._passed_over.others
        for path in (*strays, *others[:_MOST_NAMES]):
            yield f"  {printable(str(path))}"
        if len(others) > _MOST_NAMES:
            yield f"  and {len(others) - _MOST_NAMES} more"
        if strays:
            yield "A notes file has the recording's name plus .yaml (monday.wav.yaml)."


def _file(result: Result, *, names: bool) -> dict[str, Any]:
    """Fields that every file has, whether it could be read or not."""
    fields: dict[str, Any] = {"number": result.number, "path_hash": result.path_hash}
    if names:
        fields["path"] = os.fsencode(place(result.path)).decode("utf-8", "replace")
    return fields | {
        "recording_id": result.recording_id,
        "status": result.status,
        "exit_code": result.exit_code,
        "error": result.error,
        "seconds": round(result.seconds, 3),
        "withheld": result.withheld,
        "replaced": result.older.removed,
    }


def _results(processed: SessionResult) -> dict[str, Any]:
    """The results of a recording, and everything that limits them."""
    tables = processed.tables
    roles = tables["roles"].select("speaker", "role", "source").rows()
    numbers = session.numbered(speaker for speaker, _, _ in roles)
    quality = tables["quality"].filter(tables["quality"]["disables"].list.len() > 0)
    shown = notices(processed.recording, tables, processed.provenance)
    return {
        "duration_ms": processed.recording.duration_ms,
        "media": tables["media"].select(_MEDIA).row(0, named=True),
        "dropped_words": tables["transcription"]["dropped_words"][0],
        "computed": processed.computed,
        "stale": processed.stale,
        "mended": processed.recomputed,
        "notes": processed.provenance.notes,
        "notices": [{"title": notice.title, "text": notice.text} for notice in shown],
        "quality": quality.to_dicts(),
        "stages_s": {name: round(seconds, 3) for name, seconds in processed.seconds.items()},
        "engines": {e.task: [e.name, e.because] for e in processed.provenance.engines},
        "roles": [
            {"speaker": numbers[speaker], "role": role, "source": source}
            for speaker, role, source in roles
        ],
        "moments": tables["moments"].select(_MOMENT).to_dicts(),
    }


def _role_commands(processed: SessionResult, *, labels: bool) -> list[str]:
    """The commands that set roles, where therapist and client are not both known."""
    roles, provenance = processed.tables["roles"], processed.provenance
    if not provenance.role_commands or {"therapist", "client"} <= set(roles["role"]):
        return []
    short = processed.recording.short_id
    commands = list(provenance.role_commands)
    if not labels:
        start, end = ("tether", "correct", short), provenance.options
        commands = [
            shlex.join([*start, f"{name}=therapist", *end])
            for name in session.unlabelled(roles["speaker"]).values()
        ]
    return [f"who is who in {short}? One of:", *(f"  {command}" for command in commands)]


def _print(line: dict[str, Any]) -> None:
    """Print one object as one line and flush: after a kill every whole line is valid JSON."""
    with _writable():
        click.echo(json.dumps(line))


@contextmanager
def _writable() -> Iterator[None]:
    """Turn an error on standard output into a `StoreError`."""
    try:
        yield
        sys.stdout.flush()
    except OSError as caught:
        reason = os.strerror(caught.errno or errno.EIO).lower()
        raise StoreError(
            f"standard output cannot be written: {reason}",
            hint="send it elsewhere; what was finished is kept in the workspace",
        ) from caught
