package cache

import (
	"regexp"
	"strconv"
	"strings"
)

// number is one number of a text, in whatever form it is written: 5k, 5000, "five thousand".
type number struct {
	value float64
	text  string   // instead of a value: a version, or more digits than a float64 keeps
	unit  *measure // nil: none said
	token string   // as written
	// places counts the digits after the point, of a number that nothing scales: 3.10 is another version, section or game than 3.1.
	places   int
	unitCase string // see there
	// weak numbers are words that often count nothing ("no one", "first of all", "two-factor"). One that the other
	// text lacks is no difference; two that differ are.
	weak        bool
	first, last int    // words
	noun, lead  string // stems of the words after and before it, if they are content words: pages, tier
}

// same reports whether the two may be one number.
func (n *number) same(m *number) bool {
	switch {
	case n.text != "" || m.text != "":
		return n.text == m.text
	case !sameUnitCase(n.unitCase, m.unitCase):
		return false
	case n.isDecade(m) || m.isDecade(n): // the 90s, the 1990s
		return true
	case n.unit != nil && m.unit != nil:
		return n.unit.equal(n.value, m.unit, m.value)
	case n.unit == nil && m.unit == nil && n.places > 0 && m.places > 0 && n.places != m.places:
		return false
	case n.value == m.value:
		return true
	}
	// A fifth, 20 %.
	return n.unit != nil && n.unit.dim == "share" && n.value*n.unit.factor == m.value ||
		m.unit != nil && m.unit.dim == "share" && m.value*m.unit.factor == n.value
}

// isDecade reports whether n is a decade, the 1990s, and m the same without its century. What has no year's form is of seconds: 30s, 130s.
func (n *number) isDecade(m *number) bool {
	if n.unit != bare["s"] || m.unit != n.unit || n.value < 1000 || n.value >= 2100 || m.value < 0 || m.value >= 100 {
		return false
	}
	year, short := strings.TrimRight(n.token, "'’sS"), strings.TrimRight(m.token, "'’sS")
	return len(year) == 4 && len(short) == 2 && year[2:] == short && short[1] == '0' && isDigitByte(year[1])
}

// alike reports whether the two are numbers of one kind: of one dimension, or of the same thing.
func (n *number) alike(m *number) bool {
	if n.unit != nil && m.unit != nil {
		return n.unit.comparable(m.unit)
	}
	return n.noun != "" && n.noun == m.noun || n.lead != "" && n.lead == m.lead
}

var scales = map[string]float64{
	"k": 1e3, "bn": 1e9, "hundred": 100, "thousand": 1e3, "grand": 1e3, "million": 1e6, "mn": 1e6, "billion": 1e9,
	"trillion": 1e12, "lakh": 1e5, "lakhs": 1e5, "crore": 1e7, "crores": 1e7, "dozen": 12,
}

var (
	plainNumber = regexp.MustCompile(`^([-+−]?)(\p{Sc}?)([-+−]?)(\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)(\p{Sc}?)-?(%|[°µ]?\pL*)$`)
	scientific  = regexp.MustCompile(`^[-−]?(?:\d+(?:\.\d+)?|\.\d+)e-?\d{1,2}$`)
	version     = regexp.MustCompile(`^v?\d+(\.\d+){2,}\S*$`)
	fixedForm   = regexp.MustCompile(`^(\d+(/\d+)+|\d+[-.]\d+[-.]\d+|\d+:\d+(:\d+)*)$`)
	numberRange = regexp.MustCompile(`^(\p{Sc}?\.?\d[\d,.]*)-(\p{Sc}?\.?\d[\d,.]*\pL*%?)$`)
	versionWord = regexp.MustCompile(`^v(\d+(\.\d+)?)$`)
	hyphened    = regexp.MustCompile(`^(\p{Sc}?\.?\d[\d,.]*)-(\pL+)(-\S+)?$`)
	compound    = regexp.MustCompile(`^(\d+)(h|hr|hrs|m|min|ft|lb|'|’)(\d+)(m|min|mins|in|s|oz|)$`)
)

// numberAt reads the number that begins ws, and says how many words it took; 0: none does. A range gives two.
func numberAt(ws []word, dst []number) ([]number, int) {
	w := ws[0].lower
	switch {
	case !hasDigit(w): // nearly all words: keep the patterns away from them
		return spelled(ws, dst)
	case w == "24/7": // "at all times", not a number
		return dst, 1
	case strings.HasSuffix(w, "0's"): // the 1990's
		w = strings.Replace(w, "'", "", 1)
	}
	if x, y, ok := strings.Cut(strings.Replace(w, "-", "/", 1), "/"); ok && len(x) == 2 && len(y) == 2 {
		if r, ok := shared(x, y, strings.Contains(w, "-")); ok {
			return append(dst, number{text: r, token: ws[0].raw}), 1
		}
	}
	if strings.TrimLeft(w, "0123456789") == "" { // and most numbers
		return digits("", w, "", "", false, ws, dst)
	}
	if m := versionWord.FindStringSubmatch(w); m != nil {
		w = m[1]
	}
	switch {
	case strings.IndexByte(w, 'e') > 0 && scientific.MatchString(w): // 1e-5
		v, err := strconv.ParseFloat(strings.Replace(w, "−", "-", 1), 64)
		if err != nil {
			return dst, 0
		}
		return append(dst, number{value: v, token: ws[0].raw}), 1
	case version.MatchString(w):
		return append(dst, number{text: strings.TrimPrefix(w, "v"), token: ws[0].raw}), 1
	case fixedForm.MatchString(w):
		if x, y, ok := strings.Cut(w, "/"); ok && len(x) == 1 && len(y) == 1 && x < y && x > "0" {
			return append(dst, number{value: float64(x[0]-'0') / float64(y[0]-'0'), token: ws[0].raw}), 1
		}
		return append(dst, number{text: w, token: ws[0].raw}), 1
	}
	if m := compound.FindStringSubmatch(w); m != nil {
		if n, ok := composed(m, ws[0].raw); ok {
			return append(dst, n), 1
		}
	}
	if m := numberRange.FindStringSubmatch(w); m != nil {
		for _, end := range m[1:] {
			dst, _ = numberAt([]word{{raw: end, lower: end}}, dst)
		}
		return dst, 1
	}
	if m := hyphened.FindStringSubmatch(w); m != nil { // 30-minute, 10-year-old, 3-bed
		if head, used := numberAt([]word{{raw: m[1], lower: m[1]}}, dst); used > 0 && len(head) == len(dst)+1 {
			n := &head[len(head)-1]
			if n.token = ws[0].raw; n.unit == nil {
				n.unit = units[m[2]]
			}
			n.noun = stem(m[2])
			return head, 1
		}
	}
	if m := plainNumber.FindStringSubmatch(w); m != nil {
		return digits(m[2]+m[5], m[4], m[6], "", isMinus(m[1]) || isMinus(m[3]), ws, dst)
	}
	return dst, 0
}

// shared reads what is shared out in two, 80/20 or 80-20. What rises, 40-60, may be a range.
func shared(x, y string, hyphen bool) (string, bool) {
	v, errX := strconv.Atoi(x)
	w, errY := strconv.Atoi(y)
	return x + "/" + y, errX == nil && errY == nil && v+w == 100 && (v >= w || !hyphen)
}

// numerals are what a number is written with, but for its sign.
const numerals = "0123456789.,"

func isMinus(s string) bool { return s == "-" || s == "−" }

// composed reads 1h30, 2h30m, 5'7.
func composed(m []string, raw string) (number, bool) {
	major, minor := map[string]string{"hr": "h", "hrs": "h", "'": "ft", "’": "ft", "m": "min"}[m[2]], ""
	if major == "" {
		major = m[2]
	}
	switch major {
	case "h":
		minor = "min"
	case "min":
		minor = "sec"
	case "ft":
		minor = "inch"
	case "lb":
		minor = "oz"
	}
	x, errX := strconv.ParseFloat(m[1], 64)
	y, errY := strconv.ParseFloat(m[3], 64)
	if errX != nil || errY != nil {
		return number{}, false
	}
	big, little := units[major], units[minor]
	return number{value: x + y*little.factor/big.factor, unit: big, token: raw}, true
}

// digits reads a number written in digits, with what follows it: a scale ("million", "k"), then a unit.
func digits(currency, value, suffix, lead string, negative bool, ws []word, dst []number) ([]number, int) {
	n := number{token: ws[0].raw, lead: lead}
	used := 1
	if len(value) <= 3 && suffix == "" { // 10 000
		for used < len(ws) && ws[used].raw == "000" && ws[used].at == ws[used-1].at+len(ws[used-1].raw)+1 {
			value += "000"
			used++
		}
	}
	plain := strings.ReplaceAll(value, ",", "")
	if head, frac, ok := strings.Cut(value, ","); ok && len(frac) < 3 { // 3,5 as most of Europe writes it
		plain = head + "." + frac
	}
	if len(plain) > 15 { // an order or card number: more digits than a float64 keeps
		n.text = plain
		return append(dst, n), 1
	}
	v, err := strconv.ParseFloat(plain, 64)
	if err != nil {
		return dst, 0
	}
	if negative {
		v = -v
	}
	_, places, _ := strings.Cut(plain, ".")
	n.places = len(places)
	if scale, ok := scales[suffix]; ok {
		v, suffix, n.places = v*scale, "", 0
	} else if currency != "" && (suffix == "m" || suffix == "b") {
		v, suffix = v*map[string]float64{"m": 1e6, "b": 1e9}[suffix], ""
	}
	switch parts := used; {
	case suffix == "":
		used = scaled(&v, ws, used)
		if used > parts {
			n.places = 0
		}
		n.unit, used = unitAt(ws, used)
	case ordinalSuffix(suffix):
	case units[suffix] != nil:
		n.unit = units[suffix]
	case suffix == "m" || suffix == "s" || suffix == "x":
		n.unit = bare[suffix] // metres, minutes or millions: the same letter is all that can be asked for
	case unitCase(strings.TrimLeft(ws[0].raw, numerals)) != "": // 5mW
	default:
		return dst, 0 // 2fa, 5g, 401k's like: a name, which the identifier guard reads
	}
	if currency != "" {
		if n.unit = units[currency]; n.unit == nil {
			n.unit = &measure{name: currency, dim: currency, factor: 1}
		}
	}
	n.value = v
	if len(plain) == 4 && value == plain && n.unit == nil && used == 1 && v >= 1800 && v < 2100 && suffix == "" {
		n.unit = calendarYear
	}
	return append(dst, n), used
}

var (
	bare = map[string]*measure{
		"m": {name: "m", dim: "m", factor: 1}, "s": {name: "s", dim: "s", factor: 1}, "x": {name: "x", dim: "x", factor: 1},
	}
	calendarYear = &measure{name: "calendar year", dim: "calendar year", factor: 1}
)

// scaled multiplies v by the scale words that follow.
func scaled(v *float64, ws []word, used int) int {
	for used < len(ws) {
		scale, ok := scales[ws[used].lower]
		if !ok {
			break
		}
		*v *= scale
		used++
	}
	return used
}

func unitAt(ws []word, used int) (*measure, int) {
	if used < len(ws) {
		next := ws[used].lower
		if next == "per" && used+1 < len(ws) && ws[used+1].lower == "cent" {
			return units["%"], used + 2
		}
		if next == "degrees" || next == "degree" {
			if used+1 < len(ws) && units[ws[used+1].lower] != nil && units[ws[used+1].lower].dim == "temperature" {
				return units[ws[used+1].lower], used + 2
			}
		}
		if u := units[next]; u != nil {
			return u, used + 1
		}
	}
	return nil, used
}

func ordinalSuffix(s string) bool { return s == "st" || s == "nd" || s == "rd" || s == "th" }

var (
	small = index0("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
	tens  = map[string]float64{
		"twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
	}
	ordinals = index0("zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth")
	vague    = map[string]float64{
		"once": 1, "twice": 2, "single": 1, "double": 2, "both": 2, "triple": 3, "thrice": 3, "couple": 2, "pair": 2,
		"half": 0.5, "quarter": 0.25,
	}
	roman = map[string]float64{"II": 2, "III": 3, "VII": 7, "VIII": 8, "XII": 12}
)

func index0(list string) map[string]float64 {
	m := map[string]float64{}
	for i, w := range strings.Fields(list) {
		m[w] = float64(i)
	}
	return m
}

// spelled reads a number in words: "twenty-five", "two hundred and fifty thousand", "a dozen", "three quarters".
func spelled(ws []word, dst []number) ([]number, int) {
	first := ws[0].lower
	if v, ok := ordinals[first]; ok {
		return append(dst, number{value: v, token: ws[0].raw, weak: v <= 3 || v == 4 || v == 5}), 1 // a third, a fifth: fractions too
	}
	if v, ok := vague[first]; ok {
		if first == "half" && len(ws) > 2 && (ws[1].lower == "an" || ws[1].lower == "a") {
			if u := units[ws[2].lower]; u != nil && u.dim == "time" { // half an hour
				return append(dst, number{value: v, unit: u, token: ws[0].raw + " " + ws[1].raw + " " + ws[2].raw}), 3
			}
		}
		return append(dst, number{value: v, token: ws[0].raw, weak: true}), 1
	}
	if v, ok := roman[ws[0].raw]; ok {
		return append(dst, number{value: v, token: ws[0].raw}), 1
	}
	if head, rest, ok := strings.Cut(first, "-"); ok {
		ten, isTen := tens[head]
		if other := tens[rest]; isTen && ten+other == 100 { // fifty-fifty
			return append(dst, number{text: strconv.Itoa(int(ten)) + "/" + strconv.Itoa(int(other)), token: ws[0].raw}), 1
		}
		if parts := ordinals[strings.TrimSuffix(rest, "s")]; small[head] > 0 && parts > small[head] && parts > 2 { // two-thirds
			return append(dst, number{value: small[head] / parts, token: ws[0].raw}), 1
		}
		one, isOne := small[rest]
		if !isOne {
			one, isOne = ordinals[rest]
		}
		if isTen && isOne {
			v := ten + one
			used := scaled(&v, ws, 1)
			unit, used := unitAt(ws, used)
			return append(dst, number{value: v, unit: unit, token: ws[0].raw}), used
		}
		v, ok := small[head]
		if !ok {
			v, ok = ten, isTen
		}
		if ok { // two-factor, one-way, three-day
			what, _, _ := strings.Cut(rest, "-")
			return append(dst, number{value: v, unit: units[what], token: ws[0].raw, weak: units[what] == nil, noun: stem(what)}), 1
		}
		return dst, 0
	}
	if len(ws) > 1 && (first == "a" || first == "an" || first == "one") {
		_, ordinal := ordinals[ws[1].lower]
		ordinal = ordinal && len(ws) > 2 && ws[2].content                     // a second driver
		if u := units[ws[1].lower]; u != nil && u.dim == "time" && !ordinal { // a week: seven days
			if andAHalf(ws, 2) {
				return append(dst, number{value: 1.5, unit: u, token: ws[0].raw + " " + ws[1].raw}), 5
			}
			return append(dst, number{value: 1, unit: u, token: ws[0].raw + " " + ws[1].raw, weak: true}), 2
		}
	}
	v, used := cardinal(ws)
	if used == 0 {
		return dst, 0
	}
	weak := used == 1 && v <= 2
	if andAHalf(ws, used) { // one and a half
		v, used, weak = v+0.5, used+3, false
	}
	unit, used := unitAt(ws, used)
	return append(dst, number{value: v, unit: unit, token: ws[0].raw, weak: weak && unit == nil}), used
}

// andAHalf reports whether "and a half" stands at word i.
func andAHalf(ws []word, i int) bool {
	return i+2 < len(ws) && ws[i].lower == "and" && ws[i+1].lower == "a" && ws[i+2].lower == "half"
}

// cardinal reads "two hundred and fifty thousand" and the like; 0 words: none begins here.
func cardinal(ws []word) (v float64, used int) {
	total, group := 0.0, 0.0 // finished thousands; what the next scale word will multiply
	if len(ws) > 1 && (ws[0].lower == "a" || ws[0].lower == "an") && scales[ws[1].lower] != 0 {
		group, used = 1, 1
	}
	for used < len(ws) {
		w := ws[used].lower
		one, isOne := small[w]
		ten, scale := tens[w], scales[w]
		switch {
		case isOne && (used == 0 || group == 0 || goesOn(group, one)):
			group += one
		case ten != 0 && int(group)%100 == 0:
			group += ten
		case scale >= 12 && used > 0 && scale <= 100:
			group *= scale
		case scale > 100 && used > 0:
			total, group = total+group*scale, 0
		case w == "and" && group >= 100 && int(group)%100 == 0 && used+1 < len(ws) && (small[ws[used+1].lower] != 0 || tens[ws[used+1].lower] != 0):
		default:
			return total + group, used
		}
		used++
	}
	return total + group, used
}

// goesOn says whether a number below twenty may follow within a group: after "twenty" a digit, after "hundred" all,
// after "two" none, for "one two" is two numbers.
func goesOn(group, one float64) bool {
	rest := int(group) % 100
	return rest == 0 || rest >= 20 && rest%10 == 0 && one < 10
}
