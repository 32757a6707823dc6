package sqltest

import (
	"slices"

	"github.com/massivedb/massive-go/dialect"
)

// An enum is an enum in the fake's database.
type enum struct {
	id     int64
	name   dialect.Name
	spec   Enum
	labels []string // never changed, only replaced
}

func (f *Fake) addEnum(spec Enum) error {
	n, err := parseName(spec.Name)
	if err == nil {
		err = f.free(n, enumerated)
	}
	if err != nil {
		return err
	}
	for i, l := range spec.Labels {
		if len(l) > maxNameBytes || slices.Contains(spec.Labels[:i], l) {
			return invalid("enum %s: label %q is there twice, or longer than %d bytes", n, l, maxNameBytes)
		}
	}
	f.enums[n] = &enum{f.id(), n, spec, slices.Clone(spec.Labels)}
	return nil
}

func (f *Fake) enumDef(e *enum) dialect.EnumDef {
	return dialect.EnumDef{Object: f.object(e.id, e.name, e.spec.Comment, us, false), Labels: e.labels}
}
