package postgres_test

import (
	"database/sql"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
)

// Each change of a view since its record makes the age unknown, and a refresh by age
// refreshes it then.
func TestDoubts(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		for _, c := range []struct {
			name, change string
			doubt        dialect.Doubt
		}{
			{"nothing", "SELECT 1", 0},
			{"other work", "ANALYZE daily; CREATE INDEX ON daily (made); ANALYZE daily", 0},
			{"refresh", "REFRESH MATERIALIZED VIEW daily", dialect.DoubtTouched},
			{"concurrent refresh", "REFRESH MATERIALIZED VIEW CONCURRENTLY daily", dialect.DoubtTouched},
			{"refresh in a DO block", "DO 'BEGIN REFRESH MATERIALIZED VIEW CONCURRENTLY daily; END'", dialect.DoubtTouched},
			{"GRANT", "GRANT SELECT ON daily TO PUBLIC", dialect.DoubtTouched},
			{"no data", "REFRESH MATERIALIZED VIEW daily WITH NO DATA", dialect.DoubtEmpty},
			{"data after no data", "REFRESH MATERIALIZED VIEW daily WITH NO DATA; REFRESH MATERIALIZED VIEW daily", dialect.DoubtTouched},
			{"another name", "ALTER MATERIALIZED VIEW daily RENAME TO old; ALTER MATERIALIZED VIEW old RENAME TO daily", dialect.DoubtTouched},
			{"recreated", `DROP MATERIALIZED VIEW daily CASCADE; CREATE MATERIALIZED VIEW daily AS SELECT id, now() AS made FROM sales;
				CREATE UNIQUE INDEX ON daily (id)`, dialect.DoubtUnrecorded},
			{"restored", `UPDATE "my ledger".freshness SET relid = 1; UPDATE "my ledger".history SET relid = 1`, dialect.DoubtUnrecorded},
			{"restored with the same oid", `UPDATE "my ledger".freshness SET version = '3'`, dialect.DoubtTouched},
			{"another view's oid", `UPDATE "my ledger".freshness SET name = 'other' WHERE name = 'daily'`, dialect.DoubtUnrecorded},
			{"another schema", `UPDATE "my ledger".freshness SET schema = 'other' WHERE name = 'daily'`, dialect.DoubtUnrecorded},
			{"later than the clock", `UPDATE "my ledger".freshness SET as_of = now() + interval '1 minute'`, dialect.DoubtClock},
		} {
			s.refresh(t, s.pool, daily, dialect.Refresh{})
			s.exec(t, s.pool, c.change)
			t.Run(c.name, func(t *testing.T) {
				f := s.fresh(t, s.pool, daily)
				same(t, "doubt", f.Doubt, c.doubt)
				same(t, "as of is known", !f.AsOf.IsZero(), c.doubt == 0)
				same(t, "data as of is known", !f.DataAsOf.IsZero(), c.doubt == 0)
				same(t, "a refresh by age", s.refresh(t, s.pool, daily, dialect.Refresh{IfOlder: true, OlderThan: time.Hour}),
					dialect.Refreshed{Fresh: c.doubt == 0, Recorded: c.doubt != 0})
				same(t, "doubt after it", s.fresh(t, s.pool, daily).Doubt, 0)
			})
		}
		same(t, "rows of views that don't exist", one[int](t, s.pool, `SELECT count(*) FROM "my ledger".freshness WHERE relid = 1`), 0)
		same(t, "history of views that don't exist", one[int](t, s.pool, `SELECT count(*) FROM "my ledger".history WHERE relid = 1`), 0)
		renamed := dialect.Name{Schema: "public", Name: "renamed"}
		s.exec(t, s.pool, "ALTER MATERIALIZED VIEW daily RENAME TO renamed")
		same(t, "doubt of a new name", s.fresh(t, s.pool, renamed).Doubt, dialect.DoubtUnrecorded)
		if all, err := d.Freshness(t.Context(), s.pool, ledger, []dialect.Name{daily}); err != nil || len(all) != 0 {
			t.Errorf("the old name has %v, error %v", all, err)
		}
		_, _, err := d.DataAge(t.Context(), s.pool, ledger, daily)
		mustBe(t, err, dialect.ErrNotFound)
	})
}

// DataAge and Freshness follow a view that is recreated, although the driver has prepared
// their statements.
func TestDataAgeOfARecreatedView(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		c, err := s.pool.Conn(t.Context())
		noError(t, err)
		defer c.Close()
		for range 3 {
			s.refresh(t, c, daily, dialect.Refresh{})
			same(t, "doubt", s.fresh(t, c, daily).Doubt, 0)
			s.exec(t, c, "DROP MATERIALIZED VIEW daily CASCADE; CREATE MATERIALIZED VIEW daily AS SELECT 1 AS id")
			same(t, "doubt", s.fresh(t, c, daily).Doubt, dialect.DoubtUnrecorded)
		}
		s.exec(t, c, "DROP MATERIALIZED VIEW daily; CREATE TABLE daily ()")
		_, _, err = d.DataAge(t.Context(), c, ledger, daily)
		mustBe(t, err, dialect.ErrNotFound)
	})
}

// A refresh by age is done only if it improves the data.
func TestDataOfAChain(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		monthly, other := dialect.Name{Schema: "public", Name: "monthly"}, dialect.Name{Schema: "public", Name: "other"}
		s.exec(t, s.pool, "CREATE MATERIALIZED VIEW other AS SELECT 1 AS id; CREATE MATERIALIZED VIEW monthly AS SELECT w.id FROM weekly w, other")
		for _, view := range []dialect.Name{daily, weekly, other, monthly} {
			s.refresh(t, s.pool, view, dialect.Refresh{})
		}
		hour := dialect.Refresh{IfOlder: true, OlderThan: time.Hour}
		s.exec(t, s.pool, `UPDATE "my ledger".freshness SET data_as_of = now() - interval '2 hours'`)
		same(t, "all are as old", s.refresh(t, s.pool, monthly, hour), dialect.Refreshed{Fresh: true})
		same(t, "daily's own data", s.refresh(t, s.pool, daily, hour), dialect.Refreshed{Recorded: true})
		same(t, "weekly's data is older than daily's", s.refresh(t, s.pool, weekly, hour), dialect.Refreshed{Recorded: true})
		same(t, "other is as old as before", s.refresh(t, s.pool, monthly, hour), dialect.Refreshed{Fresh: true})
		s.exec(t, s.pool, "REFRESH MATERIALIZED VIEW other")
		same(t, "other is unknown", s.refresh(t, s.pool, monthly, hour), dialect.Refreshed{Fresh: true})
		s.refresh(t, s.pool, other, dialect.Refresh{})
		same(t, "all are younger", s.refresh(t, s.pool, monthly, hour), dialect.Refreshed{Recorded: true})
	})
}

// Ages of any length work.
func TestLongAges(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		s.refresh(t, s.pool, daily, dialect.Refresh{})
		s.exec(t, s.pool, `UPDATE "my ledger".freshness SET as_of = as_of - interval '37 minutes', data_as_of = data_as_of - interval '37 minutes'`)
		for age, fresh := range map[time.Duration]bool{
			0: false, time.Microsecond: false, 36 * time.Minute: false, 37 * time.Minute: false, 40 * time.Minute: true, 24 * time.Hour: true, math.MaxInt64: true,
		} {
			tx, err := s.pool.Begin()
			noError(t, err)
			got := s.refresh(t, tx, daily, dialect.Refresh{IfOlder: true, OlderThan: age})
			same(t, fmt.Sprint("refreshed after ", age), got, dialect.Refreshed{Fresh: fresh, Recorded: !fresh})
			noError(t, tx.Rollback())
		}
		age, known, err := d.DataAge(t.Context(), s.pool, ledger, daily)
		if err != nil || !known || age < 37*time.Minute || age > 47*time.Minute {
			t.Errorf("the age is %v, known %t, error %v", age, known, err)
		}
	})
}

// On a pool whose sessions keep one snapshot per transaction by default, refreshes are
// recorded and shared as otherwise. In the caller's transaction the rows are as of its
// beginning, and a refresh by age is ErrUnsupported.
func TestRepeatableRead(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"pgx", "postgres"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, driver)
			pool := s.Open(t, driver, "options='-c default_transaction_isolation=serializable'")
			same(t, "recorded", s.refresh(t, pool, daily, dialect.Refresh{}), dialect.Refreshed{Recorded: true})
			before := one[time.Time](t, pool, "SELECT clock_timestamp()")
			same(t, "by age", s.refresh(t, pool, daily, dialect.Refresh{IfOlder: true}), dialect.Refreshed{Recorded: true})
			if f := s.fresh(t, pool, daily); f.AsOf.Before(before) {
				t.Errorf("as of %v, before %v", f.AsOf, before)
			}
			noError(t, d.RecordFailure(t.Context(), pool, ledger, daily, "x"))
			same(t, "the session's level", one[string](t, pool, "SHOW transaction_isolation"), "serializable")

			tx, err := pool.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
			noError(t, err)
			defer tx.Rollback()
			_, err = d.RefreshMatview(t.Context(), tx, daily, dialect.Refresh{Record: &ledger, IfOlder: true})
			mustBe(t, err, dialect.ErrUnsupported, "READ COMMITTED")
			began := one[time.Time](t, tx, "SELECT now()")
			s.exec(t, s.pool, "INSERT INTO sales VALUES (7)")
			same(t, "recorded", s.refresh(t, tx, daily, dialect.Refresh{}), dialect.Refreshed{Recorded: true})
			same(t, "as of", s.fresh(t, tx, daily).AsOf.Equal(began), true)
			same(t, "rows", one[int](t, tx, "SELECT count(*) FROM daily"), 0)
			noError(t, tx.Commit())
			same(t, "as of", s.fresh(t, s.pool, daily).AsOf.Equal(began), true)
		})
	}
}

// If the record can't be written after the refresh, the refresh stands without it.
func TestRefreshStandsWithoutARecord(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		s.refresh(t, s.pool, daily, dialect.Refresh{})
		s.exec(t, s.pool, "INSERT INTO sales VALUES (1)")
		// A transaction that has the row locked.
		holder, err := s.pool.Begin()
		noError(t, err)
		s.exec(t, holder, `UPDATE "my ledger".freshness SET by = 'me'`)
		same(t, "refreshed", s.refresh(t, s.pool, daily, dialect.Refresh{}), dialect.Refreshed{})
		noError(t, holder.Rollback())
		same(t, "rows", one[int](t, s.pool, "SELECT count(*) FROM daily"), 1)
		same(t, "doubt", s.fresh(t, s.pool, daily).Doubt, dialect.DoubtTouched)

		// A snapshot that can't update a newer row.
		tx, err := s.pool.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		noError(t, err)
		s.exec(t, tx, "SELECT 1")
		noError(t, d.RecordFailure(t.Context(), s.pool, ledger, daily, "x"))
		same(t, "refreshed", s.refresh(t, tx, daily, dialect.Refresh{}), dialect.Refreshed{})
		same(t, "lock_timeout", one[string](t, tx, "SHOW lock_timeout"), "0")
		same(t, "the setting", one[string](t, tx, "SELECT current_setting('massive.recording')"), "")
		noError(t, tx.Commit())
		same(t, "doubt", s.fresh(t, s.pool, daily).Doubt, dialect.DoubtTouched)
	})
}

// The history keeps the latest 100 entries of each view.
func TestHistoryIsBounded(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		s.refresh(t, s.pool, weekly, dialect.Refresh{})
		s.refresh(t, s.pool, daily, dialect.Refresh{Concurrently: true})
		for range 101 {
			noError(t, d.RecordFailure(t.Context(), s.pool, ledger, daily, "why"))
		}
		s.refresh(t, s.pool, daily, dialect.Refresh{})
		same(t, "history of daily", one[string](t, s.pool, `SELECT concat_ws(' ', count(*), min(number), max(number), count(error), count(as_of))
			FROM "my ledger".history WHERE name = 'daily'`), "100 4 103 99 1")
		same(t, "history of weekly", one[string](t, s.pool, `SELECT concat_ws(' ', count(*), min(mode)) FROM "my ledger".history WHERE name = 'weekly'`), "1 blocking")
		same(t, "latest mode", one[string](t, s.pool, `SELECT concat(mode, failures, error) FROM "my ledger".freshness WHERE name = 'daily'`), "blocking0")
	})
}
