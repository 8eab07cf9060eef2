package imap

// GetJMAPAccess is GETJMAPACCESS (RFC 9698 §4).
type GetJMAPAccess struct{}

func (*GetJMAPAccess) Name() string { return "GETJMAPACCESS" }

// JMAPAccessData is a JMAPACCESS response (RFC 9698 §4): the URL of the JMAP session
// resource for the same messages.
type JMAPAccessData struct{ URL string }
