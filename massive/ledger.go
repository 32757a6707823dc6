package massive

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/contexts"
	"github.com/massivedb/massive-go/internal/option"
	"github.com/massivedb/massive-go/registry"
)

// OnRefresh calls f after each Refresh and RefreshIfOlderThan of a view, also in plans and
// in [DB.KeepFresh], and also if nothing was done. Use it for metrics and logs. f gets the
// context of the call. It runs on the goroutine of the call, which waits for it. Several
// calls may run f at the same time.
func OnRefresh(f func(context.Context, registry.RefreshEvent)) LoadOption {
	return LoadOption{option.New("OnRefresh", func(s *selection) error {
		if f == nil {
			return fmt.Errorf("%w: the function is nil", ErrInvalid)
		}
		s.Recorder.OnRefresh = append(s.Recorder.OnRefresh, f)
		return nil
	})}
}

// A LedgerOption changes how [WithLedger] uses a ledger. Each option may be given once. The
// zero value is invalid.
type LedgerOption struct{ set option.Option[dialect.Ledger] }

// WithLedger records each refresh of a view in the ledger of that schema, which
// [CreateLedger] or the text of [LedgerDDL] creates. The record commits with the refresh.
// RefreshIfOlderThan, Freshness and [DB.KeepFresh] need it.
//
// Load checks the ledger: its schema and tables must belong to the current role, a
// superuser or a role of [LedgerOwners]. No other role may create objects in the schema,
// and the tables must have no triggers, rules, policies or other indexes. Each refresh
// checks that again. If the ledger can't be used, the refresh fails before it begins,
// unless [RecordsOptional] is given.
//
// A role that may write to the ledger can write any age. Trust these roles.
func WithLedger(schema string, opts ...LedgerOption) LoadOption {
	return LoadOption{option.New("WithLedger", func(s *selection) error {
		l, err := ledger(schema)
		if err != nil {
			return err
		}
		s.Recorder.Ledger = &l
		return option.Apply(&l, "LedgerOption", opts, func(o LedgerOption) option.Option[dialect.Ledger] { return o.set })
	})}
}

// LedgerOwners trusts further roles as owners of the ledger, for example the role that
// runs migrations.
func LedgerOwners(roles ...string) LedgerOption {
	return LedgerOption{option.New("LedgerOwners", func(l *dialect.Ledger) (err error) {
		l.Owners, err = roleNames(roles)
		return err
	})}
}

// RecordsOptional refreshes without a record if the ledger can't be used, for example
// because the role lacks a right on it. [RefreshResult].Recorded is then false. [Load]
// still fails if the ledger is missing or not safe.
func RecordsOptional() LedgerOption {
	return LedgerOption{option.Set("RecordsOptional", func(l *dialect.Ledger) { l.Optional = true })}
}

// A LedgerDDLOption changes the ledger that [CreateLedger] or [LedgerDDL] creates. Each
// option may be given once. The zero value is invalid.
type LedgerDDLOption struct {
	set option.Option[dialect.LedgerDefinition]
}

// LedgerWriters lets these roles read the ledger and record refreshes. Without it only
// the owner and superusers can.
func LedgerWriters(roles ...string) LedgerDDLOption {
	return LedgerDDLOption{option.New("LedgerWriters", func(l *dialect.LedgerDefinition) (err error) {
		l.Writers, err = roleNames(roles)
		return err
	})}
}

// NoteOthers also records the refreshes of programs that don't use the ledger, such as
// psql or pg_cron. On Postgres that takes an event trigger. A superuser must create it,
// and must own the ledger.
func NoteOthers() LedgerDDLOption {
	return LedgerDDLOption{option.Set("NoteOthers", func(l *dialect.LedgerDefinition) { l.NoteOthers = true })}
}

// LedgerDDL returns the SQL statements that create a ledger in that schema, for a
// migration tool. Run them once, in one transaction. They create the schema if it does
// not exist. They fail if the schema belongs to another role, or if another role may
// create objects in it. Errors: [ErrInvalid], [ErrUnsupported].
func LedgerDDL(d dialect.Dialect, schema string, opts ...LedgerDDLOption) (string, error) {
	l, err := ledgerDefinition(schema, opts)
	if err == nil && d == nil {
		err = fmt.Errorf("%w: the dialect is nil; pass a dialect, for example postgres.New()", ErrInvalid)
	}
	if err != nil {
		return "", &Error{Op: dialect.OpLedger, Err: err}
	}
	ddl, err := d.LedgerDDL(l)
	if err != nil {
		return "", registry.Explain(context.Background(), d, nil, dialect.Failure{Op: dialect.OpLedger, Name: Name{Name: schema}, Err: err})
	}
	return ddl, nil
}

// CreateLedger creates a ledger in that schema, for [WithLedger]. It runs the statements
// of [LedgerDDL] in one transaction. If the ledger exists already, it changes nothing.
// Errors: [ErrInvalid] also if the schema is not safe, [ErrUnsupported], [ErrPermission].
func CreateLedger(ctx context.Context, q Querier, d dialect.Dialect, schema string, opts ...LedgerDDLOption) error {
	l, err := ledgerDefinition(schema, opts)
	if err == nil {
		err = contexts.Check(ctx)
	}
	if err == nil {
		err = registry.Check(d, q)
	}
	if err != nil {
		return &Error{Op: dialect.OpLedger, Err: err}
	}
	if err := d.CreateLedger(ctx, q, l); err != nil {
		return registry.Explain(ctx, d, q, dialect.Failure{Op: dialect.OpLedger, Name: Name{Name: schema}, Err: err})
	}
	return nil
}

func ledgerDefinition(schema string, opts []LedgerDDLOption) (l dialect.LedgerDefinition, err error) {
	if l.Ledger, err = ledger(schema); err != nil {
		return l, err
	}
	return l, option.Apply(&l, "LedgerDDLOption", opts, func(o LedgerDDLOption) option.Option[dialect.LedgerDefinition] { return o.set })
}

func ledger(schema string) (dialect.Ledger, error) {
	if err := checkName("schema", schema); err != nil {
		return dialect.Ledger{}, err
	}
	return dialect.Ledger{Schema: schema}, nil
}

// checkName checks the name of a schema or a role, which is exact and without quotes.
func checkName(kind, name string) error {
	if name == "" || !utf8.ValidString(name) || strings.IndexByte(name, 0) >= 0 {
		return fmt.Errorf("%w: %q is not the name of a %s", ErrInvalid, dialect.Cut(name, dialect.MaxText/10), kind)
	}
	return nil
}

func roleNames(roles []string) ([]string, error) {
	if len(roles) == 0 {
		return nil, fmt.Errorf("%w: no role is given", ErrInvalid)
	}
	for _, r := range roles {
		if err := checkName("role", r); err != nil {
			return nil, err
		}
	}
	return slices.Clone(roles), nil
}

// Freshness reads from the ledger how old the rows of each loaded view are, and when and
// by whom each was refreshed, by schema and name. It takes one statement. Errors: as for
// Freshness of a [Matview].
func (m *DB) Freshness(ctx context.Context) ([]dialect.Freshness, error) {
	return m.Registry().Freshness(ctx)
}

func errNoLedger() error {
	return fmt.Errorf("%w: no ledger records refreshes; create it with CreateLedger, and load with WithLedger", ErrInvalid)
}
