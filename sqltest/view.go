package sqltest

import (
	"context"
	"fmt"
	"slices"

	"github.com/massivedb/massive-go/dialect"
)

// A View describes a plain view. It connects materialized views: a view that reads it
// depends on the views that it reads.
type View struct {
	// Name is the view's name.
	Name string
	// Reads lists the views, plain or materialized, that the view's query reads.
	Reads []string
}

// A view is the state of a plain view.
type view struct {
	id    int64
	name  dialect.Name
	reads []source
}

// A source is a view that another view reads. One of its fields is set.
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

// source returns the view of that name, or a zero source.
func (f *Fake) source(text string) (source, error) {
	n, err := parseName(text)
	if err != nil {
		return source{}, err
	}
	return source{f.views[n], f.plain[n]}, nil
}

// addViews creates the catalog's plain views. Then it connects them, and the materialized
// views that exist already, to the views that they read.
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
				return invalid("view %s reads %s, but there is no view of that name", t.name, name)
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
			return invalid("view %s reads itself, directly or through other views", t.name)
		}
		for _, m := range materialized(reader.reads()) {
			if v := reader.matview; v != nil && v.content.populated && !m.content.populated {
				return invalid("view %s is populated, but it reads %s, which is not; set Unpopulated for both or for neither", v.name, m.name)
			}
		}
	}
	return nil
}

// leadsTo reports whether v is among the sources or the views that they read.
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

// materialized returns the materialized views among the sources, directly or through
// plain views, each once.
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

// viewDefs returns the plain views. The caller holds f.mu.
func (f *Fake) viewDefs() (defs []dialect.ViewDef) {
	for _, v := range f.plain {
		defs = append(defs, dialect.ViewDef{ID: v.id, Name: v.name, Reads: ids(v.reads)})
	}
	return defs
}

// scan locks the views that v's query reads, checks that they are populated, and pauses
// as planned.
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

// dropReaders drops the views that read n, as CASCADE does. The caller holds f.mu.
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
