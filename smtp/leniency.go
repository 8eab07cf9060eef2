package smtp

// Leniency is a set of departures from the grammar that a [Parser] lets pass.
// Each is known from programs in the field; none is on by default.
type Leniency uint8

const (
	// AllowSpace takes white space after the colon: "MAIL FROM: <a@b>". It is
	// common in scripts and devices.
	AllowSpace Leniency = 1 << iota

	// AllowNoBrackets takes a path without angle brackets:
	// "MAIL FROM:user@host".
	AllowNoBrackets

	// AllowDots takes dots at the start, at the end and in sequence in a
	// local part: "local.@example.com" (HPE iLO).
	AllowDots

	// AllowUnderscores takes underscores in domain names.
	AllowUnderscores

	// AllowAuthName takes anything as the value of the AUTH parameter of
	// MAIL, which ought to be an address: "AUTH=<username>" (KMail,
	// emailrelay). What is no address counts as "AUTH=<>", unknown.
	AllowAuthName

	// AllowAll is every leniency there is.
	AllowAll Leniency = 1<<iota - 1
)
