package message

// preview collects the start of the text that a Summary shows.
type preview struct{}

func (p *preview) startPart([]frame) {}
func (p *preview) write([]byte)      {}
func (p *preview) endPart(*Part)     {}
func (p *preview) text() string      { return "" }
