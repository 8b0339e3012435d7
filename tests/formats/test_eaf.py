import re
import time
from collections.abc import Iterable

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.formats.annotation import eaf
from pipeline.formats.repairs import Repairs

# As ELAN 6 writes it: a time subdivision without times, and a tier that refers to another.
ELAN = b"""<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2024-05-02T10:00:00+01:00" FORMAT="3.0" VERSION="3.0">
  <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
    <MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/s.wav" MIME_TYPE="audio/x-wav"/>
    <PROPERTY NAME="lastUsedAnnotationId">4</PROPERTY>
  </HEADER>
  <TIME_ORDER>
    <TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="1000"/>
    <TIME_SLOT TIME_SLOT_ID="ts2"/>
    <TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="3000"/>
    <TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="500"/>
  </TIME_ORDER>
  <TIER ANNOTATOR="AK" LINGUISTIC_TYPE_REF="default-lt" PARTICIPANT="client" TIER_ID="rupture">
    <ANNOTATION>
      <ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts3">
        <ANNOTATION_VALUE>W2 &amp; more</ANNOTATION_VALUE>
      </ALIGNABLE_ANNOTATION>
    </ANNOTATION>
    <ANNOTATION>
      <ALIGNABLE_ANNOTATION ANNOTATION_ID="a3" TIME_SLOT_REF1="ts4" TIME_SLOT_REF2="ts1">
        <ANNOTATION_VALUE></ANNOTATION_VALUE>
      </ALIGNABLE_ANNOTATION>
    </ANNOTATION>
  </TIER>
  <TIER LINGUISTIC_TYPE_REF="words" PARENT_REF="rupture" TIER_ID="words">
    <ANNOTATION>
      <ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
        <ANNOTATION_VALUE>w</ANNOTATION_VALUE>
      </ALIGNABLE_ANNOTATION>
    </ANNOTATION>
  </TIER>
  <TIER LINGUISTIC_TYPE_REF="notes" PARENT_REF="rupture" TIER_ID="salience">
    <ANNOTATION>
      <REF_ANNOTATION ANNOTATION_ID="a4" ANNOTATION_REF="a1">
        <ANNOTATION_VALUE>4</ANNOTATION_VALUE>
      </REF_ANNOTATION>
    </ANNOTATION>
  </TIER>
  <CONSTRAINT DESCRIPTION="..." STEREOTYPE="Time_Subdivision"/>
</ANNOTATION_DOCUMENT>
"""


def test_a_file_of_elan_is_read() -> None:
    rupture, words, salience = eaf.read(ELAN)
    assert (rupture.name, rupture.annotator, rupture.unplaced) == ("rupture", "AK", ())
    assert (rupture.participant, rupture.parent, rupture.estimated) == ("client", None, 0)
    assert rupture.annotations.rows() == [(500, 1000, ""), (1000, 3000, "W2 & more")]
    # ts2 has no value: it lies between ts1 and ts3.
    assert words.annotations.rows() == [(1000, 2000, "w")]
    assert (words.estimated, words.unplaced, words.parent) == (1, (), "rupture")
    assert salience.annotations.rows() == [(1000, 3000, "4")]


def test_a_declaration_that_expands_is_refused() -> None:
    bomb = (
        b'<?xml version="1.0"?>\n<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>\n'
        b"<ANNOTATION_DOCUMENT>&b;</ANNOTATION_DOCUMENT>"
    )
    with pytest.raises(InputError, match="line 2: a document type declaration"):
        eaf.read(bomb)
    outside = b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><ANNOTATION_DOCUMENT/>'
    with pytest.raises(InputError, match="line 1: a document type declaration"):
        eaf.read(outside)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no XML"),
        (b"hello", "line 1: no XML"),
        (ELAN[:900], "no XML"),
        (b"<html/>", "XML of another kind"),
        (ELAN.replace(b'"milliseconds"', b'"PAL-frames"'), "line 3: times in another unit"),
        (ELAN.replace(b'"audio/x-wav"', b'"" TIME_ORIGIN="x"'), "line 4: a TIME_ORIGIN that"),
        (re.sub(rb"<TIME_ORDER>.*</TIME_ORDER>", b"", ELAN, flags=re.DOTALL), "none with times"),
        (b"\xff\xfe" + ELAN, "no XML"),
        (ELAN.replace(b'"UTF-8"', b'"latin-9000"'), "line 1: an encoding that cannot be read"),
        (ELAN.replace(b'"UTF-8"', b'"shift_jis"'), "line 1: an encoding that cannot be read"),
        (ELAN.replace(b'"UTF-8"', b'"rot13"'), "line 1: an encoding that cannot be read"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(data: bytes, says: str) -> None:
    with pytest.raises(InputError) as caught:
        eaf.read(data)
    assert says in str(caught.value)


def elan(
    slots: Iterable[tuple[str, int | str | None]], *tiers: str, media: str = "", tail: str = ""
) -> bytes:
    """An ELAN file of slots and tiers; each tier is the inside of its element, name first."""
    order = "".join(
        f'<TIME_SLOT TIME_SLOT_ID="{key}"' + ("/>" if at is None else f' TIME_VALUE="{at}"/>')
        for key, at in slots
    )
    return (
        f'<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="milliseconds">{media}</HEADER>'
        f"<TIME_ORDER>{order}</TIME_ORDER>{''.join(tiers)}{tail}</ANNOTATION_DOCUMENT>"
    ).encode()


def tier(name: str, *annotations: str, **has: str) -> str:
    attributes = "".join(f' {key.upper()}="{value}"' for key, value in has.items())
    return f'<TIER TIER_ID="{name}"{attributes}>{"".join(annotations)}</TIER>'


def aligned(key: str, first: str, last: str, text: str, more: str = "") -> str:
    return (
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="{key}" TIME_SLOT_REF1="{first}" '
        f'TIME_SLOT_REF2="{last}" {more}><ANNOTATION_VALUE>{text}</ANNOTATION_VALUE>'
        "</ALIGNABLE_ANNOTATION></ANNOTATION>"
    )


def refers(key: str, to: str, text: str, before: str = "") -> str:
    after = f' PREVIOUS_ANNOTATION="{before}"' if before else ""
    return (
        f'<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="{key}" ANNOTATION_REF="{to}"{after}>'
        f"<ANNOTATION_VALUE>{text}</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>"
    )


def test_times_are_those_of_the_recording() -> None:
    media = '<MEDIA_DESCRIPTOR MEDIA_URL="a" TIME_ORIGIN="{}"/><MEDIA_DESCRIPTOR MEDIA_URL="b"/>'
    slots, own = [("s", 500), ("e", 900)], tier("x", aligned("a", "s", "e", "W2"))
    repairs = Repairs()
    (read,) = eaf.read(elan(slots, own, media=media.format(20_000)), repairs)
    assert read.annotations.rows() == [(20_500, 20_900, "W2")]
    assert repairs.sentences() == ("Media of an ELAN file with another offset than the first: 1.",)
    (cut,) = eaf.read(elan(slots, own, media=media.format(-600)))
    assert cut.annotations.rows() == [(0, 300, "W2")]


def test_slots_without_a_value_lie_between_their_neighbours() -> None:
    chain = tier(
        "chain",
        *(aligned(f"a{n}", f"t{n}", f"t{n + 1}", str(n)) for n in range(4)),
        aligned("z", "t9", "t8", "end without a start"),
    )
    alone = tier("alone", aligned("b", "t0", "u", "x"), aligned("c", "t9", "no such", "lost"))
    # TIME_ORDER mixes the slots of both tiers: the chain's own ends count, not what lies beside.
    slots = [("t0", 1000), ("t1", None), ("u", None), ("t2", -1), ("t3", None), ("t4", 5000)]
    first, second = eaf.read(elan([*slots, ("t8", None), ("t9", None)], chain, alone))
    assert first.annotations.rows() == [
        (1000, 2000, "0"), (2000, 3000, "1"), (3000, 4000, "2"), (4000, 5000, "3"),
    ]  # fmt: skip
    assert (first.estimated, first.unplaced) == (4, ("end without a start",))
    assert second.annotations.rows() == [(1000, 2500, "x")]
    assert (second.estimated, second.unplaced) == (1, ("lost",))


def test_what_cannot_be_read_or_ends_too_early_is_left_out() -> None:
    slots: list[tuple[str, int | str | None]]
    slots = [("a", 0), ("b", "1 s"), ("c", 4000), ("d", "9" * 5000), ("e", 3000)]
    own = tier("x", aligned("1", "a", "b", "here"), aligned("2", "c", "e", "backwards"))
    repairs = Repairs()
    (read,) = eaf.read(elan(slots, own), repairs)
    assert read.annotations.rows() == [(0, 2000, "here")]
    assert read.unplaced == ("backwards",)
    assert repairs.sentences() == ("Time slots of an ELAN file whose time cannot be read: 2.",)


def test_a_symbolic_subdivision_shares_the_time_of_what_it_divides() -> None:
    slots = [("a", 0), ("b", 3000)]
    said = tier("said", aligned("s", "a", "b", "so it is"))
    parts = [refers("p3", "s", "is", "p2"), refers("p1", "s", "so"), refers("p2", "s", "it", "p1")]
    words = tier("words", *parts, parent_ref="said")
    glosses = tier("glosses", refers("g", "p2", "IT"), refers("h", "none", "lost"))
    _, divided, below = eaf.read(elan(slots, said, words, glosses))
    assert divided.annotations.rows() == [(0, 1000, "so"), (1000, 2000, "it"), (2000, 3000, "is")]
    assert (divided.estimated, below.estimated) == (3, 1)
    assert below.annotations.rows() == [(1000, 2000, "IT")]
    assert below.unplaced == ("lost",)


def test_a_controlled_vocabulary_says_what_an_empty_annotation_means() -> None:
    entry = '<CV_ENTRY_ML CVE_ID="v"><CVE_VALUE LANG_REF="und">W4</CVE_VALUE></CV_ENTRY_ML>'
    slots, tail = [("a", 0), ("b", 3000)], f'<CONTROLLED_VOCABULARY CV_ID="c">{entry}'
    own = tier("x", aligned("s", "a", "b", "", 'CVE_REF="v"'))
    (read,) = eaf.read(elan(slots, own, tail=f"{tail}</CONTROLLED_VOCABULARY>"))
    assert read.annotations.rows() == [(0, 3000, "W4")]
    assert read.vocabulary


def test_the_time_taken_grows_with_the_length() -> None:
    number = 10_000
    ring = (refers(f"a{n}", f"a{(n + 1) % number}", "W2") for n in range(number))
    chain = (aligned(f"a{n}", f"t{n}", f"t{n + 1}", "x") for n in range(number))
    slots = [(f"t{n}", None if 0 < n < number else n) for n in range(number + 1)]
    began = time.process_time()
    with pytest.raises(InputError, match="10000 annotations and none with times"):
        eaf.read(elan([("t", 1)], tier("x", *ring)))
    (long,) = eaf.read(elan(slots, tier("x", *chain)))
    assert long.estimated == number
    with pytest.raises(InputError, match="20000 tiers; expected: up to 1000"):
        eaf.read(elan([("t", 1)], *[tier("x", aligned("a", "t", "t", "W2"))] * 20_000))
    assert time.process_time() - began < 4


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)


@given(
    st.lists(
        st.tuples(
            _TEXT.filter(bool),
            st.none() | _TEXT.filter(bool),
            st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 10**5), _TEXT), max_size=4),
        ),
        max_size=4,
    )
)
def test_what_is_written_is_read_again(
    drawn: list[tuple[str, str | None, list[tuple[int, int, str]]]],
) -> None:
    def plain(text: str) -> str:
        """As it comes out of XML: a line end is one sign, and controls are not allowed."""
        return "".join(sign for sign in text if sign.isprintable())

    tiers = []
    for name, who, rows in drawn:
        frame = pl.DataFrame(
            [(start, start + length, plain(text).strip()) for start, length, text in rows],
            schema=eaf.ANNOTATIONS.empty().schema,
            orient="row",
        ).sort("start_ms", "end_ms", maintain_order=True)
        tiers.append(eaf.Tier(plain(name), frame, plain(who or "") or None))
    again = eaf.read(eaf.write(tiers, media="file:///s.wav?a=1&b=2").encode())
    assert [(tier.name, tier.annotator) for tier in again] == [(t.name, t.annotator) for t in tiers]
    for tier, before in zip(again, tiers, strict=True):
        assert tier.annotations.equals(before.annotations)
