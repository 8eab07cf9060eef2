package imapclient

// NextEvent returns the next event that waits for Watch, nil if there is none.
func (c *Client) NextEvent() Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.events.take()
}
