package option_test

import (
	"errors"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/option"
)

type settings struct{ a, b int }

type Setting struct{ set option.Option[settings] }

var errOdd = errors.New("it is odd")

func a(n int) Setting { return Setting{option.Set("A", func(s *settings) { s.a = n })} }

func b(n int) Setting {
	return Setting{option.New("B", func(s *settings) error {
		if n%2 != 0 {
			return errOdd
		}
		s.b = n
		return nil
	})}
}

func TestApply(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule string
		opts []Setting
		want settings
		is   error
		says string
	}{
		{"no option changes nothing", nil, settings{}, nil, ""},
		{"each option changes its own field", []Setting{b(2), a(1)}, settings{1, 2}, nil, ""},
		{"a zero option is an error", []Setting{a(1), {}}, settings{1, 0}, dialect.ErrInvalid, "invalid argument: option 2 is the zero Setting"},
		{"a repeated option is an error", []Setting{a(1), b(2), a(3)}, settings{1, 2}, dialect.ErrInvalid, "invalid argument: option A is given twice"},
		{"the error of an option names it", []Setting{b(3)}, settings{}, errOdd, "option B: it is odd"},
	} {
		var got settings
		err := option.Apply(&got, "Setting", c.opts, func(s Setting) option.Option[settings] { return s.set })
		if got != c.want || !errors.Is(err, c.is) || err != nil && err.Error() != c.says {
			t.Errorf("%s: got %v, %v; want %v, %q", c.rule, got, err, c.want, c.says)
		}
	}
}
