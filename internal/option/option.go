// Package option applies the options of a call. It rejects zero options and repeated
// options.
package option

import (
	"fmt"

	"github.com/massivedb/massive-go/dialect"
)

// An Option changes a T. The zero Option is invalid.
type Option[T any] struct {
	name  string
	apply func(*T) error
}

// New returns an option. Errors name it by the name of its constructor.
func New[T any](name string, apply func(*T) error) Option[T] { return Option[T]{name, apply} }

// Set returns an option that can't fail.
func Set[T any](name string, set func(*T)) Option[T] {
	return New(name, func(t *T) error { set(t); return nil })
}

// Apply applies the options to t, in order. Kind is the name of their type, for errors.
// Of returns the [Option] inside an option. Errors: [dialect.ErrInvalid]; those of the
// options.
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
