package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
)

// The structures as JSON.
type (
	viewJSON struct {
		Kind       string         `json:"kind"`
		Name       string         `json:"name"`
		Owner      string         `json:"owner"`
		Comment    string         `json:"comment,omitempty"`
		Populated  bool           `json:"populated"`
		MayRefresh bool           `json:"may_refresh"`
		SizeBytes  *int64         `json:"size_bytes,omitempty"` // only in show
		Columns    []columnJSON   `json:"columns"`
		Indexes    []indexJSON    `json:"indexes"`
		DependsOn  []string       `json:"depends_on"`
		Dependents []string       `json:"dependents"`
		Blockers   []blockerJSON  `json:"concurrent_refresh_blockers"`
		Freshness  *freshnessJSON `json:"freshness,omitempty"` // only in show, with a ledger
	}
	columnJSON struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}
	indexJSON struct {
		Name    string   `json:"name"`
		Columns []string `json:"columns"`
		Unique  bool     `json:"unique"`
		Unfit   string   `json:"unfit,omitempty"`
		Invalid bool     `json:"invalid,omitempty"`
	}
	blockerJSON struct {
		Reason string `json:"reason"`
		Detail string `json:"detail,omitempty"`
		Fix    string `json:"fix,omitempty"`
	}
	enumJSON struct {
		Kind    string     `json:"kind"`
		Name    string     `json:"name"`
		Owner   string     `json:"owner"`
		Comment string     `json:"comment,omitempty"`
		Labels  []string   `json:"labels"`
		UsedBy  []usedJSON `json:"used_by,omitempty"`
	}
	usedJSON struct {
		Relation string `json:"relation"`
		Kind     string `json:"kind"`
		Column   string `json:"column"`
		Type     string `json:"type"`
	}
	sequenceJSON struct {
		Kind      string     `json:"kind"`
		Name      string     `json:"name"`
		Owner     string     `json:"owner"`
		Comment   string     `json:"comment,omitempty"`
		Type      string     `json:"type"`
		Start     int64      `json:"start"`
		Increment int64      `json:"increment"`
		Min       int64      `json:"min"`
		Max       int64      `json:"max"`
		Cache     int64      `json:"cache"`
		Cycle     bool       `json:"cycle"`
		OwnedBy   string     `json:"owned_by,omitempty"`
		KeyOf     string     `json:"key_of,omitempty"`
		State     *stateJSON `json:"state,omitempty"`
	}
	stateJSON struct {
		Last      int64   `json:"last"`
		Called    bool    `json:"called"`
		Next      int64   `json:"next"`
		Exhausted bool    `json:"exhausted"`
		Remaining uint64  `json:"remaining"`
		Used      float64 `json:"used"`
	}
)

// The kinds, as --kind and JSON have them.
var kinds = []struct {
	word string
	kind massive.Kind
}{{"matview", massive.KindMatview}, {"enum", massive.KindEnum}, {"sequence", massive.KindSequence}}

func asView(v massive.Matview) viewJSON {
	j := viewJSON{
		Kind: "matview", Name: v.Name().String(), Owner: v.Owner(), Comment: v.Comment(),
		Populated: v.Populated(), MayRefresh: v.MayRefresh(),
		Columns: []columnJSON{}, Indexes: []indexJSON{},
		DependsOn: texts(v.DependsOn()), Dependents: texts(v.Dependents()), Blockers: []blockerJSON{},
	}
	for _, c := range v.Columns() {
		j.Columns = append(j.Columns, columnJSON(c))
	}
	for _, i := range v.Indexes() {
		j.Indexes = append(j.Indexes, indexJSON{i.Name, i.Columns, i.Unique, i.Unfit, i.Invalid})
	}
	for _, b := range blockers(v, massive.ModeConcurrent) {
		j.Blockers = append(j.Blockers, blockerJSON{b.Reason.String(), b.Detail, b.Fix})
	}
	return j
}

// blockers returns everything that blocks a refresh in the mode.
func blockers(v massive.Matview, mode massive.RefreshMode) (all massive.Blockers) {
	errors.As(v.CheckRefresh(mode), &all)
	return all
}

func asEnum(e massive.Enum) enumJSON {
	return enumJSON{Kind: "enum", Name: e.Name().String(), Owner: e.Owner(), Comment: e.Comment(), Labels: e.Values()}
}

func asSequence(s massive.Sequence) sequenceJSON {
	d := s.Def()
	j := sequenceJSON{
		Kind: "sequence", Name: s.Name().String(), Owner: s.Owner(), Comment: s.Comment(), Type: d.Type,
		Start: d.Start, Increment: d.Increment, Min: d.Min, Max: d.Max, Cache: d.Cache, Cycle: d.Cycle,
	}
	if d.OwnedBy != nil {
		j.OwnedBy = d.OwnedBy.String()
	}
	if d.KeyOf != nil {
		j.KeyOf = d.KeyOf.String()
	}
	return j
}

func asState(s registry.SequenceState) *stateJSON {
	return &stateJSON{s.Last, s.Called, s.Next, s.Exhausted, s.Remaining, s.Used}
}

// texts returns each element as text. The result is never nil, for JSON.
func texts[T fmt.Stringer](all []T) []string {
	list := make([]string, len(all))
	for i, one := range all {
		list[i] = one.String()
	}
	return list
}

func (a *app) ls() *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use:   "ls [PATTERN…]",
		Short: "List materialized views, enums and sequences",
		Example: `  massive ls
  massive ls --kind matview 'stats.*'
  massive ls --json | jq -r '.structures[] | select(.populated == false).name'`,
		RunE: a.run(func(ctx context.Context, patterns []string) error {
			only, err := kindsOf(kind)
			if err != nil {
				return err
			}
			a.include = append(a.include, patterns...)
			s, err := a.load(ctx, only...)
			if err != nil {
				return err
			}
			defer s.pool.Close()
			if err := a.list(s); err != nil {
				return err
			}
			if len(patterns) > 0 && len(s.UnmatchedPatterns()) > 0 {
				return exit{code: exitFindings} // the warning is printed
			}
			return nil
		}),
	}
	c.Flags().StringVar(&kind, "kind", "", "list only this `kind`: matview, enum or sequence")
	_ = c.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions([]string{"matview", "enum", "sequence"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// kindsOf returns the kind of a flag --kind, or none if the flag is empty.
func kindsOf(word string) ([]massive.Kind, error) {
	for _, k := range kinds {
		if k.word == word {
			return []massive.Kind{k.kind}, nil
		}
	}
	if word != "" {
		return nil, usage("--kind %q: want matview, enum or sequence", word)
	}
	return nil, nil
}

func (a *app) list(s session) error {
	all := []any{}
	t := table{{"KIND", "NAME", "DETAILS"}}
	for _, v := range s.Matviews() {
		j := asView(v)
		all = append(all, j)
		t.row(j.Kind, j.Name, viewDetails(j))
	}
	for _, e := range s.Enums() {
		j := asEnum(e)
		all = append(all, j)
		t.row(j.Kind, j.Name, strings.Join(j.Labels, ", "))
	}
	for _, q := range s.Sequences() {
		j := asSequence(q)
		all = append(all, j)
		t.row(j.Kind, j.Name, j.details())
	}
	if a.json {
		return a.out.document(structuresJSON{all})
	}
	if len(all) > 0 {
		a.out.table(t)
	}
	return nil
}

func viewDetails(j viewJSON) string {
	details := plural(len(j.Columns), "column")
	if !j.Populated {
		details += ", not populated"
	}
	if !j.MayRefresh {
		details += ", no right to refresh"
	}
	for _, b := range j.Blockers {
		if strings.Contains(b.Reason, "index") {
			details += ", " + b.Reason
		}
	}
	return details
}

func (j sequenceJSON) details() string {
	details := j.Type
	switch {
	case j.KeyOf != "":
		details += ", key of " + j.KeyOf
	case j.OwnedBy != "":
		details += ", owned by " + j.OwnedBy
	}
	if j.Cycle {
		details += ", cycles"
	}
	return details
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func (a *app) show() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show everything about one structure",
		Long: `Show a materialized view with its columns, its indexes, its dependencies, what blocks a
concurrent refresh and, with --ledger, the age of its data; an enum with the columns that
hold it; or a sequence with its position and the values that are left.`,
		Example: `  massive show daily_sales
  massive show 'stats."Odd name"'`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, s session, args []string) error {
			view, notView := s.Matview(args[0])
			enum, notEnum := s.Enum(args[0])
			sequence, notSequence := s.Sequence(args[0])
			var all []shown
			var errs []error
			add := func(x shown, err error) { all, errs = append(all, x), append(errs, err) }
			if notView == nil {
				add(a.showView(ctx, view))
			}
			if notEnum == nil {
				add(a.showEnum(ctx, enum))
			}
			if notSequence == nil {
				add(a.showSequence(ctx, s, sequence))
			}
			if len(all) == 0 {
				return nowhere(args[0], notView, notEnum, notSequence)
			}
			if err := errors.Join(errs...); err != nil {
				return err
			}
			return a.print(all)
		}),
	}
}

// A shown is a structure as JSON, and the function that prints it as text.
type shown struct {
	json  any
	print func()
}

// print prints the structures of one name: one of each kind at most.
func (a *app) print(all []shown) error {
	if !a.json {
		for i, x := range all {
			if i > 0 {
				a.out.line("")
			}
			x.print()
		}
		return nil
	}
	if len(all) == 1 {
		return a.out.document(all[0].json)
	}
	j := structuresJSON{}
	for _, x := range all {
		j.Structures = append(j.Structures, x.json)
	}
	return a.out.document(j)
}

// A structuresJSON is a list of structures of any kind.
type structuresJSON struct {
	Structures []any `json:"structures"`
}

// nowhere returns the error of a name that no kind of structure has.
func nowhere(name string, errs ...error) error {
	var near []massive.Name
	for _, err := range errs {
		var missing *massive.NotFoundError
		if !errors.As(err, &missing) || missing.Reason != massive.ReasonUnknown {
			return err // it has the reason
		}
		near = append(near, missing.Near...)
	}
	text := "no materialized view, enum or sequence has the name " + name
	if len(near) > 0 {
		text += "; did you mean " + dialect.Few(near, " or ", massive.Name.String) + "?"
	}
	return errors.New(text)
}

func (a *app) showView(ctx context.Context, v massive.Matview) (shown, error) {
	j := asView(v)
	bytes, err := sizeOf(ctx, v)
	if err != nil {
		return shown{}, err
	}
	j.SizeBytes = bytes
	rows := ""
	if a.ledger != "" {
		f, err := v.Freshness(ctx)
		if err != nil {
			return shown{}, err
		}
		freshness := asFreshness(f)
		j.Freshness, rows = &freshness, ago(f.DataAge())
		if more := notes(f); more != "" {
			rows += " (" + more + ")"
		}
	}
	return shown{j, func() { a.printView(j, rows) }}, nil
}

// sizeOf returns a view's size, or nil if another session locks the view for too long.
func sizeOf(ctx context.Context, v massive.Matview) (*int64, error) {
	limited, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	size, err := v.Size(limited)
	switch {
	case err == nil:
		return &size, nil
	case ctx.Err() == nil && limited.Err() != nil, errors.Is(err, massive.ErrBusy):
		return nil, nil
	}
	return nil, err
}

// printView prints a view. rows is the age of its data.
func (a *app) printView(j viewJSON, rows string) {
	size := ""
	if j.SizeBytes != nil {
		size = humanSize(*j.SizeBytes)
	}
	a.out.painted(bold, "materialized view "+j.Name)
	a.facts([][2]string{
		{"owner", j.Owner}, {"comment", j.Comment}, {"populated", yes(j.Populated)}, {"may refresh", yes(j.MayRefresh)},
		{"size", size}, {"age of data", rows},
		{"depends on", strings.Join(j.DependsOn, ", ")}, {"dependents", strings.Join(j.Dependents, ", ")},
	})
	t := table{{"  COLUMN", "TYPE"}}
	for _, c := range j.Columns {
		t.row("  "+c.Name, c.Type)
	}
	a.out.line("")
	a.out.table(t)
	if len(j.Indexes) > 0 {
		t = table{{"  INDEX", "COLUMNS", "CONCURRENT REFRESH"}}
		for _, i := range j.Indexes {
			usable := "usable"
			switch {
			case i.Invalid:
				usable = "not usable: it is invalid"
			case i.Unfit != "":
				usable = "not usable: " + i.Unfit
			}
			t.row("  "+i.Name, strings.Join(i.Columns, ", "), usable)
		}
		a.out.line("")
		a.out.table(t)
	}
	for i, b := range j.Blockers {
		if i == 0 {
			a.out.line("")
			a.out.painted(bold, "  A concurrent refresh is not possible:")
		}
		a.out.line("  " + because(b.Reason, b.Detail))
		if b.Fix != "" {
			a.out.line("    " + b.Fix)
		}
	}
}

// humanSize returns a size with its unit: "24 KiB", "1.5 GiB".
func humanSize(bytes int64) string {
	size, units := float64(bytes), []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	for size >= 1024 && len(units) > 1 {
		size, units = size/1024, units[1:]
	}
	return strings.TrimSuffix(strconv.FormatFloat(size, 'f', 1, 64), ".0") + " " + units[0]
}

func because(reason, detail string) string {
	if detail == "" {
		return reason
	}
	return reason + ": " + detail
}

// usedEnum returns an enum with the columns that hold it.
func usedEnum(ctx context.Context, e massive.Enum) (enumJSON, error) {
	j := asEnum(e)
	columns, err := e.UsedBy(ctx)
	for _, c := range columns {
		j.UsedBy = append(j.UsedBy, usedJSON{c.Relation.String(), c.Kind, c.Column, c.Type})
	}
	return j, err
}

func (a *app) showEnum(ctx context.Context, e massive.Enum) (shown, error) {
	j, err := usedEnum(ctx, e)
	return shown{j, func() { a.printEnum(j) }}, err
}

func (a *app) printEnum(j enumJSON) {
	a.out.painted(bold, "enum "+j.Name)
	a.facts([][2]string{{"owner", j.Owner}, {"comment", j.Comment}, {"labels", strings.Join(j.Labels, ", ")}})
	if len(j.UsedBy) == 0 {
		a.out.line("\n  No column holds it.")
		return
	}
	t := table{{"  COLUMN", "TYPE", "KIND"}}
	for _, c := range j.UsedBy {
		t.row("  "+c.Relation+"."+massive.Name{Name: c.Column}.String(), c.Type, c.Kind)
	}
	a.out.line("")
	a.out.table(t)
}

func (a *app) showSequence(ctx context.Context, s session, q massive.Sequence) (shown, error) {
	state, err := q.State(ctx)
	if err != nil {
		return shown{}, err
	}
	use, err := s.Exhaustion(ctx, massive.AtLeast(0))
	if err != nil {
		return shown{}, err
	}
	j := asSequence(q)
	j.State = asState(state)
	next := strconv.FormatInt(state.Next, 10)
	if state.Exhausted {
		next = "none, the sequence is exhausted"
	}
	facts := [][2]string{
		{"owner", j.Owner}, {"comment", j.Comment}, {"type", j.details()},
		{"values", fmt.Sprintf("%d to %d, from %d by %d", j.Min, j.Max, j.Start, j.Increment)},
		{"next", next}, {"left", fmt.Sprintf("%d (%s used)", state.Remaining, percent(state.Used))},
		{"rights", q.Def().Rights.String()},
	}
	for _, u := range use.Above {
		if u.Sequence == q.Name() && u.Column != nil {
			facts = append(facts, [2]string{"column", u.String()})
		}
	}
	return shown{j, func() {
		a.out.painted(bold, "sequence "+j.Name)
		a.facts(facts)
	}}, nil
}

// facts prints labels and texts in two columns, without empty texts.
func (a *app) facts(all [][2]string) {
	for _, f := range all {
		if f[1] != "" {
			a.out.line(fmt.Sprintf("  %-11s  %s", f[0], f[1]))
		}
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// A graphJSON is the graph as JSON.
type graphJSON struct {
	Nodes []nodeJSON `json:"nodes"`
	Edges []edgeJSON `json:"edges"`
}

type nodeJSON struct {
	Name         string `json:"name"`
	Materialized bool   `json:"materialized"`
	Excluded     string `json:"excluded,omitempty"`
}

type edgeJSON struct {
	View  string `json:"view"`
	Reads string `json:"reads"`
}

func (a *app) graph() *cobra.Command {
	var mermaid, dot bool
	c := &cobra.Command{
		Use:   "graph",
		Short: "Print which views read which",
		Example: `  massive graph
  massive graph --mermaid > graph.mmd
  massive graph --dot | dot -Tsvg > graph.svg`,
		Args: cobra.NoArgs,
		RunE: a.with(func(_ context.Context, s session, _ []string) error {
			g := s.Graph()
			switch {
			case mermaid:
				_, err := fmt.Fprint(a.out, g.Mermaid())
				return err
			case dot:
				_, err := fmt.Fprint(a.out, g.DOT())
				return err
			}
			j, reads := graphJSON{[]nodeJSON{}, []edgeJSON{}}, map[massive.Name][]string{}
			for _, e := range g.Edges {
				j.Edges = append(j.Edges, edgeJSON{e.View.String(), e.Reads.String()})
				reads[e.View] = append(reads[e.View], e.Reads.String())
			}
			t := table{{"VIEW", "KIND", "READS"}}
			for _, n := range g.Nodes {
				j.Nodes = append(j.Nodes, nodeJSON{n.Name.String(), n.Materialized, n.Excluded})
				kind := "view"
				if n.Materialized {
					kind = "matview"
				}
				t.row(n.Name.String(), kind, strings.Join(reads[n.Name], ", "))
			}
			if a.json {
				return a.out.document(j)
			}
			if len(j.Nodes) > 0 {
				a.out.table(t)
			}
			return nil
		}, massive.KindMatview),
	}
	c.Flags().BoolVar(&mermaid, "mermaid", false, "print a Mermaid flowchart")
	c.Flags().BoolVar(&dot, "dot", false, "print Graphviz's DOT")
	c.MarkFlagsMutuallyExclusive("mermaid", "dot")
	return c
}
