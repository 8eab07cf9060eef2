package sasl

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// The bounds of iteration counts. RFC 5802 §5.1 and RFC 7677 §4 require at
// least 4,096. A client refuses fewer, which would make it easy for a false
// server to guess the password, and more than a million, with which one could
// keep it busy.
const (
	MinIterations     = 4096
	DefaultIterations = 15000 // as recommended in RFC 7677 §4
	maxIterations     = 1_000_000
)

// saltSize is the length of the salts made here, real and fake.
const saltSize = 16

var b64 = base64.StdEncoding.Strict()

// name is the mechanism's name without -PLUS.
func (h Hash) name() string {
	switch h {
	case SHA1:
		return "SCRAM-SHA-1"
	case SHA256:
		return "SCRAM-SHA-256"
	case SHA512:
		return "SCRAM-SHA-512"
	}
	return "SCRAM-UNKNOWN-" + strconv.Itoa(int(h))
}

// String returns the name of the hash, like "SHA-256".
func (h Hash) String() string { return strings.TrimPrefix(h.name(), "SCRAM-") }

func (h Hash) new() hash.Hash {
	switch h {
	case SHA1:
		return sha1.New()
	case SHA512:
		return sha512.New()
	}
	return sha256.New()
}

func (h Hash) sum(b []byte) []byte {
	d := h.new()
	d.Write(b)
	return d.Sum(nil)
}

func (h Hash) hmac(key []byte, data string) []byte {
	m := hmac.New(h.new, key)
	m.Write([]byte(data))
	return m.Sum(nil)
}

// salted is SaltedPassword of RFC 5802 §3. The password is prepared already.
func (h Hash) salted(password string, salt []byte, iterations int) []byte {
	key, err := pbkdf2.Key(h.new, password, salt, iterations, h.new().Size())
	if err != nil { // FIPS mode refuses short salts and keys
		return rnd(h.new().Size())
	}
	return key
}

func rnd(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

// SCRAMKeys are what a server stores instead of a password (RFC 5802 §3). They
// suffice to check clients, but not to log in: somebody who steals them must
// still guess the password.
type SCRAMKeys struct {
	Salt       []byte
	Iterations int
	StoredKey  []byte
	ServerKey  []byte
}

// NewSCRAMKeys makes keys for a password, which it prepares, with a new salt.
// Iterations below MinIterations are an error.
func NewSCRAMKeys(h Hash, password string, iterations int) (SCRAMKeys, error) {
	password, err := Prep(password)
	if err != nil {
		return SCRAMKeys{}, err
	}
	if iterations < MinIterations {
		return SCRAMKeys{}, fmt.Errorf("sasl: %d iterations are too few", iterations)
	}
	return deriveKeys(h, password, rnd(saltSize), iterations), nil
}

func deriveKeys(h Hash, password string, salt []byte, iterations int) SCRAMKeys {
	salted := h.salted(password, salt, iterations)
	return SCRAMKeys{
		Salt:       salt,
		Iterations: iterations,
		StoredKey:  h.sum(h.hmac(salted, "Client Key")),
		ServerKey:  h.hmac(salted, "Server Key"),
	}
}

// Check reports whether the keys were made for the password, which must be
// prepared.
func (k SCRAMKeys) Check(h Hash, password string) bool {
	got := deriveKeys(h, password, k.Salt, k.Iterations)
	return hmac.Equal(got.StoredKey, k.StoredKey)
}

// FakeSCRAMKeys returns keys for a user who does not exist: no password matches
// them, and the same secret, user and hash give the same salt each time.
// Iterations should be those of real users.
func FakeSCRAMKeys(secret []byte, user string, h Hash, iterations int) SCRAMKeys {
	derive := func(what string) []byte { return SHA512.hmac(secret, what+" "+h.String()+" "+user) }
	size := h.new().Size()
	return SCRAMKeys{
		Salt:       derive("salt")[:saltSize],
		Iterations: iterations,
		StoredKey:  derive("stored")[:size],
		ServerKey:  derive("server")[:size],
	}
}

// processSecret is the secret for the fake keys of keepers that return none.
var processSecret = sync.OnceValue(func() []byte { return rnd(32) })

// xor returns a XOR b, which must have the same length.
func xor(a, b []byte) []byte {
	out := make([]byte, len(a))
	for i := range a {
		out[i] = a[i] ^ b[i]
	}
	return out
}

// newNonce returns 24 printable characters without a comma.
func newNonce() string { return b64.EncodeToString(rnd(18)) }

// attributes reads the attributes of a SCRAM message in order.
type attributes struct {
	rest string
	err  error
}

// next reads the attribute of that name, which must be the next one.
func (a *attributes) next(name byte) string {
	if a.err != nil {
		return ""
	}
	if strings.HasPrefix(a.rest, "m=") { // RFC 5802 §5.1: reserved for mandatory extensions
		a.err = malformed("unsupported SCRAM extension")
		return ""
	}
	attr, rest, _ := strings.Cut(a.rest, ",")
	if len(attr) < 3 || attr[0] != name || attr[1] != '=' {
		a.err = malformed(fmt.Sprintf("SCRAM attribute %c expected", name))
		return ""
	}
	a.rest = rest
	return attr[2:]
}

// binary reads an attribute in base64.
func (a *attributes) binary(name byte) []byte {
	s := a.next(name)
	if a.err != nil {
		return nil
	}
	b, err := b64.DecodeString(s)
	if err != nil {
		a.err = malformed(fmt.Sprintf("SCRAM attribute %c is no base64", name))
	}
	return b
}

// nonce reads the attribute r.
func (a *attributes) nonce() string {
	s := a.next('r')
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			a.err = malformed("nonce")
		}
	}
	return s
}

// checkMessage limits the length of a message and refuses characters that no
// SCRAM message contains.
func checkMessage(b []byte) error {
	if len(b) > MaxResponse {
		return malformed("too long")
	}
	if !utf8.Valid(b) {
		return malformed("not UTF-8")
	}
	return nil
}

// parseIterations reads a posit-number.
func parseIterations(s string) (int, error) {
	if s == "" || s[0] < '1' || s[0] > '9' {
		return 0, malformed("iteration count")
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0, malformed("iteration count")
	}
	return int(n), nil
}

var nameEscaper = strings.NewReplacer("=", "=3D", ",", "=2C")

// unescapeName removes the quoting of saslname (RFC 5802 §5.1).
func unescapeName(s string) (string, error) {
	if !strings.Contains(s, "=") {
		return s, nil
	}
	var b strings.Builder
	for {
		lit, rest, ok := strings.Cut(s, "=")
		b.WriteString(lit)
		if !ok {
			return b.String(), nil
		}
		switch {
		case strings.HasPrefix(rest, "2C"):
			b.WriteByte(',')
		case strings.HasPrefix(rest, "3D"):
			b.WriteByte('=')
		default:
			return "", malformed("user name")
		}
		s = rest[2:]
	}
}
