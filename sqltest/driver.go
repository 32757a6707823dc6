package sqltest

// The stub driver: connections are sessions, and statements carry operations.

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

type connector struct{ fake *Fake }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &conn{&session{
		fake: c.fake, locks: map[*lock]bool{}, contents: map[*matview]*content{}, files: map[*sequence]*storage{},
		labels: map[*enum][]string{}, cached: map[*sequence]*cache{},
	}}, nil
}

func (c connector) Driver() driver.Driver { return stub{} }

type stub struct{}

func (stub) Open(string) (driver.Conn, error) {
	return nil, errors.New("sqltest: the fake is no driver to open by name: use Fake.DB")
}

type conn struct{ session *session }

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
	if c.session.dead {
		return nil, driver.ErrBadConn
	}
	c.session.inTx, c.session.readOnly = true, opts.ReadOnly
	return tx{c.session}, ctx.Err()
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
	if c.session.dead {
		return driver.ErrBadConn
	}
	return nil
}

func (c *conn) CheckNamedValue(v *driver.NamedValue) (err error) {
	if _, ok := v.Value.(*operation); !ok {
		v.Value, err = driver.DefaultParameterConverter.ConvertValue(v.Value)
	}
	return err
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	_, err := c.run(ctx, query, args)
	return driver.ResultNoRows, err
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	r, err := c.run(ctx, query, args)
	if err != nil && r == nil {
		return nil, err
	}
	return &rows{result: r, err: err}, nil
}

func (c *conn) run(ctx context.Context, query string, args []driver.NamedValue) (*result, error) {
	if len(args) == 1 {
		if o, ok := args[0].Value.(*operation); ok {
			if o.fake != c.session.fake {
				return nil, errors.New("sqltest: the DB is another fake's; load with a fake and its own DB")
			}
			return c.session.run(ctx, o)
		}
	}
	return nil, noSQL(query)
}

func noSQL(query string) error { return fmt.Errorf("%w: %s", ErrNoDatabase, query) }

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
		return errors.New("sqltest: the transaction failed earlier: commit rolled it back")
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
	result *result
	next   int
	err    error // which comes behind the rows
}

func (r *rows) Columns() []string { return r.result.columns }
func (r *rows) Close() error      { return nil }

func (r *rows) Next(dest []driver.Value) error {
	if r.next >= len(r.result.rows) {
		if r.err != nil {
			return r.err
		}
		return io.EOF
	}
	copy(dest, r.result.rows[r.next])
	r.next++
	return nil
}
