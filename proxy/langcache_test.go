package proxy

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestLangCache(t *testing.T) {
	r := newRig(t, answerWith("x"))
	do := func(method, path, body string, status int, header ...string) (v struct {
		Data []struct {
			ID, Prompt, Response, SearchStrategy string
			Attributes                           map[string]string
			Similarity                           float64
		}
		EntryID, ActualPrompt string
		DeletedEntriesCount   int
		Type                  string
		Fields                []struct{ Field string }
	}) {
		t.Helper()
		if header == nil {
			header = []string{"authorization", "Bearer one"}
		}
		got := r.do(method, "/v1/caches/"+path, body, header...)
		if got.StatusCode != status {
			t.Fatalf("%s %s %s: got %d %s, want %d", method, path, body, got.StatusCode, got.body, status)
		}
		if got.body != "" {
			if err := json.Unmarshal([]byte(got.body), &v); err != nil {
				t.Fatalf("%v: %s", err, got.body)
			}
		}
		return v
	}
	find := func(path, body string, header ...string) (out []string) {
		t.Helper()
		for _, d := range do("POST", path, body, 200, header...).Data {
			out = append(out, d.Response+" "+d.SearchStrategy)
		}
		return out
	}
	want := func(what string, got []string, want ...string) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	const prompt = `"prompt":"how do I reset the old phone that I was given"`
	const reworded = `"prompt":"how do I reset the old phone that I was handed"`
	id := do("POST", "shop/entries", `{`+prompt+`,"response":"A","attributes":{"who":"a","app":"x"}}`, 201).EntryID
	do("POST", "shop/entries", `{`+prompt+`,"response":"B","attributes":{"who":"b","app":"x"}}`, 201)
	do("POST", "shop/entries", `{`+prompt+`,"response":"C"}`, 201)

	search := "shop/entries/search"
	want("by one attribute", find(search, `{`+prompt+`,"attributes":{"who":"a"}}`), "A semantic")
	want("labelled as asked", find(search, `{`+prompt+`,"attributes":{"who":"b"},"searchStrategies":["exact","semantic"]}`), "B exact")
	if got := find(search, `{`+prompt+`,"attributes":{"app":"x"},"maxResults":5}`); len(got) != 2 {
		t.Errorf("got %q", got)
	}
	if got := find(search, `{`+prompt+`,"maxResults":5}`); len(got) != 3 {
		t.Errorf("got %q", got)
	}
	want("an attribute that no entry has", find(search, `{`+prompt+`,"attributes":{"who":"c"}}`))
	want("reworded", find(search, `{`+reworded+`,"attributes":{"who":"a"}}`, "authorization", "Bearer one", "x-portkey-cache", "threshold"), "A semantic")
	want("reworded, exact only", find(search, `{`+reworded+`,"searchStrategies":["exact"]}`))
	want("reworded, floor", find(search, `{`+reworded+`,"similarityThreshold":0.999}`))
	want("another cache", find("other/entries/search", `{`+prompt+`}`))
	want("another key", find(search, `{`+prompt+`}`, "authorization", "Bearer two"))
	want("reworded, any budget", find(search, `{`+reworded+`,"attributes":{"who":"a"}}`), "A semantic")
	want("reworded, no budget", find(search, `{`+reworded+`,"attributes":{"who":"a"}}`, "authorization", "Bearer one", "x-reprise-max-error", "0.0001"))
	do("POST", "keyed/entries", `{`+prompt+`,"response":"D"}`, 201, "api-key", "one")
	want("its own, in another header", find("keyed/entries/search", `{`+prompt+`}`, "api-key", "one"), "D semantic")
	want("another key, in another header", find("keyed/entries/search", `{`+prompt+`}`, "api-key", "two"))
	want("no key", find("keyed/entries/search", `{`+prompt+`}`, "accept", "application/json"))
	want("no-cache", find(search, `{`+prompt+`}`, "authorization", "Bearer one", "cache-control", "no-cache"))
	want("force refresh", find(search, `{`+prompt+`}`, "authorization", "Bearer one", "x-portkey-cache-force-refresh", "true"))
	want("force refresh, exact only", find(search, `{`+prompt+`,"searchStrategies":["exact"]}`, "authorization", "Bearer one", "x-reprise-cache-force-refresh", "true"))
	do("POST", "shop/entries", `{`+prompt+`,"response":"C"}`, 201, "authorization", "Bearer one", "cache-control", "no-cache") // is set all the same
	v := do("POST", "shop/conversations/search", `{`+prompt+`,"context":["Tell me about all of those many televisions, radios and kettles in this shop, please"]}`, 200)
	if v.ActualPrompt != "Tell me about all of those many televisions, radios and kettles in this shop, please\nhow do I reset the old phone that I was given" || len(v.Data) != 0 {
		t.Errorf("got %+v", v)
	}
	if v := do("POST", "shop/conversations/search", `{`+prompt+`,"attributes":{"who":"a"}}`, 200); v.ActualPrompt != "how do I reset the old phone that I was given" || len(v.Data) != 1 || v.Data[0].ID != id || v.Data[0].Similarity != 1 || v.Data[0].Attributes["app"] != "x" {
		t.Errorf("got %+v", v)
	}

	// What a chat request finds and what was set are apart, though they share a namespace.
	if got := r.ask("how do I reset the old phone that I was given", "", "x-portkey-cache-namespace", "shop", "authorization", "Bearer one"); got.cache() != "SEMANTIC MISS" {
		t.Errorf("got %s", got.cache())
	}
	r.flush()

	do("DELETE", "shop/entries/"+id, "", 404, "authorization", "Bearer two")
	do("DELETE", "shop/entries/"+id, "", 204)
	if v := do("DELETE", "shop/entries/"+id, "", 404); v.Type != "/errors/resource-not-found" {
		t.Errorf("got %+v", v)
	}
	do("DELETE", "shop/entries/nonsense", "", 404)
	if v := do("DELETE", "shop/entries", `{"attributes":{"app":"x"}}`, 200); v.DeletedEntriesCount != 1 {
		t.Errorf("got %+v", v)
	}
	want("what is left", find(search, `{`+prompt+`,"maxResults":5}`), "C semantic")
	do("POST", "shop/flush", "", 204, "authorization", "Bearer two")
	want("another's flush", find(search, `{`+prompt+`}`), "C semantic")
	do("POST", "shop/flush", "", 204)
	want("flushed", find(search, `{`+prompt+`}`))
	if got := r.ask("how do I reset the old phone that I was given", "", "x-portkey-cache-namespace", "shop", "authorization", "Bearer one"); got.cache() != "HIT" {
		t.Errorf("a flush took an answer that was not set: %s", got.cache())
	}

	for _, header := range [][]string{{"cache-control", "no-store"}, {"x-reprise-cache", "off"}} { // what is not stored has no id
		v := do("POST", "shop/entries", `{`+prompt+`,"response":"E"}`, 400, append(header, "authorization", "Bearer one")...)
		if v.EntryID != "" || v.Type != "/errors/invalid-data" || len(v.Fields) != 1 || v.Fields[0].Field != header[0] {
			t.Errorf("%q: %+v", header, v)
		}
	}
	want("what was not stored", find(search, `{`+prompt+`}`))

	for body, field := range map[string]string{`{}`: "prompt", `{"prompt":"x","maxResults":0}`: "maxResults", `{`: ""} {
		v := do("POST", search, body, 400)
		if v.Type != "/errors/invalid-data" || field != "" && (len(v.Fields) != 1 || v.Fields[0].Field != field) {
			t.Errorf("%s: got %+v", body, v)
		}
	}
	for _, path := range []string{"shop", "shop/x", "shop/entries/a/b", strings.Repeat("x", 200) + "/nothing"} {
		status := 404
		if len(path) > 100 {
			status = 400
		}
		do("POST", path, "{}", status)
	}
	for _, path := range []string{"", "/entries/search"} {
		if got := r.do("POST", "/v1/caches/"+path, "{}", "authorization", "Bearer one"); got.StatusCode != 400 || !strings.Contains(got.body, "names no cache") {
			t.Errorf("%q: %d %s", path, got.StatusCode, got.body)
		}
	}
	r.wantCalls(1)
}

// TestLangCacheCredentials: whatever lets a caller in, what he has set is not another's to find, to delete or to flush.
func TestLangCacheCredentials(t *testing.T) {
	const entry, path = `{"prompt":"what is my balance","response":"of alice"}`, "/v1/caches/bank/entries"
	for _, header := range []string{"authorization", "x-api-key", "api-key", "cookie", "x-session-token"} {
		r := newRig(t, answerWith("x"))
		if got := r.do("POST", path, entry, header, "session=alice"); got.StatusCode != 201 {
			t.Fatalf("%s: %d %s", header, got.StatusCode, got.body)
		}
		search := func(h ...string) bool {
			return strings.Contains(r.do("POST", path+"/search", `{"prompt":"what is my balance"}`, h...).body, "of alice")
		}
		if search(header, "session=bob") || search() {
			t.Errorf("%s: another found it", header)
		}
		r.do("POST", "/v1/caches/bank/flush", "", header, "session=bob")
		r.do("DELETE", path, `{"attributes":{}}`, header, "session=bob")
		if !search(header, "session=alice") {
			t.Errorf("%s: her own is gone", header)
		}
	}
}
