package dialect

import (
	"fmt"
	"strings"
)

// A Name is a structure's, exactly as it stands in the catalog: no case folding, no quotes.
type Name struct {
	Schema string // empty in a name that is to be resolved along the search path
	Name   string
}

// String is the name as a lookup reads it, for people: parts that are not plain lower-case identifiers are quoted.
// SQL may take an unquoted part for a keyword; for it there is [Name.Quoted].
func (n Name) String() string {
	if n.Schema == "" {
		return part(n.Name)
	}
	return part(n.Schema) + "." + part(n.Name)
}

// Quoted is the name with both parts in double quotes, as SQL reads it whatever the parts are.
func (n Name) Quoted() string {
	if n.Schema == "" {
		return quote(n.Name)
	}
	return quote(n.Schema) + "." + quote(n.Name)
}

// Compare orders names by schema, then by name, by their bytes.
func (n Name) Compare(o Name) int {
	if c := strings.Compare(n.Schema, o.Schema); c != 0 {
		return c
	}
	return strings.Compare(n.Name, o.Name)
}

func quote(s string) string {
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

func part(s string) string {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'a' || c > 'z') && (i == 0 || (c != '$' && (c < '0' || c > '9'))) {
			return quote(s)
		}
	}
	if s == "" {
		return quote(s)
	}
	return s
}

// ParseName reads a name as a person writes it: name, schema.name, or with parts in double quotes, where a dot
// is a dot and "" is a quote. Outside quotes every other character stands for itself, too: names are exact.
// Anything else gives an error that wraps [ErrInvalid]. It allocates only for a doubled quote.
func ParseName(s string) (Name, error) {
	first, rest, err := parsePart(s, s)
	if err != nil {
		return Name{}, err
	}
	if rest == "" {
		return Name{Name: first}, nil
	}
	second, rest, err := parsePart(s, rest[1:])
	if err != nil {
		return Name{}, err
	}
	if rest != "" {
		return Name{}, fmt.Errorf("%w: name %q has more than two parts; put a part that holds a dot in double quotes",
			ErrInvalid, s)
	}
	return Name{Schema: first, Name: second}, nil
}

// parsePart cuts one part off s; what is left is empty or starts with a dot.
func parsePart(whole, s string) (part, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, `."`)
		if end < 0 {
			end = len(s)
		}
		if end < len(s) && s[end] == '"' {
			return "", "", fmt.Errorf("%w: name %q has a quote inside a part; quote the whole part and double the quote",
				ErrInvalid, whole)
		}
		return checkedPart(whole, s[:end], s[end:])
	}
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			i++
			continue
		}
		if i+1 < len(s) && s[i+1] != '.' {
			return "", "", fmt.Errorf("%w: name %q goes on behind a closing quote", ErrInvalid, whole)
		}
		part = s[1:i]
		if strings.Contains(part, `""`) {
			part = strings.ReplaceAll(part, `""`, `"`)
		}
		return checkedPart(whole, part, s[i+1:])
	}
	return "", "", fmt.Errorf("%w: name %q opens a quote and does not close it", ErrInvalid, whole)
}

func checkedPart(whole, part, rest string) (string, string, error) {
	switch {
	case whole == "":
		return "", "", fmt.Errorf("%w: the name is empty", ErrInvalid)
	case part == "":
		return "", "", fmt.Errorf("%w: name %q has an empty part", ErrInvalid, whole)
	case strings.IndexByte(part, 0) >= 0:
		return "", "", fmt.Errorf("%w: name %q holds a NUL byte", ErrInvalid, whole)
	}
	return part, rest, nil
}
