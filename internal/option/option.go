// Package option applies the options of a call, and refuses a zero option and one that is given twice.
package option

import (
	"fmt"

	"github.com/massivedb/massive-go/dialect"
)

// An Option sets one thing of a T. Its zero value is refused.
type Option[T any] struct {
	name  string
	apply func(*T) error
}

// New returns an option. The name is the one that programs call it by, for errors.
func New[T any](name string, apply func(*T) error) Option[T] { return Option[T]{name, apply} }

// Set returns an option that can't fail.
func Set[T any](name string, set func(*T)) Option[T] {
	return New(name, func(t *T) error { set(t); return nil })
}

// Apply applies the options to t, in order. The kind is the name of their type, for errors, and of returns what is in
// one. Errors: [dialect.ErrInvalid], and those of the options.
func Apply[T, O any](t *T, kind string, opts []O, of func(O) Option[T]) error {
	given := make(map[string]bool, len(opts))
	for i, opt := range opts {
		o := of(opt)
		if o.apply == nil {
			return fmt.Errorf("%w: option %d is the zero %s", dialect.ErrInvalid, i+1, kind)
		}
		if given[o.name] {
			return fmt.Errorf("%w: option %s is given twice", dialect.ErrInvalid, o.name)
		}
		given[o.name] = true
		if err := o.apply(t); err != nil {
			return fmt.Errorf("option %s: %w", o.name, err)
		}
	}
	return nil
}
