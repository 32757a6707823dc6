package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
)

// Every byte is restored.
func TestUnescape(t *testing.T) {
	t.Parallel()
	var all, escaped strings.Builder
	for b := range 256 {
		all.WriteByte(byte(b))
		switch {
		case b == 0 || b > 127:
			fmt.Fprintf(&escaped, `\%03o`, b)
		case b == '\\':
			escaped.WriteString(`\\`)
		default:
			escaped.WriteByte(byte(b))
		}
	}
	for in, want := range map[string]string{
		"": "", "a": "a", escaped.String(): all.String(), `\\351`: `\351`, `\\\351`: "\\\xe9", `\\\\`: `\\`, `{"\\\\","caf\303\251"}`: `{"\\","café"}`,
	} {
		if got := unescape(in); got != want {
			t.Errorf("unescape(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCheckEncoding(t *testing.T) {
	t.Parallel()
	for encodings, right := range map[string]bool{
		"{UTF8,UTF8}": true, "{UTF8,LATIN1}": true, "{UTF8,SQL_ASCII}": true, "{SQL_ASCII,SQL_ASCII}": true, "{SQL_ASCII,UTF8}": true,
		"{LATIN1,LATIN1}": false, "{LATIN1,UTF8}": false, "{LATIN1,SQL_ASCII}": false, "{SQL_ASCII,LATIN1}": false, "{EUC_JP,EUC_JP}": false,
	} {
		if err := checkEncoding(encodings); (err == nil) != right || !right && !errors.Is(err, dialect.ErrUnsupported) {
			t.Errorf("%s: %v", encodings, err)
		}
	}
}
