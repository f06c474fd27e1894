package bench

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// replayAsk is a request whose intent is known.
type replayAsk struct {
	Text   string `json:"text"`
	Intent string `json:"intent"`
}

// outOfScope marks the requests of CLINC150 that belong to no intent.
const outOfScope = "oos"

// readIntents reads requests with their intents: JSON lines of text and intent, or CSV whose first line names the columns, text and
// intent, or category as Banking77 has it, among them; either may be gzipped. Which it is the content says.
func readIntents(path string) (asks []replayAsk, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return intentsFrom(f)
}

func intentsFrom(r io.Reader) (asks []replayAsk, err error) {
	b := bufio.NewReader(r)
	if head, _ := b.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, err
		}
		b = bufio.NewReader(z)
	}
	if mark, _ := b.Peek(3); string(mark) == "\xef\xbb\xbf" {
		_, _ = b.Discard(len(mark)) // it was peeked at
	}
	add := func(a replayAsk) error {
		if a.Text == "" || a.Intent == "" {
			return errors.New("text and intent must be there")
		}
		if a.Intent != outOfScope {
			asks = append(asks, a)
		}
		return nil
	}
	read := intentLines
	if head, _ := b.Peek(b.Size()); !bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("{")) {
		read = intentColumns
	}
	return asks, read(b, add)
}

func intentLines(r io.Reader, add func(replayAsk) error) error {
	return linesOf(r, func(line []byte) error {
		var a replayAsk
		if err := json.Unmarshal(line, &a); err != nil {
			return err
		}
		return add(a)
	})
}

func intentColumns(r io.Reader, add func(replayAsk) error) error {
	c := csv.NewReader(r)
	names, err := c.Read()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return err
	}
	for i := range names {
		names[i] = strings.ToLower(strings.TrimSpace(names[i]))
	}
	text, intent := slices.Index(names, "text"), slices.Index(names, "intent")
	if intent < 0 {
		intent = slices.Index(names, "category")
	}
	if text < 0 || intent < 0 {
		return fmt.Errorf("line 1: the columns are %.80q: text, and intent or category, must be among them, or each line a JSON object of text and intent", names)
	}
	for {
		row, err := c.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := add(replayAsk{row[text], row[intent]}); err != nil {
			line, _ := c.FieldPos(0)
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}
