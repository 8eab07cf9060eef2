package imapclient

// Events returns the events that wait for Watch.
func (c *Client) Events() []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Event(nil), c.events.queue...)
}

// Held returns how many octets of bodies are counted as held.
func (c *Client) Held() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

// InFlight returns how many commands have not been answered.
func (c *Client) InFlight() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.inflight)
}

// Pending returns what the next Update of a mailbox will say, as far as it is known.
func Pending(m *Mailbox) Update {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	return m.pending
}
