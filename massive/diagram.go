package massive

import (
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/printable"
)

// Mermaid returns the graph as a Mermaid flowchart
// (https://mermaid.js.org/syntax/flowchart.html). Arrows point from a view to the views
// that read it. Materialized views are boxes, plain views are rounded, and excluded views
// are dashed.
func (g Graph) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	d := newDiagram(g)
	excluded := false
	for i, n := range d.nodes {
		left, right := "[", "]"
		if !n.Materialized {
			left, right = "([", "])"
		}
		class := ""
		if n.Excluded != "" {
			excluded, class = true, ":::excluded"
		}
		fmt.Fprintf(&b, "  v%d%s\"%s\"%s%s\n", i, left, mermaidText(n.Name), right, class)
	}
	for _, e := range g.Edges {
		fmt.Fprintf(&b, "  v%d --> v%d\n", d.number[e.Reads], d.number[e.View])
	}
	if excluded {
		b.WriteString("  classDef excluded stroke-dasharray:4 4\n")
	}
	return b.String()
}

// DOT returns the graph in the DOT language of Graphviz
// (https://graphviz.org/doc/info/lang.html). It shows the same as Mermaid.
func (g Graph) DOT() string {
	var b strings.Builder
	b.WriteString("digraph views {\n  rankdir=LR;\n  node [shape=box];\n")
	d := newDiagram(g)
	for i, n := range d.nodes {
		var styles []string
		if !n.Materialized {
			styles = append(styles, "rounded")
		}
		if n.Excluded != "" {
			styles = append(styles, "dashed")
		}
		style := ""
		if len(styles) > 0 {
			style = fmt.Sprintf(", style=%q", strings.Join(styles, ","))
		}
		fmt.Fprintf(&b, "  v%d [label=\"%s\"%s];\n", i, dotText(n.Name), style)
	}
	for _, e := range g.Edges {
		fmt.Fprintf(&b, "  v%d -> v%d;\n", d.number[e.Reads], d.number[e.View])
	}
	b.WriteString("}\n")
	return b.String()
}

// A diagram numbers the views. The number is the view's identifier, since names would
// need quotes in both languages.
type diagram struct {
	nodes  []GraphNode
	number map[dialect.Name]int
}

func newDiagram(g Graph) diagram {
	d := diagram{nodes: g.Nodes[:len(g.Nodes):len(g.Nodes)], number: make(map[dialect.Name]int, len(g.Nodes))}
	for i, n := range g.Nodes {
		d.number[n.Name] = i
	}
	for _, e := range g.Edges { // a caller may have removed nodes and kept their edges
		for _, n := range []dialect.Name{e.View, e.Reads} {
			if _, ok := d.number[n]; !ok {
				d.number[n] = len(d.nodes)
				d.nodes = append(d.nodes, GraphNode{Name: n})
			}
		}
	}
	return d
}

// mermaidText escapes the name for a quoted Mermaid text. There, a character is written
// as "#", its number and ";". Letters, digits and harmless characters stay.
func mermaidText(n dialect.Name) string {
	var b strings.Builder
	for _, c := range printable.Text(n.String()) {
		switch {
		case c > 127, c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.ContainsRune("._ -$", c):
			b.WriteRune(c)
		default:
			fmt.Fprintf(&b, "#%d;", c)
		}
	}
	return b.String()
}

// dotText escapes the name for a quoted label. In it, Graphviz reads backslash escapes
// and HTML entities.
func dotText(n dialect.Name) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;").Replace(printable.Text(n.String()))
}
