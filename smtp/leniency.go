package smtp

// Leniency is a set of deviations from the grammar that a [Parser] accepts.
// Each is known from existing programs; none is on by default.
type Leniency uint8

const (
	// AllowSpace accepts white space after the colon: "MAIL FROM: <a@b>". It is
	// common in scripts and devices.
	AllowSpace Leniency = 1 << iota

	// AllowNoBrackets accepts a path without angle brackets: "MAIL
	// FROM:user@host".
	AllowNoBrackets

	// AllowDots accepts dots at the start, at the end and in sequence in a
	// local part: "local.@example.com" (HPE iLO).
	AllowDots

	// AllowUnderscores accepts underscores in domain names.
	AllowUnderscores

	// AllowAuthName accepts any value of the AUTH parameter of MAIL, which
	// should be an address: "AUTH=<username>" (KMail, emailrelay). A value that
	// is not an address is treated as "AUTH=<>", unknown.
	AllowAuthName

	// AllowHello accepts any printable text as the name in HELO, EHLO and LHLO:
	// "(none)", "my computer", "foo+bar", which devices and hosts without a
	// proper name send. The name is worth nothing as an identity in any case,
	// and RFC 5321 §4.1.4 forbids refusing mail because it is not the host's;
	// Postfix takes it by default, Exim does not. [Received.Append] writes no
	// such name as a domain.
	AllowHello

	// AllowAll contains all of them.
	AllowAll Leniency = 1<<iota - 1
)
