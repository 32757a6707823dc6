package sqltest

// The stub driver. A connection is a session, and a statement's argument is an operation.

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

type connector struct{ fake *Fake }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &conn{session: newSession(c.fake)}, nil
}

func (c connector) Driver() driver.Driver { return stub{} }

type stub struct{}

func (stub) Open(string) (driver.Conn, error) {
	return nil, errors.New("sqltest: the fake can't be opened by a driver name; use Fake.DB")
}

type conn struct {
	session *session
	open    *rows // unread rows, which block further operations on the connection
}

var (
	_ driver.ExecerContext     = (*conn)(nil)
	_ driver.QueryerContext    = (*conn)(nil)
	_ driver.ConnBeginTx       = (*conn)(nil)
	_ driver.NamedValueChecker = (*conn)(nil)
	_ driver.SessionResetter   = (*conn)(nil)
	_ driver.Validator         = (*conn)(nil)
	_ driver.Pinger            = (*conn)(nil)
)

func (c *conn) Prepare(query string) (driver.Stmt, error) { return nil, noSQL(query) }

func (c *conn) Close() error {
	f := c.session.fake
	f.mu.Lock()
	defer f.mu.Unlock()
	c.session.end(false)
	return nil
}

func (c *conn) Begin() (driver.Tx, error) { return c.BeginTx(context.Background(), driver.TxOptions{}) }

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if level := sql.IsolationLevel(opts.Isolation); level != sql.LevelDefault && level != sql.LevelReadCommitted {
		return nil, fmt.Errorf("sqltest: the fake has no isolation level %s, only Read Committed", level)
	}
	f := c.session.fake
	f.mu.Lock()
	defer f.mu.Unlock()
	switch err := ctx.Err(); {
	case c.session.dead:
		return nil, driver.ErrBadConn
	case c.open != nil:
		return nil, errReading
	case err != nil: // the caller gets no transaction and could not end it
		c.session.dead = true
		c.session.end(false)
		return nil, err
	}
	c.session.inTx, c.session.readOnly = true, opts.ReadOnly
	return tx{c.session}, nil
}

func (c *conn) ResetSession(context.Context) error {
	if !c.IsValid() {
		return driver.ErrBadConn
	}
	return nil
}

func (c *conn) IsValid() bool {
	f := c.session.fake
	f.mu.Lock()
	defer f.mu.Unlock()
	return !c.session.dead && !c.session.inTx
}

func (c *conn) Ping(context.Context) error {
	f := c.session.fake
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case c.session.dead:
		return driver.ErrBadConn
	case c.open != nil:
		return errReading
	}
	return nil
}

// CheckNamedValue accepts every argument, since operations are passed as arguments. A
// statement without an operation is rejected later.
func (c *conn) CheckNamedValue(*driver.NamedValue) error { return nil }

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	_, err := c.run(ctx, query, args)
	return driver.ResultNoRows, err
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	r, err := c.run(ctx, query, args)
	if err != nil && r == nil {
		return nil, err
	}
	c.open = &rows{conn: c, result: r, err: err}
	return c.open, nil
}

// errReading is the error of an operation on a connection with open rows. Postgres
// drivers return an error, too, since the rows are still arriving on the connection.
var errReading = fmt.Errorf("sqltest: %w: the connection has open rows, as a transaction or a *sql.Conn has inside a loop over "+
	"massive.Rows: read them to the end or close them before the next operation", dialect.ErrInvalid)

func (c *conn) run(ctx context.Context, query string, args []driver.NamedValue) (*result, error) {
	if c.open != nil {
		return nil, errReading
	}
	if len(args) == 1 {
		if o, ok := args[0].Value.(*operation); ok {
			if o.fake != c.session.fake {
				return nil, errors.New("sqltest: the DB belongs to another fake; call massive.Load with a fake and the DB of the same fake")
			}
			return c.session.run(ctx, o)
		}
	}
	return nil, noSQL(query)
}

// noSQL returns the error of a SQL statement, with the beginning of the statement.
func noSQL(query string) error {
	const most = 200
	// Only the Postgres dialect qualifies every name.
	misled := strings.Contains(query, "pg_catalog.")
	text := []rune(strings.Join(strings.Fields(query), " "))
	if len(text) > most {
		text = append(text[:most:most], '…')
	}
	if misled {
		return fmt.Errorf("%w: if the statement comes from the Postgres dialect, pass the fake as the "+
			"dialect, massive.Load(ctx, fake.DB(), fake): %s", ErrNoDatabase, string(text))
	}
	return fmt.Errorf("%w: %s", ErrNoDatabase, string(text))
}

type tx struct{ session *session }

func (t tx) Commit() error {
	f := t.session.fake
	f.mu.Lock()
	defer f.mu.Unlock()
	failed := t.session.aborted
	t.session.end(!t.session.dead)
	switch {
	case t.session.dead:
		return driver.ErrBadConn
	case failed:
		return errors.New("sqltest: could not complete operation in a failed transaction") // the text of lib/pq; the server returns no error
	}
	return nil
}

func (t tx) Rollback() error {
	f := t.session.fake
	f.mu.Lock()
	defer f.mu.Unlock()
	t.session.end(false)
	if t.session.dead {
		return driver.ErrBadConn
	}
	return nil
}

type rows struct {
	conn   *conn
	result *result
	next   int
	err    error // returned after the rows
}

func (r *rows) Columns() []string { return r.result.columns }

func (r *rows) Close() error {
	if r.conn.open == r {
		r.conn.open = nil
	}
	return nil
}

func (r *rows) Next(dest []driver.Value) error {
	if r.next >= len(r.result.rows) {
		_ = r.Close()
		if r.err != nil {
			return r.err
		}
		return io.EOF
	}
	copy(dest, r.result.rows[r.next])
	r.next++
	return nil
}
