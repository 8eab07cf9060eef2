package imap

import "github.com/posthorn-mail/posthorn/mailbox/message"

// The commands of URLAUTH (RFC 4467 §7).
type (
	// GenURLAuth asks for authorized URLs, in the order of Requests.
	GenURLAuth struct{ Requests []URLAuthRequest }

	// ResetKey gives a mailbox, or all of them if Mailbox is empty, a new key, so
	// that URLs authorized with the old one are no longer valid.
	ResetKey struct {
		Mailbox    string
		Mechanisms []string // whose keys are replaced; empty: all
	}

	// URLFetch asks for what URLs refer to.
	URLFetch struct{ Requests []URLRequest }
)

func (*GenURLAuth) Name() string { return "GENURLAUTH" }
func (*ResetKey) Name() string   { return "RESETKEY" }
func (*URLFetch) Name() string   { return "URLFETCH" }

// URLAuthInternal is the mechanism that all servers have (RFC 4467 §2.4.1).
const URLAuthInternal = "INTERNAL"

// URLAuthRequest is a URL that ends with ";URLAUTH=" and the access, and the
// authorization mechanism.
type URLAuthRequest struct{ URL, Mechanism string }

// URLRequest is a URL and what to fetch of it. Without Items it has the form of RFC
// 4467, which fetches the text as it is.
type URLRequest struct {
	URL   string
	Items URLItems // needs URLAUTH=BINARY (RFC 5524)
}

// URLItems is a set of items of URLFETCH (RFC 5524 §3.1).
type URLItems uint8

// The items.
const (
	URLBody              URLItems = 1 << iota // as it is stored
	URLBinary                                 // without its content transfer encoding
	URLBodyPartStructure                      // its structure
)

// GenURLAuthData is a GENURLAUTH response (RFC 4467 §8).
type GenURLAuthData struct{ URLs []string }

// URLFetchData is a URLFETCH response (RFC 4467 §8).
type URLFetchData struct{ URLs []URLData }

// URLData is what a URL refers to. If all values are nil, the URL is not valid or may
// not be used.
type URLData struct {
	URL       string
	Items     URLItems      // those that the response names; none in the form of RFC 4467
	Body      []byte        // URLBody, or the form of RFC 4467; nil: NIL
	Binary    []byte        // URLBinary; nil: NIL, it can't be decoded
	Structure *message.Part // URLBodyPartStructure; nil: NIL
}

// URLMechs is the argument of the code URLMECH (RFC 4467 §8): the authorization
// mechanisms of a mailbox, INTERNAL first.
type URLMechs []URLMech

// URLMech is an authorization mechanism.
type URLMech struct {
	Name string
	Data []byte // of the mechanism; nil: none
}
