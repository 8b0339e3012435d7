"""Languages as people and files name them: ``de``, ``de-DE``, ``deu``, ``ger``, ``German``.

One function serves the session notes file, the options, the settings, and transcripts that state
their language. Regions and scripts are dropped, since lexicons and engines go by language:
``zh-Hans`` is zh. Codes are ISO 639-1 if the language has one, else ISO 639-3 (``yue``).
"""

import re

NOT_UNDERSTOOD = "und"
"""Code for a language that a file states but that is not understood: not taken for English."""

_TABLE = """
aa aar Afar; ab abk Abkhazian; ae ave Avestan; af afr Afrikaans; ak aka Akan; am amh Amharic;
an arg Aragonese; ar ara Arabic; as asm Assamese; av ava Avaric; ay aym Aymara; az aze Azerbaijani;
ba bak Bashkir; be bel Belarusian; bg bul Bulgarian; bi bis Bislama; bm bam Bambara;
bn ben Bengali, Bangla; bo bod tib Tibetan; br bre Breton; bs bos Bosnian;
ca cat Catalan, Valencian; ce che Chechen; ch cha Chamorro; co cos Corsican; cr cre Cree;
cs ces cze Czech; cu chu Church Slavic; cv chv Chuvash; cy cym wel Welsh; da dan Danish;
de deu ger German; dv div Dhivehi; dz dzo Dzongkha; ee ewe Ewe; el ell gre Greek; en eng English;
eo epo Esperanto; es spa Spanish, Castilian; et est Estonian; eu eus baq Basque;
fa fas per Persian, Farsi, Dari; ff ful Fulah; fi fin Finnish; fj fij Fijian; fo fao Faroese;
fr fra fre French; fy fry Western Frisian, Frisian; ga gle Irish; gd gla Scottish Gaelic;
gl glg Galician; gn grn Guarani; gu guj Gujarati; gv glv Manx; ha hau Hausa; haw Hawaiian;
he heb iw Hebrew; hi hin Hindi; ho hmo Hiri Motu; hr hrv Croatian; ht hat Haitian Creole, Haitian;
hu hun Hungarian; hy hye arm Armenian; hz her Herero; ia ina Interlingua; id ind in Indonesian;
ie ile Interlingue; ig ibo Igbo; ii iii Sichuan Yi; ik ipk Inupiaq; io ido Ido;
is isl ice Icelandic; it ita Italian; iu iku Inuktitut; ja jpn Japanese; jv jav Javanese;
ka kat geo Georgian; kg kon Kongo; ki kik Kikuyu; kj kua Kuanyama; kk kaz Kazakh;
kl kal Greenlandic; km khm Khmer; kn kan Kannada; ko kor Korean; kr kau Kanuri; ks kas Kashmiri;
ku kur Kurdish; kv kom Komi; kw cor Cornish; ky kir Kyrgyz; la lat Latin; lb ltz Luxembourgish;
lg lug Ganda; li lim Limburgish; ln lin Lingala; lo lao Lao; lt lit Lithuanian;
lu lub Luba-Katanga; lv lav Latvian; mg mlg Malagasy; mh mah Marshallese; mi mri mao Maori;
mk mkd mac Macedonian; ml mal Malayalam; mn mon Mongolian; mr mar Marathi; ms msa may Malay;
mt mlt Maltese; my mya bur Burmese, Myanmar; na nau Nauru; nd nde North Ndebele; ne nep Nepali;
ng ndo Ndonga; nl nld dut Dutch, Flemish; nn nno Nynorsk, Norwegian Nynorsk;
no nor nb nob Norwegian, Bokmål, Bokmal; nr nbl South Ndebele; nv nav Navajo; ny nya Chichewa;
oc oci Occitan; oj oji Ojibwa; om orm Oromo; or ori Odia, Oriya; os oss Ossetian;
pa pan Punjabi, Panjabi; pi pli Pali; pl pol Polish; ps pus Pashto; pt por Portuguese;
qu que Quechua; rm roh Romansh; rn run Rundi; ro ron rum mo mol Romanian, Moldavian;
ru rus Russian; rw kin Kinyarwanda; sa san Sanskrit; sc srd Sardinian; sd snd Sindhi;
se sme Northern Sami; sg sag Sango; si sin Sinhala; sk slk slo Slovak; sl slv Slovenian, Slovene;
sm smo Samoan; sn sna Shona; so som Somali; sq sqi alb Albanian; sr srp Serbian; ss ssw Swati;
st sot Southern Sotho; su sun Sundanese; sv swe Swedish; sw swa Swahili; ta tam Tamil;
te tel Telugu; tg tgk Tajik; th tha Thai; ti tir Tigrinya; tk tuk Turkmen;
tl tgl fil Tagalog, Filipino; tn tsn Tswana; to ton Tongan; tr tur Turkish; ts tso Tsonga;
tt tat Tatar; tw twi Twi; ty tah Tahitian; ug uig Uyghur; uk ukr Ukrainian; ur urd Urdu;
uz uzb Uzbek; ve ven Venda; vi vie Vietnamese; vo vol Volapük; wa wln Walloon; wo wol Wolof;
xh xho Xhosa; yi yid ji Yiddish; yo yor Yoruba; yue Cantonese; za zha Zhuang;
zh zho chi cmn Chinese, Mandarin; zu zul Zulu;
"""
"""Codes of ISO 639-1, 639-2/T and 639-2/B, older and narrower ones, and English names."""

_TAG = re.compile(r"([a-z]{2,3})(?:[-_]([a-z0-9]{1,8}))?(?:[-_][a-z0-9]{1,8})*(?:[.@].*)?")
_SILENT = frozenset({"", "auto", "detect", "unknown", "none", "null", "n/a"})


def _tabled() -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Main code of each code and of each name, and the first name of each main code."""
    of_code: dict[str, str] = {}
    of_name: dict[str, str] = {}
    names: dict[str, str] = {}
    for entry in _TABLE.replace("\n", " ").split(";"):
        words = entry.split()
        codes = [word for word in words if word.islower()]
        if not codes:
            continue
        in_english = [part.strip() for part in " ".join(words[len(codes) :]).split(",")]
        of_code |= dict.fromkeys(codes, codes[0])
        of_name |= {each.casefold(): codes[0] for each in in_english}
        names[codes[0]] = in_english[0]
    return of_code, of_name, names


_OF_CODE, _OF_NAME, _NAMES = _tabled()


def code_of(text: str) -> str | None:
    """ISO 639 code of a language given as a code, a BCP 47 tag, a locale or in English.

    A well-formed code that is not in the table is returned as it is. None: not understood.

    >>> [code_of(text) for text in ("de-DE", "ger", "English (UK)", "zh_Hant_TW", "zh-yue", "tlh")]
    ['de', 'de', 'en', 'zh', 'yue', 'tlh']
    >>> code_of("the usual one") is None
    True
    """
    stated = " ".join(text.partition("(")[0].split()).casefold()
    if stated in _OF_NAME:
        return _OF_NAME[stated]
    tag = _TAG.fullmatch(stated)
    if tag is None:
        return None
    primary, following = tag.groups()
    if primary == "zh" and following == "yue":
        return "yue"
    return _OF_CODE.get(primary, primary)


def stated(text: object) -> str | None:
    """Code of the language that a file states; None if it states none.

    A language that is not understood gives `NOT_UNDERSTOOD`, so that no default replaces it.

    >>> stated("english"), stated("auto"), stated("as last week")
    ('en', None, 'und')
    """
    if not isinstance(text, str) or text.strip().casefold() in _SILENT:
        return None
    return code_of(text) or NOT_UNDERSTOOD


def understood(text: object) -> object:
    """`code_of` for pydantic models; a value that is not text is returned for them to check.

    Raises
    ------
    ValueError
        The language is not understood.
    """
    if not isinstance(text, str):
        return text
    code = code_of(text)
    if code is None:
        msg = "not a language; expected: a code such as 'en' or 'de-CH', or its English name"
        raise ValueError(msg)
    return code


def name(code: str) -> str:
    """English name of a code; the code itself if it is not in the table.

    >>> name("de"), name("tlh")
    ('German', 'tlh')
    """
    return "stated, but not understood" if code == NOT_UNDERSTOOD else _NAMES.get(code, code)
