package dialect

import (
	"fmt"
	"slices"
	"strings"
)

// A Filter says what to load. Its zero value asks for everything.
type Filter struct {
	Kinds   []Kind    // empty: all three
	Include []Pattern // empty: every name
	Exclude []Pattern // stronger than Include
}

// Has tells whether structures of that kind are asked for.
func (f Filter) Has(k Kind) bool { return len(f.Kinds) == 0 || slices.Contains(f.Kinds, k) }

// Excludes tells whether the patterns leave the name out, and by which: "excluded by *.tmp_*".
func (f Filter) Excludes(n Name) (why string, omitted bool) {
	for _, p := range f.Exclude {
		if p.Match(n) {
			return "excluded by " + p.String(), true
		}
	}
	if len(f.Include) == 0 || slices.ContainsFunc(f.Include, func(p Pattern) bool { return p.Match(n) }) {
		return "", false
	}
	return "not included by " + Few(f.Include, ", ", Pattern.String), true
}

// A Pattern matches names: stats.*, *.tmp_*, or tmp_* for that name in every schema. * stands for any run of
// characters and ? for one; in double quotes, as in lookups, every character stands for itself. Its zero value
// matches nothing.
type Pattern struct {
	text         string
	schema, name []glyph
	anySchema    bool
}

// A glyph is one character of a pattern: itself, or a wildcard.
type glyph struct {
	char rune
	wild bool
}

// ParsePattern reads a pattern; one that can't be a name's gives an error that wraps [ErrInvalid].
func ParsePattern(s string) (Pattern, error) {
	n, err := ParseName(s)
	if err != nil {
		return Pattern{}, fmt.Errorf("pattern %s: %w", brief(s), err)
	}
	p := Pattern{text: s, anySchema: n.Schema == ""}
	rest := s
	if !p.anySchema {
		p.schema, rest = glyphs(n.Schema, rest)
		rest = rest[1:]
	}
	p.name, _ = glyphs(n.Name, rest)
	return p, nil
}

// glyphs reads a parsed part again, beside the text it was written as, and returns the text behind it.
func glyphs(part, text string) ([]glyph, string) {
	quoted := strings.HasPrefix(text, `"`)
	gs := make([]glyph, 0, len(part))
	for _, c := range part {
		gs = append(gs, glyph{c, !quoted && (c == '*' || c == '?')})
	}
	if quoted {
		return gs, text[len(part)+strings.Count(part, `"`)+2:]
	}
	return gs, text[len(part):]
}

// String is the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Match tells whether the pattern matches a name that has its schema.
func (p Pattern) Match(n Name) bool {
	return p.text != "" && (p.anySchema || match(p.schema, []rune(n.Schema))) && match(p.name, []rune(n.Name))
}

// match runs in the product of the two lengths at worst: a * is tried again only at the last one passed.
func match(gs []glyph, s []rune) bool {
	star, mark, g, i := -1, 0, 0, 0
	for i < len(s) {
		switch {
		case g < len(gs) && gs[g].wild && gs[g].char == '*':
			star, mark = g, i
			g++
		case g < len(gs) && (gs[g].wild || gs[g].char == s[i]):
			g++
			i++
		case star >= 0:
			mark++
			g, i = star+1, mark
		default:
			return false
		}
	}
	for g < len(gs) && gs[g].wild && gs[g].char == '*' {
		g++
	}
	return g == len(gs)
}
