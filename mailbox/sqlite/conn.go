package sqlite

import (
	"context"
	"database/sql/driver"
	"io"

	"modernc.org/sqlite"
)

// conn is a connection to the database with its prepared statements. One
// goroutine uses it at a time.
//
// It calls the driver without database/sql: a store that reads a hundred thousand
// rows a second can't afford a second pool, a lock for each row and conversions by
// reflection.
type conn struct {
	c     driver.Conn
	stmts map[string]driver.Stmt
	args  []driver.NamedValue
	inTx  bool
	ran   int // statements that were run; tests count them

	account int64 // of a reader in use: who reads

	// failed is set if a statement has failed since begin. After some errors
	// SQLite rolls back by itself, and later statements would not be part of
	// a transaction.
	failed bool
}

// check records a failure, and converts the error by dbError.
func (c *conn) check(err error) error {
	if err == nil {
		return nil
	}
	c.failed = true
	return dbError(err)
}

func openConn(dsn string) (*conn, error) {
	c, err := (&sqlite.Driver{}).Open(dsn)
	if err != nil {
		return nil, dbError(err)
	}
	return &conn{c: c, stmts: make(map[string]driver.Stmt)}, nil
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		s.Close()
	}
	return dbError(c.c.Close())
}

// script runs statements without arguments that are not kept prepared.
func (c *conn) script(text string) error {
	_, err := c.c.(driver.ExecerContext).ExecContext(context.Background(), text, nil)
	return dbError(err)
}

func (c *conn) prepare(text string) (driver.Stmt, error) {
	c.ran++
	s := c.stmts[text]
	if s == nil {
		var err error
		if s, err = c.c.Prepare(text); err != nil {
			return nil, err
		}
		c.stmts[text] = s
	}
	return s, nil
}

// bind converts arguments for the driver. They are of type int64,
// string or []byte.
func (c *conn) bind(args []any) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

// exec runs a statement that returns no rows.
func (c *conn) exec(text string, args ...any) (driver.Result, error) {
	return c.execContext(context.Background(), text, args...)
}

func (c *conn) execContext(ctx context.Context, text string, args ...any) (driver.Result, error) {
	s, err := c.prepare(text)
	if err != nil {
		return nil, c.check(err)
	}
	res, err := s.(driver.StmtExecContext).ExecContext(ctx, c.bind(args))
	clear(c.args) // do not keep a body in memory
	return res, c.check(err)
}

// query runs a statement that returns rows. They must be closed before the
// same statement runs again on the connection.
func (c *conn) query(text string, args ...any) (*rows, error) {
	s, err := c.prepare(text)
	if err != nil {
		return nil, c.check(err)
	}
	r, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), c.bind(args))
	if err != nil {
		return nil, c.check(err)
	}
	return &rows{c: c, r: r, v: make([]driver.Value, len(r.Columns()))}, nil
}

// queryInt returns the single integer that a query yields, or zero if there is no
// row.
func (c *conn) queryInt(text string, args ...any) (int64, error) {
	r, err := c.query(text, args...)
	if err != nil {
		return 0, err
	}
	var n int64
	if r.next() {
		n = r.int(0)
	}
	return n, r.close()
}

// begin starts a transaction that writes. It waits for other processes.
func (c *conn) begin(ctx context.Context) error {
	_, err := c.execContext(ctx, "BEGIN IMMEDIATE")
	c.failed = false
	c.inTx = err == nil
	return err
}

func (c *conn) commit() error {
	_, err := c.exec("COMMIT")
	if err == nil {
		c.inTx = false
	}
	return err
}

// rollback undoes the transaction, if there is one. It ignores errors, since after
// some errors SQLite has already rolled back.
func (c *conn) rollback() {
	if c.inTx {
		c.exec("ROLLBACK")
		c.inTx = false
	}
}

// rows are the result of a query:
//
//	for r.next() {
//		… r.int(0) …
//	}
//	return r.close()
type rows struct {
	c   *conn
	r   driver.Rows
	v   []driver.Value
	err error
}

func (r *rows) next() bool {
	if r.err == nil {
		r.err = r.r.Next(r.v)
	}
	return r.err == nil
}

// close ends the query and returns its error.
func (r *rows) close() error {
	err := r.r.Close()
	if r.err != nil && r.err != io.EOF {
		err = r.err
	}
	return r.c.check(err)
}

func (r *rows) int(i int) int64   { n, _ := r.v[i].(int64); return n }
func (r *rows) text(i int) string { s, _ := r.v[i].(string); return s }
func (r *rows) blob(i int) []byte { b, _ := r.v[i].([]byte); return b }
func (r *rows) null(i int) bool   { return r.v[i] == nil }
