package sasl

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"errors"
)

// APOPDigest returns the digest of POP3's APOP command (RFC 1939 §7) in
// hexadecimal. stamp is the timestamp of the greeting with its angle brackets.
func APOPDigest(stamp, secret string) string {
	sum := md5.Sum([]byte(stamp + secret))
	return hex.EncodeToString(sum[:])
}

// OffersAPOP reports whether the Authenticator can serve APOP. Conn.Mechanisms,
// unless nil, must name it.
func OffersAPOP(a Authenticator, c Conn) bool {
	m := mechanism{name: "APOP", serves: servesSecrets}
	return m.usable(a, c)
}

// CheckAPOP checks the arguments of an APOP command and returns the identity
// to act as. ErrUnsupported if OffersAPOP says no.
func CheckAPOP(ctx context.Context, a Authenticator, c Conn, user, stamp, digest string) (identity string, err error) {
	if !OffersAPOP(a, c) {
		return "", ErrUnsupported
	}
	got, err := hex.DecodeString(digest)
	if err != nil || len(got) != md5.Size {
		return "", malformed("APOP digest")
	}
	if user, err = Prep(user); err != nil || user == "" {
		return "", malformed("user name")
	}
	identity, secret, err := lookupSecret(withConn(ctx, c), a, user)
	if err != nil && err != ErrAuthFailed {
		return "", err
	}
	want := md5.Sum([]byte(stamp + secret))
	if !hmac.Equal(got, want[:]) || err != nil {
		return "", ErrAuthFailed
	}
	return identity, nil
}

func isAuthFailed(err error) bool { return errors.Is(err, ErrAuthFailed) }
