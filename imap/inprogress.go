package imap

// InProgress is the code that tells how far a command has come (RFC 9585 §4). The
// zero value says only that it is being worked on.
type InProgress struct {
	Tag        string // of the command, if given
	Done, Goal *int64 // in units of the server's choice; nil if not given
}
