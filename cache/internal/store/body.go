package store

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Bodies are compressed where that saves an eighth or more. The record's version says which: bodyPlain or bodyZstd. Each is a
// Zstandard frame of its own, which names the length of what is in it, so that the reader allocates once.
const (
	bodyPlain = recordVersion
	bodyZstd  = 2

	compressFrom = 512     // bytes; of less than that there is little to save
	maxBody      = 1 << 30 // bytes; nothing larger is ever written
)

var errBodySize = errors.New("body is compressed, and does not say how large it is, or is another size")

var (
	encoder = sync.OnceValue(func() *zstd.Encoder {
		// The record has a checksum already.
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic(err) // the options above are wrong, which every test would have met
		}
		return e
	})
	decoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBody))
		if err != nil {
			panic(err)
		}
		return d
	})
)

// packed is a body as it goes into the file.
type packed struct {
	version byte
	payload []byte
}

func pack(body []byte) packed {
	if len(body) >= compressFrom {
		if small := encoder().EncodeAll(body, make([]byte, 0, len(body)/2)); len(small) <= len(body)-len(body)/8 {
			return packed{bodyZstd, small}
		}
	}
	return packed{bodyPlain, body}
}

func (p packed) seal(key []byte) []byte {
	return sealVersion(tagBody, p.version, key, len(p.payload), func(b []byte) []byte { return append(b, p.payload...) })
}

// openBody returns a body as it was given to Put. It is a copy.
func openBody(key, value []byte) ([]byte, error) {
	version, p, err := unsealVersion(tagBody, key, value)
	switch {
	case err != nil:
		return nil, err
	case version == bodyPlain:
		return bytes.Clone(p), nil
	case version != bodyZstd:
		return nil, fmt.Errorf("record version %d is unknown", version)
	}
	n, err := frameSize(p)
	if err != nil {
		return nil, err
	}
	body, err := decoder().DecodeAll(p, make([]byte, 0, n))
	if err != nil {
		return nil, fmt.Errorf("body does not decompress: %w", err)
	}
	if len(body) != n {
		return nil, errBodySize
	}
	return body, nil
}

// bodySize returns how long a body is, without decompressing it.
func bodySize(key, value []byte) (int, error) {
	version, p, err := unsealVersion(tagBody, key, value)
	switch {
	case err != nil:
		return 0, err
	case version == bodyPlain:
		return len(p), nil
	case version != bodyZstd:
		return 0, fmt.Errorf("record version %d is unknown", version)
	}
	return frameSize(p)
}

func frameSize(p []byte) (int, error) {
	var h zstd.Header
	if err := h.Decode(p); err != nil {
		return 0, fmt.Errorf("body does not decompress: %w", err)
	}
	if !h.HasFCS || h.FrameContentSize > maxBody {
		return 0, errBodySize
	}
	return int(h.FrameContentSize), nil
}
