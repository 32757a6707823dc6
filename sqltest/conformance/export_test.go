package conformance

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest"
)

// Operations returns all operations.
func Operations() []Operation { return slices.Sorted(maps.Keys(operationKinds)) }

// KindOf returns the kind on which an operation works, or 0.
func KindOf(o Operation) dialect.Kind { return operationKinds[o] }

// RulesOf returns the names of the rules that need only that operation.
func RulesOf(c Operation) (names []string) {
	for _, r := range rules() {
		if slices.Equal(r.needs, []Operation{c}) {
			names = append(names, r.name)
		}
	}
	return names
}

// RunRulesThatSay runs the rules whose failure messages can contain the text, and returns
// their number.
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

// RunEachRule runs each rule with a harness that lacks all operations that the rule does
// not need. After a rule it calls done with the operations that the rule needs.
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
