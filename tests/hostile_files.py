"""What the fuzzers begin with: small valid files of every kind, and what is put into them.

All people and words are invented.
"""

# ruff: noqa: E501  # a file in one line is read best as one

import json
from collections.abc import Callable
from typing import Any, TypedDict

import polars as pl

from pipeline.formats import codes, rttm
from pipeline.formats.annotation import eaf, textgrid
from pipeline.formats.tables import transcript_csv
from pipeline.formats.timed_text import srt, webvtt
from pipeline.formats.timed_text.cues import CUES


class Files(TypedDict):
    """See `fuzzing.Parser`."""

    valid: tuple[bytes, ...]
    holes: tuple[str, ...]
    records: tuple[tuple[str, Callable[[int], str], str], ...]


NUMBERS = tuple(
    number.encode()
    for number in (
        *("0", "-0", "-1", "1", "0.0000001", "00000000012", "1e3", "1e308", "1e999999999", "-1e400"),
        *("nan", "NaN", "inf", "-Infinity", "0x7f", "0o17", "1_000", "1,5", "1.2.3", "\u0663", "\u00b2"),
        *("9" * 5000, "-" + "9" * 5000, "0x" + "f" * 5000, "0." + "0" * 5000 + "1", "1" * 400),
        *("9223372036854775807", "9223372036854775808", "10000000", "10000001", "86399999", "99:59"),
    )
)  # fmt: skip

TOKENS = (
    *NUMBERS,
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\r\n", b"\n\n\n", b"\t", b"\x1b[2J"),
    *(b'"', b'""', b"'", b"`", b"\\", b"/", b"{", b"}", b"[", b"]", b"(", b")", b"<", b">", b"&", b"%"),
    *(b"-->", b"00:00:01.000 --> 00:00:00.500", b"99:99:99.999 --> 1:2:3", b"WEBVTT", b"NOTE\n", b"<v >"),
    *(b"<v Ann & Bob>", b"</v>", b"&#" + b"9" * 5000 + b";", b"&#xd800;", b"&amp;", b"{\\an8}", b"[", b"Ann:"),
    *(b"\\ud800", b"\\udc00\\ud800", b'{"a":', b"null", b"true", b"[[[[", b"]]]]", b"{}", b"[]", b'""'),
    *(b"<!DOCTYPE a>", b"<![CDATA[", b"]]>", b"<?xml version='1.0' encoding='klingon'?>", b"&x;"),
    *(b"&a ", b"*a", b"<<: *a", b"%TAG ! x\n---\n", b"!!int ", b"!!binary ", b"? ", b"- ", b": ", b"|\n", b">-\n"),
    *(b";;", b",,,,,,", b";", b"=cmd", b"'=1", b"<NA>", b"SPEAKER", b"<exists>", b"ooBinaryFile", b"!"),
    *("\u202e".encode(), "\U0001f600".encode(), "e\u0301".encode(), "\u2028".encode(), "\u0085".encode()),
    *(b"none", b"W2", b"C9", b"therapist", b"client", b"supervisor", b"utf-8", b"en", b"zz"),
    *(b"a" * 3000, b" " * 3000, b"(" * 3000, b"[" * 3000, b'"' * 3001, b"{a: " * 500, b"- " * 1500),
    *(b"/dev/zero", b"..", b"a\\0b", b"~", b"length_ms >= 1 OR", b"(SELECT 1)", b"{min_ms}", b"{min_ms:s}"),
)  # fmt: skip

GROWING = (
    *("a", "a ", " ", "\t", "9", "0", "9.", "-", "- ", ".", ". ", ": ", ":", ",", ";", '"', '""', "'", "\\", "/"),
    *("<", "<a", "<b ", "<v ", "</", "<>", ">", "[", "[]", "[a", "(", "()", "{", "{a: ", "{}", "{\\", "&"),
    *("&#", "&amp;", "&a ", "*a ", "%", "!", "! ", "#", "# ", "?", "? ", "=", "|", "e+", "1e", "--", "-->"),
    *("\n", "\n\n", "\n%", "\n- ", "\n\t", "\\u0041", "\\ud83d\\ude00", "\u0301", "a: ", "a, ", "a.b "),
)  # fmt: skip

_CUES = CUES.frame(
    {"start_ms": 4000 * k, "end_ms": 4000 * k + 3500, "speaker": who, "text": text}
    for k, (who, text) in enumerate(
        (
            *(("Ann", "So how was it, this week?"), ("Bo Lind", "It was all right, I think.")),
            *(("Ann", "All right?"), ("Bo Lind", "Um, not - really. [sighs] No & <no>.")),
            *(("Ann", "Mm-hm."), ("Bo Lind", "I said: leave it.")),
        )
    )
)
_SEGMENTS = _CUES.select("start_ms", "end_ms", "speaker")
_TIERS = [
    textgrid.Tier(who, textgrid.INTERVALS.conform(_CUES.filter(speaker=who).select("start_ms", "end_ms", "text")))
    for who in ("Ann", "Bo Lind")
]  # fmt: skip
_ELAN = [
    eaf.Tier(name, eaf.ANNOTATIONS.conform(_CUES.filter(speaker="Ann").select("start_ms", "end_ms", pl.lit(text).alias("text"))), "AK")
    for name, text in (("withdrawal", "W2 minimal"), ("benign", ""), ("words", "Hm, yes."))
]  # fmt: skip
_UTTERANCES = transcript_csv.UTTERANCES.frame(
    {
        "utterance_id": f"u{k}",
        "speaker": row["speaker"],
        "role": "therapist" if row["speaker"] == "Ann" else "client",
        "start_ms": row["start_ms"],
        "end_ms": row["end_ms"] if k else None,
        "text": row["text"],
    }
    for k, row in enumerate(_CUES.iter_rows(named=True))
)
_CODES = codes.read(
    "session,start_ms,end_ms,kind,marker,salience,rater\n"
    "S-1,754000,761000,withdrawal,W2,3,AK\nS-1,1290000,,,C1,4,AK\n"
)


def _words(text: str, start_s: float) -> list[dict[str, Any]]:
    return [
        {"word": word, "start": start_s + k / 4, "end": start_s + k / 4 + 0.2, "score": 0.9}
        for k, word in enumerate(text.split())
    ]


_JSON_SEGMENTS = [
    {
        "start": row["start_ms"] / 1000,
        "end": row["end_ms"] / 1000,
        "text": row["text"],
        "speaker": row["speaker"],
        "words": _words(row["text"], row["start_ms"] / 1000),
    }
    for row in _CUES.iter_rows(named=True)
]
_PLAIN_SEGMENTS = [{k: s[k] for k in ("start", "end", "text")} for s in _JSON_SEGMENTS]
_LOOSE = [word for segment in _JSON_SEGMENTS for word in segment["words"]]

_STM = ";; made up\nrec 1 Ann 0.00 3.5 <o,f0,female> so how was it\nrec 1 Bo 4.0 7.5 all right\n"
_SHORT_GRID = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n8\n<exists>\n1\n"IntervalTier"\n'
    '"Ann"\n0\n8\n2\n0\n3.5\n"so how was it"\n3.5\n8\n""\n'
)
_EAF = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="milliseconds">'
    '<PROPERTY NAME="URN">x</PROPERTY></HEADER><TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="0"/>'
    '<TIME_SLOT TIME_SLOT_ID="ts2"/><TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="900"/></TIME_ORDER>\n'
    '<TIER TIER_ID="withdrawal" ANNOTATOR="AK"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" '
    'TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts3"><ANNOTATION_VALUE>W2</ANNOTATION_VALUE>'
    "</ALIGNABLE_ANNOTATION></ANNOTATION></TIER>\n"
    '<TIER TIER_ID="note"><ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a2" ANNOTATION_REF="a1">'
    "<ANNOTATION_VALUE>W1 &amp; so</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION></TIER>\n"
    "</ANNOTATION_DOCUMENT>\n"
)
_SHEET = (
    "session,segment,marker,check,check_minus,salience,rater\nS-1,3,W2,1,0,3,AK\nS-1,3,C1,0,2,,AK\n"
)
_SIDECAR = (
    "# made up\nclient: C-014\ntherapist: T-3\nsession_number: 7\ndate: 2026-03-04\nlanguage: en\n"
    'speakers: 2\nchannels: {1: therapist, 2: client}\nroles:\n  Ann: therapist\n  "Bo Lind": client\n'
    "consent: form 12\ncode: S-1\n"
)
_SIDECAR_TO_MERGE = "client: &c C-1\nroles: {<<: {Ann: therapist}, Bo: client}\ncode: *c\n"
_RULE = """\
- id: made-up
  kind: withdrawal
  marker: W2
  says: The client waits long.
  on: turn
  needs: [timing, words]
  params:
    min_ms: {value: 3000, source: "starting value"}
  among: "role = 'client' AND is_backchannel = FALSE"
  where:
    - {if: "latency_ms >= {min_ms}", because: "the client began after {latency_ms:s}"}
    - any:
        - {if: "n_words <= 3", because: "{n_words} words"}
        - {if: "length_ms < 1000", because: "short"}
  of_last: {hits: 2, items: 3}
  role: primary
  weight: 0.5
  unless:
    - {if: "question >= 1", because: a question}
"""
_GRID_HEAD, _GRID_TAIL = _SHORT_GRID.split('2\n0\n3.5\n"so how was it"\n')
_JSON = '{"start": 0, "end": 1, "text": "a"}'

OF: dict[str, Files] = {
    "rttm": {
        "valid": (rttm.write(_SEGMENTS, "rec").encode(), b";; x\nSPKR-INFO r 1 <NA> <NA> <NA> unknown A <NA> <NA>\nSPEAKER r 1 0 1.5 <NA> <NA> A 0.9\n"),
        "holes": (
            "SPEAKER r 1 {} 1.0 <NA> <NA> A <NA> <NA>\n",
            "SPEAKER r 1 0 1.0 <NA> <NA> {} <NA> <NA>\n",
            "SPEAKER r 1 0 1.0 <NA> <NA> A {} <NA>\n",
            "{}",
        ),
        "records": (
            ("", lambda k: f"SPEAKER r 1 {k} 1.5 <NA> <NA> s{k} <NA> <NA>\n", ""),
            ("", lambda k: f"SPEAKER r{k} 1 {k} 1.5 <NA> <NA> s <NA> <NA>\n", ""),
            ("", lambda k: f"SPEAKER r 1 x{k} 1.5 <NA> <NA> s{k} <NA> <NA>\n", ""),
        ),
    },
    "stm": {
        "valid": (_STM.encode(),),
        "holes": ("r 1 A {} 9 a\n", "r 1 A 0 9 {}\n", "r 1 {} 0 9 a\n", "r 1 A 0 9 <{}> a\n"),
        "records": (
            ("", lambda k: f"r 1 s{k} {k} {k + 1} <o,f> a b\n", ""),
            ("", lambda k: f"r 1 s{k % 2} 0 9 a\n", ""),
        ),
    },
    "vtt": {
        "valid": (webvtt.write(_CUES).encode(), b"WEBVTT - x\n\nSTYLE\na\n\n1\n00:01.000 --> 00:02.000 align:start\nAnn: well &lt;\n\n2\n00:02.500 --> 00:03.000\nBo: <i>no</i>\n"),
        "holes": (
            "WEBVTT\n\n00:01.000 --> 00:02.000\n{}\n",
            "WEBVTT\n\n00:01.000 --> 00:02.000\n<v {}>a\n",
            "WEBVTT\n\n00:01.000 --> {}\na\n",
            "WEBVTT\n\n00:01.000 --> 00:02.000\n<v A>a {}\n",
            "WEBVTT\n\n{}",
            "WEBVTT\n\n00:01.000 --> 00:02.000\nA{}: a\n\n00:02.000 --> 00:03.000\nA: b\n",
        ),
        "records": (
            ("WEBVTT\n\n", lambda k: f"00:{k // 60 % 60:02d}:{k % 60:02d}.000 --> 23:00:00.000\n<v s{k}>a\n\n", ""),
            ("WEBVTT\n\n", lambda k: f"00:00:01.000 --> 00:00:02.000\ns{k}: a\n\n00:00:01.000 --> 00:00:02.000\na\n\n00:00:01.000 --> 00:00:02.000\nb\n\n", ""),
            ("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n", lambda k: f"<v s{k}>a\n", ""),
            ("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n", lambda k: f"s{k}: a .\n", ""),
            ("WEBVTT\n\n", lambda k: f"{k}\n\n", ""),
        ),
    },
    "srt": {
        "valid": (srt.write(_CUES).encode(), b"1\n00:01,000 --> 00:02,000\n[Ann] <i>well</i>\n\nno\n\n2\n0:00:03.5 --> 00:04\n(Bo) {\\an8}a\n"),
        "holes": (
            "1\n00:01,000 --> 00:02,000\n{}\n",
            "1\n00:01,000 --> 00:02,000\n[{}] a\n",
            "1\n{} --> 00:02,000\na\n",
            "{}",
        ),
        "records": (
            ("", lambda k: f"{k}\n00:{k // 60 % 60:02d}:{k % 60:02d},000 --> 23:00:00,000\ns{k}: a\n\n", ""),
            ("", lambda k: f"{k}\n00:00:01,000 --> 00:00:02,000\ns{k}: a\n\n{k}\n00:00:01,000 --> 00:00:02,000\na\n\n{k}\n00:00:01,000 --> 00:00:02,000\nb\n\n", ""),
            ("1\n00:00:01,000 --> 00:00:02,000\n", lambda k: f"a{k}\n\n", ""),
        ),
    },
    "textgrid": {
        "valid": (textgrid.write(_TIERS).encode(), _SHORT_GRID.encode()),
        "holes": (
            _SHORT_GRID.replace("3.5\n8", "{}\n8"),
            _SHORT_GRID.replace("so how was it", "{}"),
            _SHORT_GRID.replace("<exists>\n1\n", "<exists>\n{}\n"),
            _SHORT_GRID.replace('"Ann"', '{} "Ann"'),
            _SHORT_GRID + "{}",
        ),
        "records": (
            (f"{_GRID_HEAD}999999\n", lambda k: f'{k}\n{k + 1}\n"a {k}"\n', ""),
            (f"{_GRID_HEAD}999999\n", lambda k: f'0\n1\n"a ""{k}"""\n', ""),
            ('"ooTextFile"\n"TextGrid"\n0\n8\n<exists>\n999999\n', lambda k: f'"IntervalTier" "t{k % 3}" 0 8 1 0 1 "a"\n', ""),
        ),
    },
    "eaf": {
        "valid": (eaf.write(_ELAN).encode(), _EAF.encode()),
        "holes": (
            _EAF.replace("W1 &amp; so", "{}"),
            _EAF.replace('"900"', '"{}"'),
            _EAF.replace('"withdrawal"', '"{}"'),
            _EAF.replace("<TIME_ORDER>", "<TIME_ORDER>{}"),
        ),
        "records": (
            (_EAF.partition("<TIER")[0], lambda k: f'<TIER TIER_ID="t"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="b{k}" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts3"><ANNOTATION_VALUE>W2</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>\n', "</ANNOTATION_DOCUMENT>"),
            (_EAF.replace("</ANNOTATION_DOCUMENT>\n", '<TIER TIER_ID="withdrawal">'), lambda k: f'<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a{k + 3}" ANNOTATION_REF="a{k + 2}"><ANNOTATION_VALUE>W1</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>\n', "</TIER></ANNOTATION_DOCUMENT>"),
            (_EAF.partition('<TIME_SLOT TIME_SLOT_ID="ts3"')[0], lambda k: f'<TIME_SLOT TIME_SLOT_ID="t{k}"/>', '<TIME_SLOT TIME_SLOT_ID="ts3"' + _EAF.partition('<TIME_SLOT TIME_SLOT_ID="ts3"')[2]),
        ),
    },
    "csv": {
        "valid": (transcript_csv.write(_UTTERANCES).encode(), b"role;start_ms;end_ms;text\nclient;0;900;\"a;\"\"b\"\"\"\ntherapist;1000.0;;'=c\n"),
        "holes": (
            "role,start_ms,text\nclient,{},a\n",
            "role,start_ms,text\nclient,0,{}\n",
            "role,start_ms,text\n{},0,a\n",
            "role,start_ms,text,{}\nclient,0,a\n",
            '"{}',
        ),
        "records": (
            ("speaker,start_ms,end_ms,text\n", lambda k: f"s{k},{k},{k + 5},a\n", ""),
            ("speaker,start_ms,text\n", lambda k: f"s{k},0,a .\n", ""),
            ("speaker,role,start_ms,text\n", lambda k: f"s{k},client,{k},a\n", ""),
            ("role,start_ms,text\n", lambda k: f"clint,x{k},a\n", ""),
            ("transcript_id,role,start_ms,text\n", lambda k: f"t{k},client,{k},a\n", ""),
        ),
    },
    "json": {
        "valid": (
            json.dumps({"language": "en", "segments": _JSON_SEGMENTS}).encode(),
            json.dumps({"text": "x", "segments": _PLAIN_SEGMENTS, "words": _LOOSE}).encode(),
            json.dumps(_PLAIN_SEGMENTS, indent=1).encode(),
        ),
        "holes": (
            '{"segments": [{"start": 0, "end": 1, "text": "{}"}]}',
            '{"segments": [{"start": 0, "end": {}, "text": "a"}]}',
            '{"language": "{}", "segments": [{"start": 0, "end": 1, "text": "a"}]}',
            '{"segments": [{"start": 0, "end": 1, "text": "a", "speaker": "{}"}]}',
            "{}",
        ),
        "records": (
            ('{"segments": [' + _JSON, lambda k: f', {{"start": {k}, "end": {k + 5}, "text": "a", "speaker": "s{k}"}}', "]}"),
            (f'{{"segments": [{_JSON}], "words": [{{}}', lambda k: f', {{"word": "a", "start": {k}, "end": {k + 1}}}', "]}"),
            (f'{{"words": [{{"word": "a", "start": 0, "end": 1}}], "segments": [{_JSON}', lambda k: f', {{"start": {k}, "end": {k + 1}, "text": "a b"}}', "]}"),
            ('{"segments": [{"start": 0, "end": 1, "text": "a", "words": [{"word": "a"}', lambda k: f', {{"word": "a", "speaker": "s{k}"}}', "]}]}"),
            ('{"segments": [' + _JSON, lambda k: f', {{"start": {k + 1}, "end": {k}, "text": 1}}', "]}"),
            ('{"a": 1', lambda k: f', "segments": [{k}]', "}"),
        ),
    },
    "codes": {
        "valid": (codes.write(_CODES.codes).encode(), _SHEET.encode(), b"session;start;utterance_id;kind\nS-1;12:34;;none\nS-1;;u1;confrontation\n"),
        "holes": (
            "session,start_ms,marker\n{},0,W2\n",
            "session,start_ms,marker\nS,{},W2\n",
            "session,start,marker\nS,{},W2\n",
            "session,start_ms,marker,salience\nS,0,W2,{}\n",
            "session,segment,marker,check\nS,1,W2,{}\n",
            "{}",
        ),
        "records": (
            ("session,start_ms,marker,rater\n", lambda k: f"S{k},{k},W2,r{k}\n", ""),
            ("session,segment,marker,check\n", lambda k: f"S{k},{k + 1},W2,1\n", ""),
            ("session,start_ms,marker\n", lambda k: f"S,x{k},W9\n", ""),
        ),
    },
    "sidecar": {
        "valid": (_SIDECAR.encode(), _SIDECAR_TO_MERGE.encode()),
        "holes": ("client: {}\n", 'client: "{}"\n', "roles: {}\n", "{}", "channels: {1: {}}\n", "a{}: x\n"),
        "records": (
            ("roles:\n", lambda k: f"  s{k}: client\n", ""),
            ("roles: {", lambda k: f"s{k}: client, ", "}"),
            ("", lambda k: f"k{k}: x\n", ""),
            ("", lambda k: f"client: x{k}\n", ""),
            ("roles:\n", lambda k: f"  s{k}: k{k}\n", ""),
            ("a: &a {x: 1}\nb:\n", lambda k: f"  - &b{k} {{<<: *a}}\n", ""),
            ("b0: &b0 {x: y}\n", lambda k: f"b{k + 1}: &b{k + 1} {{<<: *b{k}, x{k}: y}}\n", ""),
            ("b0: &b0 [x]\n", lambda k: f"b{k + 1}: &b{k + 1} [*b{k}, *b{k}]\n", ""),
            ("", lambda k: f"%TAG !a{k}! x\n", "---\na: b\n"),
        ),
    },
    "rules": {
        "valid": (_RULE.encode(),),
        "holes": (
            _RULE.replace("latency_ms >= {min_ms}", "latency_ms >= 1 {}"),
            _RULE.replace("{n_words} words", "{}"),
            _RULE.replace("made-up", "made-up{}"),
            _RULE.replace("3000", "{}"),
            _RULE.replace("[timing, words]", "{}"),
            _RULE + "{}",
        ),
        "records": (
            ("", lambda k: _RULE.replace("made-up", f"made-up{k}"), ""),
            ("", lambda k: f"- id: k{k}\n", ""),
            ("", lambda k: f"- id{k}: k\n", ""),
            (f"- &a\n{_RULE.replace('- id', '  id')}", lambda _k: "- *a\n", ""),
            (_RULE.partition("params:\n")[0] + "params:\n", lambda k: f"    p{k}: {{value: 1, source: none}}\n", _RULE.partition("params:\n")[2]),
        ),
    },
}  # fmt: skip
