package pop3server

import "io"

// worker returns a function that counts work on the present command, of which perUnit
// things make one unit of textproto.Conn.Work.
func (c *conn) worker(perUnit int) func(n int) error {
	const step = 256 // units that are counted together
	done := 0
	return func(n int) error {
		if done += n; done < step*perUnit {
			return nil
		}
		units := done / perUnit
		done -= units * perUnit
		return c.tp.Work(c.ctx, units)
	}
}

// A workWriter counts the work of passing a message on: a unit for a kilobyte.
type workWriter struct {
	w    io.Writer
	work func(n int) error
}

func (w *workWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if err == nil {
		err = w.work(n)
	}
	return n, err
}
