package registry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lib/pq"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/registry"
)

// operations has every operation that goes to the database, on the structures of shop,
// except Select, whose rows sqlx reads.
var operations = []struct {
	what string
	op   dialect.Op
	name dialect.Name
	can  string // the text of the Unsupported error
	do   func(context.Context, *registry.Registry) error
}{
	{"Definition", dialect.OpDefinition, stub.Of("app.daily"), "print the queries of materialized views", onMatview(func(ctx context.Context, m registry.Matview) error {
		got, err := m.Definition(ctx)
		return zeroWith(err, got)
	})},
	{"Size", dialect.OpSize, stub.Of("app.daily"), "read the sizes of materialized views", onMatview(func(ctx context.Context, m registry.Matview) error {
		got, err := m.Size(ctx)
		return zeroWith(err, got)
	})},
	{"Refresh", dialect.OpRefresh, stub.Of("app.daily"), "refresh materialized views", onMatview(func(ctx context.Context, m registry.Matview) error {
		got, err := m.Refresh(ctx)
		return zeroWith(err, got)
	})},
	{"Refresh WithNoData", dialect.OpRefresh, stub.Of("app.daily"), "refresh materialized views", onMatview(func(ctx context.Context, m registry.Matview) error {
		got, err := m.Refresh(ctx, registry.WithNoData())
		return zeroWith(err, got)
	})},
	{"Refresh Concurrently", dialect.OpRefreshConcurrently, stub.Of("app.daily"), "refresh materialized views", onMatview(func(ctx context.Context, m registry.Matview) error {
		got, err := m.Refresh(ctx, registry.Concurrently())
		return zeroWith(err, got)
	})},
	{"LastValue", dialect.OpLastValue, stub.Of("public.order_no"), "read the state of sequences", onSequence(func(ctx context.Context, s registry.Sequence) error {
		got, err := s.LastValue(ctx)
		return zeroWith(err, got)
	})},
	{"State", dialect.OpLastValue, stub.Of("public.order_no"), "read the state of sequences", onSequence(func(ctx context.Context, s registry.Sequence) error {
		got, err := s.State(ctx)
		return zeroWith(err, got)
	})},
	{"NextValue", dialect.OpNextValue, stub.Of("public.order_no"), "take values", onSequence(func(ctx context.Context, s registry.Sequence) error {
		got, err := s.NextValue(ctx)
		return zeroWith(err, got)
	})},
	{"Reset", dialect.OpReset, stub.Of("public.order_no"), "restart sequences", onSequence(func(ctx context.Context, s registry.Sequence) error {
		return s.Reset(ctx)
	})},
	{"ResetTo", dialect.OpResetTo, stub.Of("public.order_no"), "restart sequences", onSequence(func(ctx context.Context, s registry.Sequence) error {
		return s.ResetTo(ctx, 7)
	})},
	{"Restart", dialect.OpRestart, stub.Of("public.order_no"), "restart sequences", onSequence(func(ctx context.Context, s registry.Sequence) error {
		return s.Restart(ctx)
	})},
}

func onMatview(do func(context.Context, registry.Matview) error) func(context.Context, *registry.Registry) error {
	return func(ctx context.Context, r *registry.Registry) error {
		m, err := r.Matview("daily")
		if err != nil {
			return err
		}
		return do(ctx, m)
	}
}

func onSequence(do func(context.Context, registry.Sequence) error) func(context.Context, *registry.Registry) error {
	return func(ctx context.Context, r *registry.Registry) error {
		s, err := r.Sequence("order_no")
		if err != nil {
			return err
		}
		return do(ctx, s)
	}
}

// zeroWith returns err, or an error that says that got is not zero. With an error an
// operation must return a zero value.
func zeroWith[T comparable](err error, got T) error {
	var zero T
	if err != nil && got != zero {
		return fmt.Errorf("%v with the error: %w", got, err)
	}
	return err
}

// full returns a stub whose operations return values together with an error.
func full(fails error) *stub.Dialect {
	return &stub.Dialect{Next: 7, State: dialect.SequenceState{Last: 7, Called: true}, Fails: fails}
}

func TestOperationsClassifyErrors(t *testing.T) {
	t.Parallel()
	for _, raw := range []error{
		&stub.DriverError{State: "55P03", Text: "no lock"}, &pq.Error{Code: "55P03", Message: "no lock"}, &pgconn.PgError{Code: "55P03", Message: "no lock"},
	} {
		for _, o := range operations {
			s := full(fmt.Errorf("exec: %w", raw))
			s.Known = func(dialect.Failure) error { return fmt.Errorf("%w: somebody else is at it", dialect.ErrBusy) }
			err := o.do(t.Context(), registry.New(stub.Shop(), registry.Selection{}, s, &stub.Querier{}))
			stub.Failed(t, err, o.op, o.name)
			if !errors.Is(err, dialect.ErrBusy) || !errors.Is(err, raw) {
				t.Errorf("%s: error %v; want one that reaches ErrBusy and the driver's own", o.what, err)
			}
			if !asDrivers(err, raw) {
				t.Errorf("%s: errors.As doesn't reach the %T in %v", o.what, raw, err)
			}
			want := "massive: " + string(o.op) + " " + o.name.String() + ": busy: somebody else is at it: exec: " + raw.Error()
			if err.Error() != want {
				t.Errorf("%s says\n\t%s\nwant\n\t%s", o.what, err, want)
			}

			// The Failure that Classify gets.
			if len(s.Failures) != 1 {
				t.Errorf("%s: Classify was called %d times; want once", o.what, len(s.Failures))
				continue
			}
			f := s.Failures[0]
			if f.Op != o.op || f.Name != o.name || f.Err != s.Fails { //nolint:errorlint // identity
				t.Errorf("%s: Classify got %q, %v, %v; want %q, %v, %v", o.what, f.Op, f.Name, f.Err, o.op, o.name, s.Fails)
			}
			ofMatview := strings.HasSuffix(o.can, "views")
			if ofMatview && (f.Sequence != nil || f.Matview == nil || f.Matview.Name != o.name) ||
				!ofMatview && (f.Matview != nil || f.Sequence == nil || f.Sequence.Name != o.name) {
				t.Errorf("%s: Classify got the view %v and the sequence %v; want the one that it is about", o.what, f.Matview, f.Sequence)
			}
		}
	}
}

// asDrivers reports whether errors.As finds raw by its own type.
func asDrivers(err, raw error) bool {
	switch raw := raw.(type) { //nolint:errorlint // the exact type
	case *stub.DriverError:
		var e *stub.DriverError
		return errors.As(err, &e) && e == raw
	case *pq.Error:
		var e *pq.Error
		return errors.As(err, &e) && e == raw
	case *pgconn.PgError:
		var e *pgconn.PgError
		return errors.As(err, &e) && e == raw
	default:
		return false
	}
}

func TestUnclassifiedErrorsAreUnchanged(t *testing.T) {
	t.Parallel()
	raw := &stub.DriverError{State: "22012", Text: "division by zero"}
	for _, o := range operations {
		err := o.do(t.Context(), registry.New(stub.Shop(), registry.Selection{}, full(raw), &stub.Querier{}))
		e := stub.Failed(t, err, o.op, o.name)
		if e.Err != error(raw) { //nolint:errorlint // identity
			t.Errorf("%s: Err is %v; want the driver's own, since no cause is known", o.what, e.Err)
		}
		if want := "massive: " + string(o.op) + " " + o.name.String() + ": driver: division by zero"; err.Error() != want {
			t.Errorf("%s says\n\t%s\nwant\n\t%s", o.what, err, want)
		}
	}
}

func TestLoadFails(t *testing.T) {
	t.Parallel()
	raw := &stub.DriverError{State: "42501", Text: "no"}
	s := full(raw)
	s.Known = func(dialect.Failure) error { return dialect.ErrPermission }
	r, err := registry.Load(t.Context(), &stub.Querier{}, s, registry.Selection{})
	stub.Failed(t, err, dialect.OpLoad, dialect.Name{})
	if r != nil || !errors.Is(err, dialect.ErrPermission) || !asDrivers(err, raw) || err.Error() != "massive: load: permission denied: driver: no" {
		t.Errorf("Load = %v, error %v; want nil and one that reaches ErrPermission and the driver's own", r, err)
	}
	if want := (dialect.Failure{Op: dialect.OpLoad, Err: raw}); len(s.Failures) != 1 || s.Failures[0] != want {
		t.Errorf("Classify got %+v; want %+v", s.Failures, want)
	}
}

// With every driver the error shows that the caller's context ended. No other error does.
func TestErrorsOfEndedContexts(t *testing.T) {
	t.Parallel()
	const cancelText = "canceling statement due to user request"
	canceled := func() (context.Context, context.CancelFunc) { return context.WithCancel(context.Background()) }
	expired := func() (context.Context, context.CancelFunc) {
		return context.WithDeadline(context.Background(), time.Now().Add(-time.Hour))
	}
	alive := func() (context.Context, context.CancelFunc) { return context.Background(), func() {} }
	ofPQ := &pq.Error{Code: "57014", Message: cancelText}
	serverTimeout := fmt.Errorf("%w by a timeout", dialect.ErrServerTimeout)

	for _, c := range []struct {
		rule  string
		ctx   func() (context.Context, context.CancelFunc)
		fails error
		known error
		is    []error
		not   []error
		text  string
	}{
		{
			"lib/pq returns the server's error for a cancelled context", canceled, ofPQ, serverTimeout,
			[]error{context.Canceled}, []error{dialect.ErrServerTimeout, context.DeadlineExceeded}, "context canceled: " + ofPQ.Error(),
		}, {
			"lib/pq returns the server's error for an expired context", expired, &stub.DriverError{State: "57014", Text: cancelText}, serverTimeout,
			[]error{context.DeadlineExceeded}, []error{dialect.ErrServerTimeout, context.Canceled}, "context deadline exceeded: driver: " + cancelText,
		}, {
			"an error that wraps the context's error does not get it twice", canceled, fmt.Errorf("timeout: %w", context.Canceled), nil,
			[]error{context.Canceled}, []error{dialect.ErrServerTimeout}, "timeout: context canceled",
		}, {
			"neither does a classified error", expired, &both{stub.DriverError{State: "57014", Text: cancelText}, context.DeadlineExceeded}, serverTimeout,
			[]error{context.DeadlineExceeded}, []error{dialect.ErrServerTimeout}, "driver: " + cancelText,
		}, {
			"an error of another context also gets the error of the caller's context", expired, context.Canceled, nil,
			[]error{context.DeadlineExceeded, context.Canceled}, nil, "context deadline exceeded: context canceled",
		}, {
			"an unknown error after the context ended", canceled, &stub.DriverError{State: "", Text: "bad connection"}, nil,
			[]error{context.Canceled}, nil, "context canceled: driver: bad connection",
		}, {
			"a classified error stays unchanged", canceled, &stub.DriverError{State: "42501", Text: "no"}, dialect.ErrPermission,
			[]error{dialect.ErrPermission}, []error{context.Canceled}, "permission denied: driver: no",
		}, {
			"the server's own timeout", alive, &stub.DriverError{State: "57014", Text: cancelText}, serverTimeout,
			[]error{dialect.ErrServerTimeout}, []error{context.Canceled, context.DeadlineExceeded}, "ended by the server by a timeout: driver: " + cancelText,
		}, {
			"an error of another context, while the caller's has not ended", alive, context.DeadlineExceeded, nil,
			[]error{context.DeadlineExceeded}, []error{context.Canceled}, "context deadline exceeded",
		},
	} {
		check := func(what string, op dialect.Op, name dialect.Name, do func(context.Context, *stub.Dialect) error) {
			ctx, cancel := c.ctx()
			defer cancel()
			s := full(c.fails)
			s.Known = func(dialect.Failure) error { return c.known }
			s.During = cancel // while the operation runs
			err := do(ctx, s)
			e := stub.Failed(t, err, op, name)
			for _, want := range append(c.is, c.fails) {
				if !errors.Is(err, want) {
					t.Errorf("%s: %s: error %q does not reach %q", c.rule, what, err, want)
				}
			}
			for _, not := range c.not {
				if errors.Is(err, not) {
					t.Errorf("%s: %s: error %q reaches %q", c.rule, what, err, not)
				}
			}
			if e.Err.Error() != c.text {
				t.Errorf("%s: %s says\n\t%s\nwant\n\t%s", c.rule, what, e.Err, c.text)
			}
		}
		for _, o := range operations {
			check(o.what, o.op, o.name, func(ctx context.Context, s *stub.Dialect) error {
				return o.do(ctx, registry.New(stub.Shop(), registry.Selection{}, s, &stub.Querier{}))
			})
		}
		check("Load", dialect.OpLoad, dialect.Name{}, func(ctx context.Context, s *stub.Dialect) error {
			_, err := registry.Load(ctx, &stub.Querier{}, s, registry.Selection{})
			return err
		})
	}
}

// both is a server's error that also wraps the context's error.
type both struct {
	stub.DriverError
	context error
}

func (b *both) Unwrap() error { return b.context }

func TestUnsupportedOperations(t *testing.T) {
	t.Parallel()
	selects := operations[0]
	selects.what, selects.op, selects.can, selects.do = "Select", dialect.OpSelect, "read materialized views", onMatview(func(ctx context.Context, m registry.Matview) error {
		var days []string
		return m.Select(ctx, &days, "")
	})
	r := registry.New(stub.Shop(), registry.Selection{}, stub.Bare{Loads: &stub.Dialect{}}, &stub.Querier{})
	for _, o := range append(slices.Clone(operations), selects) {
		err := o.do(t.Context(), r)
		stub.Failed(t, err, o.op, o.name)
		if !errors.Is(err, dialect.ErrUnsupported) || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: error %v; want one that wraps ErrUnsupported, and with it errors.ErrUnsupported", o.what, err)
		}
		want := "massive: " + string(o.op) + " " + o.name.String() + ": not supported here: unsupported operation: the stub dialect can't " + o.can
		if err.Error() != want {
			t.Errorf("%s says\n\t%s\nwant\n\t%s", o.what, err, want)
		}
	}
	// Methods that need no database work.
	if got := matview(t, r, "daily").Columns(); len(got) != 2 {
		t.Errorf("with a dialect that only loads, a view has the columns %v", got)
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	cause := errors.New("why")
	for want, e := range map[string]*registry.Error{
		`massive: load: why`:                           {Op: dialect.OpLoad, Err: cause},
		`massive: refresh concurrently app.daily: why`: {Op: dialect.OpRefreshConcurrently, Name: stub.Of("app.daily"), Err: cause},
		`massive: next value of "My S".x: why`:         {Op: dialect.OpNextValue, Name: stub.Of(`"My S".x`), Err: cause},
		`massive: look up daily: why`:                  {Op: dialect.OpLookup, Name: stub.Of("daily"), Err: cause},
	} {
		if e.Error() != want || errors.Unwrap(e) != cause { //nolint:errorlint // identity
			t.Errorf("error %q unwraps to %v; want %q, %v", e, errors.Unwrap(e), want, cause)
		}
	}
}
