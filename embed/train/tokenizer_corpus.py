"""The texts on which the Go tokenizer is compared with the reference.

build(seed, vocab) returns 10,000 lines and 1,000 pairs. All is drawn from Python's random.Random, whose
sequences are fixed for a seed, and from code point ranges written out below; unicodedata is not used, as its
content depends on the Python that runs. The phrases were written for this file.
"""

import random

LINES, PAIRS = 10_000, 1_000

PHRASES = """\
How do I reset my password?|What's the difference between TCP and UDP?|I can't log in since yesterday's update!
Wie ändere ich meine Straße und Hausnummer?|Größere Übungsstücke für Flöte|Où est la bibliothèque, s'il vous plaît ?
Ça va très bien, merci à vous|¿Dónde está la estación de tren más cercana?|El niño pequeño comió piña
Jak mohu změnit své heslo?|Příliš žluťoučký kůň|Zażółć gęślą jaźń|Bună ziua, ce mai faceți?|Şifremi nasıl değiştirebilirim?
İstanbul'da ılık bir gün; IŞIK ve ışık|Hvordan nullstiller jeg passordet?|Þetta er íslenska, ekki færeyska
Kuinka vaihdan sähköpostiosoitteeni?|Hogyan tudom lemondani az előfizetést?|Làm thế nào để đổi mật khẩu? Đường này rất dài
Πώς αλλάζω τον κωδικό μου; Οδυσσεύς ΟΔΥΣΣΕΥΣ|Καλημέρα σας, τι κάνετε;|Как сменить пароль? Ёжик и йод|Як змінити пароль? Її ґанок
Как е по-българскиѝ|Ако не можеш да пееш|Како да променим лозинку? Љубав и Њива|Ինչպե՞ս փոխել գաղտնաբառը։|როგორ შევცვალო პაროლი? ᲗᲑᲘᲚᲘᲡᲘ
כיצד אפשר לשנות את הסיסמה?|שָׁלוֹם עֲלֵיכֶם|كيف أغيّر كلمة المرور؟|السَّلامُ عَلَيْكُم|چطور گذرواژه را عوض کنم؟ می‌خواهم|پاس ورڈ کیسے بدلیں؟ ۱۲۳
मैं अपना पासवर्ड कैसे बदलूँ?|क्षत्रिय ज्ञान श्रीमान्|আমি কীভাবে পাসওয়ার্ড বদলাব?|ਮੈਂ ਆਪਣਾ ਪਾਸਵਰਡ ਕਿਵੇਂ ਬਦਲਾਂ?|હું મારો પાસવર્ડ કેવી રીતે બદલું?
என் கடவுச்சொல்லை எப்படி மாற்றுவது?|నా పాస్‌వర్డ్ ఎలా మార్చాలి?|ನನ್ನ ಪಾಸ್‌ವರ್ಡ್ ಹೇಗೆ ಬದಲಾಯಿಸುವುದು?|എന്റെ പാസ്‌വേഡ് എങ്ങനെ മാറ്റാം?|මගේ මුරපදය වෙනස් කරන්නේ කෙසේද?
ฉันจะเปลี่ยนรหัสผ่านได้อย่างไร น้ำ กำลัง|ຂ້ອຍຈະປ່ຽນລະຫັດຜ່ານໄດ້ແນວໃດ|ကျွန်ုပ်၏ စကားဝှက်ကို ဘယ်လိုပြောင်းရမလဲ|តើខ្ញុំប្តូរពាក្យសម្ងាត់ដោយរបៀបណា?|གསང་ཚིག་ཇི་ལྟར་བསྒྱུར་དགོས།
የይለፍ ቃሌን እንዴት እቀይራለሁ?|ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ꭰꭱ|ᓄᓇᕗᒻᒥ ᐃᓄᒃᑎᑐᑦ|ᠮᠣᠩᠭᠣᠯ ᠪᠢᠴᠢᠭ|ꦲꦏ꧀ꦱꦫꦗꦮ|ᬅᬓ᭄ᬱᬭᬩᬮᬶ|ᮃᮊ᮪ᮞᮛ|ꯃꯤꯇꯩ|ߒߞߏ|ⵜⴰⵎⴰⵣⵉⵖⵜ
パスワードを変更するにはどうすればいいですか。|ガギグ ｶﾞｷﾞｸﾞ がぎぐ|東京都千代田区１丁目２番|如何更改我的密码？|繁體中文與簡體中文的區別|㐀㐁𠀀𠀁𪜀𫝀𫠠丽豈﨑
비밀번호를 어떻게 변경하나요?|각낡값 한국어 ㄱㄴㄷ ｱｲｳ|𐌰𐌱 𐐀𐐨 𐓀𐓨 𞤀𞤢 𝔄𝔟𝒞 𝟙𝟚𝟛 𝖠𝗕|Ⅷ ⅷ Ⓐ ⓐ Ａｂｃ １２３ ﬁ ﬂ ﬃ ẞ ß ſ K Å Ω
"""

EDGES = """\
İ I ı i̇ İİ|ΑΣ Σ ΑΣΑ ς σ ΑΣ. ΑΣ Β|ẞß SS ﬀ ﬁ ﬂ ﬃ ﬄ ﬅ ﬆ|ǅ Ǆ ǆ ǈ ǋ ǲ|ŉ ǰ ΐ ΰ և|Ǻ ǻ Ḝ ộ ở|é é É É|a\u0300\u0301\u0316b|\u0301abc|!\u0301? .\u302E,
don't can't won't it's|rock'n'roll “quoted” ‘single’ «guillemets» „low“ ‚x‘|e-mail co-op twenty-one 3-4 – — ‒ ― ⸺|... … ‥ !!! ?!?! ‽ ⁇ ⁈|$5.00 €5 £5 ¥5 ₹5 ₿1 5% 5‰ 5¢|@user #tag *bold* _it_ `code` ~tilde~ ^caret^
1,000.50 1e-9 0xFF 3.14159 10:30 2024-02-29 +1 (555) 010-0199|½ ¼ ⅓ ² ³ ₂ ① ⑴ ⒈ 〇 一二三|§5 ¶ † ‡ • ‣ · ‧ ° ′ ″ ℃ ℉ ™ © ®|→ ← ⇒ ∀ ∃ ≠ ≤ ≥ ≮ ≯ ∑ ∫ √ ∞ ≈|\u037E\u0387\u1FEF\u2000\u2126\u212A\u212B\u2329\u232A
x\u00ADy soft\u00ADhyphen|zero\u200Bwidth\u200Cjoin\u200Der\u2060word\uFEFFbom|a\u00A0b\u1680c\u2003d\u202Fe\u205Ff\u3000g|a\u0085b\u2028c\u2029d|a\u180Eb\u061Cc\u200Ed\u200Fe\u202Af\u202Eg\u2066h\u2069i|tab\tnew\nline\rreturn\vvertical\ffeed|\x00\x01\x1b[31mred\x1b[0m\x7f\x80\x9f|\uFFFD\uFFFE\uFFFF|\uE000\uF8FF\U000F0000\U0010FFFF|\U000E0001\U000E0041\U000E007F\U000E0100
👍 👍🏽 ☝️ ❤️‍🔥 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 1️⃣ #️⃣ 🫠 🧑🏿‍🚀 ☺ ☺️ ✅|ok👍ok 日本👍語 🎉🎉🎉party🎉|:-) ;) ^_^ ¯\\_(ツ)_/¯ (╯°□°)╯︵ ┻━┻|Z̷̧̛a̴͓l̵g̶o̸ t̶̢e̵x̷t̸|\u0CCB\u0CC8\u0C48\u0DDE\u0B4C\u1B3D|\U0001D15E\U0001D160\U0001D1BB|\u0344\u0390\u1FC1\u0F73\u0F75\u0F81
"""

LITERALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
NEAR_LITERALS = ["[sep]", "[SEP", "SEP]", "[ SEP ]", "[[SEP]]", "[SE P]", "[MASK", "[SE\u00ADP]", "[SEP\u0301]", "[CLS]]", "[unused0]",
                 "[unused99]", "##ing", "##", "##s", "</s>", "<s>", "[\uFF33EP]", "\uFF3BSEP\uFF3D", "[Sep]", "[PAD][PAD]", "[CLS][SEP]"]

# Marks that the normalizer keeps, strips as marks, and strips as starters: where they meet, order can go wrong.
KEPT = "\u08D4\u08E1\u1B44\u1BAA\u1BF2\u1DFB\u302E\u302F\uA953\uA9C0\U000111C0\U0001134D\U00011442\U00011446\U0001D165\U0001D16D\U0001E000\U0001E02A\U0001E944\U0001E94A"
STRIPPED = "\u0300\u0301\u0308\u0316\u0327\u0334\u0345\u05B0\u064B\u0670\u093C\u094D\u0E38\u0F71\u3099\uFE20\U0001D167"
FENCES = "\u0CC6\u0E31\u0902\u0941\u0C46\uFE0F\u180B\u034F\u0D41\u1036"
SPACES = " \t\n\r\u000B\u000C\u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000"
CONTROLS = "".join(map(chr, [*range(32), *range(127, 160), 0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF, 0xFFF9, 0xFFFD]))
PUNCTUATION = "".join(map(chr, [*range(33, 48), *range(58, 65), *range(91, 97), *range(123, 127), *range(0xA1, 0xC0), *range(0x2010, 0x2028),
                               *range(0x2030, 0x205F), *range(0x2308, 0x230C), *range(0x27E6, 0x27F0), *range(0x2983, 0x2999), *range(0x2E00, 0x2E60),
                               *range(0x3001, 0x3020), *range(0xFE10, 0xFE1A), *range(0xFE30, 0xFE6C), *range(0xFF01, 0xFF10)]))
EMOJI = [*range(0x1F300, 0x1F700), *range(0x1F900, 0x1FB00), *range(0x2600, 0x27C0)]

# Planes whose every code point appears, in order, and planes of which a sample does.
WHOLE = [(0x0000, 0x3400), (0xA000, 0xAC00), (0xD7A4, 0xD800), (0xF900, 0x13000), (0x16000, 0x17000), (0x1B000, 0x1B300), (0x1BC00, 0x1BCB0), (0x1D000, 0x1D800),
         (0x1E000, 0x1F000)]
SAMPLED = [(0x3400, 0xA000), (0xAC00, 0xD7A4), (0xE000, 0xF900), (0x13000, 0x16000), (0x17000, 0x1B000), (0x1F000, 0x20000), (0x20000, 0x32400),
           (0x40000, 0x50000), (0xE0000, 0xE0200), (0xF0000, 0x110000)]


def build(seed, vocab):
    """Returns 10,000 (text or bytes, limit) and 1,000 (text, text, limit)."""
    r = random.Random(seed)
    texts = [*fixed(), *literals(r, 600), *sweep(), *sampled(r, 900), *marks(r, 900), *spaces(r, 500), *punctuation(r, 500), *emoji(r, 350),
             *hangul_and_han(r, 500), *mixed_scripts(r, 800), *long_words(r, 250), *code(r, 500), *broken(r, 250)]
    lines = [(t, limit(r)) for t in texts] + [(t, 512) for t in long_texts(r, vocab, 60)]
    lines += [(t, limit(r)) for t in vocabulary_words(r, vocab, LINES - len(lines))]
    assert len(lines) == LINES
    return lines, pairs(r, vocab)


def limit(r):
    return 512 if r.random() < 0.85 else r.randint(2, 24)


def cells(text):
    """The phrases of a list above, which bars and line ends separate."""
    for line in text.splitlines():
        yield from (cell for cell in line.split("|") if cell)


def fixed():
    yield ""
    yield " "
    for phrase in [*cells(PHRASES), *cells(EDGES)]:
        yield phrase
        yield phrase.upper()


def sweep():
    """Every code point of the living scripts: 24 in a row, every third with letters around it."""
    for low, high in WHOLE:
        for start in range(low, high, 24):
            chars = [chr(c) for c in range(start, min(start + 24, high))]
            yield "".join(f"{c} a{c}b " if i % 3 == 0 else c for i, c in enumerate(chars))


def random_char(r):
    low, high = r.choice(SAMPLED + WHOLE)
    return chr(r.randrange(low, high))


def sampled(r, n):
    for _ in range(n):
        yield "".join(random_char(r) if r.random() < 0.7 else r.choice("ab Z.é") for _ in range(r.randint(1, 40)))


def marks(r, n):
    kinds = [KEPT, STRIPPED, FENCES, "aeo", "가ｶ", " .", "漢", "\u200D\x00", "É\u0130\U0001D15E\u0CCB\u1E69"]
    for _ in range(n):
        weights = [5, 3, 2, 3, 1, 1, 1, 1, 2]
        yield "".join(r.choice(r.choices(kinds, weights)[0]) for _ in range(r.randint(2, 40)))


def spaces(r, n):
    for _ in range(n):
        yield "".join(r.choice(["word", "x", "É", "漢"]) if r.random() < 0.5 else r.choice(SPACES + CONTROLS) for _ in range(r.randint(1, 20)))


def punctuation(r, n):
    for _ in range(n):
        yield "".join(r.choice(["word", "12", "Ünder", "\u0301", " "]) if r.random() < 0.4 else r.choice(PUNCTUATION) for _ in range(r.randint(1, 20)))


def emoji(r, n):
    for _ in range(n):
        parts = []
        for _ in range(r.randint(1, 8)):
            e = chr(r.choice(EMOJI)) + r.choice(["", "\uFE0F", "\uFE0E", chr(r.randint(0x1F3FB, 0x1F3FF)), "\u20E3"])
            parts.append(e + r.choice(["", " ", "\u200D", "ok", "!"]))
        yield "".join(parts)


def hangul_and_han(r, n):
    for _ in range(n):
        yield "".join(
            r.choice([chr(r.randint(0xAC00, 0xD7A3)), chr(r.randint(0x1100, 0x11FF)), chr(r.randint(0x4E00, 0x9FFF)), chr(r.randint(0x3400, 0x4DBF)),
                      chr(r.randint(0xF900, 0xFAFF)), chr(r.randint(0x2F800, 0x2FA1F)), chr(r.randint(0x20000, 0x323AF)), chr(r.randint(0x3041, 0x30FF)),
                      chr(r.randint(0xFF61, 0xFFDC)), "\u3099", "a", " "]) for _ in range(r.randint(1, 24)))


def mixed_scripts(r, n):
    words = [w for phrase in cells(PHRASES) for w in phrase.split()]
    for _ in range(n):
        yield r.choice([" ", " ", "", ", ", "\u3000"]).join(r.choice(words) for _ in range(r.randint(1, 12)))


def long_words(r, n):
    """Around the limit of 100 characters, counted after normalization."""
    for _ in range(n):
        unit = r.choice(["a", "ab", "É", "e\u0301", "가", "각", "\U0001E000", "1", "ß", "я", "\u0CCB", "a\u200B", "-", "漢", "\U00011442", "x\U00011446"])
        count = r.choice([r.randint(95, 105), r.randint(30, 60), r.randint(180, 220)])
        yield r.choice(["", "see "]) + unit * count + r.choice(["", " end", ".", "\u0301", "\u302E", "[SEP]"])


def literals(r, n):
    for _ in range(n):
        parts = [r.choice([r.choice(LITERALS), r.choice(LITERALS), r.choice(NEAR_LITERALS), "a", "Word", " ", "\u0301", "\u302E", "[", "]", ".", "漢"])
                 for _ in range(r.randint(1, 8))]
        yield "".join(parts)


def code(r, n):
    names = ["userId", "get_value", "HTTPServer", "x1", "MAX_LEN", "i", "résultat", "δx", "self.__init__", "std::vector", "__dirname", "λ"]
    hosts = ["example.com", "api.example.org:8443", "xn--bcher-kva.example", "bücher.example", "10.0.0.1", "[::1]"]
    for _ in range(n):
        n1, n2 = r.choice(names), r.choice(names)
        number = r.randrange(10 ** r.randint(1, 12))
        yield r.choice([
            f"if ({n1} != {n2}) {{ return {number}; }} // {n1}",
            f"def {n1}(self, *{n2}, **kw): yield {number:#x}",
            f"https://{r.choice(hosts)}/{n1}/{number}?q={n2}&lang=%C3%A9#frag-{number}",
            f"SELECT {n1}, COUNT(*) FROM `{n2}` WHERE id >= {number} AND name LIKE '%{n1}%';",
            f'{{"{n1}": [{number}, -1.5e{number % 99}, null], "{n2}": "\\u00e9\\n"}}',
            f"2024-{number % 12 + 1:02}-03T{number % 24:02}:00:00.{number}Z ERROR [{n1}] {n2}: exit status {number % 256}",
            f"$ curl -sS -X POST https://{r.choice(hosts)}/v1 -d @{n1}.json | jq '.{n2}[{number % 9}]'",
            f"<a href=\"/{n1}?id={number}\">{n2}</a> &amp; <b>{number:,}</b>",
            f"{number:064b} {number:032x} {n1}@{r.choice(hosts)}",
        ])


def broken(r, n):
    """Bytes that are not UTF-8, which the reference reads by way of errors='replace'."""
    source = "".join(cells(PHRASES)).encode()
    bad = [b"\x80", b"\xff", b"\xc0\xaf", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3", b"[SE\xffP]", b"[SEP]", b"\xef\xbf\xbd"]
    for _ in range(n):
        at = r.randrange(len(source) - 60)
        piece = bytearray(source[at:at + r.randint(1, 60)])
        for _ in range(r.randint(1, 3)):
            i = r.randrange(len(piece) + 1)
            piece[i:i + r.randint(0, 2)] = r.choice(bad)
        yield bytes(piece)


def cased(r, word):
    return r.choice([word, word, word.upper(), word.capitalize(), word + r.choice(["\u0301", "\u0327", "s", "ed"])])


def vocabulary_words(r, vocab, n):
    """Pieces of the vocabulary joined to words that it may or may not cover."""
    for _ in range(n):
        words = []
        for _ in range(r.randint(1, 10)):
            parts = [r.choice(vocab).removeprefix("##") for _ in range(r.choice([1, 1, 2, 3]))]
            words.append(cased(r, "".join(parts)))
        yield r.choice([" ", " ", ", ", " - "]).join(words)


def long_texts(r, vocab, n):
    for _ in range(n):
        yield " ".join(cased(r, r.choice(vocab)) for _ in range(r.randint(300, 700))) + r.choice(["", " " * 50, "[SEP]", "\u0301" * 300])


def pairs(r, vocab):
    """Lengths on both sides of every case of the truncation, odd and even, and both orders."""
    out = []
    for i in range(PAIRS):
        la, lb = (r.choice([0, 1, 2, 3, 5, 8, 13, 21, 34]) for _ in range(2))
        most = r.choice([512, la + lb + 3, la + lb + 2, la + lb, r.randint(3, 40), r.randint(3, 12)])
        a, b = (" ".join(r.choice(vocab[2000:20000]) for _ in range(k)) for k in (la, lb))
        if i % 10 == 0:
            b += r.choice([*LITERALS, *NEAR_LITERALS])
        out.append((a, b, max(most, 3)))
    return out
