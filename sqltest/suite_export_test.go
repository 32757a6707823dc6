package sqltest

import (
	"database/sql/driver"
	"maps"
	"slices"
)

// Capabilities are all of them.
func Capabilities() []Capability { return slices.Sorted(maps.Keys(has(nil))) }

// RulesOf are those rules which need that capability and no other.
func RulesOf(c Capability) (names []string) {
	for _, r := range rules() {
		if slices.Equal(r.needs, []Capability{c}) {
			names = append(names, r.name)
		}
	}
	return names
}

// Connector opens connections to the fake's database, for a driver around its own.
func (f *Fake) Connector() driver.Connector { return connector{f} }
