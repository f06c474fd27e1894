package store

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// FuzzOpenHead feeds the record decoder anything. What it accepts must encode to the very same bytes.
func FuzzOpenHead(f *testing.F) {
	h := headOf(3, "what is this?")
	h.ID = 7
	f.Add(idKey(7), sealHead(&h))
	f.Add(idKey(7), []byte{})
	f.Add([]byte("short"), sealHead(&h))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		h, err := openHead(key, value)
		if err == nil && !bytes.Equal(sealHead(&h), value) {
			t.Errorf("%x decodes to %+v, which encodes otherwise", value, h)
		}
		// Past the checksum, which a fuzzer does not guess, lies the decoder proper.
		sealed := sealBytes(tagHead, key, value)
		h, err = openHead(key, sealed)
		if err == nil && !bytes.Equal(sealHead(&h), sealed) {
			t.Errorf("payload %x decodes to %+v, which encodes otherwise", value, h)
		}
	})
}

// FuzzOthers feeds the other decoders anything; they must return.
func FuzzOthers(f *testing.F) {
	f.Add(idKey(1), []byte("payload"), 8)
	f.Fuzz(func(t *testing.T, key, value []byte, dim int) {
		for _, v := range [][]byte{value, sealBytes(tagVector, key, value), sealBytes(tagMeta, key, value), sealBytes(tagKey, key, value)} {
			_, _ = openVector(key, v, dim&0xFFFF) // the file keeps 32 bits of it
			_, _ = openModel(key, v)
			_, _ = openFormat(key, v)
			_, _ = openID(key, v)
		}
		for _, v := range [][]byte{value, sealBytes(tagBody, key, value), packed{bodyZstd, value}.seal(key)} {
			body, err := openBody(key, v)
			if n, sizeErr := bodySize(key, v); err == nil && (sizeErr != nil || n != len(body)) {
				t.Errorf("body of %d is said to be of %d, %v", len(body), n, sizeErr)
			}
		}
		for _, v := range [][]byte{value, sealBytes(tagLearned, key, value)} {
			_, _, _ = openLearned(key, v)
		}
		for _, v := range [][]byte{value, sealBytes(tagTrace, key, value)} {
			_, _ = openTrace(key, v)
		}
	})
}

func TestHeadRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := Head{
			ID: rapid.Uint64().Draw(t, "id"), Created: rapid.Int64().Draw(t, "created"), Expires: rapid.Int64().Draw(t, "expires"),
			BodyLen: rapid.Uint32().Draw(t, "len"), Semantic: rapid.Bool().Draw(t, "semantic"),
			Namespace: rapid.StringN(0, 60, 128).Draw(t, "ns"), Text: rapid.String().Draw(t, "text"),
		}
		copy(h.Key[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"))
		value := sealHead(&h)
		got, err := openHead(idKey(h.ID), value)
		if err != nil || !reflect.DeepEqual(got, h) {
			t.Fatalf("%+v came back as %+v, %v", h, got, err)
		}
		if _, err := openHead(idKey(h.ID+1), value); err == nil {
			t.Fatal("a head is accepted under another id")
		}
	})
}
