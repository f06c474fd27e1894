package route

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

func itoa(i int) string { return strconv.Itoa(i) }

// finish hands down what targets leave open, and says where each is.
func (p *parser) finish(root, outer *Target) (*Config, error) {
	if root.Targets != nil && root.Mode == Single && outer.Mode != Single {
		root.Mode = outer.Mode
		if root.Mode == Conditional && root.rules == nil {
			return nil, wrong(strict.Join(p.checks.Prefix, "strategy.conditions"), "is missing: give at least one condition")
		}
		if err := p.weights(root, strict.Join(p.checks.Prefix, p.groupName)); err != nil {
			return nil, err
		}
	}
	root.inherit(outer)
	place := "config"
	if root.Targets == nil {
		place = firstPlace
	}
	p.settle(root, place)
	p.cfg.Root, p.cfg.patterns = root, p.effort.patterns
	return p.cfg, nil
}

// weights refuses a group of which a draw could pick nobody.
func (p *parser) weights(t *Target, path string) error {
	var sum float64
	for _, k := range t.Targets {
		sum += k.weight
	}
	if t.Mode == LoadBalance && !positive(sum) {
		return wrong(path+"[0].weight", "the weights of a group must not all be 0, nor add up to more than 1e300")
	}
	return nil
}

func (p *parser) settle(t *Target, place string) {
	t.place = place
	for i, k := range t.Targets {
		k.inherit(t)
		p.settle(k, place+".targets["+itoa(i)+"]")
	}
	if t.Targets == nil {
		t.name()
	}
	t.conduct = t.describe()
}

// inherit takes from the group what t leaves open. Provider, key and host belong together: a target that names a provider
// of its own must not be sent another's key.
func (t *Target) inherit(g *Target) {
	before := t.words()
	defer func() { // a word of a request's makes the target the request's
		t.saved = t.saved && (g.saved || slices.Equal(before, t.words()))
	}()
	if t.Provider == "" && t.VirtualKey == "" {
		t.Provider, t.VirtualKey = g.Provider, g.VirtualKey
		if t.APIKey == "" {
			t.APIKey = g.APIKey
		}
		if t.CustomHost == "" {
			t.CustomHost = g.CustomHost
		}
		if t.ResourceName == "" {
			t.ResourceName = g.ResourceName
		}
		if t.DeploymentID == "" {
			t.DeploymentID = g.DeploymentID
		}
		if t.APIVersion == "" {
			t.APIVersion = g.APIVersion
		}
		if t.Organization == "" && t.Project == "" {
			t.Organization, t.Project = g.Organization, g.Project
		}
	}
	if !t.set.retry {
		t.Retry, t.set.retry = g.Retry, g.set.retry
	}
	if !t.set.loose {
		t.Loose, t.set.loose = g.Loose, g.set.loose
	}
	if t.Timeout == 0 {
		t.Timeout = g.Timeout
	}
	if t.Forward == nil {
		t.Forward = g.Forward
	}
	if t.Cache == nil {
		t.Cache = g.Cache
	}
	if t.Override == nil {
		t.Override = g.Override
	} else {
		for _, m := range g.Override {
			if !slices.ContainsFunc(t.Override, func(o Member) bool { return o.Name == m.Name }) {
				t.Override = append(t.Override, m)
			}
		}
	}
}

// words are those of a target's label that a request may choose freely.
func (t *Target) words() (words []string) {
	if t.CustomHost != "" {
		words = append(words, t.CustomHost)
	}
	if t.DeploymentID != "" {
		words = append(words, t.ResourceName+"/"+t.DeploymentID)
	}
	for _, m := range t.Override {
		if s, err := strict.ReadText("", m.Value); m.Name == "model" && err == nil {
			words = append(words, s)
		}
	}
	if t.Timeout > 0 { // who would not wait for long has failures that others would not have
		words = append(words, "within "+t.Timeout.String())
	}
	return words
}

// name makes what tells the target from others: to people, and to the cache.
func (t *Target) name() {
	parts := []string{t.Provider} // which the gateway knows, as it does the key
	if t.VirtualKey != "" {
		parts = append(parts, "key "+t.VirtualKey)
	}
	words := t.words()
	t.brought = len(words) > 0 && !t.saved
	t.label = label(append(slices.Clone(parts), words...))
	if t.CustomHost != "" { // whose failures are not the provider's
		parts = append(parts, "custom host")
	}
	t.total = label(parts)
	h := [][]byte{[]byte("reprise/route/target/1"), []byte(t.Provider), []byte(t.VirtualKey), []byte(t.CustomHost),
		[]byte(t.ResourceName), []byte(t.DeploymentID), []byte(t.APIVersion), []byte(t.Organization), []byte(t.Project)}
	if t.Loose {
		h = append(h, []byte("loose"))
	} else {
		h = append(h, nil)
	}
	t.bare = cache.Hash(h...)
	over := slices.Clone(t.Override)
	sort.Slice(over, func(i, j int) bool { return over[i].Name < over[j].Name })
	for _, m := range over {
		v := m.Value.Clone()
		_ = v.Canonicalize(jsontext.CanonicalizeRawInts(false)) // it was read as JSON once; as floats, two large seeds may be one
		h = append(h, []byte(m.Name), v)
	}
	t.digest = cache.Hash(h...)
}

func label(parts []string) string {
	s := strict.Clip(strings.Trim(strings.Join(parts, " "), " "))
	if s == "" {
		return "default"
	}
	return s
}

// Plan is what a config comes to for one request.
type Plan struct {
	First  *Target      // the target that is tried first; its settings are the request's
	Leaves []*Target    // all that may have made an answer for this Scope; shared: read only
	Scope  cache.Digest // of Leaves, whatever their order
	root   step

	conduct []byte // of the groups and targets that it may come by, in order
}

// Conduct digests how the plan is carried out: what comes after what and when, how often and how long a call is tried, and
// where in its config each target stands. A draw counts as all that it may come to. Plans of one Scope may differ in it, and then
// what is a failure of the one need not be the other's. It is zero where the config's only target is called once, without a time
// limit of its own.
func (p *Plan) Conduct() cache.Digest {
	if only := p.Leaves[0]; len(p.Leaves) == 1 && only.Retry.Attempts == 0 && only.Timeout == 0 && only.place == firstPlace {
		return cache.Digest{}
	}
	return cache.Hash([]byte("reprise/route/conduct/1"), p.conduct)
}

// Retries reports whether a call may be made again.
func (p *Plan) Retries() bool {
	return slices.ContainsFunc(p.Leaves, func(t *Target) bool { return t.Retry.Attempts > 0 })
}

// describe writes down what Conduct is made of. A group that is no choice is nothing: what it leads to is there.
func (t *Target) describe() (b []byte) {
	number := func(n int) { b = binary.BigEndian.AppendUint64(b, uint64(n)) }
	codes := func(codes []int) {
		if codes == nil { // which is not none
			number(-1)
			return
		}
		number(len(codes))
		for _, c := range codes {
			number(c)
		}
	}
	switch {
	case t.Targets == nil:
		b = append(b, t.digest[:]...)
		number(len(t.place))
		b = append(b, t.place...)
		number(int(t.Timeout))
		if number(t.Retry.Attempts); t.Retry.Attempts > 0 {
			codes(t.Retry.Codes)
			b = strconv.AppendBool(b, t.Retry.Ignore)
		}
	case t.Mode == Fallback:
		b = append(b, "fallback"...)
		codes(t.Codes)
		number(len(t.Targets))
	case t.Mode == LoadBalance:
		b = append(b, "loadbalance"...)
		number(int(t.Sticky))
		number(len(t.Targets))
		for _, k := range t.Targets {
			b = binary.BigEndian.AppendUint64(b, math.Float64bits(k.weight))
		}
	}
	return b
}

// firstPlace is where the only target of a config stands.
const firstPlace = "config.targets[0]"

// step is a target to call, or a group of which one after the other is.
type step struct {
	target *Target
	rest   []step // of a fallback; nil: target is to be called
}

// Resolve applies conditions and draws for one request. healthy says whether a target is worth choosing; nil: all are. The
// error is an *Error.
func (c *Config) Resolve(f *Facts, healthy func(*Target) bool) (*Plan, error) {
	p := &Plan{}
	var err error
	if p.root, err = choose(c.Root, f, healthy); err != nil {
		return nil, err
	}
	p.First = p.root.first()
	if err := p.gather(c.Root, f); err != nil {
		return nil, err
	}
	if len(p.Leaves) == 1 {
		p.Scope = p.Leaves[0].digest
		return p, nil
	}
	ds := make([][]byte, 0, len(p.Leaves)+1)
	for _, l := range p.Leaves {
		ds = append(ds, l.digest[:])
	}
	slices.SortFunc(ds, slices.Compare)
	ds = slices.CompactFunc(ds, slices.Equal)
	if len(ds) == 1 { // the same target several times
		p.Scope = p.Leaves[0].digest
		return p, nil
	}
	p.Scope = cache.Hash(append(ds, []byte("reprise/route/set/1"))...)
	return p, nil
}

func (s *step) first() *Target {
	for s.rest != nil {
		s = &s.rest[0]
	}
	return s.target
}

func choose(t *Target, f *Facts, healthy func(*Target) bool) (step, error) {
	if t.Targets == nil {
		return step{target: t}, nil
	}
	switch t.Mode {
	case Fallback:
		s := step{target: t, rest: make([]step, 0, len(t.Targets))}
		for _, k := range t.Targets {
			ks, err := choose(k, f, healthy)
			if err != nil {
				return s, err
			}
			s.rest = append(s.rest, ks)
		}
		return s, nil
	case LoadBalance:
		return choose(t.draw(f, healthy), f, healthy)
	case Conditional:
		k, err := t.chosen(f)
		if err != nil {
			return step{}, err
		}
		return choose(k, f, healthy)
	}
	return choose(t.Targets[0], f, healthy)
}

// gather lists the targets that may answer, and how they come to it.
func (p *Plan) gather(t *Target, f *Facts) error {
	p.conduct = append(p.conduct, t.conduct...)
	switch {
	case t.Targets == nil:
		p.Leaves = append(p.Leaves, t)
		return nil
	case t.Mode == Single:
		return p.gather(t.Targets[0], f)
	case t.Mode == Conditional:
		k, err := t.chosen(f)
		if err != nil {
			return err
		}
		return p.gather(k, f)
	}
	for _, k := range t.Targets {
		if t.Mode == LoadBalance && k.weight == 0 {
			continue
		}
		if err := p.gather(k, f); err != nil {
			return err
		}
	}
	return nil
}

func (t *Target) chosen(f *Facts) (*Target, error) {
	for _, r := range t.rules {
		if r.when.holds(f) {
			return r.then, nil
		}
	}
	if t.other == nil {
		return nil, &Error{Path: strings.TrimPrefix(strings.TrimPrefix(t.place, "config"), "."), Code: "no_condition_holds",
			Message: "no condition holds for this request, and there is no strategy.default"}
	}
	return t.other, nil
}

// draw picks one of a group by weight. Targets that are not healthy are left out, unless none is. The first draw is among
// all, so that a request which is tied keeps its target while others are down.
func (t *Target) draw(f *Facts, healthy func(*Target) bool) *Target {
	var sum, rest float64
	up := make([]*Target, 0, len(t.Targets)) // each is asked after once, for its health may change in the meantime
	for _, k := range t.Targets {
		sum += k.weight
		if k.weight > 0 && (healthy == nil || k.Targets != nil || healthy(k)) {
			up = append(up, k)
			rest += k.weight
		}
	}
	tie := t.tie(f)
	k := pick(t.Targets, uniform(t, tie, 0)*sum)
	if len(up) == 0 || slices.Contains(up, k) {
		return k
	}
	return pick(up, uniform(t, tie, 1)*rest)
}

// uniform returns a number in [0, 1): the same one each time for one tie, any without.
func uniform(t *Target, tie string, round byte) float64 {
	if tie == "" {
		return rand.Float64()
	}
	sum := sha256.Sum256(append([]byte("reprise/route/sticky/1 "+t.place+"\x00"+tie+"\x00"), round))
	return float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
}

// pick returns the target in whose share of the weights x lies.
func pick(ts []*Target, x float64) *Target {
	var last *Target
	for _, k := range ts {
		if k.weight == 0 {
			continue
		}
		last = k
		if x -= k.weight; x < 0 {
			return k
		}
	}
	return last
}

func (t *Target) tie(f *Facts) string {
	switch t.Sticky {
	case StickyTrace:
		return f.Trace
	case StickyUser:
		return f.user()
	}
	return ""
}
