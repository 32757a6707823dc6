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
		if err := m.AppendLocalLabels("mood", "elated", "euphoric"); err != nil {
			t.Fatal(err)
		}
		local := enum(t, m, "mood")
		equal(t, "labels appended locally come last", local.Values(), []string{"sad", "ok", "happy", "elated", "euphoric"})
		equal(t, "an enum handed out before stays as it was", before.Values(), []string{"sad", "ok", "happy"})
		same(t, "the database knows nothing of it", one[string](t, e.pool, "SELECT enum_range(null::mood)::text"), "{sad,ok,happy}")
		mustBe(t, m.AppendLocalLabels("mood", "elated"), massive.ErrLabelExists, "massive: append to public.mood", `"elated"`)
		mustBe(t, m.AppendLocalLabels("mood", "new", "new"), massive.ErrLabelExists, `"new"`)
		mustBe(t, m.AppendLocalLabels("mood"), massive.ErrInvalid, "no label is given")
		mustBe(t, m.AppendLocalLabels("mooood", "x"), massive.ErrNotFound, "enum not found; did you mean public.mood?")
		equal(t, "a refused append changes nothing", enum(t, m, "mood").Values(), local.Values())

		exec(t, e.pool, "ALTER TYPE mood ADD VALUE 'content' BEFORE 'happy'")
		changes, err := m.Reload(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "a reload says what changed in the database", changes.String(),
			`enum public.mood changed: labels ["sad" "ok" "happy"] → ["sad" "ok" "content" "happy"]`)
		now := enum(t, m, "mood")
		equal(t, "a reload replaces local labels", now.Values(), []string{"sad", "ok", "content", "happy"})
		equal(t, "values handed out don't change", values, []string{"sad", "ok", "happy"})
		values[0] = "overwritten"
		equal(t, "and are the caller's own", before.Values(), []string{"sad", "ok", "happy"})

		labels := []string{"zzz", "happy", "aaa", "sad", "content"}
		slices.SortFunc(labels, now.Compare)
		equal(t, "labels sort as the database sorts them, strangers behind", labels, []string{"sad", "content", "happy", "aaa", "zzz"})
		same(t, "position", now.Position("content"), 2)
		same(t, "position of a stranger", now.Position("elated"), -1)
	})
}

// The picture of a transaction is its own.
func TestEnumWithinATransaction(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TYPE mood AS ENUM ('sad')`, func(t *testing.T, e *env) {
		m := e.load(t)
		tx := e.begin(t)
		w := m.With(tx)
		exec(t, tx, "CREATE TYPE draft AS ENUM ('a')")
		changes, err := w.Reload(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the transaction's view sees it", changes.String(), "enum public.draft added")
		if err := w.AppendLocalLabels("mood", "ok"); err != nil {
			t.Fatal(err)
		}
		equal(t, "the view's own labels", enum(t, w, "mood").Values(), []string{"sad", "ok"})
		equal(t, "nobody else's", enum(t, m, "mood").Values(), []string{"sad"})
		_, err = m.Enum("draft")
		mustBe(t, err, massive.ErrNotFound)

		pinned := m.With(tx)
		if _, err := m.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := m.AppendLocalLabels("mood", "later"); err != nil {
			t.Fatal(err)
		}
		equal(t, "With pins the snapshot", enum(t, pinned, "mood").Values(), []string{"sad"})
	})
}
