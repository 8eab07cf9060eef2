package sasl

import (
	"context"
	"strings"
	"unicode/utf8"
)

// External returns the client of EXTERNAL (RFC 4422, appendix A): the TLS
// certificate identifies the client. authzid may be empty.
func External(authzid string) Client { return &externalClient{authzid: authzid} }

type externalClient struct {
	clientBase
	authzid string
}

func (*externalClient) Name() string { return "EXTERNAL" }

func (e *externalClient) Start() ([]byte, error) {
	if strings.IndexByte(e.authzid, 0) >= 0 {
		return nil, malformed("NUL in the authorization identity")
	}
	return append([]byte{}, e.authzid...), nil
}

type externalServer struct{ base }

func newExternalServer(b base) Server { return &externalServer{b} }

func (s *externalServer) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	if response == nil {
		return []byte{}, false, nil
	}
	authzid := string(response)
	if len(response) > MaxResponse || !utf8.ValidString(authzid) || strings.IndexByte(authzid, 0) >= 0 {
		return nil, false, malformed("authorization identity")
	}
	ctx = withConn(ctx, s.c)
	identity, err := s.a.(CertificateVerifier).VerifyCertificate(ctx, s.c.TLS)
	if err != nil {
		return nil, false, classify(err)
	}
	err = s.authorize(ctx, identity, identity, authzid)
	return nil, err == nil, err
}
