package massive

import (
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/printable"
)

// Mermaid returns the graph as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html). Arrows go the way of the
// rows, from a view to its reader. Materialized views are boxes, plain views are rounded, and excluded views are dashed.
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

// DOT returns the graph in Graphviz's language (https://graphviz.org/doc/info/lang.html). It shows what Mermaid shows.
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

// A diagram numbers the views: no name is one that either language reads without quotes.
type diagram struct {
	nodes  []GraphNode
	number map[dialect.Name]int
}

func newDiagram(g Graph) diagram {
	d := diagram{nodes: g.Nodes[:len(g.Nodes):len(g.Nodes)], number: make(map[dialect.Name]int, len(g.Nodes))}
	for i, n := range g.Nodes {
		d.number[n.Name] = i
	}
	for _, e := range g.Edges { // in a graph that a caller has cut, an edge may be all that tells of a view
		for _, n := range []dialect.Name{e.View, e.Reads} {
			if _, ok := d.number[n]; !ok {
				d.number[n] = len(d.nodes)
				d.nodes = append(d.nodes, GraphNode{Name: n})
			}
		}
	}
	return d
}

// mermaidText is the name as Mermaid reads it between quotation marks, where "#" and the character's number and ";"
// stand for a character. Letters, digits and what is harmless stay.
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

// dotText is the name as Graphviz reads a label between quotation marks: a backslash there begins an escape,
// and an ampersand an entity of HTML's.
func dotText(n dialect.Name) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;").Replace(printable.Text(n.String()))
}
