import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.formats import eaf

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
    assert (rupture.name, rupture.annotator, rupture.unplaced) == ("rupture", "AK", 0)
    assert rupture.annotations.rows() == [(500, 1000, ""), (1000, 3000, "W2 & more")]
    assert (words.annotations.height, words.unplaced, words.annotator) == (0, 1, None)
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
        (ELAN.replace(b'TIME_VALUE="3000"', b'TIME_VALUE="3 s"'), "line 10: a time that cannot"),
        (ELAN.replace(b'TIME_VALUE="3000"', b'TIME_VALUE="10"'), "line 15: ends 990 ms before"),
        (ELAN.replace(b'"milliseconds"', b'"PAL-frames"'), "line 3: times in another unit"),
        (ELAN.replace(b'REF="a1"', b'REF="a9"'), "line 34: refers to no annotation"),
        (ELAN.replace(b'REF="a1"', b'REF="a4"'), "line 34: refers to no annotation"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(data: bytes, says: str) -> None:
    with pytest.raises(InputError) as caught:
        eaf.read(data)
    assert says in str(caught.value)


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
