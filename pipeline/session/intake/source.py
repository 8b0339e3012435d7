"""A session ready to be processed: bytes hashed, notes and imported files read."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import config
from pipeline.core.errors import ChangingError, ConsentError, InputError
from pipeline.core.spelling import on_disk
from pipeline.core.tables import Metadata
from pipeline.core.vocabulary import Role
from pipeline.formats import transcript as transcripts
from pipeline.formats.attachment import Attachment
from pipeline.session.intake import files, sidecar
from pipeline.session.intake.discovery import Named, default_limits, is_media
from pipeline.workspace.catalogue import place
from pipeline.workspace.store import canonical

_GLANCE = 4096
_DOCUMENTS = (b"%PDF", b"PK\x03\x04", b"{\\rtf", b"\xd0\xcf\x11\xe0")
"""First bytes of PDF, Word and OpenDocument, RTF and old Word files."""


@dataclass(frozen=True)
class Source:
    """A session ready to be processed.

    Attributes
    ----------
    path
        The file that represents the session; for the catalogue only.
    recording_id
        SHA-256 of the bytes.
    audio
        Files to decode; empty for a transcript alone.
    metadata
        From the session notes file.
    transcript, diarization
        Imported files; empty where there are none.
    repairs
        Sentences for people: what was repaired or skipped, with counts.
    seen
        Each file with its size in bytes and modification time in ns when it was hashed.
    """

    path: Path
    recording_id: str
    audio: tuple[Path, ...]
    metadata: Metadata
    transcript: tuple[Attachment, ...]
    diarization: tuple[Attachment, ...]
    repairs: tuple[str, ...] = ()
    seen: tuple[tuple[Path, int, int], ...] = ()

    def require_unchanged(self) -> None:
        """Refuse a recording that changed since it was hashed; it may have been removed.

        Raises
        ------
        ChangingError
            The file was written to in the meantime, for example because it is still being copied.
        """
        for path, *stamp in self.seen:
            if files.stamp(path) not in (None, tuple(stamp)):
                raise ChangingError

    @property
    def sidecar(self) -> str:
        """Canonical JSON of the metadata, to compare session notes."""
        fields = asdict(self.metadata)
        fields["date"] = str(fields["date"])
        fields["channels"] = {str(k): v for k, v in fields["channels"].items()}
        return canonical(fields).decode()


def read(
    named: Named,
    options: Mapping[str, Any] | None = None,
    *,
    consent: bool,
    limits: config.Intake | None = None,
) -> Source:
    """Hash the bytes; read the session notes file and the files that it names.

    Parameters
    ----------
    options
        Keys of the session notes file from the command line; they win. Their files are looked for
        in the working directory, those of a session notes file in its folder.
    consent
        Whether a consent reference is required.
    limits
        Size limits of session notes files and imported files, and for how long a recording must
        not have changed; None: those of the default settings.

    Raises
    ------
    InputError
        The session notes file has errors, or a file that it names cannot be read, is too large or
        is not a regular file.
    ChangingError
        The recording is still being written.
    ConsentError
        Consent is required and there is no reference.
    """
    if named.error:
        raise named.error
    path = place(named.path)
    limits = limits or default_limits()
    notes = sidecar.read(path, named.top, options or {}, limits.sidecar_bytes)
    if consent and not notes.consent:
        raise ConsentError(
            "no consent reference",
            expected="'consent: REFERENCE' in the session notes file (these settings require it)",
            hint="add it to the session notes file, or run with --consent REFERENCE",
        )
    base = path.parent
    if notes.parts:
        audio = tuple(on_disk(base / part) for part in notes.parts.values())
    elif path.suffix.lower() in (*transcripts.READERS, ".yaml"):
        audio = ()
    else:
        _refuse_document(path)
        audio = (path,)
    seen = _at_rest(audio or (path,), limits.rest_s)
    transcript = _attachments(notes.transcript, base, limits)
    if not audio and not transcript:
        if path.suffix.lower() == ".yaml":
            raise InputError(
                "this session notes file names neither parts nor a transcript",
                expected="'parts: {therapist: FILE, client: FILE}' or 'transcript: FILE'",
                hint="give the recording itself",
            )
        transcript = _attachments(path.name, base, limits)
    diarization = _attachments(notes.diarization, base, limits)
    metadata = notes.metadata()
    roles, _ = _stated(diarization)
    own_roles, language = _stated(transcript)
    source = Source(
        path=path,
        recording_id=_identify(audio, transcript),
        audio=audio,
        metadata=replace(
            metadata,
            roles=roles | own_roles | dict(metadata.roles),
            language=metadata.language or language,
        ),
        transcript=transcript,
        diarization=diarization,
        seen=seen,
    )
    source.require_unchanged()
    return source


def _refuse_document(path: Path) -> None:
    """Refuse an obvious document, so that the message does not ask to copy the file again."""
    if is_media(path):
        return
    with files.opened(path) as file:
        start = file.read(_GLANCE)
    text = start.decode("utf-8", errors="replace").removesuffix("\ufffd")
    printed = sum(sign.isprintable() or sign.isspace() for sign in text if sign != "\ufffd")
    if start.startswith(_DOCUMENTS) or (text and printed == len(text)):
        raise InputError(
            "a file of unknown format",
            expected=f"audio or video, or a transcript: {', '.join(sorted(transcripts.READERS))}",
            hint="export the transcript again in one of these formats",
        )


def _at_rest(paths: Sequence[Path], rest_s: float) -> tuple[tuple[Path, int, int], ...]:
    """Size and modification time of files that have not changed for `rest_s` seconds."""
    seen = _stamps(paths)
    now_ns = time.time_ns()
    if any(now_ns - changed_ns < rest_s * 1e9 for _, changed_ns in seen.values()):
        time.sleep(rest_s)
        if seen != _stamps(paths):
            raise ChangingError
    return tuple((path, *stamp) for path, stamp in seen.items())


def _stamps(paths: Sequence[Path]) -> dict[Path, tuple[int, int]]:
    return {path: stamp for path in paths if (stamp := files.stamp(path))}


def _stated(imported: tuple[Attachment, ...]) -> tuple[dict[str, Role], str | None]:
    """Roles and language stated in imported files; the session notes file wins over them."""
    if not imported:
        return {}, None
    try:
        content = transcripts.load(imported)
    except InputError:
        return {}, None  # reported by the engine that imports it, if one does
    return dict(content.roles), content.language


def _identify(audio: tuple[Path, ...], transcript: tuple[Attachment, ...]) -> str:
    """SHA-256 of a single file, or of the digests of several."""
    if audio:
        digests = [files.sha256(path) for path in audio]
    else:
        digests = [hashlib.sha256(part.content).hexdigest() for part in transcript]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _attachments(
    names: str | Mapping[str, str] | None, base: Path, limits: config.Intake
) -> tuple[Attachment, ...]:
    """Read imported files, up to a total size."""
    if names is None:
        return ()
    found: list[Attachment] = []
    left = limits.attachment_bytes
    for speaker, name in names.items() if isinstance(names, Mapping) else [(None, names)]:
        content = files.content(on_disk(base / name), left, "", "attachment_bytes")
        found.append(Attachment(Path(name).suffix.lower(), content, speaker))
        left -= len(content)
    return tuple(found)
