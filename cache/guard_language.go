package cache

import (
	"strings"
	"unicode"
)

// The language guard: a question in another language, or script, wants an answer in that; and a question that asks for
// French does not ask for German, nor one for Python for Ruby.

// languageClose is how close the rest of the texts must be for two languages that are asked for to be conclusive.
const languageClose = 0.5

func languageGuard(p *pair, dst []finding) []finding {
	if x, y := p.a.speaks, p.b.speaks; x != y && x != "" && y != "" {
		return append(dst, finding{ReasonLanguage, x + " / " + y, true})
	}
	a, b := p.a.asksFor(), p.b.asksFor()
	if a < 0 || b < 0 {
		return dst
	}
	x, y := &p.a.words[a], &p.b.words[b]
	if p.b.shares(x) || p.a.shares(y) || (x.lower == "go" || x.lower == "golang") && (y.lower == "go" || y.lower == "golang") {
		return dst
	}
	return append(dst, finding{ReasonLanguage, x.raw, p.closeness(p.a.apart(p.b, a, a).and(p.b.apart(p.a, b, b))) >= languageClose})
}

// languages that a question may ask for, in words that name little else where "in", "into" or "to" stands before them.
var languages = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(`
		arabic bengali chinese mandarin cantonese czech danish dutch english esperanto finnish french gaelic german greek
		gujarati hebrew hindi hungarian icelandic indonesian irish italian japanese kannada korean latin malay malayalam
		marathi nepali norwegian persian farsi polish portuguese punjabi romanian russian sanskrit serbian spanish swahili
		swedish tagalog tamil telugu thai turkish ukrainian urdu vietnamese welsh
		bash clojure dart elixir erlang fortran golang haskell java javascript julia kotlin lua matlab perl php powershell
		python ruby rust scala sql swift typescript vba`) {
		m[w] = true
	}
	return m
}()

// asksFor returns the word that names the language which the text asks for; -1: none. A text that names two ("from
// French to German") is the direction guard's, but for the last one.
func (a *analysed) asksFor() int {
	found := -1
	for i := 1; i < len(a.words); i++ {
		switch a.words[i-1].lower {
		case "in", "into", "to", "using", "with":
			if w := &a.words[i]; languages[w.lower] || w.raw == "Go" || w.raw == "R" {
				found = i
			}
		}
	}
	return found
}

// marks are little words of a language that hardly occur in the others.
var marks = func() map[string]string {
	m := map[string]string{}
	for language, list := range map[string]string{
		"English":    "the and is of my how what does can with for this that are why when which you",
		"French":     "le les est une des comment je pour quel quelle avec dans pourquoi mon vous où ce qui puis-je",
		"German":     "der das ist und ich wie wir nicht ein eine kann für mit warum mein wann auf welche zu",
		"Spanish":    "el los cómo como puedo para qué una cuál mi por dónde cuándo las del está",
		"Italian":    "il gli è come posso perché che quale mio della nel sono quando di dove",
		"Portuguese": "os não como posso uma meu qual você por onde quando fazer para minha são",
		"Dutch":      "het een hoe ik kan van niet mijn wat waarom wanneer voor met welke zijn de",
	} {
		for w := range strings.FieldsSeq(list) {
			if m[w] != "" {
				m[w] = "" // of two languages: says nothing
				continue
			}
			m[w] = language
		}
	}
	for w, l := range m {
		if l == "" {
			delete(m, w)
		}
	}
	return m
}()

// language returns the script of a text that is not in Latin letters, the language of one that is where its little
// words leave no doubt, and "" where they do.
func (a *analysed) language() string {
	var latin, other int
	script := ""
	for _, w := range a.words {
		for _, r := range w.raw {
			if r < 0x250 {
				latin++
				continue
			}
			if s := scriptOf(r); s != "" {
				script = s
				other++
			}
		}
	}
	if other > latin {
		return script
	}
	var best, all int
	language := ""
	var names [8]string
	var counts [8]int
	for _, w := range a.words {
		l := marks[w.lower]
		if l == "" {
			continue
		}
		all++
		for i := range names {
			if names[i] == "" {
				names[i] = l
			}
			if names[i] == l {
				if counts[i]++; counts[i] > best {
					best, language = counts[i], l
				}
				break
			}
		}
	}
	if best < 2 || best*3 < all*2 {
		return ""
	}
	return language
}

func scriptOf(r rune) string {
	switch {
	case unicode.Is(unicode.Han, r):
		return "Han"
	case unicode.In(r, unicode.Hiragana, unicode.Katakana):
		return "Kana"
	case unicode.Is(unicode.Cyrillic, r):
		return "Cyrillic"
	case unicode.Is(unicode.Arabic, r):
		return "Arabic"
	case unicode.Is(unicode.Devanagari, r):
		return "Devanagari"
	case unicode.Is(unicode.Hangul, r):
		return "Hangul"
	case unicode.Is(unicode.Greek, r):
		return "Greek"
	case unicode.Is(unicode.Hebrew, r):
		return "Hebrew"
	case unicode.Is(unicode.Thai, r):
		return "Thai"
	case unicode.IsLetter(r):
		return "other"
	}
	return ""
}
