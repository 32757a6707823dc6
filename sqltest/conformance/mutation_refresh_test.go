package conformance_test

import (
	"github.com/massivedb/massive-go/dialect"
)

var refreshMutants = []mutation{
	{"ConcurrentlyIfPossible is always blocking", "With ConcurrentlyIfPossible, Refresh is concurrent if the view is populated and has a unique index, and blocking otherwise", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			how.IfPossible = false
			return how, false
		}
	}},
	{"ConcurrentlyIfPossible is always concurrent", "With ConcurrentlyIfPossible, Refresh is concurrent if the view is populated and has a unique index, and blocking otherwise", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			how.Concurrently, how.IfPossible = how.Concurrently || how.IfPossible, false
			return how, false
		}
	}},
	{"reason of a blocking refresh lost", "With ConcurrentlyIfPossible, Refresh is concurrent if the view is populated and has a unique index, and blocking otherwise", func(m *mutant) {
		m.refreshed = func(done dialect.Refreshed) dialect.Refreshed {
			done.Prevented = 0
			return done
		}
	}},
	{"wrong mode reported", "Refresh replaces a view's rows with the current result of its query", func(m *mutant) {
		m.refreshed = func(done dialect.Refreshed) dialect.Refreshed {
			done.Concurrently = false
			return done
		}
	}},
	{"busy ignored", "If another session refreshes the view, Refresh with SkipIfBusy returns ErrBusy immediately, and the caller's transaction stays usable", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			how.SkipIfBusy = false
			return how, false
		}
	}},
	{"busy without an error", "If another session refreshes the view, Refresh with SkipIfBusy returns ErrBusy immediately, and the caller's transaction stays usable", func(m *mutant) {
		m.refreshed = func(done dialect.Refreshed) dialect.Refreshed {
			done.Busy = false
			return done
		}
	}},
	{"always busy", "If another session refreshes the view, Refresh with SkipIfBusy returns ErrBusy immediately, and the caller's transaction stays usable", func(m *mutant) {
		m.refreshed = func(done dialect.Refreshed) dialect.Refreshed {
			return dialect.Refreshed{Busy: true}
		}
	}},
	{"the lock timeout of a refresh ignored", "If a refresh waits longer than its LockTimeout for a lock, it returns ErrBusy", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			how.LockTimeout = 0
			return how, false
		}
	}},
	{"Analyze instead of a refresh", "Refresh with Analyze refreshes in the mode and with the limits of its other options", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) { return how, how.Analyze }
	}},
	{"other options ignored with Analyze", "Refresh with Analyze refreshes in the mode and with the limits of its other options", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			if how.Analyze {
				how = dialect.Refresh{Analyze: true}
			}
			return how, false
		}
	}},
	{"a failure ignored with Analyze", "Refresh with Analyze refreshes in the mode and with the limits of its other options", func(m *mutant) {
		analyze := false
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			analyze = how.Analyze
			return how, false
		}
		m.refreshErr = func(err error) error {
			if analyze {
				return nil
			}
			return err
		}
	}},
	{"blockers unknown", "CheckRefresh predicts the error that a refresh would return", func(m *mutant) {
		m.blockers = func([]dialect.Blocker) []dialect.Blocker { return nil }
	}},
	{"rows of another view counted", "Get returns the first row, or sql.ErrNoRows", func(m *mutant) {
		m.count = func(view dialect.MatviewDef) dialect.MatviewDef {
			view.Name.Name = "v"
			return view
		}
	}},
}
