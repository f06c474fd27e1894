package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"github.com/reprise-cache/reprise/cache"
)

// EvictionOptions configures [Eviction].
type EvictionOptions struct {
	Requests int       // of each trace; 0: 60,000
	Rooms    []float64 // shares of what all questions would take; nil: 0.02, 0.1, 0.3
	Seeds    []uint64  // traces that each figure is the mean of; nil: 101 to 105. The policy was tuned on 1 to 3.
	Intents  []string  // files of real requests besides, as Replay takes them
	Progress io.Writer
}

// evictionPolicies are what is compared; the named ones come first, ours last.
var evictionPolicies = []string{"LRU", "LFU", "S3-FIFO", "W-TinyLFU", "GDSF", "reprise"}

const evictionNamed = 4

// EvictionRow is one trace in one room.
type EvictionRow struct {
	Trace string
	Seen  bool // the policy was tuned on others of this kind
	Equal bool
	Room  float64
	Saved [][]float64 // share of the money that answering all anew would cost, by seed and policy
}

// Mean is the share of the money that a policy saves, over the seeds.
func (r *EvictionRow) Mean(policy int) (mean float64) {
	for _, saved := range r.Saved {
		mean += saved[policy] / float64(len(r.Saved))
	}
	return mean
}

// Margin is by how much the cache saves more than that of the named policies which saves most, as a share of all the money, and half of
// the 95 % interval of that: of the differences trace by trace, by Student's t. It is infinite for one seed.
func (r *EvictionRow) Margin() (mean, half float64) {
	best := 0
	for p := range evictionNamed {
		if r.Mean(p) > r.Mean(best) {
			best = p
		}
	}
	differences := make([]float64, len(r.Saved))
	for i, saved := range r.Saved {
		differences[i] = saved[len(saved)-1] - saved[best]
	}
	return meanInterval(differences)
}

// evictionTie is what a difference has to come to at least to be called one, as a share of the money: the last digit that is printed.
const evictionTie = 0.0001

// verdict is 1 where the cache saves more than the best named policy, -1 where it saves less, 0 where the traces do not tell.
func (r *EvictionRow) verdict() int {
	switch mean, half := r.Margin(); {
	case mean > half && mean >= evictionTie:
		return 1
	case -mean > half && -mean >= evictionTie:
		return -1
	}
	return 0
}

// EvictionReport is what [Eviction] measured.
type EvictionReport struct {
	Requests int
	Seeds    []uint64
	Rows     []EvictionRow
}

// Eviction replays traffic through the cache's eviction and through others, in equal room, and sums up what each saves.
func Eviction(ctx context.Context, o EvictionOptions) (*EvictionReport, error) {
	if o.Requests == 0 {
		o.Requests = 60_000
	}
	if o.Rooms == nil {
		o.Rooms = []float64{0.02, 0.1, 0.3}
	}
	if o.Seeds == nil {
		o.Seeds = []uint64{101, 102, 103, 104, 105}
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	if o.Requests < 1000 {
		return nil, fmt.Errorf("bench: eviction: %d requests are too few: 1000 at least", o.Requests)
	}
	for _, room := range o.Rooms {
		if !(room > 0 && room <= 1) {
			return nil, fmt.Errorf("bench: eviction: room %v is outside 0..1", room)
		}
	}
	kinds := len(evictionKinds)
	if len(o.Intents) > 0 {
		kinds++
		if _, err := evictionReplayed(o.Intents, 1, true, 1); err != nil { // before the others have taken their time
			return nil, err
		}
	}
	report := &EvictionReport{Requests: o.Requests, Seeds: o.Seeds}
	for _, equal := range []bool{true, false} {
		for kind := range kinds {
			rows, err := evictionRows(ctx, kind, equal, &o)
			if err != nil {
				return nil, err
			}
			report.Rows = append(report.Rows, rows...)
			fmt.Fprintf(o.Progress, "%s, equal prices %v: done\n", rows[0].Trace, equal)
		}
	}
	return report, nil
}

// evictionRows replays a kind of trace, with every seed in every room, on all cores: no policy knows of time.
func evictionRows(ctx context.Context, kind int, equal bool, o *EvictionOptions) ([]EvictionRow, error) {
	rows := make([]EvictionRow, len(o.Rooms))
	for i := range rows {
		rows[i].Saved = make([][]float64, len(o.Seeds))
	}
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(runtime.GOMAXPROCS(0))
	for at, seed := range o.Seeds {
		t, err := evictionTraceOf(kind, equal, seed, o)
		if err != nil {
			return nil, errors.Join(err, work.Wait())
		}
		for i, room := range o.Rooms {
			work.Go(func() error {
				if err := ctx.Err(); err != nil {
					return err
				}
				rows[i].Saved[at] = evictionSaved(t, room, seed)
				return nil
			})
			rows[i].Trace, rows[i].Seen, rows[i].Equal, rows[i].Room = t.name, t.seen, equal, room
		}
	}
	return rows, work.Wait()
}

func evictionTraceOf(kind int, equal bool, seed uint64, o *EvictionOptions) (*evictionTrace, error) {
	if kind == len(evictionKinds) {
		return evictionReplayed(o.Intents, o.Requests, equal, seed)
	}
	return evictionMade(kind, o.Requests, equal, seed), nil
}

// evictor is a policy at work: it is asked for an answer, says whether it has it, and has it from then on, as far as it keeps it.
type evictor interface {
	ask(question uint32, o evictionObject) bool
}

// evictionSaved replays a trace through every policy.
func evictionSaved(t *evictionTrace, share float64, seed uint64) []float64 {
	total, n := t.footprint()
	room := int64(share * float64(total))
	policies := []evictor{
		newLRU(room), newLFU(room), newS3FIFO(room), newWTinyLFU(room, max(1, int(room/(total/int64(n))))), newGDSF(room),
		ours{cache.NewEvictor(room, seed)},
	}
	var all float64
	for _, q := range t.asked {
		all += t.objects[q].price
	}
	saved := make([]float64, len(policies))
	for i, p := range policies {
		for _, q := range t.asked {
			if p.ask(q, t.objects[q]) {
				saved[i] += t.objects[q].price / all
			}
		}
	}
	return saved
}

type ours struct{ *cache.Evictor }

func (o ours) ask(question uint32, obj evictionObject) bool {
	return o.Ask(mixed(uint64(question)), obj.bytes, obj.price)
}

// mixed spreads a number over 64 bits, as a hash would (the finisher of SplitMix64).
func mixed(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// WriteText prints the report.
func (r *EvictionReport) WriteText(w io.Writer) error {
	fmt.Fprintf(w, `money saved at equal room, in per cent of what answering every request anew would cost
%d requests a trace; means of the seeds %v
room: share of what the answers to all questions of the trace take
difference: to the best of the first four, in points, with its 95 %% interval over the seeds
* traces of this kind, with other seeds, were looked at while the policy was tuned

`, r.Requests, r.Seeds)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "trace\tprices\troom\t")
	for _, p := range evictionPolicies {
		fmt.Fprintf(t, "%s\t", p)
	}
	fmt.Fprintln(t, "difference\t\t")
	for i := range r.Rows {
		row := &r.Rows[i]
		name, mean, half := row.Trace, 0.0, 0.0
		if row.Seen {
			name = "* " + name
		}
		fmt.Fprintf(t, "%s\t%s\t%.0f %%\t", name, priced(row.Equal), 100*row.Room)
		for p := range evictionPolicies {
			fmt.Fprintf(t, "%.2f\t", 100*row.Mean(p))
		}
		mean, half = row.Margin()
		fmt.Fprintf(t, "%+.2f ± %.2f\t%s\t\n", 100*mean, 100*half, [...]string{"behind", "", "ahead"}[1+row.verdict()])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, equal := range []bool{true, false} {
		for _, seen := range []bool{true, false} {
			if err := r.writeSum(w, equal, seen); err != nil {
				return err
			}
		}
	}
	return r.writeLimits(w)
}

// writeLimits says what the counts may not be read as.
func (r *EvictionReport) writeLimits(w io.Writer) error {
	_, err := fmt.Fprintf(w, `
The best of the four is picked by the very traces that it is compared on, row by row, which is in its favour. Nothing corrects for the
number of rows: of %d in which nothing differs, about %.1f would be called ahead by chance, and as many behind.
`, len(r.Rows), float64(len(r.Rows))/40)
	return err
}

// writeSum counts the rows of one sort.
func (r *EvictionReport) writeSum(w io.Writer, equal, seen bool) error {
	var verdicts [3]int
	least, all := math.Inf(1), 0.0
	n := 0
	for i := range r.Rows {
		if row := &r.Rows[i]; row.Equal == equal && row.Seen == seen {
			mean, _ := row.Margin()
			least, all, n = min(least, mean), all+mean, n+1
			verdicts[1+row.verdict()]++
		}
	}
	if n == 0 {
		return nil
	}
	which := "others"
	if seen {
		which = "* kinds"
	}
	_, err := fmt.Fprintf(w, "%s prices, %s: ahead in %d of %d rows, no telling in %d, behind in %d; difference %+.2f in the mean, %+.2f at the least\n",
		priced(equal), which, verdicts[2], n, verdicts[1], verdicts[0], 100*all/float64(n), 100*least)
	return err
}

func priced(equal bool) string {
	if equal {
		return "equal"
	}
	return "unequal"
}
