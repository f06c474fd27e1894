package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/reprise-cache/reprise/embed"
)

// readTexts reads the different texts of files: JSON lines of a and b, as labelled pairs have them, or plain lines.
func readTexts(paths []string) ([]string, error) {
	var texts []string
	read := textLine(&texts)
	for _, path := range paths {
		if err := eachLine(path, read); err != nil {
			return nil, fmt.Errorf("bench: texts: %w", err)
		}
	}
	return texts, nil
}

// textLine adds the texts of a line, but for those that were there already.
func textLine(texts *[]string) func(line []byte) error {
	seen := map[string]bool{}
	add := func(text string) {
		if text = strings.TrimSpace(text); text != "" && !seen[text] {
			seen[text] = true
			*texts = append(*texts, text)
		}
	}
	return func(line []byte) error {
		if line[0] != '{' {
			add(string(line))
			return nil
		}
		var pair struct{ A, B string }
		if err := json.Unmarshal(line, &pair); err != nil {
			return err
		}
		add(pair.A)
		add(pair.B)
		return nil
	}
}

// textVectors embeds the texts of the files. Every so many of them is a query and not in the partition.
func textVectors(ctx context.Context, o IndexOptions) (*vectorSet, error) {
	texts, err := readTexts(o.Texts)
	if err != nil {
		return nil, err
	}
	if len(texts) < 2*o.Queries || len(texts) < o.Queries+indexDepth {
		return nil, fmt.Errorf("bench: texts: %d different ones are too few for %d queries: give more files or ask for fewer", len(texts), o.Queries)
	}
	model, err := embed.NewMiniLM()
	if err != nil {
		return nil, err
	}
	s := &vectorSet{dim: model.Dim()}
	const batch = 64
	each := len(texts) / o.Queries
	for from := 0; from < len(texts); from += batch {
		if from%(64*batch) == 0 {
			fmt.Fprintf(o.Progress, "embedding text %d of %d\n", from, len(texts))
		}
		vecs, err := model.Embed(ctx, texts[from:min(from+batch, len(texts))])
		if err != nil {
			return nil, err
		}
		for i, v := range vecs {
			if (from+i)%each == 0 && len(s.queries) < o.Queries {
				s.queries = append(s.queries, v)
			} else {
				s.add(v)
			}
		}
	}
	return s, nil
}
