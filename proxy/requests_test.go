package proxy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/prices"
	"github.com/reprise-cache/reprise/proxy/internal/requestlog"
)

// withLog gives the server a request log and the operator's token to read it.
func withLog(t testing.TB) func(*Config) {
	path := filepath.Join(t.TempDir(), "requests.db")
	return func(c *Config) { c.RequestLog.Path, c.AdminToken = path, operator }
}

// page is what the admin API says of the log.
func (r *rig) page(query string) (records []requestlog.Record, next string) {
	r.t.Helper()
	got := r.do("GET", "/admin/v1/logs?"+query, "", bearerOf(operator)...)
	var p struct {
		Records []requestlog.Record `json:"records"`
		Next    string              `json:"next_cursor"`
	}
	if err := json.Unmarshal([]byte(got.body), &p); got.StatusCode != 200 || err != nil {
		r.t.Fatalf("%s: %d %s: %v", query, got.StatusCode, got.body, err)
	}
	return p.Records, p.Next
}

// last is the newest record.
func (r *rig) last() requestlog.Record {
	r.t.Helper()
	records, _ := r.page("limit=1")
	if len(records) != 1 {
		r.t.Fatal("the log is empty")
	}
	return records[0]
}

// priced is a provider whose answers name a model of the table and say what they cost, streams where asked to.
func priced(model string, prompt, cached, completion int) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		usage := fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d}}`, prompt, completion, prompt+completion, cached)
		text := strings.ReplaceAll(bodyOf("an answer"), `"m-1"`, `"`+model+`"`)
		text = text[:strings.Index(text, `"usage"`)] + `"usage":` + usage + "}"
		if !bytes.Contains(body, []byte(`"stream":true`)) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, text)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		s := strings.TrimSuffix(strings.ReplaceAll(streamOf("one two three"), `"m-1"`, `"`+model+`"`), "data: [DONE]\n\n")
		if bytes.Contains(body, []byte(`"include_usage":true`)) {
			s += strings.ReplaceAll(chunk(`"choices":[],"usage":`+usage), `"m-1"`, `"`+model+`"`)
		}
		io.WriteString(w, s+"data: [DONE]\n\n")
	}
}

func asOpenAI(c *Config) { c.Providers[0].Kind = OpenAI }

func dollars(t *testing.T, s string) prices.Money {
	t.Helper()
	m, err := prices.ParseMoney(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLogTakesAnyPath holds that a path which no JSON can carry as it came, or that is cut within a character, costs neither its own
// record nor those that are written along with it.
func TestLogTakesAnyPath(t *testing.T) {
	r := newRig(t, answerWith("x"), withLog(t))
	r.do("GET", "/v1/%ff", "")
	r.do("GET", "/v1/x"+strings.Repeat("%C3%A9", maxPath), "") // é
	r.ask("how do I reset the old phone", "")
	records, _ := r.page("")
	var paths []string
	for _, rec := range records {
		paths = append(paths, rec.Path)
	}
	if want := []string{chatPath, "/v1/x" + strings.Repeat("é", (maxPath-len("/v1/x"))/2) + "\uFFFD", "/v1/\uFFFD"}; !slices.Equal(paths, want) {
		t.Errorf("got %q, want %q", paths, want)
	}
}

// TestLogTakesAnyModel holds that no name of a model, the caller's or the provider's, keeps records from being written, or fills the log.
func TestLogTakesAnyModel(t *testing.T) {
	long := strings.Repeat("m", 40<<10)
	r := newRig(t, priced(long, 10, 0, 5), withLog(t))
	named := func(model string) string {
		return strings.Replace(question("how do I reset the old phone", ""), `"m"`, `"`+model+`"`, 1)
	}
	r.do("POST", chatPath, named("m")) // whose answer has the long name
	r.do("POST", chatPath, named(long), "cache-control", "only-if-cached")
	r.do("POST", "/v1/embeddings", `{"model":"`+long+`","input":"x"}`, "cache-control", "only-if-cached")
	r.do("POST", chatPath, named(long), "x-portkey-cache-force-refresh", "true")
	records, _ := r.page("")
	if len(records) != 4 {
		t.Errorf("%d records", len(records))
	}
	for _, rec := range records {
		if len(rec.Model) > 300 || len(rec.Answered) > 300 || rec.Model == "" {
			t.Errorf("%d and %d bytes of the models' names", len(rec.Model), len(rec.Answered))
		}
	}
	if strings.Contains(r.log.String(), long[:1000]) {
		t.Error("the log has the whole name")
	}
}

func TestRecordOfARequest(t *testing.T) {
	r := newRig(t, priced("gpt-4o-mini-2024-07-18", 1000, 400, 100), withLog(t), asOpenAI)
	headers := []string{"x-portkey-trace-id", "t-1", "x-portkey-metadata", `{"_user":"ada","env":"test"}`, "x-portkey-cache-namespace", "shop"}
	r.ask("how do I reset the old phone", "", headers...)
	r.flush()
	miss := r.last()
	// 600 at 0.15, 400 at 0.075 and 100 at 0.6 dollars a million
	want := dollars(t, "0.00018")
	if miss.TraceID != "t-1" || miss.User != "ada" || miss.Metadata["env"] != "test" || miss.Namespace != "shop" || miss.Path != chatPath || miss.Method != "POST" ||
		miss.Provider != "main" || miss.Model != "m" || miss.Answered != "gpt-4o-mini-2024-07-18" || miss.Status != 200 || miss.CacheStatus != "SEMANTIC MISS" || miss.Attempts != 1 ||
		miss.Prompt != 1000 || miss.Cached != 400 || miss.Completion != 100 || miss.Estimated || miss.Cost == nil || *miss.Cost != want || miss.Saved != nil || miss.NoPrice ||
		miss.Target != "config.targets[0]" && miss.Target == "" || miss.Latency <= 0 || miss.Stages.Upstream <= 0 || miss.Stages.Embed <= 0 || len(miss.SpanID) != 16 || miss.Request != "" || miss.Answer != "" {
		t.Errorf("%+v, cost %v", miss, miss.Cost)
	}
	r.ask("how do I reset the old phone", "", headers...)
	hit := r.last()
	if hit.CacheStatus != "HIT" || hit.Cost != nil || hit.Saved == nil || *hit.Saved != want || hit.Attempts != 0 || len(hit.Entry) != 16 || hit.ID <= miss.ID {
		t.Errorf("%+v, saved %v", hit, hit.Saved)
	}
	r.ask("how do I reset the phone", `"stream":true`, headers...)
	if s := r.last(); s.CacheStatus != "SEMANTIC HIT" || s.Similarity < 0.8 || !s.Stream || s.Saved == nil || *s.Saved != want {
		t.Errorf("%+v", s)
	}

	// A stream that says what it cost, and one that does not.
	r.ask("something else entirely", `"stream":true,"stream_options":{"include_usage":true}`)
	if s := r.last(); s.Cost == nil || *s.Cost != want || s.Estimated || !s.Stream {
		t.Errorf("a stream with usage: %+v", s)
	}
	r.ask("what might that be then", `"stream":true`)
	if s := r.last(); s.Cost == nil || !s.Estimated || s.Completion < 3 || s.Completion > 8 || s.Prompt < 4 {
		t.Errorf("a stream without: %+v", s)
	}
	r.flush()
	r.ask("what might that be then", "")
	if s := r.last(); s.Saved == nil || !s.Estimated || s.Completion < 2 || s.CacheStatus != "HIT" {
		t.Errorf("a hit on it: %+v", s)
	}

	// What goes wrong has a record as well, and what is the gateway's own has none.
	r.do("POST", chatPath, "{", headers...)
	if s := r.last(); s.Status != 400 || s.Error != "invalid_json" || s.Cost != nil || s.NoPrice {
		t.Errorf("%+v", s)
	}
	before, _ := r.page("")
	r.do("GET", "/healthz", "")
	r.do("GET", "/nothing", "")
	r.do("GET", "/admin/v1/costs", "")
	if after, _ := r.page(""); len(after) != len(before) {
		t.Errorf("%d records, want %d", len(after), len(before))
	}
}

func TestUnknownPriceIsNotNothing(t *testing.T) {
	r := newRig(t, priced("a-model-of-nobodys", 10, 0, 5), withLog(t))
	r.ask("a question of some kind", "")
	r.flush()
	r.ask("a question of some kind", "")
	records, _ := r.page("")
	for _, rec := range records {
		if rec.Cost != nil || rec.Saved != nil || !rec.NoPrice || rec.Completion != 5 {
			t.Errorf("%+v", rec)
		}
	}
	got := r.do("GET", "/admin/v1/costs?group_by=model", "", bearerOf(operator)...)
	if !strings.Contains(got.body, `"price_unknown":2`) || !strings.Contains(got.body, `"group":"main/a-model-of-nobodys"`) {
		t.Errorf("%s", got.body)
	}
	if m := r.metrics(); !strings.Contains(m, "reprise_price_unknown_total 2\n") {
		t.Errorf("%s", m)
	}
}

func TestCostOfEmbeddings(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		var in struct{ Input []string }
		body, _ := io.ReadAll(req.Body)
		_ = json.Unmarshal(body, &in)
		var data []string
		for i := range in.Input {
			data = append(data, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":[1,2]}`, i))
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"object":"list","model":"text-embedding-3-small","data":[%s],"usage":{"prompt_tokens":%d,"total_tokens":%[2]d}}`, strings.Join(data, ","), 1000*len(in.Input))
	}, withLog(t), asOpenAI)
	embed := func(inputs string) requestlog.Record {
		r.do("POST", "/v1/embeddings", `{"model":"text-embedding-3-small","input":`+inputs+`}`)
		r.flush()
		return r.last()
	}
	each := dollars(t, "0.00002")
	if m := embed(`["aa","bb"]`); m.Cost == nil || *m.Cost != 2*each || m.Saved != nil {
		t.Errorf("%+v", m)
	}
	if m := embed(`["aa","bb","cc"]`); m.Cost == nil || *m.Cost != each || m.Saved == nil || *m.Saved != 2*each {
		t.Errorf("part of it is known: %+v, %v, %v", m, m.Cost, m.Saved)
	}
	if m := embed(`["cc","aa"]`); m.Cost != nil || m.Saved == nil || *m.Saved != 2*each {
		t.Errorf("all of it is known: %+v", m)
	}
}

func TestCostOfAnthropic(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		if bytes.Contains(body, []byte(`"stream":true`)) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":100,\"output_tokens\":1,\"cache_read_input_tokens\":1000}}}\n\n"+
				"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"+
				"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n"+
				"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"+
				"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":50}}\n\n"+
				"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":100,"output_tokens":50,"cache_read_input_tokens":1000,"cache_creation_input_tokens":20}}`)
	}, withLog(t), func(c *Config) { c.Providers[0].Kind = Anthropic })
	ask := func(text, members string) requestlog.Record {
		r.do("POST", "/v1/messages", `{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"`+text+`"}]`+members+`}`)
		r.flush()
		return r.last()
	}
	// 100 at 3, 1000 at 0.3, 20 at 3.75, 50 at 15 dollars a million
	whole := dollars(t, "0.001425")
	if m := ask("one of these", ""); m.Cost == nil || *m.Cost != whole || m.Prompt != 1120 || m.Written != 20 {
		t.Errorf("%+v, %v", m, m.Cost)
	}
	if m := ask("one of these", `,"stream":true`); m.Saved == nil || *m.Saved != whole {
		t.Errorf("a hit: %+v", m)
	}
	if m := ask("entirely another matter", `,"stream":true`); m.Cost == nil || *m.Cost != dollars(t, "0.00135") || m.Estimated {
		t.Errorf("a stream: %+v, %v", m, m.Cost)
	}
	// An OpenAI client whose stream is not to say what it cost: its provider does all the same. Here the prompt's cache is told apart, what is written to it is not.
	r.do("POST", chatPath, question("of yet another kind", `"stream":true`))
	if m := r.last(); m.Cost == nil || *m.Cost != dollars(t, "0.00135") || m.Estimated {
		t.Errorf("a translated stream: %+v, %v", m, m.Cost)
	}
}

// TestShadowChecksArePaidFor holds that the gateway's own calls have records with their cost.
func TestShadowChecksArePaidFor(t *testing.T) {
	r := newRig(t, priced("gpt-4o-mini", 1000, 0, 100), withLog(t), asOpenAI, withCacheOptions(t, cache.Options{
		Embedder: &words{}, Threshold: 0.8, MaxError: 1, ReadAnswer: ReadAnswer, Shadow: cache.ShadowOptions{Rate: 1, PerMinute: 100}}))
	r.ask("how do I reset the old phone", "")
	r.flush()
	if hit := r.ask("how do I reset the phone", "", "x-portkey-trace-id", "t"); hit.cache() != "SEMANTIC HIT" {
		t.Fatalf("%s", hit.cache())
	}
	if err := r.s.cfg.Cache.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wantCalls(2)
	records, _ := r.page("trace_id=t")
	if len(records) != 2 || !records[0].Check || records[0].Cost == nil || *records[0].Cost != dollars(t, "0.00021") || records[1].Saved == nil || records[0].ParentSpan != records[1].SpanID {
		t.Errorf("%+v", records)
	}
}

// TestTotalsEqualTheRecords is a model test: whatever is asked, the costs are the sums of the records.
func TestTotalsEqualTheRecords(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	r := newRig(t, priced("gpt-4o-mini", 100, 10, 20), withLog(t), asOpenAI)
	for range 60 {
		text := []string{"what is the first of them", "which one comes second here", "tell me of a third", "does any fourth exist"}[rng.IntN(4)]
		ns := []string{"", "shop", "bank"}[rng.IntN(3)]
		members := []string{"", `"stream":true`, `"temperature":0.5`, `"stream":true,"stream_options":{"include_usage":true}`}[rng.IntN(4)]
		h := []string{"x-portkey-trace-id", fmt.Sprintf("t-%d", rng.IntN(9))}
		if ns != "" {
			h = append(h, "x-portkey-cache-namespace", ns)
		}
		if rng.IntN(5) == 0 {
			h = append(h, "cache-control", "no-store")
		}
		r.ask(text, members, h...)
	}
	r.flush()
	records, next := r.page("limit=1000")
	if next != "" || len(records) != 60 {
		t.Fatalf("%d records", len(records))
	}
	for _, by := range requestlog.Groups {
		want := map[string]*requestlog.Totals{}
		whole := requestlog.Totals{}
		for i := range records {
			rec := &records[i]
			model := rec.Answered
			if model == "" {
				model = rec.Model
			}
			name := map[string]string{"namespace": rec.Namespace, "key": rec.Key, "model": rec.Provider + "/" + model, "day": rec.Time.UTC().Format(time.DateOnly)}[by]
			if want[name] == nil {
				want[name] = &requestlog.Totals{}
			}
			of := requestlog.Of(rec)
			want[name].Add(&of)
			whole.Add(&of)
		}
		var got struct {
			Groups []requestlog.Row
			Totals requestlog.Totals
		}
		answer := r.do("GET", "/admin/v1/costs?group_by="+by, "", bearerOf(operator)...)
		if err := json.Unmarshal([]byte(answer.body), &got); err != nil {
			t.Fatalf("%s: %v", answer.body, err)
		}
		if got.Totals != whole || len(got.Groups) != len(want) {
			t.Errorf("by %s: %+v, want %+v", by, got.Totals, whole)
		}
		for _, row := range got.Groups {
			if want[row.Group] == nil || row.Totals != *want[row.Group] {
				t.Errorf("by %s, %q: %+v, want %+v", by, row.Group, row.Totals, want[row.Group])
			}
		}
	}
	whole := requestlog.Totals{}
	var spent, saved prices.Money // on tokens that were estimated
	for i := range records {
		of := requestlog.Of(&records[i])
		whole.Add(&of)
		if r := &records[i]; r.Estimated && r.Cost != nil {
			spent = spent.Add(*r.Cost)
		}
		if r := &records[i]; r.Estimated && r.Saved != nil {
			saved = saved.Add(*r.Saved)
		}
	}
	if whole.SpentEstimated != spent || whole.SavedEstimated != saved || spent > whole.Spent || saved > whole.Saved {
		t.Errorf("%+v: want %v and %v estimated", whole, spent, saved)
	}
	m := r.metrics()
	for name, money := range map[string]prices.Money{
		`cost_dollars_total{call="saved"}`: whole.Saved, `cost_dollars_total{call="made"}`: whole.Spent,
		`cost_estimated_dollars_total{call="saved"}`: saved, `cost_estimated_dollars_total{call="made"}`: spent,
	} {
		if line := fmt.Sprintf("reprise_%s %v\n", name, float64(money)/1e9); !strings.Contains(m, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

func TestLogsByAdminAPI(t *testing.T) {
	r := newRig(t, answerWith("x"), withLog(t))
	for i := range 25 {
		r.ask(fmt.Sprintf("question number %d of them all", i), "", "x-portkey-trace-id", fmt.Sprintf("t-%d", i%3), "x-portkey-metadata", fmt.Sprintf(`{"_user":"u%d","team":"a"}`, i%5))
	}
	seen := map[requestlog.ID]bool{}
	for query := "limit=4&metadata.team=a"; ; {
		records, next := r.page(query)
		for _, rec := range records {
			if seen[rec.ID] {
				t.Errorf("record %s is on two pages", rec.ID)
			}
			seen[rec.ID] = true
		}
		r.ask("another that comes in between", "") // which no later page has
		if next == "" {
			break
		}
		query = "limit=4&metadata.team=a&cursor=" + next
	}
	if len(seen) != 25 {
		t.Errorf("the pages have %d records", len(seen))
	}
	if records, _ := r.page("user=u2&trace_id=t-1&status=2xx&cache_status=" + url.QueryEscape("semantic miss") + "&since=1h"); len(records) != 2 {
		t.Errorf("%d records", len(records))
	}

	lines := 0
	export := r.do("GET", "/admin/v1/logs/export?metadata.team=a", "", bearerOf(operator)...)
	var before requestlog.ID
	for s := bufio.NewScanner(strings.NewReader(export.body)); s.Scan(); lines++ {
		var rec requestlog.Record
		if err := json.Unmarshal(s.Bytes(), &rec); err != nil || rec.ID <= before {
			t.Errorf("%s: %v", s.Text(), err)
		}
		before = rec.ID
	}
	if lines != 25 || export.Header.Get("Content-Type") != "application/jsonl" {
		t.Errorf("%d lines of %s", lines, export.Header.Get("Content-Type"))
	}

	trace := r.do("GET", "/admin/v1/traces/t-1", "", bearerOf(operator)...)
	var v struct {
		TraceID string `json:"trace_id"`
		Records []requestlog.Record
		Totals  requestlog.Totals
	}
	if err := json.Unmarshal([]byte(trace.body), &v); err != nil || v.TraceID != "t-1" || len(v.Records) != 8 || v.Totals.Requests != 8 || v.Records[0].ID > v.Records[7].ID {
		t.Errorf("%s: %v", trace.body, err)
	}

	for path, want := range map[string]string{
		"logs?status=abc": "use a status", "logs?what=1": "unknown parameter", "logs?limit=5&limit=6": "given twice", "logs?cursor=x": "next_cursor", "logs?user=%zz": "escape",
		"logs/export?since=never": "use a time", "costs?group_by=colour": "use one of namespace", "costs?limit=5": "use group_by", "costs?since=x": "use a time",
	} {
		if got := r.do("GET", "/admin/v1/"+path, "", bearerOf(operator)...); got.StatusCode != 400 || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
		}
	}
	const odd = "job/7 at 100%2F"
	r.ask("a question of another trace", "", "x-portkey-trace-id", odd)
	if got := r.do("GET", "/admin/v1/traces/"+url.PathEscape(odd), "", bearerOf(operator)...); got.StatusCode != 200 || !strings.Contains(got.body, `"trace_id":"`+odd+`"`) {
		t.Errorf("an id with a slash and an escape in it: %d %s", got.StatusCode, got.body)
	}
	if got := r.do("GET", "/admin/v1/traces/none", "", bearerOf(operator)...); got.StatusCode != 404 {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	for _, path := range []string{"logs", "logs/export", "traces/t-1", "costs"} {
		if got := r.do("GET", "/admin/v1/"+path, "", bearerOf("some other key of nobody")...); got.StatusCode != 401 || strings.Contains(got.body, "trace_id") {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
		}
	}
}

func TestNoRequestLog(t *testing.T) {
	r := newRig(t, answerWith("x"), withOperator)
	for _, path := range []string{"logs", "logs/export", "traces/t", "costs"} {
		if got := r.do("GET", "/admin/v1/"+path, "", bearerOf(operator)...); got.StatusCode != 404 || !strings.Contains(got.body, "log.path") {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
		}
	}
}

func TestKeysOnRecords(t *testing.T) {
	var k *Keys
	r := newRig(t, answerWith("x"), withKeys(t, &k), withLog(t), withOwnKey)
	reader, all := made(t, k, `{"label":"all","scopes":["call","read"]}`)
	caller, some := made(t, k, `{"label":"some","namespaces":["shop"]}`)
	r.ask("a question in the shop", "", bearerOf(some)...)
	r.ask("a question in the bank", "", append(bearerOf(all), "x-portkey-cache-namespace", "bank")...)
	for query, want := range map[string]int{"": 2, "key=" + caller: 1, "key=" + reader: 1, "key=none": 0, "namespace=shop": 1} {
		got := r.do("GET", "/admin/v1/logs?"+query, "", bearerOf(all)...)
		if n := strings.Count(got.body, `"span_id"`); n != want || strings.Contains(got.body, some) || strings.Contains(got.body, all) {
			t.Errorf("%s: %d records, want %d: %s", query, n, want, got.body)
		}
	}
	for _, path := range []string{"/admin/v1/logs", "/admin/v1/logs/export", "/admin/v1/traces/t", "/admin/v1/costs", "/metrics"} {
		if got := r.do("GET", path, "", bearerOf(some)...); got.StatusCode != 403 || strings.Contains(got.body, "bank") {
			t.Errorf("%s without the scope: %d %s", path, got.StatusCode, got.body)
		}
	}
	if got := r.do("GET", "/admin/v1/costs?group_by=key", "", bearerOf(all)...); !strings.Contains(got.body, `"group":"`+caller+`"`) {
		t.Errorf("%s", got.body)
	}
}

func TestFeedbackIsOnTheRecord(t *testing.T) {
	r := newRig(t, answerWith("x"), withLog(t))
	mine, other := bearerOf("sk-mine"), bearerOf("sk-other")
	r.ask("how do I reset the old phone", "", append(mine, "x-portkey-trace-id", "t")...)
	r.ask("how do I mend the old phone", "", append(other, "x-portkey-trace-id", "t")...)
	r.flush()
	r.ask("how do I reset the old phone", "", append(mine, "x-portkey-trace-id", "t")...)
	got := r.do("POST", feedbackPath, `[{"trace_id":"t","value":5,"weight":0.5,"metadata":{"why":"good","n":1}}]`, mine...)
	var out struct {
		IDs []string `json:"feedback_ids"`
	}
	if err := json.Unmarshal([]byte(got.body), &out); err != nil || len(out.IDs) != 1 {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	records, _ := r.page("trace_id=t&path=" + chatPath)
	if len(records) != 3 || len(records[0].Feedback) != 1 || len(records[1].Feedback)+len(records[2].Feedback) != 0 {
		t.Fatalf("%+v", records)
	}
	if f := records[0].Feedback[0]; f.ID != out.IDs[0] || f.Value != 5 || f.Weight != 0.5 || f.Metadata["why"] != "good" || len(f.Metadata) != 1 {
		t.Errorf("%+v", f)
	}
	r.do("PUT", feedbackPath+"/"+out.IDs[0], `{"value":-10}`, other...)
	r.do("PUT", feedbackPath+"/"+out.IDs[0], `{"value":-3,"weight":1}`, mine...)
	records, _ = r.page("trace_id=t&path=" + chatPath)
	if f := records[0].Feedback[0]; f.Value != -3 || f.Weight != 1 {
		t.Errorf("%+v", f)
	}
}

// metrics are what /metrics says to the operator.
func (r *rig) metrics() string {
	r.t.Helper()
	got := r.do("GET", "/metrics", "", bearerOf(operator)...)
	if got.StatusCode != 200 || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		r.t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	return got.body
}

func TestMetrics(t *testing.T) {
	r := newRig(t, answerWith("x"), withLog(t))
	r.ask("how do I reset the old phone", "", "x-portkey-cache-namespace", "sh\"op")
	r.flush()
	r.ask("how do I reset the old phone", "", "x-portkey-cache-namespace", "sh\"op")
	r.ask("how do I reset the phone", "", "x-portkey-cache-namespace", "sh\"op")
	r.do("GET", "/v1/models-of-the-callers-choice", "")
	r.do("POST", chatPath, "{")
	m := r.metrics()
	for _, want := range []string{
		`reprise_requests_total{endpoint="/v1/chat/completions",status="200",cache="HIT"} 1`,
		`reprise_requests_total{endpoint="/v1/chat/completions",status="200",cache="SEMANTIC HIT"} 1`,
		`reprise_requests_total{endpoint="/v1/chat/completions",status="400",cache="DISABLED"} 1`,
		`reprise_requests_total{endpoint="other",status="200",cache="DISABLED"} 1`,
		`reprise_fills_total{result="written"} 1`, `reprise_queue_depth{queue="fill"} 0`, `reprise_target_state{target="main",state="closed"} 1`,
		`reprise_cache_entries 1`, `reprise_false_hit_share{namespace="sh\"op",bound="high"} `, `reprise_budget_factor{namespace="sh\"op"} 1`, `reprise_budgets_tightened 0`,
		`reprise_stage_seconds_bucket{stage="embed",le="+Inf"} `, `reprise_request_seconds_count{stage="total"} `, `reprise_tokens_total{call="made",kind="prompt"} 3`,
		`reprise_tokens_total{call="saved",kind="completion"} 8`, `reprise_request_log_records_total{result="dropped"} 0`, `reprise_opinions_total{result="asked"} 0`, `reprise_shadow_checks_total{result="drawn"} 0`,
	} {
		if !strings.Contains(m, "\n"+want) {
			t.Errorf("no line begins %s", want)
		}
	}
	if strings.Contains(m, "callers-choice") {
		t.Error("a caller's path is the name of a counter")
	}
	for i, line := range strings.Split(strings.TrimSuffix(m, "\n"), "\n") {
		if !strings.HasPrefix(line, "# HELP ") && !strings.HasPrefix(line, "# TYPE ") && !strings.HasPrefix(line, "reprise_") {
			t.Errorf("line %d is %q", i, line)
		}
	}
	if got := r.do("GET", "/metrics", ""); got.StatusCode != 401 || strings.Contains(got.body, "sh") && strings.Contains(got.body, "reprise_") {
		t.Errorf("without a key: %d %s", got.StatusCode, got.body)
	}
	if got := r.do("POST", "/metrics", "", bearerOf(operator)...); got.StatusCode != 405 {
		t.Errorf("POST: %d", got.StatusCode)
	}
	if got := newRig(t, answerWith("x"), func(c *Config) { c.OpenMetrics = true }).do("GET", "/metrics", ""); got.StatusCode != 200 {
		t.Errorf("open ones: %d %s", got.StatusCode, got.body)
	}
}
