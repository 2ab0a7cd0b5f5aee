"""Makes the texts of families.json.gz: the training corpus and the 1,000 texts in ten scripts."""

import random

# Letters of each script, of which words are made, and its punctuation and digits.
SCRIPTS = {
    "latin": ("abcdefghijklmnopqrstuvwxyzäéîõüçñßøåæœšžłđıİŁ", ".,!?;:'\"()-", "0123456789"),
    "cyrillic": ("абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґ", ".,!?«»—", "0123456789"),
    "greek": ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊΐ", ".,;·«»", "0123456789"),
    "arabic": ("ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأؤإئةى", "،؛؟.", "٠١٢٣٤٥٦٧٨٩"),
    "hebrew": ("אבגדהוזחטיכלמנסעפצקרשתךםןףץ", ".,־״׳", "0123456789"),
    "devanagari": ("अआइईउऊएऐओऔकखगघचछजझटठडढणतथदधनपफबभमयरलवशषसह", "।॥,", "०१२३४५६७८९"),
    "thai": ("กขคฆงจฉชซญฎฏฐณดตถทธนบปผฝพฟภมยรลวศษสหอฮ", "ฯๆ.", "๐๑๒๓๔๕๖๗๘๙"),
    "chinese": ("的一是不了人在有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里", "，。！？、「」《》", "一二三四五六七八九十"),
    "japanese": ("あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをんアイウエオカキクケコサシスセソタチツテトンー日本語猫犬写真", "。、「」・", "0123456789"),
    "korean": ("가나다라마바사아자차카타파하고노도로모보소오조초구누두루무부수우주추한국어사진", ".,!?", "0123456789"),
}
SIGNS = {
    "devanagari": "ािीुूेैोौ्ंः",
    "thai": "ัิีึืุู็่้๊๋์ะาำเแโใไ",
    "arabic": "ًٌٍَُِّْـ",
    "hebrew": "ְִֵֶַָֹּׁׂ",
}
MARKS = "\u0300\u0301\u0302\u0303\u0308\u030a\u0323\u0327\u0328\u0345\u0483\u05b0\u064b\u093c\u20dd\u20e3\u3099\u309a\ufe0f\u200d\u200c\u1ab0\U0001d165"
COMPATIBLE = "ﬁﬀﬃ①⑳½¼²³ªº℃№™㎏㍿㌔ｱｲｳﾞﾟＡＢＣａｂｃ０１２！？（）　ﷺﷲﻻℵ𝐀𝒜𝟘Ⅷⅷ…‥'´¨¯ĳǆŉſẛΐ΅ϐϑ가각힣ᄀ"
CONTROLS = "\t\n\r\x0b\x0c\x01\x07\x1f\x7f\x85\x8f\x9f\xa0\xad\u0600\u061c\u06dd\u070f\u1680\u180e\u2000\u200b\u200e\u200f\u2028\u2029\u202f\u205f\u2060\u2066\u3000\ue000\ufeff\ufff9\ufffd\uffff\U000e0001\U000f0000"
EMOJI = ["🙂", "👍🏽", "👩‍👩‍👧‍👦", "🇩🇪", "🇯🇵🇺", "❤️", "☎️", "©️", "©\u200d♥", "®", "1️⃣", "#️⃣", "🏳️‍🌈", "🧑🏿‍🚀", "🫠", "🪿", "🐈‍⬛", "‼️"]
SPELLED = ["<s>", "</s>", "<unk>", "<pad>", "<mask>", "[CLS]", "[SEP]", "[UNK]", "[MASK]", "[PAD]", "<bos>", "<eos>", "<extra_id_0>", "<0x41>", "##a", "▁", "▁▁a", "<image>"]
RARE = "ꙮ\u0904ᚠ𐍈𓀀𐎠ꦀ\u1c90ↄ\ua7c4\u1e9eǅﬓ\u0958\u0344\u1fee\u2126\u212b\u2adc\U0001f130\U00020000\U0002f800\u0378\u2b4f\U0001fbf0\u32ff\U00010781\ua7f2\U0001e030\u1e9b\u0323\u0f73\u1100\u1161\u11a8"


def lexicon(rng, name):
    letters, signs = SCRIPTS[name][0], SIGNS.get(name, "")
    longest = 4 if name in ("chinese", "japanese", "korean") else 9
    words = []
    for _ in range(220):
        word = ""
        for _ in range(rng.randint(1, longest)):
            word += rng.choice(letters)
            if signs and rng.random() < 0.4:
                word += rng.choice(signs)
        words.append(word)
    return words


def sentence(rng, name, words):
    """Words by Zipf's law, with punctuation and numbers of the script."""
    _, points, digits = SCRIPTS[name]
    space = "" if name in ("chinese", "japanese", "thai") and rng.random() < 0.8 else " "
    parts = []
    for _ in range(rng.randint(1, 9)):
        word = words[min(int(rng.paretovariate(0.7)) - 1, len(words) - 1)]
        if rng.random() < 0.25:
            word = word.capitalize() if rng.random() < 0.8 else word.upper()
        if rng.random() < 0.12:
            word += rng.choice(points)
        if rng.random() < 0.08:
            word += space + "".join(rng.choice(digits) for _ in range(rng.randint(1, 5)))
        parts.append(word)
    return space.join(parts)


def corpus(seed=13, lines=12000):
    rng = random.Random(seed)
    words = {name: lexicon(rng, name) for name in SCRIPTS}
    return words, [sentence(rng, name, words[name]) for _ in range(lines // len(words)) for name in words]


def disturb(rng, text):
    """Puts what is hard on a tokenizer into a text."""
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(text))
        extra = rng.choice(
            [
                lambda: rng.choice(EMOJI),
                lambda: "".join(rng.choice(MARKS) for _ in range(rng.randint(1, 3))),
                lambda: "".join(rng.choice(COMPATIBLE) for _ in range(rng.randint(1, 4))),
                lambda: rng.choice(CONTROLS),
                lambda: " " * rng.randint(1, 4),
                lambda: rng.choice(SPELLED),
                lambda: " " + rng.choice(SPELLED) + " ",
                lambda: rng.choice(RARE),
                lambda: rng.choice("abcxyz1.!'") + rng.choice(MARKS),
                lambda: b"\xff\xe2\x82\xf0\x9f".decode("utf-8", "replace"),
            ]
        )()
        text = text[:at] + extra + text[at:]
    return text


FIXED = [
    "", " ", "  ", "\n", "a", " a", "a ", "\u0301", "\u200b", "\u200ba b", "\x01a b", "é", "e\u0301", "\r\n", "a\r\nb", "!", "!!a!!", "a" * 99, "a" * 100, "a" * 101,
    "b" * 140, "日" * 101, " <mask> a <mask>b", "x<s>y</s> z", "I don't, you can't; we've 's 're. it isn ' t", "A photo of a cat.", "a photo of TWO dogs!",
    "a,b , c .d", "½a", "\ufeffa", "▁a", "<0x0A>", "日本語のテキスト", "한국어 텍스트", "Ελληνικά ΚΕΊΜΕΝΟ ΣΑΣ", "İstanbul ISPARTA ı", "ǅ ŉ ß ẞ", "مرحبا بالعالم", "שלום עולם", "नमस्ते दुनिया",
    "สวัสดีชาวโลก", "привет, мир", "a\u0300\u0316\u0301b", "q\u0307\u0323", "\u1100\u1161\u11a8", "각", "\u0915\u094d\u0937", "🇩🇪🇫", "a\u200db", "©\u200d♥©\u200da", "\u0600a\u06dd1",
    "a" + "\u0301\u0323\u0300" * 40 + "b", "\u0344" * 40, "½a", "΅a", "‥ｃ½н", "\u2000a", "a<pa\x01d>b", "＜s＞ ＜/s＞", "´ﾞ）a",
]


def texts(words, seed=31, count=1000):
    rng = random.Random(seed)
    out = list(FIXED)
    names = list(SCRIPTS)
    while len(out) < count:
        name = names[len(out) % len(names)]
        text = sentence(rng, name, words[name])[:60]
        if rng.random() < 0.2:
            other = rng.choice(names)
            text += rng.choice(["", " "]) + sentence(rng, other, words[other])[:30]
        if rng.random() < 0.55:
            text = disturb(rng, text)
        out.append(text)
    return out
