package sqltest_test

import (
	"context"
	"testing"
	"time"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// A view's Select function can use the fake that calls it.
func TestSelectFunctionCanUseItsFake(t *testing.T) {
	t.Parallel()
	type row struct{ N int64 }
	var fake *sqltest.Fake
	var m *massive.DB
	fake = sqltest.New(sqltest.Catalog{
		Sequences: []sqltest.Sequence{{Name: "s"}},
		Matviews: []sqltest.Matview{{Name: "v", Rows: []row{{1}}, Select: func(string, []any) (any, error) {
			s, err := m.Sequence("s")
			if err != nil {
				return nil, err
			}
			n, err := s.NextValue(t.Context())
			return []row{{n}, {int64(len(fake.Calls()))}}, err
		}}},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var err error
	if m, err = massive.Load(ctx, fake.DB(), fake); err != nil {
		t.Fatal(err)
	}
	v := found(t, m.Matview, "v")
	done := make(chan struct{})
	go func() {
		defer close(done)
		var got []row
		if err := v.Select(ctx, &got, "WHERE true"); err != nil || len(got) != 2 || got[0].N != 1 {
			t.Errorf("got %v, %v", got, err)
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatal("the Select function did not return, want no deadlock")
	}
}
