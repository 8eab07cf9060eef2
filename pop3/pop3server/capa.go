package pop3server

import (
	"github.com/posthorn-mail/posthorn/pop3"
	"github.com/posthorn-mail/posthorn/sasl"
)

// capa answers CAPA (RFC 2449 §5). What is announced before login is announced
// after it too.
func (s *session) capa(pop3.Command) {
	s.say(textCapa)
	for _, c := range s.capabilities() {
		s.c.Write(append(c.Append(s.c.AvailableBuffer()), '\r', '\n'))
	}
	s.end()
}

func (s *session) capabilities() pop3.Capabilities {
	list := pop3.Capabilities{
		{Name: "TOP"}, {Name: "UIDL"}, {Name: "RESP-CODES"}, {Name: "AUTH-RESP-CODE"}, {Name: "PIPELINING"},
	}
	if s.offersUser() == nil {
		list = append(list, pop3.Capability{Name: "USER"})
	}
	if names := sasl.Mechanisms(s.srv.Authenticator, s.saslConn()); len(names) > 0 {
		list = append(list, pop3.Capability{Name: "SASL", Args: names})
	}
	if s.srv.TLSConfig != nil && s.c.TLS() == nil {
		list = append(list, pop3.Capability{Name: "STLS"})
	}
	list = append(list, pop3.Capability{Name: "UTF8", Args: []string{"USER"}}, pop3.Capability{Name: "LANG"})

	policy, perUser := s.srv.Policy, s.srv.UserPolicy != nil
	if s.drop != nil {
		policy, perUser = s.drop.policy, false
	}
	list = append(list, pop3.ExpireCapability(policy.days(), perUser))
	if policy.LoginDelay > 0 {
		list = append(list, pop3.LoginDelayCapability(policy.LoginDelay, perUser))
	}
	return append(list, pop3.Capability{Name: "IMPLEMENTATION", Args: []string{"Posthorn"}})
}
