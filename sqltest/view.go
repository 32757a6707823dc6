package sqltest

import (
	"context"
	"fmt"
	"slices"

	"github.com/massivedb/massive-go/dialect"
)

// A View is a plain view of the fake's: a link between materialized ones.
type View struct {
	Name  string
	Reads []string // the views, plain or materialized, that it reads
}

// A view is a plain view in the fake's database.
type view struct {
	id    int64
	name  dialect.Name
	reads []source
}

// A source is a view that another reads: one of the two.
type source struct {
	matview *matview
	view    *view
}

func (s source) id() int64 {
	if s.matview != nil {
		return s.matview.id
	}
	return s.view.id
}

func (s source) reads() []source {
	if s.matview != nil {
		return s.matview.reads
	}
	return s.view.reads
}

func ids(sources []source) (all []int64) {
	for _, s := range sources {
		all = append(all, s.id())
	}
	return all
}

// source is the view of that name, or a zero one.
func (f *Fake) source(text string) (source, error) {
	n, err := parseName(text)
	if err != nil {
		return source{}, err
	}
	return source{f.views[n], f.plain[n]}, nil
}

// addViews makes the catalog's plain views, and ties them and its materialized ones, which are there, to what they read.
func (f *Fake) addViews(c Catalog) error {
	for _, spec := range c.Views {
		n, err := parseName(spec.Name)
		if err == nil {
			err = f.free(n, table)
		}
		if err != nil {
			return err
		}
		f.plain[n] = &view{id: f.id(), name: n}
	}
	type tie struct {
		name  string
		reads []string
	}
	var ties []tie
	for _, v := range c.Views {
		ties = append(ties, tie{v.Name, v.Reads})
	}
	for _, v := range c.Matviews {
		ties = append(ties, tie{v.Name, v.Reads})
	}
	for _, t := range ties {
		reader, err := f.source(t.name)
		if err != nil {
			return err
		}
		var reads []source
		for _, name := range t.reads {
			s, err := f.source(name)
			if err != nil {
				return err
			}
			if s == (source{}) {
				return invalid("view %s reads %s, which is no view", t.name, name)
			}
			if !slices.Contains(reads, s) {
				reads = append(reads, s)
			}
		}
		if reader.matview != nil {
			reader.matview.reads = reads
		} else {
			reader.view.reads = reads
		}
	}
	for _, t := range ties {
		reader, _ := f.source(t.name)
		if leadsTo(reader, reader.reads(), map[source]bool{}) {
			return invalid("view %s reads itself", t.name)
		}
		for _, m := range materialized(reader.reads()) {
			if v := reader.matview; v != nil && v.content.populated && !m.content.populated {
				return invalid("view %s is to be populated, and reads %s, which isn't", v.name, m.name)
			}
		}
	}
	return nil
}

// leadsTo tells whether a view is among the sources, or what they read.
func leadsTo(v source, sources []source, seen map[source]bool) bool {
	for _, s := range sources {
		if s == v {
			return true
		}
		if !seen[s] {
			seen[s] = true
			if leadsTo(v, s.reads(), seen) {
				return true
			}
		}
	}
	return false
}

// materialized are the materialized views among the sources, or behind plain ones, each once.
func materialized(sources []source) []*matview {
	var all []*matview
	seen := map[source]bool{}
	var walk func([]source)
	walk = func(sources []source) {
		for _, s := range sources {
			switch {
			case seen[s]:
			case s.matview != nil:
				all = append(all, s.matview)
			default:
				walk(s.view.reads)
			}
			seen[s] = true
		}
	}
	walk(sources)
	return all
}

// viewDefs are the plain views. f.mu is held.
func (f *Fake) viewDefs() (defs []dialect.ViewDef) {
	for _, v := range f.plain {
		defs = append(defs, dialect.ViewDef{ID: v.id, Name: v.name, Reads: ids(v.reads)})
	}
	return defs
}

// scan reads what a view's query reads: it locks that, finds it populated, and takes its time.
func (s *session) scan(ctx context.Context, v *matview) error {
	all := materialized(v.reads)
	for _, m := range all {
		if err := m.lock.acquire(ctx, s, accessShare); err != nil {
			return err
		}
	}
	for _, m := range all {
		if !s.content(m).populated {
			return &Error{
				Code: "55000", Message: fmt.Sprintf(`materialized view "%s" has not been populated`, m.name.Name),
				Routine: "ExecOpenScanRelation",
			}
		}
	}
	return s.pause(ctx)
}

// dropReaders drops the views that read the one of that name, as CASCADE does. f.mu is held.
func (f *Fake) dropReaders(n dialect.Name) {
	dropped := source{f.views[n], f.plain[n]}
	if dropped == (source{}) {
		return
	}
	for name, v := range f.views {
		if slices.Contains(v.reads, dropped) {
			f.dropReaders(name)
			delete(f.indexes, v.index)
			delete(f.views, name)
		}
	}
	for name, v := range f.plain {
		if slices.Contains(v.reads, dropped) {
			f.dropReaders(name)
			delete(f.plain, name)
		}
	}
}
