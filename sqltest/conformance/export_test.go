package conformance

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest"
)

// Operations are all of them.
func Operations() []Operation { return slices.Sorted(maps.Keys(operationKinds)) }

// KindOf is the kind that an operation is about, or 0.
func KindOf(o Operation) dialect.Kind { return operationKinds[o] }

// RulesOf are those rules which need that operation and no other.
func RulesOf(c Operation) (names []string) {
	for _, r := range rules() {
		if slices.Equal(r.needs, []Operation{c}) {
			names = append(names, r.name)
		}
	}
	return names
}

// RunRulesThatSay runs those rules of the suite whose failures could say the text, and tells how many there are.
func RunRulesThatSay(t *testing.T, h Harness, text string) (n int) {
	t.Helper()
	for _, r := range rules() {
		if !strings.Contains(r.says, text) && !strings.HasPrefix(text, r.says) {
			continue
		}
		n++
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.test(t, h)
		})
	}
	return n
}

// RunEachRule runs each rule on the databases of a harness that lacks what the rule doesn't need. When a rule has
// ended, it calls done with the operations that the rule needs.
func RunEachRule(t *testing.T, open func(t *testing.T, rule string, c sqltest.Catalog, has func(Operation) bool) Database, done func(rule string, needs []Operation)) {
	t.Helper()
	for _, r := range rules() {
		has := func(o Operation) bool { return slices.Contains(r.needs, o) }
		h := Harness{
			Lacks: slices.DeleteFunc(Operations(), has),
			Open:  func(t *testing.T, c sqltest.Catalog) Database { t.Helper(); return open(t, r.name, c, has) },
		}
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() { done(r.name, r.needs) })
			r.test(t, h)
		})
	}
}
