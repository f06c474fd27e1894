package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEmbedTimesEveryKernel(t *testing.T) {
	t.Parallel()
	report, err := Embed(t.Context(), EmbedOptions{Lengths: []int{8}, Rounds: 2})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := report.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", out.String())
	if len(report.Rows) == 0 || report.Baseline != "" {
		t.Fatalf("%d rows, baseline %q", len(report.Rows), report.Baseline)
	}
	if f := report.Footprint; f.Start <= 0 || f.Binary <= 0 || report.Layers <= 0 {
		t.Errorf("footprint %+v, %d layers", f, report.Layers)
	}
	for _, row := range report.Rows {
		if row.Encoder <= 0 || row.Verifier <= 0 {
			t.Errorf("%s: encoder %v, verifier %v", row.Kernel, row.Encoder, row.Verifier)
		}
	}
}

// A stand-in for the interpreter shows how the baseline's answer is read, without
// its packages.
func TestEmbedReadsTheBaseline(t *testing.T) {
	t.Parallel()
	python := filepath.Join(t.TempDir(), "python")
	script := func(text string) {
		if err := os.WriteFile(python, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	script(`echo '{"onnxruntime": "1.0", "times": {"plain": {"8": {"median_ms": 2}}, "fused": {"8": {"median_ms": 1.5}}}, "verifier": {"plain": {"8": {"median_ms": 3}}}}'; test "$7" = 7 || echo bad`)
	o, err := EmbedOptions{Lengths: []int{8}, Python: python}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	rows, version, err := baseline(t.Context(), o, 7)
	if err != nil || version != "1.0" || len(rows) != 1 || rows[0].Encoder.Microseconds() != 1500 || rows[0].Verifier.Microseconds() != 3000 {
		t.Errorf("got %+v, %q, %v", rows, version, err)
	}
	script("echo no such package >&2; exit 3")
	if _, _, err := baseline(t.Context(), o, 7); err == nil || !strings.Contains(err.Error(), "no such package") {
		t.Errorf("got %v, want what the script complained of", err)
	}
}

func TestEmbedRefusesBadOptions(t *testing.T) {
	t.Parallel()
	if _, err := Embed(t.Context(), EmbedOptions{Lengths: []int{1000}}); err == nil || !strings.Contains(err.Error(), "1000") {
		t.Errorf("got %v, want an error that names the length", err)
	}
}
