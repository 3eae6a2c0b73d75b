"""Published figures, reproduced: the same text under the same tokenizer has the same tokens."""

from __future__ import annotations

import pytest

import fasttok

#: The announcement of GPT-4o (May 2024): one sentence a language, tokens under cl100k_base and under o200k_base.
#: Two of its twenty rows are not here: their sentences, as they are found now, are not what was counted then (the
#: Italian one is 33 tokens under cl100k_base and the Persian one 63, where 34 and 61 are printed; tiktoken agrees).
ANNOUNCED = {
    "guj": ("હેલો, મારું નામ જીપીટી-4o છે. હું એક નવા પ્રકારનું ભાષા મોડલ છું. તમને મળીને સારું લાગ્યું!", 145, 33),
    "tel": ("నమస్కారము, నా పేరు జీపీటీ-4o. నేను ఒక్క కొత్త రకమైన భాషా మోడల్ ని. మిమ్మల్ని కలిసినందుకు సంతోషం!", 159, 45),
    "tam": ("வணக்கம், என் பெயர் ஜிபிடி-4o. நான் ஒரு புதிய வகை மொழி மாடல். உங்களை சந்தித்ததில் மகிழ்ச்சி!", 116, 35),
    "mar": ("नमस्कार, माझे नाव जीपीटी-4o आहे| मी एक नवीन प्रकारची भाषा मॉडेल आहे| तुम्हाला भेटून आनंद झाला!", 96, 33),
    "hin": ("नमस्ते, मेरा नाम जीपीटी-4o है। मैं एक नए प्रकार का भाषा मॉडल हूँ। आपसे मिलकर अच्छा लगा!", 90, 31),
    "urd": ("ہیلو، میرا نام جی پی ٹی-4o ہے۔ میں ایک نئے قسم کا زبان ماڈل ہوں، آپ سے مل کر اچھا لگا!", 82, 33),
    "arb": ("مرحبًا، اسمي جي بي تي-4o. أنا نوع جديد من نموذج اللغة، سررت بلقائك!", 53, 26),
    "rus": ("Привет, меня зовут GPT-4o. Я — новая языковая модель, приятно познакомиться!", 39, 23),
    "kor": ("안녕하세요, 제 이름은 GPT-4o입니다. 저는 새로운 유형의 언어 모델입니다, 만나서 반갑습니다!", 45, 27),
    "vie": ("Xin chào, tên tôi là GPT-4o. Tôi là một loại mô hình ngôn ngữ mới, rất vui được gặp bạn!", 46, 30),
    "zho": ("你好，我的名字是GPT-4o。我是一种新型的语言模型，很高兴见到你!", 34, 24),
    "jpn": ("こんにちは、私の名前はGPT-4oです。私は新しいタイプの言語モデルです。初めまして！", 37, 26),
    "tur": ("Merhaba, benim adım GPT-4o. Ben yeni bir dil modeli türüyüm, tanıştığımıza memnun oldum!", 39, 30),
    "deu": (
        "Hallo, mein Name is GPT-4o. Ich bin ein neues KI-Sprachmodell. Es ist schön, dich kennenzulernen.",
        34,
        29,
    ),
    "spa": ("Hola, me llamo GPT-4o. Soy un nuevo tipo de modelo de lenguaje, ¡es un placer conocerte!", 29, 26),
    "por": ("Olá, meu nome é GPT-4o. Sou um novo tipo de modelo de linguagem, é um prazer conhecê-lo!", 30, 27),
    "fra": (
        "Bonjour, je m'appelle GPT-4o. Je suis un nouveau type de modèle de langage, c'est un plaisir de vous "
        "rencontrer!",
        31,
        28,
    ),
    "eng": ("Hello, my name is GPT-4o. I'm a new type of language model, it's nice to meet you!", 27, 24),
}


@pytest.mark.parametrize("definition", ["sums", "mean", "joined", "stripped"])
def test_the_announcement_of_o200k(definition: str) -> None:
    text = {code: [sentence] for code, (sentence, _, _) in ANNOUNCED.items()}
    report = fasttok.premium(text, ["cl100k_base", "o200k_base"], pivot="eng", definition=definition)  # type: ignore[arg-type]
    for encoding, column in (("cl100k_base", 1), ("o200k_base", 2)):
        counted = {row.language: row.tokens for row in report.of(encoding)}
        assert counted == {code: published[column] for code, published in ANNOUNCED.items()}
        for row in report.of(encoding):
            assert row.premium == ANNOUNCED[row.language][column] / ANNOUNCED["eng"][column]
