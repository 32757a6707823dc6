package massive

import (
	"fmt"
	"slices"
	"strings"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/option"
	"github.com/massivedb/massive-go/registry"
)

// A LoadOption changes what [Load], and each Reload after it, loads. Each option may be
// given once. The zero value is invalid.
type LoadOption struct{ set option.Option[selection] }

// A selection combines the options of a load.
type selection struct {
	registry.Selection
	expect []Expectation
}

// The kinds of structure.
const (
	// KindMatview is a materialized view.
	KindMatview = dialect.KindMatview
	// KindEnum is an enumerated type.
	KindEnum = dialect.KindEnum
	// KindSequence is a sequence.
	KindSequence = dialect.KindSequence
)

// Only loads structures of these kinds and no others.
func Only(kinds ...Kind) LoadOption {
	return LoadOption{option.New("Only", func(s *selection) error {
		if len(kinds) == 0 {
			return fmt.Errorf("%w: no kind is given", ErrInvalid)
		}
		for i, k := range kinds {
			if k != KindMatview && k != KindEnum && k != KindSequence {
				return fmt.Errorf("%w: Kind(%d) is not a kind", ErrInvalid, int(k))
			}
			if slices.Contains(kinds[:i], k) {
				return fmt.Errorf("%w: kind %s is given twice", ErrInvalid, k)
			}
		}
		s.Kinds = slices.Clone(kinds)
		return nil
	})}
}

// Include loads only structures, of any kind, whose name matches one of the patterns.
// Examples are stats.*, *.tmp_*, and tmp_* for that name in each schema. * matches any
// characters and ? matches one character; in double quotes both match themselves.
//
// % is not a wildcard. [Load] refuses a pattern with % that matches nothing, unless it
// has quotes. [DB.UnmatchedPatterns] lists all other patterns that match nothing.
func Include(patterns ...string) LoadOption {
	return LoadOption{option.New("Include", func(s *selection) (err error) {
		s.Include, err = parsePatterns(patterns)
		return err
	})}
}

// Exclude excludes structures, of any kind, whose name matches one of the patterns.
// Exclude overrides [Include] and has the same patterns.
func Exclude(patterns ...string) LoadOption {
	return LoadOption{option.New("Exclude", func(s *selection) (err error) {
		s.Exclude, err = parsePatterns(patterns)
		return err
	})}
}

func parsePatterns(texts []string) ([]dialect.Pattern, error) {
	if len(texts) == 0 {
		return nil, fmt.Errorf("%w: no pattern is given", ErrInvalid)
	}
	patterns := make([]dialect.Pattern, len(texts))
	for i, t := range texts {
		p, err := dialect.ParsePattern(t)
		if err != nil {
			return nil, err
		}
		patterns[i] = p
	}
	return patterns, nil
}

// checkPatterns returns an error for an unmatched pattern that uses the wildcards of
// LIKE.
func checkPatterns(unmatched []string) error {
	for _, p := range unmatched {
		if strings.Contains(p, "%") && !strings.Contains(p, `"`) {
			return fmt.Errorf("%w: pattern %q matches nothing: the wildcard is *, and %% matches itself; write %q",
				ErrInvalid, dialect.Cut(p, dialect.MaxText/10), dialect.Cut(strings.ReplaceAll(p, "%", "*"), dialect.MaxText/10))
		}
	}
	return nil
}

// WithKeySequences also loads the sequences of primary keys.
func WithKeySequences() LoadOption {
	return LoadOption{option.New("WithKeySequences", func(s *selection) error {
		s.KeySequences = true
		return nil
	})}
}

func selected(opts []LoadOption) (s selection, err error) {
	s.Recorder = new(registry.Recorder)
	if err := option.Apply(&s, "LoadOption", opts, func(o LoadOption) option.Option[selection] { return o.set }); err != nil {
		return s, err
	}
	if s.Recorder.Ledger != nil && !s.Has(KindMatview) {
		return s, fmt.Errorf("%w: option WithLedger is for materialized views, and Only excludes them", ErrInvalid)
	}
	if s.KeySequences && !s.Has(KindSequence) {
		return s, fmt.Errorf("%w: option WithKeySequences loads sequences, and Only excludes them", ErrInvalid)
	}
	return s, nil
}
