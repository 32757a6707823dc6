package pgtest

// What MASSIVE_POSTGRES_URL may hold, and how it is read without ever being shown: where it is not what it ought to be,
// a part of a password may stand anywhere in it.

import (
	"errors"
	"io/fs"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5/pgconn"
)

var (
	errUnreadable = errors.New("it, or a parameter in it, can't be read; it is not shown, since it may hold a password. " +
		"It has to be postgres://user:password@host:port/database, in which user, password and parameters are escaped " +
		"(%2F for /, %3A for :, %3F for ?, %23 for #, %40 for @, %25 for %, %20 for a space), " +
		`or host=… port=… user=… password='…' dbname=…, in which a value has \' for ' and \\ for \`)
	errUnreadableFile = errors.New("a file that it names (sslrootcert, sslcert, sslkey, servicefile) is not there or can't be read")
)

// word is what a keyword looks like. Anything else is a piece of a value that was not escaped or quoted.
var word = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

// parsed is pgconn.ParseConfig, whose errors quote what they complain of.
func parsed(dsn string) (*pgconn.Config, error) {
	config, err := pgconn.ParseConfig(dsn)
	if file := (*fs.PathError)(nil); errors.As(err, &file) {
		return nil, errUnreadableFile
	}
	if err != nil {
		return nil, errUnreadable
	}
	for keyword := range config.RuntimeParams {
		if !word.MatchString(keyword) {
			return nil, errUnreadable
		}
	}
	return config, nil
}

// keywords turns a postgres:// URL into a DSN of keywords and values, to which more can be appended. A DSN
// that is none stays as it is.
//
// See https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS.
func keywords(dsn string) (string, error) {
	dsn = strings.TrimSpace(dsn)
	scheme, rest, found := strings.Cut(dsn, "://")
	if !found || scheme != "postgres" && scheme != "postgresql" {
		return dsn, nil
	}
	authority, behind := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, behind = rest[:i], rest[i:]
	}
	if strings.ContainsAny(behind, "@#") { // then it was the password that ended the authority
		return "", errUnreadable
	}
	at := strings.LastIndex(authority, "@") + 1
	// Without its hosts: net/url takes no more than one.
	u, err := url.Parse("postgres://" + authority[:at] + "host" + behind)
	if err != nil {
		return "", errUnreadable
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", errUnreadable
	}
	hosts, ports, ok := hostsIn(authority[at:])
	if !ok {
		return "", errUnreadable
	}
	var pairs []string
	add := func(keyword, value string) {
		if value != "" {
			pairs = append(pairs, keyword+"="+quote(value))
		}
	}
	password, _ := u.User.Password()
	add("user", u.User.Username())
	add("password", password)
	add("host", hosts)
	add("port", ports)
	add("dbname", strings.TrimPrefix(u.Path, "/"))
	for keyword, values := range query {
		if !word.MatchString(keyword) {
			return "", errUnreadable
		}
		for _, value := range values {
			add(keyword, value)
		}
	}
	return strings.Join(pairs, " "), nil
}

// hostsIn splits the hosts of a URL, h:1,[::1]:2, as the keywords host and port have them.
func hostsIn(text string) (hosts, ports string, ok bool) {
	var all, numbers []string
	for part := range strings.SplitSeq(text, ",") {
		host, port, _ := strings.Cut(part, ":")
		if address, rest, found := strings.Cut(strings.TrimPrefix(part, "["), "]"); found && strings.HasPrefix(part, "[") {
			host, port, found = address, strings.TrimPrefix(rest, ":"), rest == "" || rest[0] == ':'
			if !found {
				return "", "", false
			}
		}
		host, err := url.PathUnescape(host) // a socket's directory is one that is escaped
		if err != nil || strings.ContainsAny(host, " ,[]") {
			return "", "", false
		}
		if number, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || number == 0) {
			return "", "", false
		}
		all, numbers = append(all, host), append(numbers, port)
	}
	hosts, ports = strings.Join(all, ","), strings.Join(numbers, ",")
	if strings.Trim(ports, ",") == "" {
		ports = "" // none is given, and one for all may be elsewhere
	}
	return hosts, ports, true
}

// asURL turns a DSN that pgconn has read before into a URL.
func asURL(dsn string) string {
	u := url.URL{Scheme: "postgres", Path: "/"}
	values := pairs(dsn)
	user, password := values["user"], values["password"]
	host, port := values["host"], values["port"]
	for keyword, value := range values {
		if keyword == "dbname" || keyword == "database" {
			u.Path = "/" + value
		}
	}
	for _, keyword := range []string{"user", "password", "dbname", "database"} {
		delete(values, keyword)
	}
	switch {
	case password != "":
		u.User = url.UserPassword(user, password)
	case user != "":
		u.User = url.User(user)
	}
	if !strings.HasPrefix(host, "/") { // which is a socket's directory, and no host of a URL
		u.Host = host
		if strings.Contains(host, ":") {
			u.Host = "[" + host + "]"
		}
		if port != "" {
			u.Host += ":" + port
		}
		delete(values, "host")
		delete(values, "port")
	}
	query := url.Values{}
	for keyword, value := range values {
		query.Set(keyword, value)
	}
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20") // a space to libpq too
	return u.String()
}

// pairs splits a DSN of keywords and values. The last of a keyword counts.
func pairs(dsn string) map[string]string {
	all := map[string]string{}
	for {
		keyword, rest, found := strings.Cut(dsn, "=")
		if !found {
			return all
		}
		rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
		quoted := strings.HasPrefix(rest, "'")
		rest = strings.TrimPrefix(rest, "'")
		var value strings.Builder
		escaped, end := false, len(rest)
		for i, r := range rest {
			if !escaped && (quoted && r == '\'' || !quoted && unicode.IsSpace(r)) {
				end = i
				break
			}
			if escaped = !escaped && r == '\\'; !escaped {
				value.WriteRune(r)
			}
		}
		all[strings.TrimSpace(keyword)] = value.String()
		dsn = strings.TrimPrefix(rest[end:], "'")
	}
}
