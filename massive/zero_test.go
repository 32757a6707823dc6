package massive_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/dialect/postgres/pgxwake"
	"github.com/massivedb/massive-go/dialect/postgres/pqwake"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/sqltest"
)

// zeroes has each exported type with methods that is not an interface, by package.
var zeroes = map[string][]any{
	"massive": {
		new(massive.Allocator), new(massive.DriftError), new(massive.Drifts), new(massive.Exhaustion), new(massive.Graph), new(massive.Mismatch),
		new(massive.Plan), new(massive.Progress), new(massive.RefreshReport), new(massive.SequenceUse), new(massive.UnknownUse),
		new(massive.ViewReport), new(massive.FreshnessKind), new(massive.FreshnessEvent),
		new(massive.DB), new(massive.BoundEnum[feeling]), new(massive.EnumOf[feeling]), new(massive.EnumArrayOf[feeling]), new(massive.Event),
	},
	"registry": {
		new(registry.Block), new(registry.CaughtUp), new(registry.Change), new(registry.ChangeKind), new(registry.Changes),
		new(registry.Error), new(registry.Blockers), new(registry.LabelError), new(registry.NotFoundError), new(registry.NotFoundReason),
		new(registry.RefreshMode), new(registry.RefreshOutcome), new(registry.RefreshResult), new(registry.Registry),
		new(registry.RowReader), new(registry.SequenceLag), new(registry.Lags), new(registry.NamedLag), new(registry.UnknownLag),
	},
	"dialect": {
		new(dialect.ColumnRef), new(dialect.EnumColumn), new(dialect.Filter), new(dialect.Blocker), new(dialect.BlockerReason),
		new(dialect.Kind), new(dialect.Name), new(dialect.Pattern), new(dialect.SequenceRights),
		new(dialect.UnreadColumn), new(dialect.Unsupported),
		new(dialect.NoMatviews), new(dialect.NoLedger), new(dialect.Freshness), new(dialect.Doubt), new(dialect.NoEnums), new(dialect.NoSequences), new(dialect.NoTransactions), new(dialect.NoSign),
	},
	"dialect/postgres":         {},
	"dialect/postgres/pqwake":  {new(pqwake.Waker)},
	"dialect/postgres/pgxwake": {new(pgxwake.Waker)},
}

type feeling string

func (feeling) Labels() []feeling { return []feeling{"sad"} }

// Methods of a zero value return a result or an error, and do not panic.
func TestZeroValuesDoNotPanic(t *testing.T) {
	t.Parallel()
	for pkg, values := range zeroes {
		var listed []string
		for _, v := range values {
			name, _, _ := strings.Cut(reflect.TypeOf(v).Elem().Name(), "[")
			listed = append(listed, name)
			for i := range reflect.TypeOf(v).NumMethod() {
				method := reflect.TypeOf(v).Method(i)
				receiver := reflect.New(reflect.TypeOf(v).Elem()) // a new one, since methods may change it
				if _, err := callZero(receiver.Method(i), t.Context()); err != nil {
					t.Errorf("%s.%s.%s: %v", pkg, name, method.Name, err)
				}
			}
		}
		for _, name := range withMethods(t, pkg) {
			if !slices.Contains(listed, name) {
				t.Errorf("package %s has a type %s: add it to zeroes", pkg, name)
			}
		}
	}
	if _, err := callZero(reflect.ValueOf(registry.Diff), t.Context()); err != nil {
		t.Errorf("registry.Diff: %v", err)
	}
}

// callZero calls f with ctx and zero arguments, and also the iterators that f returns. If
// f panics, it returns that as an error.
func callZero(f reflect.Value, ctx context.Context) (results []reflect.Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	var args []reflect.Value
	for i := range f.Type().NumIn() {
		in := f.Type().In(i)
		if f.Type().IsVariadic() && i == f.Type().NumIn()-1 {
			break
		}
		args = append(args, argument(in, ctx))
	}
	results = f.Call(args)
	for _, r := range results {
		if r.Kind() == reflect.Func && !r.IsNil() {
			if _, err := callZero(r, ctx); err != nil {
				return nil, err
			}
		}
	}
	return results, nil
}

// argument returns a valid argument of that type.
func argument(in reflect.Type, ctx context.Context) reflect.Value {
	switch {
	case in == reflect.TypeFor[context.Context]():
		v := reflect.New(in).Elem()
		if ctx != nil {
			v.Set(reflect.ValueOf(ctx))
		}
		return v
	case in == reflect.TypeFor[time.Duration]():
		return reflect.ValueOf(time.Hour)
	case in.Kind() == reflect.Int:
		return reflect.ValueOf(1).Convert(in)
	case in.Kind() == reflect.String:
		return reflect.ValueOf("mood").Convert(in)
	case in.Kind() == reflect.Pointer:
		return reflect.New(in.Elem())
	case in == reflect.TypeFor[any]():
		return reflect.ValueOf(&[]int{})
	case in.Kind() == reflect.Func:
		return reflect.MakeFunc(in, func([]reflect.Value) []reflect.Value {
			results := make([]reflect.Value, in.NumOut())
			for i := range results {
				results[i] = reflect.Zero(in.Out(i))
			}
			return results
		})
	}
	return reflect.Zero(in)
}

// withMethods returns a package's exported types with exported methods.
func withMethods(t *testing.T, pkg string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(pkg), "*.go"))
	noError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		noError(t, err)
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !f.Name.IsExported() {
				continue
			}
			of := f.Recv.List[0].Type
			if star, ok := of.(*ast.StarExpr); ok {
				of = star.X
			}
			switch generic := of.(type) {
			case *ast.IndexExpr:
				of = generic.X
			case *ast.IndexListExpr:
				of = generic.X
			}
			if name := of.(*ast.Ident).Name; ast.IsExported(name) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// A nil context is ErrInvalid in every operation. The pool stays usable.
func TestNilContextIsInvalid(t *testing.T) {
	t.Parallel()
	fake := sqltest.New(sqltest.Catalog{
		Matviews: []sqltest.Matview{{Name: "v", Rows: []struct{ N int64 }{{1}}, Unique: []string{"n"}}}, Sequences: []sqltest.Sequence{{Name: "s"}},
		Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"mood"}}},
	})
	defer fake.DB().Close()
	m, err := massive.Load(t.Context(), fake.DB(), fake, massive.Expect(massive.EnumIs("mood", []string{"mood"}, massive.AllowExtra())))
	noError(t, err)
	view, seq := matview(t, m, "v"), sequence(t, m, "s")
	plan, err := m.PlanRefresh()
	noError(t, err)
	bound, err := massive.BindEnum[string](m, "mood")
	noError(t, err)
	allocator, err := massive.NewAllocator(seq)
	noError(t, err)
	defer allocator.Close()
	check := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, massive.ErrInvalid) || !strings.Contains(err.Error(), "the context is nil") {
			t.Errorf("%s: got %v, want ErrInvalid", what, err)
		}
	}
	called := 0
	for _, on := range []any{m, m.Registry(), view, seq, enum(t, m, "mood"), plan, bound, allocator, pqwake.New("", "c"), pgxwake.New("", "c")} {
		v := reflect.ValueOf(on)
		for i := range v.NumMethod() {
			f := v.Method(i)
			if f.Type().NumIn() == 0 || f.Type().In(0) != reflect.TypeFor[context.Context]() {
				continue
			}
			called++
			what := fmt.Sprintf("%T.%s", on, v.Type().Method(i).Name)
			results, err := callZero(f, nil)
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			err, _ = results[len(results)-1].Interface().(error)
			check(what, err)
		}
	}
	if called < 30 {
		t.Errorf("got %d operations with a context, want at least 30", called)
	}
	var none context.Context
	_, err = massive.Load(none, fake.DB(), fake)
	check("Load", err)
	_, err = massive.Load(none, nil, postgres.New())
	check("Load of nothing", err)
	for _, err := range massive.Rows[int](none, view, "") {
		check("Rows", err)
	}
	if v, err := seq.NextValue(t.Context()); err != nil || v != 1 {
		t.Errorf("NextValue after the nil contexts: got %d, error %v, want 1", v, err)
	}
}
