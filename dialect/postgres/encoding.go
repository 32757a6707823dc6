package postgres

import (
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// checkEncoding returns an error unless text arrives as UTF-8. encodings is an array of
// the client's and the server's encoding. The server converts text to the client's. pgx
// sets no client encoding, so it equals the server's. If one of the two is SQL_ASCII, the
// server does not convert.
func checkEncoding(encodings string) error {
	names, err := parseArray(encodings)
	if err != nil {
		return err
	}
	if len(names) < 2 {
		return fmt.Errorf("the server row has the encodings %q, not two", names)
	}
	client, server := names[0], names[1]
	if client == "UTF8" || client == "SQL_ASCII" && (server == "UTF8" || server == "SQL_ASCII") {
		return nil
	}
	return fmt.Errorf("%w: the connection's client_encoding is %s (the database's encoding is %s), so names and labels would "+
		"not arrive as UTF-8: set client_encoding=UTF8 in the DSN", dialect.ErrUnsupported, client, server)
}

// decode restores a row's texts, or returns an error if the encoding is not supported. If
// the database's encoding is SQL_ASCII, a text may contain any bytes. If the driver
// requests UTF-8, as lib/pq does, the server sends only valid UTF-8. So the statement's
// head sends such texts through encode, in the format escape.
func (rd *reading) decode(r *row) error {
	server := string(r.kind) == "server" // the first row
	if server {
		rd.escaped = r.has('e')
	}
	if rd.escaped {
		r.unescape()
	}
	if server {
		return checkEncoding(string(r.a))
	}
	return nil
}

func (r *row) unescape() {
	r.owner, r.a, r.b.String = []byte(unescape(string(r.owner))), []byte(unescape(string(r.a))), unescape(r.b.String)
}

// unescape decodes encode's format escape: \\ for a backslash, and \ with three octal
// digits for a byte.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\':
			b = append(b, s[i])
		case i+3 < len(s) && s[i+1] != '\\':
			b = append(b, (s[i+1]-'0')<<6|(s[i+2]-'0')<<3|(s[i+3]-'0'))
			i += 3
		default:
			b = append(b, '\\')
			i++
		}
	}
	return string(b)
}
