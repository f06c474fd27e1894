package bench

import (
	"encoding/json"
	"errors"
	"fmt"
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

func readAnswerFile(path string, fitted, heldOut *[]cache.LabelledPair) error {
	return eachLine(path, answerLine(fitted, heldOut))
}

// answerLine reads a line of answers into one of both.
func answerLine(fitted, heldOut *[]cache.LabelledPair) func(line []byte) error {
	return func(line []byte) error {
		var row struct {
			A, B, Topic string
			Same        *bool // so that a label that is missing is not one that is false
		}
		if err := json.Unmarshal(line, &row); err != nil {
			return err
		}
		topic, err := strconv.Atoi(row.Topic)
		if err != nil || row.A == "" || row.B == "" || row.Same == nil {
			return errors.New("a, b, same and the number of the topic must be there")
		}
		to := fitted
		if topic%3 == 2 {
			to = heldOut
		}
		*to = append(*to, cache.LabelledPair{A: row.A, B: row.B, Same: *row.Same, Group: row.Topic})
		return nil
	}
}
