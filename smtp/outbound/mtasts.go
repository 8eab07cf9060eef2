package outbound

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/smtp"
)

// An STSMode says what a policy asks for (RFC 8461 §5).
type STSMode string

// The modes of MTA-STS.
const (
	STSEnforce STSMode = "enforce" // no mail to hosts that fail the policy
	STSTesting STSMode = "testing" // failures are reported only
	STSNone    STSMode = "none"    // as if there were no policy
)

// An STSPolicy is what a domain says of its mail hosts (RFC 8461 §3.2).
type STSPolicy struct {
	// ID is that of the TXT record with which the policy was fetched; it
	// changes when the policy does.
	ID string

	Mode STSMode

	// MX are names of hosts, in A-labels; "*." at the start stands for one
	// label.
	MX []string

	// MaxAge is how long the policy holds from when it was fetched.
	MaxAge time.Duration
}

const (
	maxSTSPolicy = 64 << 10 // octets, RFC 8461 §3.3
	maxSTSAge    = 31557600 // seconds, RFC 8461 §3.2
	maxSTSHosts  = 1000
)

// ErrSTSPolicy says that the text of a policy breaks RFC 8461 §3.2.
var ErrSTSPolicy = errors.New("outbound: malformed MTA-STS policy")

// ParseSTSPolicy reads the text of a policy. Lines may end in CRLF or LF; fields
// that are not known are passed over, and of those given twice the first counts.
// The ID is not in it.
func ParseSTSPolicy(text []byte) (*STSPolicy, error) {
	if len(text) > maxSTSPolicy {
		return nil, fmt.Errorf("%w: too long", ErrSTSPolicy)
	}
	var p STSPolicy
	var version, age bool
	for line := range bytes.Lines(text) {
		key, value, found := strings.Cut(strings.TrimRight(string(line), "\r\n \t"), ":")
		if !found {
			if key == "" {
				continue
			}
			return nil, fmt.Errorf("%w: a line without a colon", ErrSTSPolicy)
		}
		value = strings.Trim(value, " \t")
		switch {
		case !version:
			if key != "version" || value != "STSv1" {
				return nil, fmt.Errorf("%w: version is not STSv1", ErrSTSPolicy)
			}
			version = true
		case key == "mode" && p.Mode == "":
			p.Mode = STSMode(value)
			if p.Mode != STSEnforce && p.Mode != STSTesting && p.Mode != STSNone {
				return nil, fmt.Errorf("%w: unknown mode", ErrSTSPolicy)
			}
		case key == "max_age" && !age:
			n, err := strconv.ParseUint(value, 10, 64)
			if err != nil || len(value) > 10 {
				return nil, fmt.Errorf("%w: bad max_age", ErrSTSPolicy)
			}
			p.MaxAge, age = time.Duration(min(n, maxSTSAge))*time.Second, true
		case key == "mx":
			value = strings.ToLower(strings.TrimSuffix(value, "."))
			if !validHost(strings.TrimPrefix(value, "*.")) {
				return nil, fmt.Errorf("%w: bad mx", ErrSTSPolicy)
			}
			if len(p.MX) == maxSTSHosts {
				return nil, fmt.Errorf("%w: too many hosts", ErrSTSPolicy)
			}
			p.MX = append(p.MX, smtp.Address{Domain: value}.ASCIIDomain())
		}
	}
	switch {
	case p.Mode == "" || !age:
		return nil, fmt.Errorf("%w: mode or max_age is missing", ErrSTSPolicy)
	case p.Mode != STSNone && len(p.MX) == 0:
		return nil, fmt.Errorf("%w: no mx", ErrSTSPolicy)
	}
	return &p, nil
}

// Matches reports whether a mail host is one of the policy's (RFC 8461 §4.1).
func (p *STSPolicy) Matches(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	_, parent, _ := strings.Cut(host, ".")
	for _, mx := range p.MX {
		if mx == host {
			return true
		}
		if suffix, ok := strings.CutPrefix(mx, "*."); ok && suffix == parent {
			return true
		}
	}
	return false
}

// stsID returns the id of the one MTA-STS record among TXT records (RFC 8461
// §3.1), empty if there is none that counts.
func stsID(txt []string) string {
	id := ""
	for _, s := range txt {
		version, fields, _ := strings.Cut(s, ";")
		if strings.TrimRight(version, " \t") != "v=STSv1" {
			continue
		}
		if id != "" {
			return "" // more than one: none counts
		}
		for field := range strings.SplitSeq(fields, ";") {
			key, value, _ := strings.Cut(strings.Trim(field, " \t"), "=")
			if key == "id" && id == "" && validSTSID(value) {
				id = value
			}
		}
	}
	return id
}

func validSTSID(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; !('0' <= s[i] && s[i] <= '9' || 'a' <= c && c <= 'z') {
			return false
		}
	}
	return s != "" && len(s) <= 32
}
