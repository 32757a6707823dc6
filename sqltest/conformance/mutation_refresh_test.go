package conformance_test

import (
	"github.com/massivedb/massive-go/dialect"
)

var refreshMutants = []mutation{
	{"if possible is always blocking", "ConcurrentlyIfPossible is concurrent where the view is populated", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			how.IfPossible = false
			return how, false
		}
	}},
	{"if possible is always concurrent", "ConcurrentlyIfPossible is concurrent where the view is populated", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			how.Concurrently, how.IfPossible = how.Concurrently || how.IfPossible, false
			return how, false
		}
	}},
	{"what prevented it lost", "else blocking, and says why", func(m *mutant) {
		m.refreshed = func(done dialect.Refreshed) dialect.Refreshed {
			done.Prevented = 0
			return done
		}
	}},
	{"the mode lied about", "and says in which mode", func(m *mutant) {
		m.refreshed = func(done dialect.Refreshed) dialect.Refreshed {
			done.Concurrently = false
			return done
		}
	}},
	{"busy ignored", "SkipIfBusy gives way at once", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			how.SkipIfBusy = false
			return how, false
		}
	}},
	{"busy is silent", "SkipIfBusy gives way at once", func(m *mutant) {
		m.refreshed = func(done dialect.Refreshed) dialect.Refreshed {
			done.Busy = false
			return done
		}
	}},
	{"always busy", "a reader is no such", func(m *mutant) {
		m.refreshed = func(done dialect.Refreshed) dialect.Refreshed {
			return dialect.Refreshed{Busy: true}
		}
	}},
	{"the lock timeout of a refresh ignored", "LockTimeout ends a refresh's wait with ErrBusy", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			how.LockTimeout = 0
			return how, false
		}
	}},
	{"blockers unknown", "CheckRefresh tells what would make a refresh fail", func(m *mutant) {
		m.blockers = func([]dialect.Blocker) []dialect.Blocker { return nil }
	}},
	{"rows of another view counted", "Get reads the first row, or sql.ErrNoRows; Count counts", func(m *mutant) {
		m.count = func(view dialect.MatviewDef) dialect.MatviewDef {
			view.Name.Name = "v"
			return view
		}
	}},
}
