"""Turns, silences and overlaps from speech spans and words.

Definitions (Heldner & Edlund 2010, J. Phonetics 38; Sacks, Schegloff & Jefferson 1974)::

    A  ███████  ████          ██████████        unit    █ speech of one speaker without a pause
    B            ▒     ██████      ▒▒▒          turn    units joined by pauses
          pause      gap        overlap

- A **unit** (inter-pausal unit) is speech of one speaker with inner silences of at most
  `unit_pause_ms`.
- A **turn** is a run of one speaker's units, with pauses of at most `turn_pause_ms` between them,
  while nobody else takes the floor: see the table in `floor`. Speech of another that comes and goes
  while the holder goes on does not end the holder's turn. Joining deletes nothing: such speech is a
  turn of its own, and every word belongs to one turn.
- A **backchannel** is a unit of acknowledgements only, short and of few words, while or just after
  the other has the floor, if the other goes on afterwards. After a question, or after a longer
  silence, the same words are an answer. Without words, nothing is known to be a backchannel.
- **latency_ms** of a turn: from the end of the other's speech to the start of the turn, if the
  other spoke last. A turn that begins while the other speaks has a negative latency: to the end of
  the other's turn, which it ended. Latency is null for the first turn; for a speaker who goes on
  because nobody took the floor (even if another began at the same moment); for a backchannel; and
  for a turn that came and went while the other went on, since the floor did not pass (Heldner &
  Edlund 2010: *within*-speaker overlap). The next latency is not measured from the end of a
  backchannel or of such a turn.
- **transition** says how a latency sounds: *gap* if it is longer than `latch_ms`, *overlap* if it
  is below minus `latch_ms`, *latch* in between, since gaps and overlaps that short are not
  perceived (Heldner 2011, J. Acoust. Soc. Am. 130). `latency_ms < 0` counts every overlap.
- A **silence** is time in which nobody speaks: *pause* of at most `turn_pause_ms` after which the
  same speaker goes on, *lapse* if it is longer, *gap* between speakers, *edge* before the first and
  after the last speech. Silences come from speech activity, never from the gaps between recognised
  words. A silence is marked if speech may have been missed in it: it contains a stretch of table
  `doubts`, lost signal, or words where no speech was detected.
- An **overlap** is speech of a person who comes in while another has the floor: see the table in
  `overlaps`.
- A **word** belongs to the unit of its speaker that contains it or lies nearest. Words of a speaker
  without any speech, or aligned further than `turn_pause_ms` from it, make units of their own from
  their own times; a silence around them is marked as a risk of missed speech.

If the diarizer does not detect overlapping speech there are no overlaps, and a turn that begins
without a gap has no transition: it may have been a latch or an overlap.
"""

from collections.abc import Callable, Iterator, Sequence

import polars as pl

from pipeline import config
from pipeline.core.tables import OVERLAPS, SILENCES, TURNS, UNITS, Tables
from pipeline.speech.turns import backchannels, floor, overlaps, silences
from pipeline.speech.turns.floor import Turn
from pipeline.speech.turns.lexical_cues import Wording, is_punctuated
from pipeline.speech.turns.units import cut, in_order


def build(
    tables: Tables,
    settings: config.Turns,
    is_acknowledgement: Callable[[str], bool] | None,
    *,
    asks: Callable[[str], bool] | None = None,
    is_unfinished: Callable[[str], bool] | None = None,
) -> dict[str, pl.DataFrame]:
    """Tables `turns`, `units`, `silences` and `overlaps`; all roles are still unknown.

    Parameters
    ----------
    tables
        `media`, `losses`, `spans`, `diarization`, `words`, `transcription`; `doubts` if a detector
        looked for them.
    is_acknowledgement
        Whether a text consists of acknowledgements only; None: the language has no lexicon.
    asks
        Whether a text ends in a question, used if the transcript has no punctuation; None: only a
        question mark counts.
    is_unfinished
        Whether a text ends in words that do not end a turn ("and then the"); None: only punctuation
        counts.
    """
    words = tables["words"]
    spoken = in_order(tables["spans"].filter("regular"), words)
    has_words = tables["transcription"]["engine"][0] != "none"
    punctuated = is_punctuated(words, settings)
    wording = Wording(has_words, punctuated, is_acknowledgement, asks, is_unfinished)
    units = cut(spoken, words, settings)
    backchannels.mark(units, settings, wording)
    turns = floor.build_turns(units, settings)
    knows_overlap = bool(tables["diarization"]["knows_overlap"][0])
    return {
        "turns": TURNS.frame(_turn_rows(turns, settings, knows_overlap=knows_overlap)),
        "units": UNITS.frame(_unit_rows(turns)),
        "silences": SILENCES.frame(silences.rows(spoken, units, tables, settings)),
        "overlaps": OVERLAPS.frame(
            overlaps.rows(turns, settings, wording) if knows_overlap else []
        ),
    }


def _turn_rows(
    turns: Sequence[Turn], settings: config.Turns, *, knows_overlap: bool
) -> Iterator[dict[str, object]]:
    for number, turn in enumerate(turns):
        words = turn.words
        yield {
            "turn_id": number,
            "speaker": turn.speaker,
            "role": "unknown",
            "start_ms": turn.start_ms,
            "end_ms": turn.end_ms,
            "text": " ".join(word.text for word in words) if words else None,
            "n_words": len(words) or None,
            "is_backchannel": turn.is_backchannel,
            "latency_ms": turn.latency_ms,
            "transition": floor.transition(turn.latency_ms, settings, knows_overlap=knows_overlap),
        }


def _unit_rows(turns: Sequence[Turn]) -> Iterator[dict[str, object]]:
    placed = [(unit, number) for number, turn in enumerate(turns) for unit in turn.units]
    placed.sort(key=lambda pair: (pair[0].start_ms, pair[0].end_ms))
    for unit_id, (unit, turn_id) in enumerate(placed):
        yield {
            "unit_id": unit_id,
            "turn_id": turn_id,
            "speaker": unit.speaker,
            "start_ms": unit.start_ms,
            "end_ms": unit.end_ms,
            "n_words": len(unit.words) or None,
        }
