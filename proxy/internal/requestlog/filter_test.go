package requestlog

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
)

var moment = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func TestParseFilter(t *testing.T) {
	q, err := url.ParseQuery("trace_id=t&user=u&status=5xx&cache_status=semantic_hit&model=m&namespace=&key=k&metadata.env=prod&metadata.a.b=&since=24h&until=2026-11-27T11:00:00Z&limit=5&cursor=00000000000000ff")
	if err != nil {
		t.Fatal(err)
	}
	f, err := ParseFilter(q, moment)
	if err != nil {
		t.Fatal(err)
	}
	if f.TraceID != "t" || f.User != "u" || f.StatusFrom != 500 || f.StatusTo != 599 || f.CacheStatus != "SEMANTIC HIT" || f.Model != "m" || f.Namespace == nil || *f.Namespace != "" ||
		f.Key != "k" || f.Metadata["env"] != "prod" || f.Limit != 5 || f.Cursor != 255 || !f.Since.Equal(moment.Add(-24*time.Hour)) || !f.Until.Equal(moment.Add(-time.Hour)) {
		t.Errorf("%+v", f)
	}
	if v, ok := f.Metadata["a.b"]; !ok || v != "" {
		t.Errorf("%+v", f.Metadata)
	}
	for in, want := range map[string]time.Time{
		"2026-11-01": time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), "1700000000": time.Unix(1700000000, 0), "7d": moment.Add(-7 * 24 * time.Hour), "90s": moment.Add(-90 * time.Second), "0s": moment,
		"2026-11-27T12:00:00.5+01:00": moment.Add(-time.Hour + time.Second/2),
	} {
		if got, ok := parseMoment(in, moment); !ok || !got.Equal(want) {
			t.Errorf("%s is %v, want %v", in, got, want)
		}
	}
}

func TestParseFilterComplains(t *testing.T) {
	for query, want := range map[string]string{
		"tarce_id=x":              "tarce_id: unknown parameter: use trace_id,",
		"status=abc":              `status: "abc": use a status`,
		"status=6xx":              "status: ",
		"status=99":               "status: ",
		"cache_status=maybe":      "use one of HIT,",
		"since=yesterday":         `since: "yesterday": use a time`,
		"since=-5h":               "since: ",
		"until=9999-01-01":        "until: ",
		"until=1h30":              "until: ",
		"limit=0":                 "limit: ",
		"limit=1001":              "use 1 to 1000",
		"limit=ten":               "limit: ",
		"cursor=5":                "use the next_cursor",
		"cursor=000000000000000g": "cursor: ",
		"user=a&user=b":           "user: it is given twice",
		"metadata.=x":             "unknown parameter",
		"metadata=x":              "unknown parameter",
		"%00=x":                   `\x00: unknown parameter`,
		"sk-0123456789=x":         "sk-…: unknown parameter",
		"sk-0123=x&sk-0123=y":     "sk-…: it is given twice",
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ParseFilter(q, moment)
		var fe *FilterError
		if !errors.As(err, &fe) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", query, err, want)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	f.Add("status=5xx&since=24h&metadata.a=b&cursor=00000000000000ff")
	f.Add("since=1e9&until=99999d&limit=+5")
	f.Add("since=2026-11-27T11:00:00Z&namespace=%ff&cache_status=semantic%20hit")
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		got, err := ParseFilter(q, moment)
		var fe *FilterError
		if err != nil {
			if !errors.As(err, &fe) || len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\x00\n") {
				t.Errorf("%q", err)
			}
			return
		}
		if got.Limit < 1 || got.Limit > MaxLimit || got.StatusFrom != 0 && (got.StatusFrom < 100 || got.StatusTo > 599) {
			t.Errorf("%+v", got)
		}
		for _, newest := range []bool{true, false} {
			got.past(got.begin(newest), newest)
		}
		got.matches(&Record{})
	})
}

func FuzzCostKey(f *testing.F) {
	f.Add(CostKey{20000, "ns", "key", "openai/gpt-4o"}.encode())
	f.Add([]byte{0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, ok := decodeCostKey(b); ok {
			if again, ok := decodeCostKey(k.encode()); !ok || again != k {
				t.Errorf("%+v comes back as %+v", k, again)
			}
		}
	})
}
