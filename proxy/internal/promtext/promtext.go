// Package promtext writes metrics in Prometheus' text exposition format, version 0.0.4.
//
// It is a writer of what others have counted: snapshots have their numbers already, and a client library's registries
// would only hold them twice.
package promtext

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// ContentType is what the text is served as.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Type is a kind of metric.
type Type string

// The kinds that are written.
const (
	Counter   Type = "counter"
	Gauge     Type = "gauge"
	Histogram Type = "histogram"
)

// Writer collects text. The zero Writer is empty and ready to use.
type Writer struct {
	b    []byte
	name string
}

// Bytes returns the text so far.
func (w *Writer) Bytes() []byte { return w.b }

// Family begins a family: what follows has its name.
func (w *Writer) Family(name string, t Type, help string) {
	w.name = name
	w.b = append(w.b, "# HELP "+name+" "...)
	w.b = append(w.b, strings.NewReplacer("\\", `\\`, "\n", `\n`).Replace(help)...)
	w.b = append(w.b, "\n# TYPE "+name+" "+string(t)+"\n"...)
}

// Sample writes one number. labels are names and values in turn.
func (w *Writer) Sample(v float64, labels ...string) { w.line("", v, "", labels) }

// Count writes one whole number, of which no digit is lost.
func (w *Writer) Count(v uint64, labels ...string) {
	w.head("", "", labels)
	w.b = append(strconv.AppendUint(w.b, v, 10), '\n')
}

// Buckets writes a histogram of times: buckets[i] counts those of less than 2^i microseconds that are in no earlier
// bucket, and the last one all the others.
func (w *Writer) Buckets(buckets []uint64, count uint64, sum time.Duration, labels ...string) {
	total := uint64(0)
	for i, n := range buckets[:max(0, len(buckets)-1)] {
		total += n
		w.line("_bucket", float64(total), formatFloat(math.Ldexp(1e-6, i)), labels)
	}
	w.line("_bucket", float64(max(total, count)), "+Inf", labels)
	w.line("_sum", sum.Seconds(), "", labels)
	w.line("_count", float64(max(total, count)), "", labels)
}

func (w *Writer) line(suffix string, v float64, le string, labels []string) {
	w.head(suffix, le, labels)
	w.b = append(append(w.b, formatFloat(v)...), '\n')
}

// head writes the name and the labels, le among them if it is not "".
func (w *Writer) head(suffix, le string, labels []string) {
	w.b = append(append(w.b, w.name...), suffix...)
	if le != "" {
		labels = append(labels[:len(labels):len(labels)], "le", le)
	}
	for i := 0; i+1 < len(labels); i += 2 {
		before := byte(',')
		if i == 0 {
			before = '{'
		}
		w.b = append(w.b, before)
		w.b = append(append(w.b, labels[i]...), `="`...)
		w.b = appendValue(w.b, labels[i+1])
		w.b = append(w.b, '"')
	}
	if len(labels) > 1 {
		w.b = append(w.b, '}')
	}
	w.b = append(w.b, ' ')
}

// appendValue escapes a label's value, which may be any text: what is not UTF-8 in it is replaced.
func appendValue(b []byte, s string) []byte {
	for _, r := range s {
		switch r {
		case '\\':
			b = append(b, `\\`...)
		case '"':
			b = append(b, `\"`...)
		case '\n':
			b = append(b, `\n`...)
		default:
			b = append(b, string(r)...)
		}
	}
	return b
}

func formatFloat(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
