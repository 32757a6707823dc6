package postgres

import (
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// checkEncoding returns an error unless text travels as UTF-8, given the encodings of the
// client and the server as an array. The server converts to the client's, and pgx sets
// none: then it is the server's own. One of the two that is SQL_ASCII leaves the bytes as
// they are.
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
	return fmt.Errorf("%w: the connection's client_encoding is %s (the database's encoding is %s), and names and labels would "+
		"not arrive as UTF-8: set client_encoding=UTF8 in the DSN", dialect.ErrUnsupported, client, server)
}

// decode makes a row's texts what they are in the database, or says why they can't be. If
// the database's encoding is SQL_ASCII a text may be any bytes. A driver may ask for
// UTF-8, as lib/pq does, and the server refuses to send it anything else. So the
// statement's head sends the bytes in the format escape of the function encode.
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

// unescape reads encode's format escape: \\ for a backslash, and \ with three octal
// digits.
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
