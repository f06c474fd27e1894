package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// OverheadOptions configures [Overhead]. The zero value is what the README's
// figures were measured with.
type OverheadOptions struct {
	Calls    int       // of each kind, direct and through the proxy in turn; zero: 2,000
	Streams  int       // at once; zero: 1,000
	Progress io.Writer // a line a kind; nil: none
}

func (o OverheadOptions) withDefaults() (OverheadOptions, error) {
	if o.Calls < 0 || o.Streams < 0 {
		return o, fmt.Errorf("bench: calls %d and streams %d must not be negative", o.Calls, o.Streams)
	}
	if o.Calls == 0 {
		o.Calls = 2000
	}
	if o.Streams == 0 {
		o.Streams = 1000
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	return o, nil
}

// OverheadRow is what one kind of call costs more through the proxy than without it.
type OverheadRow struct {
	Kind     string
	Base     time.Duration // p50 of what it is compared with
	Added    time.Duration // p50 of the difference, pair by pair
	AddedP99 time.Duration
	Embed    time.Duration // p50 of the embedding inside it, by the response's own server-timing
	Verify   time.Duration // the same of guards and verifier, which run where a stored question is near
	Rest     time.Duration // p50 of the difference less these two, pair by pair
	Share    float64       // of the calls that went the way that the row is about
}

// OverheadReport is what [Overhead] measured.
type OverheadReport struct {
	Options    OverheadOptions
	Machine    Machine
	Rows       []OverheadRow
	StreamTime time.Duration // from the first of the streams to the end of the last one
	Failed     int           // streams that broke off, or were not whole
	FirstError error         // of one of those
}

// Overhead measures what the proxy adds to a call that the cache cannot answer:
// each question is new, and is asked of the provider directly and through the
// proxy, in turn, over one connection each. What a dead first target costs is
// measured against the same call with the live one alone. Last come many streams
// at once, which the provider holds open until all of them have begun.
func Overhead(ctx context.Context, o OverheadOptions) (_ *OverheadReport, err error) {
	o, err = o.withDefaults()
	if err != nil {
		return nil, err
	}
	w, err := newOverheadWorld(o.Streams)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()

	report := &OverheadReport{Options: o, Machine: ThisMachine()}
	simple, semantic := []string{"X-Portkey-Cache: simple"}, []string{"X-Portkey-Cache: semantic"}
	off := []string{"Cache-Control: no-store"}
	fallback := `X-Portkey-Config: {"strategy":{"mode":"fallback"},"targets":[{"provider":"dead"},{"provider":"bench"}]}`
	for _, k := range []overheadKind{
		{name: "not cached", header: off, status: "DISABLED"},
		{name: "exact tier only", header: simple, status: "MISS"},
		{name: "semantic", header: semantic, status: "SEMANTIC MISS"},
		{name: "not cached, first byte of a stream", header: off, status: "DISABLED", stream: true},
		{name: "exact tier only, first byte of a stream", header: simple, status: "MISS", stream: true},
		{name: "semantic, first byte of a stream", header: semantic, status: "SEMANTIC MISS", stream: true},
		{name: "fallback, its first target's breaker open", base: off, header: append([]string{fallback}, off...), status: "DISABLED"},
	} {
		row, err := k.run(ctx, w, o.Calls)
		if err != nil {
			return nil, fmt.Errorf("bench: %s: %w", k.name, err)
		}
		fmt.Fprintf(o.Progress, "%-42s %v more\n", k.name, row.Added.Round(time.Microsecond))
		report.Rows = append(report.Rows, row)
	}
	report.StreamTime, report.Failed, report.FirstError = w.streams(ctx, o.Streams)
	return report, ctx.Err()
}

// overheadKind is one kind of call.
type overheadKind struct {
	name   string
	base   []string // headers of what it is compared with, through the proxy; nil: the provider, directly
	header []string
	status string // the cache status that the call has to have
	stream bool
}

// run asks in pairs, of which the first ones only warm up.
func (k overheadKind) run(ctx context.Context, w *overheadWorld, calls int) (OverheadRow, error) {
	row := OverheadRow{Kind: k.name}
	baseAddr := w.providerAddr
	if k.base != nil {
		baseAddr = w.proxyAddr
	}
	base, err := dialCaller(ctx, baseAddr)
	if err != nil {
		return row, err
	}
	defer base.conn.Close()
	front, err := dialCaller(ctx, w.proxyAddr)
	if err != nil {
		return row, err
	}
	defer front.conn.Close()
	warm := min(calls/10+20, 200)
	var bases, added, embeds, verifies, rests []time.Duration
	as := 0
	for i := range calls + warm {
		if err := ctx.Err(); err != nil {
			return row, err
		}
		q := w.question()
		direct, err := base.ask(q, k.stream, k.base)
		if err != nil {
			return row, err
		}
		if k.base != nil {
			q = w.question()
		}
		through, err := front.ask(q, k.stream, k.header)
		if err != nil {
			return row, err
		}
		if i < warm {
			continue
		}
		d, e, v := through.took-direct.took, timing(through.header, "embed"), timing(through.header, "verify")
		bases, added, embeds, verifies, rests = append(bases, direct.took), append(added, d), append(embeds, e), append(verifies, v), append(rests, d-e-v)
		if through.header.Get("X-Portkey-Cache-Status") == k.status {
			as++
		}
	}
	row.Base, row.Added, row.AddedP99 = Quantile(bases, 0.5), Quantile(added, 0.5), Quantile(added, 0.99)
	row.Embed, row.Verify, row.Rest = Quantile(embeds, 0.5), Quantile(verifies, 0.5), Quantile(rests, 0.5)
	row.Share = float64(as) / float64(calls)
	return row, nil
}

// caller is one connection, on which one call follows the other.
type caller struct {
	addr string
	conn net.Conn
	r    *bufio.Reader
}

func dialCaller(ctx context.Context, addr string) (*caller, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &caller{addr, conn, bufio.NewReaderSize(conn, 64<<10)}, nil
}

// called is what came of a call. took ends with the answer, or with its first
// byte where it is streamed.
type called struct {
	took   time.Duration
	header http.Header
}

// streamEnd is the last event of a whole stream.
const streamEnd = "data: [DONE]\n\n"

func (c *caller) ask(question string, stream bool, header []string) (called, error) {
	request := overheadRequest(c.addr, question, stream, header)
	begin := time.Now()
	if _, err := c.conn.Write(request); err != nil {
		return called{}, err
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return called{}, err
	}
	defer resp.Body.Close()
	var first [1]byte
	if _, err := io.ReadFull(resp.Body, first[:]); err != nil {
		return called{}, err
	}
	took := time.Since(begin)
	rest, err := io.ReadAll(resp.Body)
	if err != nil {
		return called{}, err
	}
	if !stream {
		took = time.Since(begin)
	}
	if resp.StatusCode != http.StatusOK {
		return called{}, fmt.Errorf("%w: %s: %.200s", errAnswer, resp.Status, rest)
	}
	if stream && !strings.HasSuffix(string(rest), streamEnd) {
		return called{}, fmt.Errorf("%w: a stream without its end", errAnswer)
	}
	return called{took, resp.Header}, nil
}

// timing is a stage's time in the response's server-timing; 0 if it is not there.
func timing(h http.Header, stage string) time.Duration {
	for part := range strings.SplitSeq(h.Get("Server-Timing"), ",") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(part), stage+";dur="); ok {
			ms, err := strconv.ParseFloat(v, 64)
			if err == nil {
				return time.Duration(ms * float64(time.Millisecond))
			}
		}
	}
	return 0
}

// WriteText prints the report as a table.
func (r *OverheadReport) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%s\n%d calls of each kind, as many direct ones between them; driver, proxy and provider share the machine\n\n", r.Machine, r.Options.Calls)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "call that the cache cannot answer\twithout\tadded p50\tadded p99\tembedding\tverifier\tthe rest\tas intended\t")
	us := time.Microsecond
	for _, row := range r.Rows {
		fmt.Fprintf(t, "%s\t%v\t%v\t%v\t%v\t%v\t%v\t%.1f %%\t\n", row.Kind, row.Base.Round(us), row.Added.Round(us), row.AddedP99.Round(us),
			row.Embed.Round(us), row.Verify.Round(us), row.Rest.Round(us), 100*row.Share)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%d streams at once: %d failed, all over in %v\n", r.Options.Streams, r.Failed, r.StreamTime.Round(time.Millisecond))
	if r.FirstError != nil {
		fmt.Fprintf(w, "the first failure: %v\n", r.FirstError)
	}
	return nil
}
