package traffic

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The formats.
const (
	Entries   = "entries" // what the cache's own export writes
	Log       = "log"     // a request and its response a line
	Batch     = "batch"   // the input of OpenAI's Batch API; its output is another file
	Questions = "jsonl"   // a question and its answer a line
	CSV       = "csv"     // the same, in columns
)

// Detect tells a file's format by its first line that is not blank, and returns a reader of the whole.
func Detect(r io.Reader) (format string, whole io.Reader, err error) {
	b := bufio.NewReaderSize(r, 1<<20)
	var first []byte
	for n := 4 << 10; ; n = min(4*n, b.Size()) {
		p, err := b.Peek(n)
		if err != nil && !errors.Is(err, io.EOF) {
			return "", nil, err
		}
		first = bytes.TrimLeft(bytes.TrimPrefix(p, bom), " \t\r\n")
		if err != nil || n == b.Size() || bytes.IndexByte(first, '\n') >= 0 {
			break
		}
	}
	if line, _, ok := bytes.Cut(first, []byte("\n")); ok {
		first = line
	}
	format, err = formatOf(first)
	return format, b, err
}

func formatOf(line []byte) (string, error) {
	switch {
	case len(line) == 0:
		return Entries, nil // of nothing
	case line[0] == '[':
		return "", fmt.Errorf("%w: the file is a JSON array: make it one object a line (jq -c '.[]' does)", ErrFormat)
	case line[0] != '{':
		return CSV, nil
	}
	names := members(line)
	has := func(any []string) bool {
		return slices.ContainsFunc(any, func(n string) bool { return slices.Contains(names, n) })
	}
	all := func(every ...string) bool {
		return !slices.ContainsFunc(every, func(n string) bool { return !slices.Contains(names, n) })
	}
	switch {
	case all("key", "partition"):
		return Entries, nil
	case all("custom_id", "body"):
		return Batch, nil
	case all("custom_id", "response"):
		return "", fmt.Errorf("%w: this is a batch's output: import its input, and name this file by --answers", ErrFormat)
	case has(requestNames) && has(responseNames):
		return Log, nil
	case has(questionNames) && has(answerNames):
		return Questions, nil
	}
	return "", fmt.Errorf("%w: the first line has the members %.200s: want %s and %s of a log, %s and %s of a list of questions, or what reprise export writes; jq makes one of another, as with -c '{request: .input, response: .output}'",
		ErrFormat, strings.Join(names, ", "), requestNames[0], responseNames[0], questionNames[0], answerNames[0])
}

// members lists the names of an object's members, as far as the text goes.
func members(text []byte) (names []string) {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return nil
	}
	for {
		name, err := d.Token()
		s, ok := name.(string)
		if err != nil || !ok {
			return names
		}
		names = append(names, s)
		var skip json.RawMessage
		if d.Decode(&skip) != nil {
			return names
		}
	}
}
