package cache

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// momentKind says what of time a moment names.
type momentKind uint8

const (
	clockTime momentKind = iota
	calendarDate
	weekday
	relativeDay
)

// moment is a clock time, a date or a part of one, a day of the week, or a day by its distance from today.
type moment struct {
	kind    momentKind
	token   string
	minutes int // of a clock time, since midnight
	half    bool
	// day, month and year of a date; 0: not said. swap: day and month may be the other way round.
	day, month, year int
	swap             bool
	parted           byte // what parts the numbers of one in digits
	offset           int  // days from today, or the weekday's number
	first, last      int  // words
}

// same reports whether the two may be one moment, as far as both say.
func (m *moment) same(n *moment) bool {
	if m.kind != n.kind {
		return false
	}
	switch m.kind {
	case clockTime:
		return m.minutes == n.minutes || (m.half || n.half) && m.minutes%720 == n.minutes%720
	case calendarDate:
		if m.swap && n.swap && m.parted == n.parted {
			return m.sameDate(n) // whoever writes both has one order
		}
		return m.sameDate(n) || m.swap && m.turned().sameDate(n) || n.swap && m.sameDate(n.turned())
	}
	return m.offset == n.offset
}

func (m *moment) sameDate(n *moment) bool {
	agree := func(x, y int) bool { return x == 0 || y == 0 || x == y }
	return agree(m.day, n.day) && agree(m.month, n.month) && agree(m.year, n.year)
}

func (m *moment) turned() *moment {
	t := *m
	t.day, t.month = m.month, m.day
	return &t
}

var months = func() map[string]int {
	m := numbered(1, "january february march april may june july august september october november december")
	for s, n := range numbered(1, "jan feb mar apr may jun jul aug sep oct nov dec") {
		m[s] = n
	}
	m["sept"] = 9
	delete(m, "mar") // a verb, and Spanish for the sea
	return m
}()

// wordMonths are words by themselves: a month only beside a day, a year or a word of time.
var wordMonths = map[string]bool{"may": true, "march": true, "august": false, "jan": false, "dec": true, "sep": false}

var weekdays = func() map[string]int {
	m := numbered(1, "monday tuesday wednesday thursday friday saturday sunday")
	for s, n := range numbered(1, "mondays tuesdays wednesdays thursdays fridays saturdays sundays") {
		m[s] = n
	}
	for s, n := range map[string]int{"mon": 1, "tue": 2, "tues": 2, "thu": 4, "thur": 4, "thurs": 4, "fri": 5} {
		m[s] = n
	}
	return m
}()

var relativeDays = map[string]int{"yesterday": -1, "today": 0, "tonight": 0, "tomorrow": 1}

func numbered(from int, list string) map[string]int {
	m := map[string]int{}
	for i, w := range strings.Fields(list) {
		m[w] = i + from
	}
	return m
}

var (
	clockForm = regexp.MustCompile(`^(\d{1,2})(?:[:.](\d{2}))?(am|pm|a\.m|p\.m)?$`)
	dateForm  = regexp.MustCompile(`^(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})$`)
	dayForm   = regexp.MustCompile(`^(\d{1,2})(?:st|nd|rd|th)?$`)
	yearForm  = regexp.MustCompile(`^(1[89]|20)\d{2}$`)
)

// momentAt reads the moment that begins at word i, and says how many words it took; 0: none begins there.
func momentAt(ws []word, i int, dst []moment) ([]moment, int) {
	w := ws[i].lower
	if !hasDigit(w) {
		return spelledMoment(ws, i, dst)
	}
	if m := dateForm.FindStringSubmatch(w); m != nil {
		if d, ok := numericDate(m); ok {
			d.token, d.parted = ws[i].raw, w[len(m[1])]
			return append(dst, d), 1
		}
	}
	if d, used := writtenDate(ws, i); used > 0 {
		return append(dst, d), used
	}
	if m := clockForm.FindStringSubmatch(w); m != nil {
		if t, used := clock(m, ws[i:]); used > 0 {
			return append(dst, t), used
		}
	}
	return dst, 0
}

// numericDate reads 2024-05-12, 12/05/2024, 12.5.24.
func numericDate(m []string) (moment, bool) {
	x, _ := strconv.Atoi(m[1])
	y, _ := strconv.Atoi(m[2])
	z, _ := strconv.Atoi(m[3])
	d := moment{kind: calendarDate}
	switch {
	case len(m[1]) == 4:
		d.year, d.month, d.day = x, y, z
	case len(m[3]) == 4 || len(m[3]) == 2 && len(m[1]) <= 2:
		d.day, d.month, d.year = x, y, z
		if len(m[3]) == 2 {
			d.year += 2000
		}
		d.swap = x <= 12 && y <= 12
		if y > 12 {
			d.day, d.month = y, x
		}
	default:
		return d, false
	}
	return d, d.month >= 1 && d.month <= 12 && d.day >= 1 && d.day <= 31
}

// writtenDate reads "12 March", "12th of March 2024".
func writtenDate(ws []word, i int) (moment, int) {
	m := dayForm.FindStringSubmatch(ws[i].lower)
	if m == nil || i+1 >= len(ws) {
		return moment{}, 0
	}
	day, _ := strconv.Atoi(m[1])
	j := i + 1
	if ws[j].lower == "of" && j+1 < len(ws) {
		j++
	}
	month, ok := months[ws[j].lower]
	if !ok || day < 1 || day > 31 {
		return moment{}, 0
	}
	d := moment{kind: calendarDate, day: day, month: month, token: ws[i].raw + " " + ws[j].raw}
	j++
	if j < len(ws) && yearForm.MatchString(ws[j].lower) {
		d.year, _ = strconv.Atoi(ws[j].lower)
		j++
	}
	return d, j - i
}

// clock reads 3pm, "3 pm", 15:00, 9.30am, "3 o'clock".
func clock(m []string, ws []word) (moment, int) {
	hour, _ := strconv.Atoi(m[1])
	minute, _ := strconv.Atoi(m[2])
	mark, used := strings.ReplaceAll(m[3], ".", ""), 1
	if mark == "" && len(ws) > 1 {
		switch next := strings.ReplaceAll(ws[1].lower, ".", ""); next {
		case "am", "pm":
			// "10 am" is a time; "I am 10 am I" is rare enough.
			mark, used = next, 2
		case "o'clock", "oclock":
			mark, used = "?", 2
		}
	}
	colon := strings.Contains(ws[0].lower, ":")
	if mark == "" && !colon || hour > 24 || minute > 59 {
		return moment{}, 0
	}
	t := moment{kind: clockTime, token: ws[0].raw}
	switch {
	case mark == "pm" && hour < 12:
		hour += 12
	case mark == "am" && hour == 12:
		hour = 0
	case mark == "" || mark == "?":
		t.half = hour >= 1 && hour <= 12
	}
	t.minutes = hour%24*60 + minute
	return t, used
}

// spelledMoment reads noon, "half past nine", weekdays, months and days by their distance.
func spelledMoment(ws []word, i int, dst []moment) ([]moment, int) {
	w := ws[i].lower
	base := strings.TrimSuffix(w, "'s")
	switch base {
	case "noon", "midday":
		return append(dst, moment{kind: clockTime, minutes: 720, token: ws[i].raw}), 1
	case "midnight":
		return append(dst, moment{kind: clockTime, token: ws[i].raw}), 1
	case "half", "quarter":
		if i+2 < len(ws) && (ws[i+1].lower == "past" || base == "quarter" && ws[i+1].lower == "to") {
			if hour, ok := hourAt(ws[i+2].lower); ok {
				minute := map[string]int{"half": 30, "quarter": 15}[base]
				if ws[i+1].lower == "to" {
					minute = -15
				}
				return append(dst, moment{kind: clockTime, minutes: (hour*60 + minute + 720) % 720, half: true, token: ws[i+2].raw}), 3
			}
		}
		return dst, 0
	}
	if n, ok := relativeDays[base]; ok {
		return append(dst, moment{kind: relativeDay, offset: n, token: ws[i].raw}), 1
	}
	if n, ok := weekdays[base]; ok {
		return append(dst, moment{kind: weekday, offset: n, token: ws[i].raw}), 1
	}
	if n, ok := months[base]; ok {
		return month(ws, i, n, dst)
	}
	return dst, 0
}

func hourAt(w string) (int, bool) {
	if v, ok := small[w]; ok && v >= 1 && v <= 12 {
		return int(v), true
	}
	v, err := strconv.Atoi(w)
	return v, err == nil && v >= 1 && v <= 12
}

// month reads "March", "March 12th", "March 12, 2024", "March 2024".
func month(ws []word, i, n int, dst []moment) ([]moment, int) {
	d := moment{kind: calendarDate, month: n, token: ws[i].raw}
	used := 1
	if i+used < len(ws) {
		if m := dayForm.FindStringSubmatch(ws[i+used].lower); m != nil {
			if day, _ := strconv.Atoi(m[1]); day >= 1 && day <= 31 {
				d.day = day
				d.token += " " + ws[i+used].raw
				used++
			}
		}
	}
	if i+used < len(ws) && yearForm.MatchString(ws[i+used].lower) {
		d.year, _ = strconv.Atoi(ws[i+used].lower)
		used++
	}
	if used == 1 && wordMonths[ws[i].lower] && !timely(ws, i) {
		return dst, 0
	}
	return append(dst, d), used
}

// timely reports whether a word that is also the name of a month stands as one: with a capital after a word of time.
func timely(ws []word, i int) bool {
	r, _ := utf8.DecodeRuneInString(ws[i].raw)
	if !unicode.IsUpper(r) || i == 0 {
		return false
	}
	switch ws[i-1].lower {
	case "in", "by", "of", "since", "until", "till", "from", "to", "this", "next", "last", "late", "early", "mid", "every", "before", "after", "during", "and", "or":
		return true
	}
	return false
}

// quantities finds the moments and the numbers of a text, each word being a part of one at most, and marks their words
// as no content.
func quantities(ws []word) (ms []moment, ns []number) {
	for i := 0; i < len(ws); {
		if ws[i].group != 0 || !mayQuantify(ws[i].lower) { // 2FA, World War II; nearly all words
			i++
			continue
		}
		had := len(ms)
		var used int
		if ms, used = momentAt(ws, i, ms); used > 0 {
			for j := had; j < len(ms); j++ {
				ms[j].first, ms[j].last = i, i+used-1
			}
		} else {
			had = len(ns)
			if ns, used = numberAt(ws[i:], ns); used > 0 {
				place(ws, ns[had:], i, used)
			}
		}
		for j := range used {
			ws[i+j].content = false
		}
		i += max(used, 1)
	}
	return ms, join(ns)
}

// quantifying are the words without a digit that a quantity may begin with. Looking here first keeps nearly all words away from
// the tables that this was made of.
var quantifying = func() map[string]bool {
	m := map[string]bool{"noon": true, "midday": true, "midnight": true, "half": true, "quarter": true, "a": true, "an": true}
	for _, table := range []map[string]int{relativeDays, weekdays, months} {
		for w := range table {
			m[w] = true
		}
	}
	for _, table := range []map[string]float64{small, tens, ordinals, vague, roman} {
		for w := range table {
			m[strings.ToLower(w)] = true
		}
	}
	return m
}()

func mayQuantify(lower string) bool {
	for i := range len(lower) {
		if c := lower[i]; c == '-' || isDigitByte(c) {
			return true
		}
	}
	return quantifying[strings.TrimSuffix(lower, "'s")]
}

// place says where numbers stand, and what beside them.
func place(ws []word, ns []number, i, used int) {
	for j := range ns {
		n := &ns[j]
		n.first, n.last = i, i+used-1
		for k := i; k < len(ws) && (k < i+used || k == i+used && n.unit == nil); k++ {
			n.unitCase = cmp.Or(n.unitCase, unitCase(strings.TrimLeft(ws[k].raw, numerals+"-")))
		}
		if n.noun == "" && i+used < len(ws) && ws[i+used].content && !hasDigit(ws[i+used].raw) {
			n.noun = ws[i+used].stem
		}
		if i == 0 || !ws[i-1].content {
			continue
		}
		if u := units[ws[i-1].lower]; u != nil && n.unit == nil && u.currency {
			n.unit, n.first, ws[i-1].content = u, i-1, false // Rs 500
			continue
		}
		n.lead = ws[i-1].stem
	}
}

// join makes one number of two that are: 5 feet 7 inches, 1 hour and 30 minutes.
func join(ns []number) []number {
	for i := 0; i+1 < len(ns); i++ {
		x, y := &ns[i], &ns[i+1]
		if x.unit != nil && y.unit == bare["m"] && x.unit.dim == "time" && x.unit.factor == 3600 && x.last+1 == y.first { // 1h 30m
			y.unit = units["min"]
		}
		if x.unit == units["ft"] && y.unit == nil && y.value < 12 && x.last+1 == y.first { // 6 ft 2
			y.unit = units["inch"]
		}
		if x.unit == nil || y.unit == nil || x.unit.dim != y.unit.dim || x.unit.factor <= y.unit.factor || x.last+1 != y.first && x.last+2 != y.first {
			continue
		}
		switch x.unit.dim {
		case "time", "length", "mass":
			if x.weak || y.weak {
				continue
			}
			x.value += y.value * y.unit.factor / x.unit.factor
			x.last, x.noun = y.last, y.noun
			ns = append(ns[:i+1], ns[i+2:]...)
		}
	}
	return ns
}
