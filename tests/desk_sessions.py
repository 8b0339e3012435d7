"""Small sessions for the desk, walked in seconds: their words are imported.

`Folder.spoken` is the begin of an acted sample with its true words, `Folder.written` a transcript
without sound. Its words are such that rules flag one confrontation (a complaint about the
therapist) and one withdrawal (a question that is not answered for 8 s)::

    therapist   0:00 -----      ---- 0:17 ........ ----           ----
    client           0:06 -----                         0:35 ---- complaint
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from pipeline import config
from pipeline.evaluation.material.batch_results import results_of
from pipeline.session.workbench import Workbench

Line = tuple[str, float, float, str]
"""Speaker, start and end in seconds, words."""

TALK: tuple[Line, ...] = (
    ("T", 0.5, 5.0, "Good to see you, how have things been for you since we met last week?"),
    ("C", 6.0, 12.0, "Busy, two people were off and so I covered most of their shifts at work."),
    ("T", 13.0, 17.0, "What comes up for you when you picture walking through those rooms?"),
    ("T", 25.0, 29.0, "I am wondering what it has been like for you to sort out all his things?"),
    ("C", 35.0, 39.0, "You are not listening to me. You never listen to what I say."),
    ("T", 40.0, 45.0, "I am sorry, I think that I missed something important to you just now."),
    ("C", 46.0, 54.0, "Yes, I had told you about the rooms before, and about the manager as well."),
    ("T", 55.0, 59.0, "Then let us come back to what you said about the rooms and the manager."),
)


@dataclass(frozen=True)
class Folder:
    """Where recordings lie, and the workspace beside them."""

    root: Path

    @property
    def recordings(self) -> Path:
        return self.root / "recordings"

    @property
    def workspace(self) -> Path:
        return self.root / "workspace"

    def written(
        self,
        name: str,
        lines: Sequence[Line] = TALK,
        *,
        speakers: tuple[str, str] | None = None,
        **sidecar: object,
    ) -> Path:
        """A transcript as CSV, which keeps every sign that stands in it.

        Parameters
        ----------
        speakers
            What therapist and client are called, so that their roles are not known; None: they are.
        """
        self.recordings.mkdir(exist_ok=True)
        path = self.recordings / f"{name}.csv"
        column, labels = ("speaker", speakers) if speakers else ("role", ("therapist", "client"))
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([column, "start_ms", "end_ms", "text"])
            for who, start, end, text in lines:
                place = (round(1000 * start), round(1000 * end))
                writer.writerow([labels["TC".index(who)], *place, text])
        _sidecar(path, sidecar)
        return path

    def spoken(self, name: str, samples: Path, seconds: float, **sidecar: object) -> Path:
        """The begin of the acted rupture, two channels, with a transcript of its true words."""
        self.recordings.mkdir(exist_ok=True)
        path = self.recordings / f"{name}.flac"
        _cut(samples / "rupture.flac", path, seconds)
        transcript = self.recordings / f"{name} words.csv"
        with (samples / "truth" / "rupture_turns.csv").open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if int(row["end_ms"]) < 1000 * seconds]
        with transcript.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["role", "start_ms", "end_ms", "text"])
            writer.writerows(
                [row["role"], row["start_ms"], row["end_ms"], row["text"]] for row in rows
            )
        _sidecar(path, {**sidecar, "transcript": transcript.name})
        return path

    def process(self, *paths: Path, profile: str = "default") -> None:
        """What `tether run` does."""
        bench = Workbench(config.load(profile), self.workspace, profile=profile)
        try:
            done = results_of(list(paths), bench)
        finally:
            bench.catalogue.close()
        assert [result.error for result in done] == [None] * len(paths), [r.error for r in done]


def _sidecar(path: Path, stated: Mapping[str, object]) -> None:
    # A value in JSON is one in YAML, too.
    lines = [f"{key}: {json.dumps(each, default=str)}\n" for key, each in stated.items()]
    Path(f"{path}.yaml").write_text("language: en\n" + "".join(lines), encoding="utf-8")


def _cut(source: Path, path: Path, seconds: float) -> None:
    with av.open(str(source)) as reader, av.open(str(path), "w") as writer:
        stream = reader.streams.audio[0]
        out = writer.add_stream("flac", rate=stream.rate, layout=stream.layout.name)
        assert isinstance(out, av.AudioStream)
        for frame in reader.decode(stream):
            if frame.time is not None and frame.time >= seconds:
                break
            writer.mux(out.encode(frame))
        writer.mux(out.encode(None))
