package requestlog

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// How many records one page has.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Filter says which records are wanted; zero fields ask for nothing. Fields are joined by and.
type Filter struct {
	TraceID, User, CacheStatus, Model, Key, Path string
	Namespace                                    *string // "" is the namespace without a name
	StatusFrom, StatusTo                         int     // 0: any
	Kind                                         Kind
	Metadata                                     map[string]string
	Since, Until                                 time.Time // from Since on, before Until

	Limit  int
	Cursor ID // after which to go on; 0: from the beginning
}

// FilterError is what is wrong with a parameter of a query.
type FilterError struct{ Param, Message string }

// Error names the parameter.
func (e *FilterError) Error() string { return e.Param + ": " + e.Message }

// cacheStatuses are those that a record may have.
var cacheStatuses = []string{"HIT", "SEMANTIC HIT", "MISS", "SEMANTIC MISS", "REFRESH", "DISABLED"}

// Params are the parameters that ParseFilter knows; metadata.NAME stands for one of each name.
var Params = []string{"trace_id", "user", "status", "cache_status", "model", "namespace", "key", "path", "metadata.NAME", "since", "until", "changes", "limit", "cursor"}

// ParseFilter reads the parameters of a query, which is about requests unless it asks for changes. now is what durations in since and until count back from. The error is a
// *FilterError.
func ParseFilter(q url.Values, now time.Time) (Filter, error) {
	f := Filter{Limit: DefaultLimit, Kind: Requests}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if len(q[name]) > 1 {
			return f, &FilterError{clip(name), "it is given twice"}
		}
		if err := f.set(name, q[name][0], now); err != "" {
			return f, &FilterError{clip(name), err}
		}
	}
	return f, nil
}

// clip makes a name fit for a message, without a key that was put there by mistake.
func clip(s string) string {
	q := strconv.QuoteToASCII(strict.Shown(s))
	return strings.ReplaceAll(strings.Trim(q[:min(len(q), 80)], `"`), `\u2026`, "…")
}

func (f *Filter) set(name, v string, now time.Time) (complaint string) {
	bad := func(want string) string { return fmt.Sprintf("%q: %s", strict.Shown(v), want) }
	switch name {
	case "trace_id":
		f.TraceID = v
	case "user":
		f.User = v
	case "model":
		f.Model = v
	case "namespace":
		f.Namespace = &v
	case "key":
		f.Key = v
	case "path":
		f.Path = v
	case "cache_status":
		f.CacheStatus = strings.ToUpper(strings.ReplaceAll(v, "_", " "))
		if !slices.Contains(cacheStatuses, f.CacheStatus) {
			return bad("use one of " + strings.Join(cacheStatuses, ", "))
		}
	case "status":
		if class, ok := strings.CutSuffix(v, "xx"); ok && len(class) == 1 && '1' <= class[0] && class[0] <= '5' {
			f.StatusFrom = 100 * int(class[0]-'0')
			f.StatusTo = f.StatusFrom + 99
			return ""
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 100 || n > 599 {
			return bad("use a status, as 404, or a class of them, as 5xx")
		}
		f.StatusFrom, f.StatusTo = n, n
	case "since", "until":
		t, ok := parseMoment(v, now)
		if !ok {
			return bad("use a time, as 2026-01-31T08:00:00Z, seconds since 1970, or how long ago, as 24h or 7d")
		}
		if name == "since" {
			f.Since = t
		} else {
			f.Until = t
		}
	case "changes":
		switch v {
		case "true":
			f.Kind = Changes
		case "false":
			f.Kind = Requests
		default:
			return bad("use true, for what the admin API changed, or false, for requests")
		}
	case "limit":
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > MaxLimit {
			return bad(fmt.Sprintf("use 1 to %d", MaxLimit))
		}
		f.Limit = n
	case "cursor":
		id, ok := ParseID(v)
		if !ok {
			return bad("use the next_cursor of the page before")
		}
		f.Cursor = id
	default:
		key, ok := strings.CutPrefix(name, "metadata.")
		if !ok || key == "" {
			return "unknown parameter: use " + strings.Join(Params, ", ")
		}
		if f.Metadata == nil {
			f.Metadata = map[string]string{}
		}
		f.Metadata[key] = v
	}
	return ""
}

// parseMoment reads a time of a filter.
func parseMoment(v string, now time.Time) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
		return t, inRange(t)
	}
	if t, err := time.Parse(time.DateOnly, v); err == nil {
		return t, inRange(t)
	}
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		t := time.Unix(n, 0)
		return t, n >= 0 && n < 1<<33 && inRange(t)
	}
	if days, ok := strings.CutSuffix(v, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return now.Add(-time.Duration(n) * 24 * time.Hour), err == nil
	}
	d, err := time.ParseDuration(v)
	return now.Add(-d), err == nil && d >= 0
}

// inRange reports whether a time is one that an ID can have.
func inRange(t time.Time) bool { return t.Year() >= 1970 && t.Year() < 2500 }

// matches reports whether the record is wanted, but for its time and the cursor, which say where to look.
func (f *Filter) matches(r *Record) bool {
	switch {
	case f.TraceID != "" && r.TraceID != f.TraceID && r.W3CTraceID != f.TraceID,
		f.User != "" && r.User != f.User,
		f.CacheStatus != "" && r.CacheStatus != f.CacheStatus,
		f.Model != "" && r.Model != f.Model && r.Answered != f.Model,
		f.Key != "" && r.Key != f.Key,
		f.Path != "" && r.Path != f.Path,
		f.Kind != AnyKind && r.kind() != f.Kind,
		f.Namespace != nil && r.Namespace != *f.Namespace,
		f.StatusFrom != 0 && (r.Status < f.StatusFrom || r.Status > f.StatusTo),
		!f.Since.IsZero() && r.Time.Before(f.Since),
		!f.Until.IsZero() && !r.Time.Before(f.Until):
		return false
	}
	for k, v := range f.Metadata {
		if got, ok := r.Metadata[k]; !ok || got != v {
			return false
		}
	}
	return true
}
