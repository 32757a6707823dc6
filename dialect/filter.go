package dialect

import (
	"fmt"
	"slices"
	"strings"
)

// A Filter selects structures by kind and name. The zero Filter selects everything.
type Filter struct {
	Kinds   []Kind    // the kinds to load; empty means all three
	Include []Pattern // the names to load; empty means all
	Exclude []Pattern // the names not to load, even if Include matches them
}

// Has reports whether the filter selects the kind.
func (f Filter) Has(k Kind) bool { return len(f.Kinds) == 0 || slices.Contains(f.Kinds, k) }

// Excludes reports whether the patterns exclude the name, and why: "excluded by *.tmp_*".
func (f Filter) Excludes(n Name) (why string, excluded bool) {
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

// A Pattern matches names: stats.*, *.tmp_*, or tmp_* in every schema. A * matches any
// number of characters, and a ? matches one. In a part in double quotes both stand for
// themselves. The zero Pattern matches nothing.
type Pattern struct {
	text         string
	schema, name []glyph
	anySchema    bool
}

// A glyph is a character of a pattern, or a wildcard.
type glyph struct {
	char rune
	wild bool
}

// ParsePattern parses a pattern, which has the form of a name: see [ParseName]. Errors:
// [ErrInvalid].
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

// glyphs returns the glyphs of a parsed part, given the text that starts with its
// spelling, and the text after it.
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

// String returns the pattern as it was written.
func (p Pattern) String() string { return p.text }

// HasSchema reports whether the pattern was written with a schema.
func (p Pattern) HasSchema() bool { return p.text != "" && !p.anySchema }

// HasWildcard reports whether the pattern contains a wildcard. Otherwise it matches one
// name, or that name in each schema.
func (p Pattern) HasWildcard() bool {
	wild := func(g glyph) bool { return g.wild }
	return slices.ContainsFunc(p.schema, wild) || slices.ContainsFunc(p.name, wild)
}

// Match reports whether the pattern matches the name, which must have its schema.
func (p Pattern) Match(n Name) bool {
	return p.text != "" && (p.anySchema || match(p.schema, []rune(n.Schema))) && match(p.name, []rune(n.Name))
}

// match reports whether the glyphs match s. It retries only the last * that it has
// passed, so that its worst case is the product of the two lengths.
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
