package pgtest

// This file reads MASSIVE_POSTGRES_URL. Errors never show it: in a malformed URL, any
// part may be part of a password.

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
	errUnreadable = errors.New("it, or a parameter in it, can't be parsed; it is not shown, since it may contain a password. " +
		"It must be postgres://user:password@host:port/database, with user, password and parameters escaped " +
		"(%2F for /, %3A for :, %3F for ?, %23 for #, %40 for @, %25 for %, %20 for a space), " +
		`or host=… port=… user=… password='…' dbname=…, with \' for ' and \\ for \ in values`)
	errUnreadableFile = errors.New("a file that it names (sslrootcert, sslcert, sslkey, servicefile) is missing or can't be read")
)

// word matches a keyword. Anything else is part of a value that is not escaped or quoted.
var word = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

// parsed calls pgconn.ParseConfig, and replaces its errors, because they quote the DSN.
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

// keywords converts a postgres:// URL into a DSN of keywords and values, to which more
// can be appended. It returns any other DSN unchanged.
//
// See https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS.
func keywords(dsn string) (string, error) {
	dsn = strings.TrimSpace(dsn)
	scheme, rest, found := strings.Cut(dsn, "://")
	if !found || scheme != "postgres" && scheme != "postgresql" {
		return dsn, nil
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if strings.ContainsAny(path, "@#") { // the password contains the character that ended the authority
		return "", errUnreadable
	}
	at := strings.LastIndex(authority, "@") + 1
	// The hosts are replaced by one, because net/url accepts only one.
	u, err := url.Parse("postgres://" + authority[:at] + "host" + path)
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

// hostsIn converts the hosts of a URL, such as h:1,[::1]:2, into values for the keywords
// host and port.
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
		host, err := url.PathUnescape(host) // a socket's directory is escaped
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
		ports = "" // there is none; a parameter may set one for all hosts
	}
	return hosts, ports, true
}

// asURL converts a DSN that pgconn has parsed before into a URL.
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
	if !strings.HasPrefix(host, "/") { // a socket's directory can't be the host of a URL
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
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20") // libpq reads only %20 as a space
	return u.String()
}

// pairs splits a DSN of keywords and values. If a keyword is repeated, the last value
// counts.
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
