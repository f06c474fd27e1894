package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// SealKey is what secrets are sealed with: a key of 32 bytes, or a passphrase that one is made of. The zero SealKey is none.
type SealKey struct {
	key        []byte
	passphrase []byte
}

// MinPassphrase is the fewest bytes that a passphrase may have.
const MinPassphrase = 12

const sealKeyLen = 32

// ParseSealKey reads a key of 32 bytes, as 64 hex digits or in base64.
func ParseSealKey(text string) (SealKey, error) {
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString, base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if b, err := decode(text); err == nil && len(b) == sealKeyLen {
			return SealKey{key: b}, nil
		}
	}
	return SealKey{}, wrong("seal_key", "it is not 32 bytes as 64 hex digits or in base64: `openssl rand -hex 32` prints one")
}

// Passphrase makes a seal key of a passphrase. One with blanks around it is refused: the ways that a passphrase takes, as variables,
// files and forms, tend to lose them, and what is left would be another one.
func Passphrase(text string) (SealKey, error) {
	if len(text) < MinPassphrase {
		return SealKey{}, wrong("passphrase", "it has %d bytes: use %d or more", len(text), MinPassphrase)
	}
	if strings.TrimSpace(text) != text {
		return SealKey{}, wrong("passphrase", "it begins or ends with blanks, which get lost on the way: leave them out")
	}
	return SealKey{passphrase: []byte(text)}, nil
}

func (k SealKey) none() bool { return k.key == nil && k.passphrase == nil }

// String tells nothing of the key.
func (k SealKey) String() string {
	switch {
	case k.key != nil:
		return "key of ****"
	case k.passphrase != nil:
		return "passphrase ****"
	}
	return "none"
}

// GoString tells nothing either.
func (k SealKey) GoString() string { return k.String() }

// The two kinds of a seal.
const (
	kindKey      = "key"
	kindArgon2id = "argon2id"
)

// sealRecord says in the file how secrets are sealed.
type sealRecord struct {
	Kind    string `json:"kind"`
	Salt    []byte `json:"salt,omitzero"`
	Time    uint32 `json:"time,omitzero"`       // argon2id's passes
	Memory  uint32 `json:"memory_kib,omitzero"` // its memory
	Threads uint8  `json:"threads,omitzero"`
	Proof   []byte `json:"proof"` // a box that only the right key opens
}

// The second set of parameters that RFC 9106, section 4, recommends.
const (
	argonTime    = 3
	argonMemory  = 64 << 10
	argonThreads = 4
	saltLen      = 16

	// What a file may ask of us at most: one that somebody wrote to must not take all memory.
	maxArgonTime   = 64
	maxArgonMemory = 4 << 20
)

var proofContext = []byte("reprise/keys/proof/1")
var proofText = []byte("reprise")

// sealer seals and opens.
type sealer struct{ aead cipher.AEAD }

// newSeal makes the seal of a file that has none.
func newSeal(k SealKey) (*sealer, sealRecord, error) {
	rec := sealRecord{Kind: kindKey}
	if k.passphrase != nil {
		rec = sealRecord{Kind: kindArgon2id, Salt: make([]byte, saltLen), Time: argonTime, Memory: argonMemory, Threads: argonThreads}
		rand.Read(rec.Salt)
	}
	s, err := k.sealer(rec)
	if err != nil {
		return nil, rec, err
	}
	rec.Proof = s.seal(proofText, proofContext)
	return s, rec, nil
}

// open proves that k is what the file was sealed with.
func (k SealKey) open(rec sealRecord) (*sealer, error) {
	s, err := k.sealer(rec)
	if err != nil {
		return nil, err
	}
	if _, err := s.open(rec.Proof, proofContext); err != nil {
		return nil, ErrSealKey
	}
	return s, nil
}

func (k SealKey) sealer(rec sealRecord) (*sealer, error) {
	key := k.key
	switch rec.Kind {
	case kindKey:
		if key == nil {
			return nil, fmt.Errorf("%w: it wants the key (keys.seal_key), not a passphrase", ErrSealKey)
		}
	case kindArgon2id:
		if k.passphrase == nil {
			return nil, fmt.Errorf("%w: it wants the passphrase (keys.passphrase), not a key", ErrSealKey)
		}
		if rec.Time < 1 || rec.Time > maxArgonTime || rec.Memory < 8 || rec.Memory > maxArgonMemory || rec.Threads < 1 || len(rec.Salt) < 8 {
			return nil, fmt.Errorf("%w: the seal's parameters are not ones that this program would write", ErrDamaged)
		}
		key = argon2.IDKey(k.passphrase, rec.Salt, rec.Time, rec.Memory, rec.Threads, sealKeyLen)
	default:
		return nil, fmt.Errorf("%w: its seal is of the kind %.20q", ErrVersion, rec.Kind)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	// Nonces of 96 bits drawn at random are good for 2^32 boxes under one key; a file sees a few thousand.
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &sealer{aead}, nil
}

const boxVersion = 1

func (s *sealer) seal(text, context []byte) []byte {
	return s.aead.Seal([]byte{boxVersion}, nil, text, context)
}

// open returns what is in a box. The error says nothing of it.
func (s *sealer) open(box, context []byte) ([]byte, error) {
	if len(box) == 0 || box[0] != boxVersion {
		return nil, fmt.Errorf("%w: a box of another version", ErrVersion)
	}
	text, err := s.aead.Open(nil, nil, box[1:], context)
	if err != nil {
		return nil, fmt.Errorf("%w: a box does not open: it was changed, or moved to another name", ErrDamaged)
	}
	return text, nil
}
