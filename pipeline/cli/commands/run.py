"""``tether run``: process recordings."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from pipeline import config
from pipeline.cli import options
from pipeline.cli.options import may_show_names
from pipeline.cli.output import Both, JsonLines, Output, Table
from pipeline.cli.progress import Log, Screen, set_up_logging
from pipeline.cli.sections import Command
from pipeline.cli.signals import ignore_further
from pipeline.core.errors import EXIT_INTERRUPTED, ConfigError, TetherError
from pipeline.session import batch, intake
from pipeline.session.workbench import workbench_of


@click.command(
    "run",
    cls=Command,
    examples=(
        "tether run Recordings/",
        "tether run monday.wav --channel 1=therapist --channel 2=client",
        "tether run Recordings/ --config nightly.yaml --json > last-night.jsonl",
    ),
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.workspace
@options.profile
@click.option("--diarizer", help="auto, channels, pyannote, segmentation, clustering or imported.")
@click.option("--transcriber", help="auto, faster_whisper, imported or none.")
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
@click.option("--code", help="Name of the session in files of human codes.")
@click.option("--transcript", help="VTT, SRT, TextGrid, CSV or JSON file, relative to this folder.")
@click.option("--diarization", help="RTTM, TextGrid, VTT or SRT file, relative to this folder.")
@click.option(
    "--part", "parts", multiple=True, metavar="ROLE=FILE", help="One file per participant."
)
def command(
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
    transcripts, or session notes files that name one file per participant. Results that exist are
    not computed again. The options from --client on set the values of a session notes file
    (`<recording>.yaml`) for a single recording, and override that file.

    Each file has a number in the run and a path hash: the first 12 digits of the SHA-256 of its
    absolute path. The hash is the same in every run; anyone who guesses the path can compute it.
    Logs, --json and tables in files show number and hash; --names adds the file name on standard
    output. `tether sessions --failed` lists files that failed.

    --json prints a line for each recording as it finishes, and a last line {"summary": ...}. A
    line without an end was cut off by a kill. Ctrl-C, SIGTERM and SIGHUP all stop a run in the
    same way: finished results are kept, and the summary says "interrupted".

    \b
    Exit codes:
      0    done
      1    internal error (please report it)
      2    settings, rules or options
      3    a recording or its session notes file
      4    an engine or model is missing or failed
      5    the workspace or standard output cannot be read or written
      6    some recordings failed, the others are done
      130  interrupted
    """  # noqa: D301  # the backspace tells click not to rewrap these lines
    code = run(
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


def run(
    paths: Sequence[Path],
    workspace: Path,
    profile: str,
    *,
    engines: Mapping[str, str | None],
    sidecar: Mapping[str, Any],
    refresh: bool,
    as_json: bool,
    names: bool | None,
) -> int:
    """Process all recordings and print each result; return the exit code of the run."""
    show_names = may_show_names(names, as_json=as_json)
    on_terminal = sys.stdout.isatty() and not as_json
    passed_over = intake.PassedOver()
    output: Output = (
        JsonLines(passed_over, names=show_names)
        if as_json
        else Table(passed_over, names=show_names, labels=on_terminal and show_names)
    )
    # The live line shows file names, so it appears only where names may be shown.
    live = on_terminal and sys.stderr.isatty() and show_names
    progress = Screen() if live else Log()
    try:
        overrides = {f"engines.{task}": name for task, name in engines.items() if name}
        bench = workbench_of(config.load(profile, overrides), workspace, profile)
        set_up_logging()
        listener = Both(progress, output, bench.store)
        code = batch.run(
            paths, bench, listener, options=sidecar, refresh=refresh, passed_over=passed_over
        )
    except KeyboardInterrupt:
        ignore_further()
        progress.stop()
        output.close(EXIT_INTERRUPTED)
        raise
    except TetherError as caught:
        progress.stop()
        output.close(caught.exit_code, error=str(caught))
        raise
    output.close(code)
    return code


def _sidecar_options(given: dict[str, Any], paths: tuple[Path, ...]) -> dict[str, Any]:
    """The options that were typed, as keys of a session notes file."""
    typed = {key: value for key, value in given.items() if value not in (None, ())}
    for key, form in (("channels", "N=ROLE"), ("roles", "SPEAKER=ROLE"), ("parts", "ROLE=FILE")):
        if key in typed:
            typed[key] = options.pairs(typed[key], form)
    if typed and (len(paths) > 1 or paths[0].is_dir()):
        raise ConfigError(
            f"--{next(iter(typed)).replace('_', '-')} describes one recording, but several are "
            "named",
            expected="a single file, or a session notes file beside each recording",
        )
    return typed
