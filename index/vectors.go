package index

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/philippgille/chromem-go"
)

// vectors is a chromem collection that holds the vectors of one partition. It is of a database of its own: a shared one would
// keep a second map of all partitions under a second lock. It is not searched: its query reads every vector and allocates.
type vectors struct{ docs *chromem.Collection }

func newVectors() (vectors, error) {
	docs, err := chromem.NewDB().CreateCollection("p", nil, noEmbedding)
	if err != nil {
		return vectors{}, fmt.Errorf("index: making a partition: %w", err)
	}
	return vectors{docs}, nil
}

// noEmbedding stands where chromem wants a function for documents without a vector. There are none.
func noEmbedding(context.Context, string) ([]float32, error) {
	return nil, errors.New("index: a document without a vector")
}

// put gives the collection a vector of length 1. chromem keeps the slice as it is, so that whoever holds it too holds no copy.
func (v vectors) put(id uint64, unit []float32) error {
	if err := v.docs.AddDocument(context.Background(), chromem.Document{ID: docID(id), Embedding: unit}); err != nil {
		return fmt.Errorf("index: adding: %w", err)
	}
	return nil
}

func (v vectors) remove(id uint64) error {
	if err := v.docs.Delete(context.Background(), nil, nil, docID(id)); err != nil {
		return fmt.Errorf("index: removing: %w", err)
	}
	return nil
}

// docID is the id as eight bytes: half of what hex digits would take.
func docID(id uint64) string {
	return string(binary.BigEndian.AppendUint64(nil, id))
}
