"""One session: from its files to stages, results, report and corrections."""

from pipeline.session.cleanup import purge, unused
from pipeline.session.enrolment import therapist_voice
from pipeline.session.manifest import SessionResult, publish, read_manifest, reopen
from pipeline.session.moment_audio import moment_clips
from pipeline.session.plan import Enrolled, LanguageResources, Plan
from pipeline.session.replacement import Older, abandon, replace_older
from pipeline.session.role_warnings import numbered, unlabelled
from pipeline.session.runner import decide_again, process, settings_digest

__all__ = [
    "Enrolled",
    "LanguageResources",
    "Older",
    "Plan",
    "SessionResult",
    "abandon",
    "decide_again",
    "moment_clips",
    "numbered",
    "process",
    "publish",
    "purge",
    "read_manifest",
    "reopen",
    "replace_older",
    "settings_digest",
    "therapist_voice",
    "unlabelled",
    "unused",
]
