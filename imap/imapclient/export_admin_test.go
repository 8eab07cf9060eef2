package imapclient

// AwaitEvent waits until there may be an event.
func (c *Client) AwaitEvent() { <-c.events.signal }

// NextEvent returns the next event that waits for Watch, nil if there is none.
func (c *Client) NextEvent() Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.events.take()
}
