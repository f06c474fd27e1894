package cache

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The number guard: the numbers of both questions must agree as multisets, in whatever form they are written.
// "5k" is 5000, "£50" is 50 pounds, "twenty-five" is 25, "1,000.0" is 1000. Versions, dates and clock times agree
// only when they are written alike.

// number is one number of a text.
type number struct {
	value string // canonical
	unit  string // canonical; "": none said
	token string // as written
	// weak numbers are words that often count nothing ("no one", "first of all", "two-factor"). One that the other
	// text lacks is no difference; two that differ are.
	weak bool
}

func (n number) same(m number) bool {
	return n.value == m.value && (n.unit == m.unit || n.unit == "" || m.unit == "")
}

func numberGuard(asked, stored *analysed, dst []finding) []finding {
	a, b := unmatched(numbers(asked.words), numbers(stored.words))
	strongA := slices.ContainsFunc(a, func(n number) bool { return !n.weak })
	strongB := slices.ContainsFunc(b, func(n number) bool { return !n.weak })
	switch {
	case len(a) > 0 && len(b) > 0:
		return append(dst, finding{ReasonNumber, a[0].token, true})
	case strongA:
		return append(dst, finding{ReasonNumber, a[0].token, false})
	case strongB:
		return append(dst, finding{ReasonNumber, b[0].token, false})
	}
	return dst
}

// unmatched returns what each side has that the other lacks; strong ones first. Equal units are matched before
// missing ones, so that "5 GB for 5 pounds" finds its pairs.
func unmatched(a, b []number) (restA, restB []number) {
	a, b = exceptAlike(a, b), exceptAlike(b, a)
	for i := 0; i < len(a); {
		j := slices.IndexFunc(b, a[i].same)
		if j < 0 {
			i++
			continue
		}
		a, b = slices.Delete(a, i, i+1), slices.Delete(b, j, j+1)
	}
	strongFirst := func(x, y number) int {
		switch {
		case x.weak == y.weak:
			return 0
		case y.weak:
			return -1
		}
		return 1
	}
	slices.SortStableFunc(a, strongFirst)
	slices.SortStableFunc(b, strongFirst)
	return a, b
}

// exceptAlike returns the numbers of list but for those that the other list has alike, unit and all, as often.
func exceptAlike(list, other []number) (rest []number) {
	type key struct{ value, unit string }
	have := make(map[key]int, len(other))
	for _, n := range other {
		have[key{n.value, n.unit}]++
	}
	for _, n := range list {
		k := key{n.value, n.unit}
		if have[k] == 0 {
			rest = append(rest, n)
			continue
		}
		have[k]--
	}
	return rest
}

// units maps spellings to one name for each unit. Only what stands right after a number is looked up.
var units = func() map[string]string {
	m := map[string]string{}
	for name, spellings := range map[string]string{
		"%":   "% percent pct",
		"usd": "$ usd dollar dollars buck bucks", "gbp": "£ gbp pound pounds quid", "eur": "€ eur euro euros",
		"inr": "₹ inr rs rupee rupees", "jpy": "¥ jpy yen",
		"kg": "kg kgs kilo kilos kilogram kilograms", "g": "g gram grams", "mg": "mg milligram milligrams",
		"lb": "lb lbs", "oz": "oz ounce ounces",
		"km": "km kilometre kilometres kilometer kilometers", "mi": "mile miles", "cm": "cm", "mm": "mm",
		"ft": "ft foot feet", "in": "inch inches",
		"kb": "kb kilobyte kilobytes", "mb": "mb megabyte megabytes", "gb": "gb gig gigs gigabyte gigabytes", "tb": "tb terabyte terabytes",
		"kbps": "kbps", "mbps": "mbps megabit megabits", "gbps": "gbps gigabit gigabits",
		"ms": "ms millisecond milliseconds", "sec": "sec secs second seconds", "min": "min mins minute minutes",
		"hour": "h hr hrs hour hours", "day": "day days", "week": "week weeks", "month": "month months", "year": "year years yr yrs",
		"ml": "ml", "l": "litre litres liter liters", "c": "°c celsius", "f": "°f fahrenheit",
		"am": "am", "pm": "pm", "w": "watt watts", "v": "volt volts",
	} {
		for _, s := range strings.Fields(spellings) {
			m[s] = name
		}
	}
	return m
}()

var scales = map[string]float64{
	"k": 1e3, "bn": 1e9, "hundred": 100, "thousand": 1e3, "grand": 1e3, "million": 1e6, "mn": 1e6, "billion": 1e9,
	"trillion": 1e12, "lakh": 1e5, "lakhs": 1e5, "crore": 1e7, "crores": 1e7, "dozen": 12,
}

var (
	plainNumber = regexp.MustCompile(`^([-+]?)(\p{Sc}?)([-+]?)(\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?|\d+(?:[.,]\d+)?)(\p{Sc}?)-?(%|°?\pL*)$`)
	version     = regexp.MustCompile(`^v?\d+(\.\d+){2,}\S*$`)
	fixedForm   = regexp.MustCompile(`^(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}:\d{2}(:\d{2})?([ap]m)?|\d+(/\d+)+)$`)
	numberRange = regexp.MustCompile(`^(\p{Sc}?\d[\d,.]*)-(\p{Sc}?\d[\d,.]*\pL*%?)$`)
	versionWord = regexp.MustCompile(`^v(\d+(\.\d+)?)$`)
)

// numbers finds the numbers of a text in order.
func numbers(ws []word) []number {
	var out []number
	for i := 0; i < len(ws); {
		n, used := numberAt(ws[i:])
		if used == 0 {
			i++
			continue
		}
		out = append(out, n...)
		i += used
	}
	return out
}

// numberAt reads the number that begins ws, and says how many words it took; 0: none does. A range gives two.
func numberAt(ws []word) ([]number, int) {
	w := ws[0].lower
	switch {
	case !strings.ContainsAny(w, "0123456789"): // nearly all words: keep the patterns away from them
		return spelled(ws)
	case w == "24/7": // "at all times", not a number
		return nil, 1
	}
	if m := versionWord.FindStringSubmatch(w); m != nil {
		w = m[1]
	}
	switch {
	case version.MatchString(w):
		return []number{{value: strings.TrimPrefix(w, "v"), token: ws[0].raw}}, 1
	case fixedForm.MatchString(w):
		return []number{{value: w, token: ws[0].raw}}, 1
	}
	if m := numberRange.FindStringSubmatch(w); m != nil {
		var out []number
		for _, end := range m[1:] {
			n, _ := numberAt([]word{{raw: end, lower: end}})
			out = append(out, n...)
		}
		return out, 1
	}
	if m := plainNumber.FindStringSubmatch(w); m != nil {
		if n, used := digits(m, ws); used > 0 {
			return []number{n}, used
		}
	}
	return nil, 0
}

// digits reads a number written in digits, with what follows it: a scale ("million", "k"), then a unit.
func digits(m []string, ws []word) (number, int) {
	n := number{token: ws[0].raw}
	plain := strings.ReplaceAll(m[4], ",", "")
	if head, frac, ok := strings.Cut(m[4], ","); ok && len(frac) < 3 { // 3,5 as most of Europe writes it
		plain = head + "." + frac
	}
	suffix, used := m[6], 1
	currency := m[2] + m[5]
	if len(plain) > 15 { // an order or card number: more digits than a float64 keeps
		n.value = plain
		return n, 1
	}
	v, err := strconv.ParseFloat(plain, 64)
	if err != nil {
		return n, 0
	}
	if m[1] == "-" || m[3] == "-" {
		v = -v
	}
	if scale, ok := scales[suffix]; ok {
		v, suffix = v*scale, ""
	} else if currency != "" && (suffix == "m" || suffix == "b") {
		v, suffix = v*map[string]float64{"m": 1e6, "b": 1e9}[suffix], ""
	}
	switch {
	case suffix == "":
		used = scaled(&v, ws, used)
		n.unit, used = unitAt(ws, used)
	case ordinalSuffix(suffix):
	case units[suffix] != "":
		n.unit = units[suffix]
	case suffix == "m" || suffix == "s" || suffix == "x":
		n.unit = suffix // metres, minutes or millions: the same letter is all that can be asked for
	default:
		return n, 0 // 2fa, 5g, 401k's like: a name, which the identifier guard reads
	}
	if currency != "" {
		n.unit = units[currency]
		if n.unit == "" {
			n.unit = currency
		}
	}
	n.value = canonical(v)
	return n, used
}

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

func unitAt(ws []word, used int) (string, int) {
	if used < len(ws) {
		next := ws[used].lower
		if next == "per" && used+1 < len(ws) && ws[used+1].lower == "cent" {
			return "%", used + 2
		}
		if u := units[next]; u != "" {
			return u, used + 1
		}
	}
	return "", used
}

func ordinalSuffix(s string) bool { return s == "st" || s == "nd" || s == "rd" || s == "th" }

func canonical(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

var (
	small = index0("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
	tens  = map[string]float64{
		"twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
	}
	ordinals = index0("zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth")
	vague    = map[string]float64{"once": 1, "twice": 2, "single": 1, "double": 2, "both": 2, "triple": 3, "half": 0.5, "thrice": 3}
)

func index0(list string) map[string]float64 {
	m := map[string]float64{}
	for i, w := range strings.Fields(list) {
		m[w] = float64(i)
	}
	return m
}

// spelled reads a number in words: "twenty-five", "two hundred and fifty thousand", "a dozen".
func spelled(ws []word) ([]number, int) {
	first := ws[0].lower
	if v, ok := ordinals[first]; ok {
		return []number{{value: canonical(v), token: ws[0].raw, weak: v <= 2}}, 1
	}
	if v, ok := vague[first]; ok {
		return []number{{value: canonical(v), token: ws[0].raw, weak: true}}, 1
	}
	if head, rest, ok := strings.Cut(first, "-"); ok {
		ten, isTen := tens[head]
		one, isOne := small[rest]
		if isTen && isOne {
			v := ten + one
			used := scaled(&v, ws, 1)
			unit, used := unitAt(ws, used)
			return []number{{value: canonical(v), unit: unit, token: ws[0].raw}}, used
		}
		if v, ok := small[head]; ok { // two-factor, one-way, three-day
			return []number{{value: canonical(v), unit: units[rest], token: ws[0].raw, weak: units[rest] == ""}}, 1
		}
		return nil, 0
	}
	v, used := cardinal(ws)
	if used == 0 {
		return nil, 0
	}
	weak := used == 1 && v == 1
	unit, used := unitAt(ws, used)
	return []number{{value: canonical(v), unit: unit, token: ws[0].raw, weak: weak && unit == ""}}, used
}

// cardinal reads "two hundred and fifty thousand" and the like; 0 words: none begins here.
func cardinal(ws []word) (v float64, used int) {
	if len(ws) > 1 && (ws[0].lower == "a" || ws[0].lower == "an") && scales[ws[1].lower] != 0 {
		v, used = cardinal(append([]word{{lower: "one"}}, ws[1:]...))
		return v, used
	}
	total, group := 0.0, 0.0 // finished thousands; what the next scale word will multiply
	for used < len(ws) {
		w := ws[used].lower
		one, isOne := small[w]
		ten, scale := tens[w], scales[w]
		switch {
		case isOne && (used == 0 || group == 0 || room(group, one)):
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

// room says whether a number below twenty may follow within a group: after "twenty" a digit, after "hundred" all,
// after "two" none, for "one two" is two numbers.
func room(group, one float64) bool {
	rest := int(group) % 100
	return rest == 0 || rest >= 20 && rest%10 == 0 && one < 10
}
