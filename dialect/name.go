package dialect

import (
	"fmt"
	"strings"
)

// A Name is the name of a structure, exactly as the catalog has it: without quotes, and
// with its letter case.
type Name struct {
	Schema string // empty in a bare name, which is resolved along the search path
	Name   string
}

// String returns the name for people and for lookups. It quotes a part only if that is
// not a plain lower-case identifier. SQL may read an unquoted part as a keyword; use
// [Name.Quoted] there.
func (n Name) String() string {
	if n.Schema == "" && plain(n.Name) {
		return n.Name
	}
	return string(n.Append(make([]byte, 0, len(n.Schema)+len(n.Name)+8)))
}

// Append appends the name to b, as String returns it.
func (n Name) Append(b []byte) []byte {
	if n.Schema != "" {
		b = append(appendPart(b, n.Schema), '.')
	}
	return appendPart(b, n.Name)
}

// Quoted returns the name for SQL, with each part in double quotes.
func (n Name) Quoted() string {
	b := make([]byte, 0, len(n.Schema)+len(n.Name)+8)
	if n.Schema != "" {
		b = append(appendQuoted(b, n.Schema, '"'), '.')
	}
	return string(appendQuoted(b, n.Name, '"'))
}

// Compare orders names by schema, then by name, byte by byte.
func (n Name) Compare(o Name) int {
	if c := strings.Compare(n.Schema, o.Schema); c != 0 {
		return c
	}
	return strings.Compare(n.Name, o.Name)
}

// Quote returns s between quotes, and doubles the quotes in it. Quote is `"`, a backtick
// or `'`.
func Quote(s string, quote byte) string {
	return string(appendQuoted(make([]byte, 0, len(s)+2), s, quote))
}

func appendQuoted(b []byte, s string, quote byte) []byte {
	b = append(b, quote)
	for {
		at := strings.IndexByte(s, quote)
		if at < 0 {
			break
		}
		b = append(append(b, s[:at]...), quote, quote)
		s = s[at+1:]
	}
	return append(append(b, s...), quote)
}

func appendPart(b []byte, s string) []byte {
	if plain(s) {
		return append(b, s...)
	}
	return appendQuoted(b, s, '"')
}

// plain reports whether a part is a lower-case identifier.
func plain(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'a' || c > 'z') && (i == 0 || (c != '$' && (c < '0' || c > '9'))) {
			return false
		}
	}
	return s != ""
}

// ParseName parses name or schema.name. Either part may be in double quotes: there a dot
// is part of the name, and "" is one quote. Every other character stands for itself, also
// outside quotes: names keep their letter case and blanks. ParseName allocates only for a
// doubled quote.
//
// Errors: [ErrInvalid].
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
		return Name{}, fmt.Errorf("%w: name %s has more than two parts; put double quotes around a part that contains a dot",
			ErrInvalid, brief(s))
	}
	return Name{Schema: first, Name: second}, nil
}

// parsePart parses the first part of s. The rest is empty or starts with a dot.
func parsePart(whole, s string) (part, rest string, err error) {
	if s == "" || s[0] != '"' {
		end := len(s)
		if dot := strings.IndexByte(s, '.'); dot >= 0 {
			end = dot
		}
		if strings.IndexByte(s[:end], '"') >= 0 {
			return "", "", fmt.Errorf("%w: name %s has a quote inside a part; quote the whole part and double the quote",
				ErrInvalid, brief(whole))
		}
		return checkedPart(whole, s[:end], s[end:])
	}
	doubled := false
	for from := 1; ; {
		end := strings.IndexByte(s[from:], '"') + from
		switch {
		case end < from:
			return "", "", fmt.Errorf("%w: name %s opens a quote and does not close it", ErrInvalid, brief(whole))
		case end+1 < len(s) && s[end+1] == '"':
			doubled, from = true, end+2
			continue
		case end+1 < len(s) && s[end+1] != '.':
			return "", "", fmt.Errorf("%w: name %s has text after a closing quote", ErrInvalid, brief(whole))
		}
		part, rest = s[1:end], s[end+1:]
		if doubled {
			part = strings.ReplaceAll(part, `""`, `"`)
		}
		return checkedPart(whole, part, rest)
	}
}

func checkedPart(whole, part, rest string) (string, string, error) {
	switch {
	case whole == "":
		return "", "", fmt.Errorf("%w: the name is empty", ErrInvalid)
	case part == "":
		return "", "", fmt.Errorf("%w: name %s has an empty part", ErrInvalid, brief(whole))
	case strings.IndexByte(part, 0) >= 0:
		return "", "", fmt.Errorf("%w: name %s contains a NUL byte", ErrInvalid, brief(whole))
	}
	return part, rest, nil
}
