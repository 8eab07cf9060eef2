package imap

// Compress is COMPRESS (RFC 4978 §3).
type Compress struct {
	Mechanism string // in capitals: DEFLATE
}

func (*Compress) Name() string { return "COMPRESS" }
