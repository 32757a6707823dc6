package massive_test

import (
	"slices"
	"testing"

	"github.com/massivedb/massive-go/massive"
)

func TestEnumFollowsReload(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')`, func(t *testing.T, e *env) {
		m := e.load(t)
		before := enum(t, m, "mood")
		values := before.Values()
		noError(t, m.AppendLocalLabels("mood", "elated", "euphoric"))
		local := enum(t, m, "mood")
		equal(t, "local labels come last", local.Values(), []string{"sad", "ok", "happy", "elated", "euphoric"})
		equal(t, "a handle from before does not change", before.Values(), []string{"sad", "ok", "happy"})
		same(t, "labels in the database", one[string](t, e.pool, "SELECT enum_range(null::mood)::text"), "{sad,ok,happy}")
		mustBe(t, m.AppendLocalLabels("mood", "elated"), massive.ErrLabelExists, "massive: append to public.mood", `"elated"`)
		mustBe(t, m.AppendLocalLabels("mood", "new", "new"), massive.ErrLabelExists, `"new"`)
		mustBe(t, m.AppendLocalLabels("mood"), massive.ErrInvalid, "no label is given")
		mustBe(t, m.AppendLocalLabels("mooood", "x"), massive.ErrNotFound, "enum not found; did you mean public.mood?")
		equal(t, "a refused append changes nothing", enum(t, m, "mood").Values(), local.Values())

		exec(t, e.pool, "ALTER TYPE mood ADD VALUE 'content' BEFORE 'happy'")
		changes, err := m.Reload(t.Context())
		noError(t, err)
		same(t, "changes of the reload", changes.String(),
			`enum public.mood changed: labels ["sad" "ok" "happy"] → ["sad" "ok" "content" "happy"]`)
		now := enum(t, m, "mood")
		equal(t, "a reload replaces local labels", now.Values(), []string{"sad", "ok", "content", "happy"})
		equal(t, "values returned before don't change", values, []string{"sad", "ok", "happy"})
		values[0] = "overwritten"
		equal(t, "changing the returned slice does not change the enum", before.Values(), []string{"sad", "ok", "happy"})

		labels := []string{"zzz", "happy", "aaa", "sad", "content"}
		slices.SortFunc(labels, now.Compare)
		equal(t, "labels in the database's order, unknown labels last", labels, []string{"sad", "content", "happy", "aaa", "zzz"})
		same(t, "position", now.Position("content"), 2)
		same(t, "position of an unknown label", now.Position("elated"), -1)
	})
}

// A DB bound to a transaction has a snapshot of its own.
func TestEnumInATransaction(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TYPE mood AS ENUM ('sad')`, func(t *testing.T, e *env) {
		m := e.load(t)
		tx := e.begin(t)
		w := m.With(tx)
		exec(t, tx, "CREATE TYPE draft AS ENUM ('a')")
		changes, err := w.Reload(t.Context())
		noError(t, err)
		same(t, "changes in the transaction", changes.String(), "enum public.draft added")
		noError(t, w.AppendLocalLabels("mood", "ok"))
		equal(t, "labels in the transaction", enum(t, w, "mood").Values(), []string{"sad", "ok"})
		equal(t, "labels outside", enum(t, m, "mood").Values(), []string{"sad"})
		_, err = m.Enum("draft")
		mustBe(t, err, massive.ErrNotFound)

		pinned := m.With(tx)
		noError(t, errOf(m.Reload(t.Context())))
		noError(t, m.AppendLocalLabels("mood", "later"))
		equal(t, "With pins the snapshot", enum(t, pinned, "mood").Values(), []string{"sad"})
	})
}
