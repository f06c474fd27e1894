package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/reprise-cache/reprise/cache"
)

// readAnswers reads labelled pairs of answers, a JSON object of a, b, same and topic a line, from the folder's files whose names
// begin with authored_answers, and splits them by topic: every third is held out, number 2, 5, 8 ….
func readAnswers(folder string) (fitted, heldOut []cache.LabelledPair, err error) {
	files, err := filesOf(folder, "authored_answers*.jsonl")
	if err != nil {
		return nil, nil, fmt.Errorf("bench: answers: %w", err)
	}
	for _, f := range files {
		if err := readAnswerFile(f, &fitted, &heldOut); err != nil {
			return nil, nil, fmt.Errorf("bench: answers: %w", err)
		}
	}
	return fitted, heldOut, nil
}

func readAnswerFile(path string, fitted, heldOut *[]cache.LabelledPair) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s := bufio.NewScanner(f)
	s.Buffer(nil, maxLine)
	for n := 1; s.Scan(); n++ {
		var row struct {
			A, B, Topic string
			Same        *bool // so that a label that is missing is not one that is false
		}
		if err := json.Unmarshal(s.Bytes(), &row); err != nil {
			return fmt.Errorf("%s line %d: %w", path, n, err)
		}
		topic, err := strconv.Atoi(row.Topic)
		if err != nil || row.A == "" || row.B == "" || row.Same == nil {
			return fmt.Errorf("%s line %d: a, b, same and the number of the topic must be there", path, n)
		}
		to := fitted
		if topic%3 == 2 {
			to = heldOut
		}
		*to = append(*to, cache.LabelledPair{A: row.A, B: row.B, Same: *row.Same, Group: row.Topic})
	}
	return s.Err()
}
