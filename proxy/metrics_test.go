package proxy

import (
	"fmt"
	"strings"
	"testing"
)

// TestMetricsHaveNoCallersWords holds that whatever a request names beside its provider, its calls are the provider's in the counters.
func TestMetricsHaveNoCallersWords(t *testing.T) {
	r := newRig(t, answerWith("x"), withLog(t))
	for i := range 3 {
		for _, header := range [][2]string{
			{"x-portkey-config", fmt.Sprintf(`{"override_params":{"model":"planted-model-%d"}}`, i)},
			{"x-portkey-config", fmt.Sprintf(`{"request_timeout":%d}`, 70001+i)},
			{"x-portkey-config", fmt.Sprintf(`{"provider":"main","resource_name":"planted","deployment_id":"planted-%d"}`, i)},
			{"x-portkey-custom-host", r.upstream.URL + "/v1"},
		} {
			if got := r.ask("x", "", header[0], header[1], "cache-control", "no-store"); got.StatusCode != 200 {
				t.Fatalf("%v: %d %s", header, got.StatusCode, got.body)
			}
		}
	}
	m := r.metrics()
	for _, want := range []string{
		`reprise_target_state{target="main",state="closed"} 9`, `reprise_target_state{target="main",state="open"} 0`, `reprise_target_calls_total{target="main"} 9`, `reprise_target_failures_total{target="main"} 0`,
		`reprise_target_calls_total{target="main custom host"} 3`,
	} {
		if !strings.Contains(m, "\n"+want+"\n") {
			t.Errorf("no line is %s", want)
		}
	}
	if n := strings.Count(m, "\nreprise_target_calls_total{"); n != 2 || strings.Contains(m, "planted") || strings.Contains(m, "1m10.") || strings.Contains(m, "127.0.0.1") {
		t.Errorf("%d targets are counted, or a word of a caller's is the name of a counter: %s", n, m)
	}
}
