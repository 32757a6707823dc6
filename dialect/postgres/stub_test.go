package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"sync"
	"testing"
)

// A server is a stub database behind a real *sql.DB. It records the statements that it
// receives.
type server struct {
	answer func(text string) answer

	mu   sync.Mutex
	sent []string
	args int
}

// An answer is the result of a statement: an error, or rows that an error may follow.
type answer struct {
	err   error
	rows  [][]driver.Value
	broke error // after the rows
}

func row1(values ...driver.Value) answer { return answer{rows: [][]driver.Value{values}} }

// serve opens a stub database whose answers f returns.
func serve(t *testing.T, f func(text string) answer) (*sql.DB, *server) {
	t.Helper()
	s := &server{answer: f}
	db := sql.OpenDB(s)
	t.Cleanup(func() {
		if n := db.Stats().InUse; n != 0 {
			t.Errorf("%d connections are still in use", n)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, s
}

// texts returns the statements so far. It fails the test if one had bind parameters.
func (s *server) texts(t *testing.T) []string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.args > 0 {
		t.Errorf("%d parameters were bound; want none", s.args)
	}
	return s.sent
}

func (s *server) ask(text string, args []driver.NamedValue) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, text)
	s.args += len(args)
	return s.answer(text)
}

func (s *server) Connect(context.Context) (driver.Conn, error) { return connection{s}, nil }
func (s *server) Driver() driver.Driver                        { return nil }

type connection struct{ *server }

func (connection) Prepare(string) (driver.Stmt, error) {
	return nil, errors.New("unexpected Prepare")
}
func (connection) Close() error              { return nil }
func (connection) Begin() (driver.Tx, error) { return nil, errors.New("unexpected Begin") }

func (c connection) QueryContext(_ context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	a := c.ask(text, args)
	if a.err != nil {
		return nil, a.err
	}
	columns := 0
	if len(a.rows) > 0 {
		columns = len(a.rows[0])
	}
	return &answerRows{a, make([]string, columns)}, nil
}

func (c connection) ExecContext(_ context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	return driver.ResultNoRows, c.ask(text, args).err
}

type answerRows struct {
	answer
	columns []string
}

func (r *answerRows) Columns() []string { return r.columns }

func (r *answerRows) Close() error { return nil }

func (r *answerRows) Next(dest []driver.Value) error {
	if len(r.rows) == 0 {
		if r.broke != nil {
			return r.broke
		}
		return io.EOF
	}
	copy(dest, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

// A stateError has the method and fields that both drivers' errors have.
type stateError struct {
	State, Text, Routine string
}

func (e *stateError) Error() string    { return e.Text }
func (e *stateError) SQLState() string { return e.State }
