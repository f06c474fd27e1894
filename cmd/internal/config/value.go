package config

import (
	"fmt"
	"math"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is the type of a key's value.
type Kind uint8

// The kinds, with the Go type of the checked value.
const (
	KindString   Kind = iota // string
	KindBool                 // bool
	KindInt                  // int64
	KindFloat                // float64
	KindDuration             // time.Duration; Never for the word "never"
	KindSize                 // int64, bytes
	KindEnum                 // string, one of Key.Enum
	KindURL                  // string, absolute http or https, without credentials, no slash at its end
	KindAddress              // string, host:port
)

// Never is the duration that the word "never" stands for.
const Never time.Duration = -1

// String is the kind's name in the key table.
func (k Kind) String() string {
	names := [...]string{"text", "true or false", "whole number", "number", "duration", "size", "one of", "URL", "address"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// complaint is what is wrong with a value, and what to write instead. It shows the value unless that would show a secret.
type complaint struct{ value, remedy string }

// parse checks what a layer holds for the key and returns it in the kind's Go type. Environment and flags hold text,
// which is read as the file would read it.
func (k Key) parse(v any) (any, *complaint) {
	text, isText := v.(string)
	fail := func(remedy string) (any, *complaint) {
		shown := fmt.Sprintf("%v", v)
		if isText {
			shown = strconv.Quote(text)
		}
		switch {
		case k.Secret:
			shown = ""
		// Something pasted into the wrong place may be a key; only what looks like a URL is repeated, less its password.
		case k.Kind == KindURL:
			if u, err := url.Parse(text); err == nil && u.Host != "" {
				shown = strconv.Quote(u.Redacted())
			} else {
				shown = ""
			}
		}
		return nil, &complaint{shown, remedy}
	}
	text = k.trim(text)

	switch k.Kind {
	case KindString:
		if !isText {
			return fail("write text; put a number or a list in quotes if it is meant")
		}
		if k.Secret && text != "" && strings.Trim(text, "*") == "" {
			return fail("this is the mask that `reprise config print` shows; write the key itself")
		}
		return text, nil
	case KindBool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		if b, err := strconv.ParseBool(text); isText && err == nil {
			return b, nil
		}
		return fail("write true or false")
	case KindInt, KindFloat:
		f, ok := number(v, text, isText)
		if !ok || k.Kind == KindInt && f != math.Trunc(f) {
			return fail("write a " + k.Kind.String() + k.rangeText())
		}
		if !k.inRange(f) {
			return fail("write a " + k.Kind.String() + k.rangeText())
		}
		if k.Kind == KindInt {
			return int64(f), nil
		}
		return f, nil
	case KindDuration:
		if slices.Contains(k.Words, text) {
			return Never, nil
		}
		d, err := parseDuration(text)
		if !isText || err != nil || !k.inRange(d.Seconds()) {
			return fail(`write a duration with its unit, as "30s", "10m" or "7d"` + k.rangeText() + wordsText(k.Words))
		}
		return d, nil
	case KindSize:
		n, ok := parseSize(v, text, isText)
		if !ok || !k.inRange(float64(n)) {
			return fail(`write bytes as a whole number or as "10MiB"` + k.rangeText())
		}
		return n, nil
	case KindEnum:
		if isText && slices.Contains(k.Enum, text) {
			return text, nil
		}
		return fail("write " + strings.Join(k.Enum, ", ") + suggestion(nearest(text, k.Enum, ".")))
	case KindURL:
		u, err := url.Parse(text)
		switch {
		case !isText || err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			return fail("write an absolute URL, as https://api.example.com/v1")
		case u.User != nil:
			return fail("leave credentials out of the URL and put the key under api_key or api_key_env")
		case u.RawQuery != "" || u.Fragment != "":
			return fail("leave out what follows ? or #")
		}
		return strings.TrimRight(text, "/"), nil
	case KindAddress:
		_, port, err := net.SplitHostPort(text)
		if n, perr := strconv.Atoi(port); !isText || err != nil || perr != nil || n < 0 || n > 65535 {
			return fail("write host:port, as 127.0.0.1:8080, or :8080 for every interface")
		}
		return text, nil
	}
	return fail("this kind of key cannot be set")
}

// trim leaves out what stands around a text by accident, wherever it is read from: a variable, a file, or a secret's own file.
func (k Key) trim(text string) string {
	if k.Blanks {
		return strings.TrimRight(text, "\r\n")
	}
	return strings.TrimSpace(text)
}

func number(v any, text string, isText bool) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case uint64:
		return float64(n), true
	case float64:
		return n, !math.IsNaN(n) && !math.IsInf(n, 0)
	}
	if !isText {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

// parseDuration adds days to what the standard library reads, because lifetimes are thought of in days.
func parseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, err
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	return time.ParseDuration(s)
}

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1},
}

func parseSize(v any, text string, isText bool) (int64, bool) {
	if !isText {
		f, ok := number(v, "", false)
		return int64(f), ok && f == math.Trunc(f) && math.Abs(f) < 1<<53
	}
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(text, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		return n * u.bytes, err == nil && n >= 0 && n <= math.MaxInt64/u.bytes
	}
	return 0, false
}

func (k Key) inRange(f float64) bool { return f >= k.Min && (k.Max == 0 || f <= k.Max) }

func (k Key) rangeText() string {
	show := func(f float64) string {
		switch k.Kind {
		case KindDuration:
			return formatDuration(time.Duration(f * float64(time.Second)))
		case KindSize:
			return formatSize(int64(f))
		}
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	switch {
	case k.Max != 0:
		return ", from " + show(k.Min) + " to " + show(k.Max)
	case k.Min != 0:
		return ", at least " + show(k.Min)
	}
	return ""
}

func wordsText(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return ", or " + strings.Join(words, " or ")
}

func suggestion(s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", s)
}

// formatDuration is the shortest text that parses back: 10m, not 10m0s.
func formatDuration(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == Never:
		return "never"
	case d != 0 && d%day == 0:
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func formatSize(n int64) string {
	for _, u := range []int{2, 1, 0} {
		if unit := sizeUnits[u]; n != 0 && n%unit.bytes == 0 {
			return strconv.FormatInt(n/unit.bytes, 10) + unit.suffix
		}
	}
	return strconv.FormatInt(n, 10)
}
