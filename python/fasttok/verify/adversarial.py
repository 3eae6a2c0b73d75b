"""Generates text that tokenizers get wrong: the built-in set of `fasttok verify`, and of the tests.

Every script, rare and unassigned characters, marks where no letter is, runs of white space of all kinds, contractions,
code, special tokens whole and in parts; put together at random, the same for the same seed. And texts made of
the tokens of a vocabulary that begin or end inside a character: where merging may cross any boundary.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator, Sequence

SCRIPTS = {
    "latin": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "latin accented": "àéîõüßñçøåæœšžłđÀÉÎÕÜÑÇØÅÆŒŠŽŁĐſİıẞ",
    "titlecase": "DžLjNjDzᾈᾘᾨᾳ",
    "greek": "αβγδεζηθλμπστφχψωςΑΒΓΔΘΛΞΠΣΦΨΩάέή",
    "cyrillic": "абвгдежзийклмнопрстуфхцчшщъыьэюяАБВГДЕЖЗИЙКЛЁёіїєґ",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهويىةءؤئ",
    "arabic marks": "ًٌٍَُِّْٰ",
    "hebrew": "אבגדהוזחטיכלמנסעפצקרשתךםןףץ",
    "hebrew marks": "ְֱִֵֶַָֹּ",
    "devanagari": "अआइईउऊएऐओऔकखगघचछजझटठडढणतथदधनपफबभमयरलवशषसह",
    "devanagari marks": "ािीुूृेैोौंःँ़्",
    "bengali": "অআইঈকখগঘচছজটঠডতথদধনপফবভমযরলশষসহািীুূেো্ং",
    "tamil": "அஆஇஈஉகஙசஞடணதநபமயரலவழளறனாிீுூெேை்",
    "thai": "กขคงจฉชซญดตถทนบปผฝพฟมยรลวศสหอฮะาำเแโใไ",
    "thai marks": "ัิีึืุู็่้๊๋์",
    "khmer": "កខគឃងចឆជញដឋណតថទធនបផពភមយរលវសហអាិីុូេែោ់្",
    "burmese": "ကခဂဃငစဆဇညတထဒနပဖဗဘမယရလဝသဟအာိီုူေဲံ့း္်ျြွှ",
    "georgian": "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰᲐᲑᲒᲓ",
    "armenian": "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆԱԲԳԴ",
    "ethiopic": "ሀለሐመሠረሰሸቀበተኀነአከወዐዘየደገጠጰጸፈፐ",
    "hangul": "가나다라마바사아자차카타파하한국어의는을이있것들",
    "jamo": "ᄀᄂᄃ가각ㄱㄴㄷㅏㅓ",
    "hiragana": "あいうえおかきくけこさしすせそのはをがでにとたてれる",
    "katakana": "アイウエオカキクケコサシスセソタチツンーッヶアイウ",
    "han": "的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生使用接口统计数量測試漢字龍",
    "han rare": "𠀀𠮷𡃁𪚥㐀䶵豈﨎",
    "modifier letters": "ʰʲʷˠˤᴬᴮᵃᵇⁿₐₑːˈˌʻʼ々〻ー",
    "combining": "\u0300\u0301\u0303\u0308\u0327\u0338\u20dd\u20e3\u035c\u1ab0",
    "digits": "0123456789",
    "other digits": "٠١٢٣٤٥٦٧٨٩۰۱۲०१२३৪৫๐๑๒0123𝟎𝟏𝟚",
    "other numbers": "²³¹½¾Ⅷⅸ①②㊿一〇㉈௰",
    "punctuation": '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~',
    "other punctuation": "¡¿«»“”„…–—•·、。,.!?:;()《》「」【】〜・؟،।॥၊။᠃",
    "apostrophes": "'’‘ʼ'´`′",
    "symbols": "€£¥₹©®™°±×÷→⇒∀∃∑∞√≤≥♠♥✓✗█▒◆",
    "emoji": "😀😂🥹🚀🔥👍🐈🏳🇩🇪🇯🇵👩👨👧💻❤☎",
    "joiners": "\u200d\u200c\ufe0f\ufe0e\u200b\u2060\ufeff\u00ad\U0001f3fb\U0001f3ff",
    "controls": "\x00\x01\x07\x08\x1b\x7f\x80\x9f",
    "bidi": "\u200e\u200f\u202a\u202e\u2066\u2069",
    "private and unassigned": "\ue000\uf8ff\U000f0000\U0010fffd\u0378\uffff\ufffe\U0001ffff\ufffd",
    "tags": "\U000e0041\U000e007f",
    "math": "𝐀𝐚𝒳𝔾𝕬𝛼𝟘ℂℝ",
}
SPACES = [" ", "  ", "   ", "\t", "\n", "\r", "\r\n", "\n\n", "\n\r", "\r\r\n", "\u00a0", "\u3000", "\u2003",
          "\u2009", "\u200a", "\u202f", "\u205f", "\u1680", "\u2028", "\u2029", "\x0b", "\x0c", "\x85", "\x1c",
          "\x1f", " \n", "\n ", "\t\n", " \t ", "\u180e", "\u200b"]  # fmt: skip
CONTRACTIONS = [a + b for a in "'’'" for b in
                ["s", "S", "t", "T", "re", "RE", "Re", "rE", "ve", "VE", "Ve", "m", "M", "ll", "LL", "lL", "d",
                 "D", "ſ", "ſs", "İ", "l", "r", "v", "e", "ss", "st", "lle", "K", "dé", "ś"]]  # fmt: skip
WORDS = ["the", "The", "THE", "don't", "DON'T", "I’ll", "camelCase", "PascalCase", "snake_case", "HTTPServer",
         "iPhone15Pro", "XMLHttpRequest", "aB", "Ab", "AB", "ABc", "ǅepati", "İstanbul", "Straße", "naïve",
         "使用API接口", "GPT模型", "API接口Test", "日本語Text", "한국어ABC", "русскийEnglish", "кАК", "e.g.",
         "1st", "2nd", "3.14159", "1,000,000", "0x1F", "2024-05-13", "v1.2.3", "12345678901234", "१२३४५",
         "http://example.com/a?b=c&d=e#f", "C:\\dir\\file.txt", "/usr/bin/env", "//comment", "/*x*/", "<div>",
         "</div>", "{\"k\": [1, 2]}", "foo()", "bar[0]", "a->b", "a::b", "x+=1;", "\\n", "\n/", "\n//", "!/\n",
         "...\n", "?!\r\n\r\n", "--\n\n", "$100", "50%", "#tag", "@user", "a@b.co", ":)", "¯\\_(ツ)_/¯",
         "👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇩🇪🇯🇵", "e\u0301", "n\u0303o", "क्षत्रिय", "กำลัง", "ﷺ", "ﬁ", "Å", "㎏"]  # fmt: skip
SPECIAL = ["<|endoftext|>", "<|endofprompt|>", "<|fim_prefix|>", "<|im_start|>", "<|start|>", "<|endoftext|",
           "<|endoftext", "|>", "<|", "<|endoftext|><|endoftext|>", "<||>", "<|return|>"]  # fmt: skip

ALPHABETS = list(SCRIPTS.values())


def any_character(rng: random.Random) -> str:
    while True:
        code = rng.choice((0x250, 0x3000, 0x10000, 0x20000, 0x110000))
        c = chr(rng.randrange(code))
        if unicodedata.category(c) != "Cs":
            return c


def part(rng: random.Random) -> str:
    kind = rng.randrange(20)
    if kind < 5:
        alphabet = rng.choice(ALPHABETS)
        return "".join(rng.choices(alphabet, k=rng.randrange(1, 9)))
    if kind < 8:
        return rng.choice(WORDS)
    if kind < 11:
        return rng.choice(SPACES)
    if kind == 11:
        return "".join(rng.choices(SPACES, k=rng.randrange(2, 6)))
    if kind == 12:
        return rng.choice(CONTRACTIONS)
    if kind == 13:
        return rng.choice(SPECIAL)
    if kind == 14:
        return any_character(rng)
    if kind == 15:
        a, b = rng.choice(ALPHABETS), rng.choice(ALPHABETS)
        return "".join(rng.choice(rng.choice((a, b))) for _ in range(rng.randrange(2, 12)))
    if kind == 16:
        return rng.choice(rng.choice(ALPHABETS)) * rng.choice((2, 3, 4, 5, 7, 16, 17, 33, 64, 65, 130))
    if kind == 17:
        return rng.choice(WORDS) + rng.choice(CONTRACTIONS) + rng.choice(SCRIPTS["latin"])
    if kind == 18:
        c = rng.choice(rng.choice(ALPHABETS))
        return c + rng.choice(SCRIPTS["combining"]) * rng.randrange(1, 4)
    return rng.choice(SPACES) * rng.randrange(1, 20) + rng.choice(["", "/", "a", "1", "字", "!"])


def adversarial_texts(seed: int, n: int) -> Iterator[str]:
    """``n`` texts; the same for the same seed."""
    rng = random.Random(seed)
    for _ in range(n):
        length = rng.choice((1, 2, 3, 4, 6, 10, 20))
        yield "".join(part(rng) for _ in range(length))


def is_partial(token: bytes) -> bool:
    """Whether the token begins or ends inside a character."""
    try:
        token.decode()
    except UnicodeDecodeError:
        return True
    return False


def completed(rng: random.Random, token: bytes) -> str:
    """The text of `token`, with characters put in for those that it begins and ends inside of."""
    begun = 0
    while begun < min(len(token), 3) and token[begun] & 0xC0 == 0x80:
        begun += 1
    last = len(token) - 1
    while last > 0 and token[last] & 0xC0 == 0x80:
        last -= 1
    there = len(token) - 1 - last
    for _ in range(20):
        before = _lead(rng, begun) if begun else b""
        missing = max(_continuations(token[last]) - there, 0)
        try:
            return (before + token + _tail(rng, missing)).decode()
        except UnicodeDecodeError:
            # A character that there is not: another one.
            continue
    return token.decode(errors="ignore")


def _continuations(lead: int) -> int:
    return (lead >= 0xC2) + (lead >= 0xE0) + (lead >= 0xF0)


def _tail(rng: random.Random, n: int) -> bytes:
    return bytes(rng.randrange(0x80, 0xC0) for _ in range(n))


def _lead(rng: random.Random, n: int) -> bytes:
    """The beginning of a character that the last `n` bytes are missing of."""
    # Latin-1 and East Asian characters are as likely as all others.
    leads = (0xC2, 0xC3, rng.randrange(0xC2, 0xE0), 0xE3, rng.randrange(0xE4, 0xEA), rng.randrange(0xE0, 0xF0), 0xF0)
    lead = rng.choice([lead for lead in leads if _continuations(lead) >= n])
    return bytes([lead]) + _tail(rng, _continuations(lead) - n)


def token_texts(seed: int, tokens: Sequence[bytes]) -> Iterator[str]:
    """Endless texts of `tokens`: pieces of a length at which an engine may change its way, and some between them."""
    rng = random.Random(seed)
    glue = ["", "", "\n", "\n\n", "a", "-", " ", "1", "\x95", "ß", "ж", "ก", "“", "中", "か", "한", "😀"]
    while True:
        few = [completed(rng, rng.choice(tokens)) for _ in range(rng.randrange(1, 4))]
        between = rng.choices(glue, k=rng.randrange(1, 4))
        size = rng.choice((1, 16, 31, 32, 33, 63, 64, 65, 66, 130, 600))
        text = rng.choice(("", "", "-" * 32, "a" * 31, " "))
        while len(text.encode()) < size:
            # A byte that no text has becomes nothing: something must take its position for the text to grow.
            text += rng.choice(few) + rng.choice(between) or "a"
        yield text
