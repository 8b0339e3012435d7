"""The command `tether`: its commands and its exit codes.

Each command is a file in `commands/`. It is imported when it is typed, so that ``tether --help``
answers at once.
"""

import gc
import sys

import click

from pipeline import __version__
from pipeline.cli.sections import CLINIC, EVERYONE, RESEARCHER, SUPERVISOR, Lazy
from pipeline.cli.signals import interruptible
from pipeline.core.errors import EXIT_BUG, EXIT_INTERRUPTED, ConfigError, TetherError

COMMANDS = {
    EVERYONE: {
        "run": "Process recordings and write one report per session.",
        "sessions": "List the sessions of the workspace, or the files that failed.",
        "doctor": "Check this machine, with the command to type for each gap.",
        "models": "List, fetch, verify or import models.",
    },
    SUPERVISOR: {
        "report": "Write a session's report again, with audio if you wish.",
        "correct": "Set who is therapist and who is client; kept for later runs.",
        "review": "Open the desk: listen to moments and decide, in a browser.",
        "sheet": "Write what was decided on a session, for the supervision hour.",
        "verdicts": "List what supervisors decided, or write it as codes.",
    },
    CLINIC: {
        "enrol": "Keep a therapist's voice, so that later runs recognise it.",
        "gc": "Remove outdated results: those of older settings or versions.",
        "purge": "Remove all that the workspace holds of a session, at once.",
        "withheld": "List recordings that are not processed again, or lift one.",
    },
    RESEARCHER: {
        "export": "Write tables or the transcript of a session for other tools.",
        "measures": "Explain what every number means: unit, source, error, null.",
        "evaluate": "Score moments against human codes.",
        "compare": "Compare two configurations, moment by moment.",
        "tune": "Search for settings that do best against human codes.",
        "rules": "Check, list and explain rules, and trace what they flagged.",
    },
}
"""Section, command, and its line: the first line of the command's own help."""


@click.group(
    cls=Lazy,
    sections=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples=("tether run Recordings/", "tether review", "tether run --help"),
)
@click.version_option(__version__, prog_name="tether")
def cli() -> None:
    """Suggest moments of withdrawal and confrontation in recorded therapy sessions, offline.

    Tether suggests moments to listen to; a supervisor decides. It misses most ruptures that are
    worded mildly, and it raises false alarms.

    Exit codes: 0 done; 1 internal error (please report); 2 settings; 3 a recording or its session
    notes file; 4 an engine; 5 the workspace; 6 some recordings failed and the rest are done;
    130 interrupted.
    """


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        with interruptible():
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
    except Exception as caught:  # noqa: BLE001  # last resort; prints no words of a session
        from pipeline.session.batch import describe_bug  # noqa: PLC0415  # rarely needed

        click.echo(f"tether: {describe_bug(caught)}", err=True)
        sys.exit(EXIT_BUG)
    finally:
        gc.freeze()  # otherwise Python scans everything imported again, which takes 0.2 s
