package bench

import (
	"bytes"
	"strings"
	"testing"
)

func TestOverheadMeasuresWhatItSays(t *testing.T) {
	report, err := Overhead(t.Context(), OverheadOptions{Calls: 10, Streams: 50})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := report.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", out.String())
	for _, row := range report.Rows {
		if row.Base <= 0 || row.Share != 1 {
			t.Errorf("%s: %v without the proxy, %.2f as intended", row.Kind, row.Base, row.Share)
		}
		if semantic := strings.HasPrefix(row.Kind, "semantic"); (row.Embed > 0) != semantic {
			t.Errorf("%s: embedding took %v", row.Kind, row.Embed)
		}
	}
	if report.Failed != 0 || report.StreamTime <= 0 {
		t.Errorf("%d streams failed: %v", report.Failed, report.FirstError)
	}
}

func TestOverheadRefusesBadOptions(t *testing.T) {
	if _, err := Overhead(t.Context(), OverheadOptions{Streams: -1}); err == nil || !strings.Contains(err.Error(), "streams -1") {
		t.Errorf("got %v, want an error that names the field and the value", err)
	}
}
