// Package id gives every kind of record an identifier type of its own, so that
// the compiler keeps a tree session's id from being passed for a login
// session's.
//
// An id is a UUIDv7 (RFC 9562): ids made later sort later, which keeps index
// inserts together. Its text is the kind's prefix, an underscore, and 26
// characters of Crockford's base 32 in lower case, for example
// "tree_01jd3s8m4kf2q9v7x0t5w6y8za".
package id

import (
	"database/sql/driver"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/branchline/branchline/internal/fault"
)

// Kind names a kind of record. Implementations are empty structs.
type Kind interface {
	Prefix() string // the text before the underscore, lower case letters
	Noun() string   // what people call it, e.g. "tree"
}

// Of is the identifier of a record of kind K. Its zero value is no record's.
type Of[K Kind] struct{ uuid uuid.UUID }

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// New returns an id that nobody has.
func New[K Kind]() Of[K] { return Of[K]{uuid.Must(uuid.NewV7())} }

// FromUUID returns the id that holds u. It is for the store and for tests.
func FromUUID[K Kind](u uuid.UUID) Of[K] { return Of[K]{u} }

// Parse reads an id's text. Anything else, another kind's id included, is a
// BadUserInput fault.
func Parse[K Kind](text string) (Of[K], error) {
	var kind K
	digits, ok := strings.CutPrefix(text, kind.Prefix()+"_")
	u, valid := decode(digits)
	if !ok || !valid {
		return Of[K]{}, fault.New(fault.BadUserInput, "This is not the id of a %s: it has to look like %s_ and 26 letters and digits.", kind.Noun(), kind.Prefix())
	}
	return Of[K]{u}, nil
}

// PrefixOf returns the prefix of an id's text, or "" where there is none.
func PrefixOf(text string) string {
	prefix, _, found := strings.Cut(text, "_")
	if !found {
		return ""
	}
	return prefix
}

// IsZero says whether id is no record's.
func (id Of[K]) IsZero() bool { return id.uuid == uuid.Nil }

// UUID returns the bare UUID.
func (id Of[K]) UUID() uuid.UUID { return id.uuid }

// SetUUID makes id the one that holds u. It is for the store.
func (id *Of[K]) SetUUID(u uuid.UUID) { id.uuid = u }

// Equal is ==, for generic code that compares by a method.
func (id Of[K]) Equal(other Of[K]) bool { return id == other }

// String returns the id's text.
func (id Of[K]) String() string {
	b, _ := id.AppendText(make([]byte, 0, 32))
	return string(b)
}

// Compare orders ids by the time they were made.
func (id Of[K]) Compare(other Of[K]) int {
	return strings.Compare(string(id.uuid[:]), string(other.uuid[:]))
}

// AppendText implements encoding.TextAppender. It never fails.
func (id Of[K]) AppendText(b []byte) ([]byte, error) {
	var kind K
	return encode(append(b, kind.Prefix()...), id.uuid), nil
}

// MarshalText implements encoding.TextMarshaler.
func (id Of[K]) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *Of[K]) UnmarshalText(text []byte) error {
	parsed, err := Parse[K](string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// Value implements driver.Valuer: a uuid, or NULL for the zero id.
func (id Of[K]) Value() (driver.Value, error) {
	if id.IsZero() {
		return nil, nil
	}
	return id.uuid.String(), nil
}

// Scan implements sql.Scanner: a uuid, or NULL for the zero id.
func (id *Of[K]) Scan(src any) error {
	if src == nil {
		*id = Of[K]{}
		return nil
	}
	var u uuid.UUID
	if err := u.Scan(src); err != nil {
		return fmt.Errorf("scan id: %w", err)
	}
	id.uuid = u
	return nil
}

// encode appends "_" and the 128 bits of u, most significant first, as 26
// digits of five bits (the first one holds three).
func encode(dst []byte, u uuid.UUID) []byte {
	dst = append(dst, '_')
	var acc uint
	bits := 2 // 130 bits are written: two zero bits stand before the value
	for _, b := range u {
		acc = acc<<8 | uint(b)
		bits += 8
		for bits >= 5 {
			bits -= 5
			dst = append(dst, alphabet[acc>>bits&31])
		}
		acc &= 1<<bits - 1
	}
	return dst
}

// decode reads what encode wrote after the underscore. Upper case letters and
// the look-alikes I, L and O, which Crockford's rules would accept, are
// refused: one id has one text.
func decode(s string) (u uuid.UUID, ok bool) {
	if len(s) != 26 || s[0] > '7' {
		return uuid.Nil, false
	}
	var acc uint
	bits, at := -2, 0
	for i := range len(s) {
		d := strings.IndexByte(alphabet, s[i])
		if d < 0 {
			return uuid.Nil, false
		}
		acc = acc<<5 | uint(d)
		bits += 5
		if bits >= 8 {
			bits -= 8
			u[at] = byte(acc >> bits)
			at++
			acc &= 1<<bits - 1
		}
	}
	return u, true
}
