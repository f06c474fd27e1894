package bench

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/reprise-cache/reprise/cache"
)

// EvictionOptions configures [Eviction].
type EvictionOptions struct {
	Requests int       // of each trace; 0: 120,000
	Rooms    []float64 // shares of what all questions would take; nil: 0.02, 0.1, 0.3
	Seeds    []uint64  // traces that each figure is the mean of; nil: 101, 102, 103. The policy was made with 1 to 3.
	Intents  []string  // files of real requests besides, as Replay takes them
	Progress io.Writer
}

// evictionPolicies are what is compared; ours comes last.
var evictionPolicies = []string{"LRU", "LFU", "S3-FIFO", "W-TinyLFU", "GDSF", "reprise"}

// EvictionRow is one trace in one room.
type EvictionRow struct {
	Trace string
	Equal bool
	Room  float64
	Saved []float64 // share of the money that answering all anew would cost, by policy
}

// Margin is by how much the cache saves more than the best of LRU, LFU, S3-FIFO and W-TinyLFU, as a share of all the money.
func (r *EvictionRow) Margin() float64 {
	return r.Saved[5] - max(r.Saved[0], r.Saved[1], r.Saved[2], r.Saved[3])
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
		o.Requests = 120_000
	}
	if o.Rooms == nil {
		o.Rooms = []float64{0.02, 0.1, 0.3}
	}
	if o.Seeds == nil {
		o.Seeds = []uint64{101, 102, 103}
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
			rows := make([]EvictionRow, len(o.Rooms))
			for _, seed := range o.Seeds {
				t, err := evictionTraceOf(kind, equal, seed, &o)
				if err != nil {
					return nil, err
				}
				for i, room := range o.Rooms {
					if err := ctx.Err(); err != nil {
						return nil, err
					}
					rows[i].Trace, rows[i].Equal, rows[i].Room = t.name, equal, room
					saved := evictionSaved(t, room, seed)
					if rows[i].Saved == nil {
						rows[i].Saved = make([]float64, len(saved))
					}
					for p := range saved {
						rows[i].Saved[p] += saved[p] / float64(len(o.Seeds))
					}
				}
			}
			report.Rows = append(report.Rows, rows...)
			fmt.Fprintf(o.Progress, "%s, equal prices %v: done\n", rows[0].Trace, equal)
		}
	}
	return report, nil
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
	fmt.Fprintf(w, "money saved at equal room, in per cent of what answering every request anew would cost\n%d requests a trace; means of the seeds %v\n\n", r.Requests, r.Seeds)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "trace\tprices\troom\t")
	for _, p := range evictionPolicies {
		fmt.Fprintf(t, "%s\t", p)
	}
	fmt.Fprintln(t, "over the best of the first four\t")
	least, behind := 1.0, 0
	for i := range r.Rows {
		row := &r.Rows[i]
		prices := "unequal"
		if row.Equal {
			prices = "equal"
		}
		fmt.Fprintf(t, "%s\t%s\t%.0f %%\t", row.Trace, prices, 100*row.Room)
		for _, s := range row.Saved {
			fmt.Fprintf(t, "%.2f\t", 100*s)
		}
		m := row.Margin()
		fmt.Fprintf(t, "%+.2f\t\n", 100*m)
		least = min(least, m)
		if m < 0 {
			behind++
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nbehind the best of the first four in %d of %d rows; least difference %+.2f\n", behind, len(r.Rows), 100*least)
	return err
}
