package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-graphviz"
	"github.com/spf13/cobra"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
)

//go:embed report.html
var reportText string

var reportTemplate = template.Must(template.New("").Funcs(template.FuncMap{
	"join": strings.Join, "plural": plural, "percent": percent, "width": func(share float64) int { return int(100 * share) },
}).Parse(reportText))

// The data of the template.
type (
	reportPage struct {
		Server    dialect.Server
		Made      string
		Ledger    bool
		Findings  []finding
		Graph     template.HTML
		Views     []reportView
		Sequences []reportSequence
		Uncalled  int
		Enums     []enumJSON
	}
	reportView struct {
		viewJSON
		Anchor, Status, Age, Notes string
	}
	reportSequence struct {
		useJSON
		Text string
	}
)

func (a *app) reportFile() *cobra.Command {
	var l limits
	c := &cobra.Command{
		Use:   "report FILE.html",
		Short: "Write a page with the graph, the doctor's findings, sequences and enums",
		Long: `Write one HTML file for people, without scripts and without references to other files: the
graph of views, the doctor's findings, how full sequences are, and where enums are
used. With --ledger, the graph has a color for the age of each view's data.`,
		Example: `  massive report shop.html
  massive report shop.html --ledger massive --warn-after 15m --error-after 1h`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, s session, args []string) error {
			page, err := a.page(ctx, s, l)
			if err != nil {
				return err
			}
			var b bytes.Buffer
			if err := reportTemplate.Execute(&b, page); err != nil {
				return err
			}
			if err := replaceFile(args[0], b.Bytes()); err != nil {
				return err
			}
			if a.json {
				return a.out.document(struct {
					File string `json:"file"`
				}{args[0]})
			}
			a.out.line("wrote " + args[0])
			return nil
		}),
	}
	l.flags(c)
	return c
}

// page collects the data of the report.
func (a *app) page(ctx context.Context, s session, l limits) (page reportPage, err error) {
	page = reportPage{Server: s.Server(), Made: time.Now().Format("2006-01-02 15:04 MST"), Ledger: a.ledger != ""}
	if page.Findings, err = a.findings(ctx, s); err != nil {
		return page, err
	}
	ages := map[massive.Name]dialect.Freshness{}
	if page.Ledger {
		all, err := s.Freshness(ctx)
		if err != nil {
			return page, err
		}
		for _, f := range all {
			ages[f.Name] = f
		}
	}
	graph := s.Graph()
	classes := map[int]reportView{}
	for i, n := range graph.Nodes {
		v, err := s.Matview(n.Name.String())
		if !n.Materialized || err != nil { // a plain or an excluded view
			continue
		}
		view := reportView{viewJSON: asView(v), Anchor: "v" + strconv.Itoa(i), Status: "unknown"}
		if f, ok := ages[n.Name]; ok {
			view.Status, view.Age, view.Notes = l.status(f), ago(f.DataAge()), notes(f)
		}
		if !v.Populated() {
			view.Status = "error"
		}
		classes[i] = view
		page.Views = append(page.Views, view)
	}
	if page.Graph, err = draw(ctx, graph, classes); err != nil {
		return page, err
	}
	use, err := s.uses(ctx, 0)
	if err != nil {
		return page, err
	}
	for _, u := range use.Above {
		page.Sequences = append(page.Sequences, reportSequence{asUse(u), u.String()})
	}
	page.Uncalled = len(use.Uncalled)
	for _, e := range s.Enums() {
		j, err := usedEnum(ctx, e)
		if err != nil {
			return page, err
		}
		page.Enums = append(page.Enums, j)
	}
	return page, nil
}

// draw lays the graph out with Graphviz. The page's style sheet gives the classes their
// colors.
func draw(ctx context.Context, g massive.Graph, views map[int]reportView) (template.HTML, error) {
	if len(g.Nodes) == 0 {
		return "", nil
	}
	var dot strings.Builder
	const style = "{\n  graph [bgcolor=transparent, pad=0.1];\n  node [fontname=\"Helvetica,Arial,sans-serif\", fontsize=12, margin=\"0.25,0.05\"];\n"
	dot.WriteString(strings.Replace(strings.TrimSuffix(strings.TrimSpace(g.DOT()), "}"), "{\n", style, 1))
	for i := range g.Nodes {
		if v, ok := views[i]; ok { // the attributes are added to the node's own
			fmt.Fprintf(&dot, "  v%d [class=%q, id=\"graph-%s\", URL=\"#%s\", tooltip=%q];\n", i, v.Status, v.Anchor, v.Anchor, v.Status)
		}
	}
	dot.WriteString("}\n")
	engine, err := graphviz.New(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = engine.Close() }()
	parsed, err := graphviz.ParseBytes([]byte(dot.String()))
	if err != nil {
		return "", err
	}
	defer func() { _ = parsed.Close() }()
	var svg bytes.Buffer
	if err := engine.Render(ctx, parsed, graphviz.SVG, &svg); err != nil {
		return "", err
	}
	_, body, found := strings.Cut(svg.String(), "<svg ")
	if !found {
		return "", fmt.Errorf("the graph could not be drawn")
	}
	return template.HTML("<svg " + body), nil //nolint:gosec // Graphviz escapes the texts
}
