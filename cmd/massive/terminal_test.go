//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

func TestTerminalGetsColorsAndLinesThatFit(t *testing.T) {
	t.Parallel()
	database, env := shop(t)
	database.Exec(t, `CREATE TYPE lengthy AS ENUM ('`+strings.Repeat("a", 60)+`', '`+strings.Repeat("b", 60)+`')`)
	piped, _, _ := massiveRuns(t, env, "ls")
	if strings.Contains(piped, "\x1b") || !strings.Contains(piped, strings.Repeat("b", 60)) {
		t.Errorf("a pipe gets colors, or lines that are cut:\n%q", piped)
	}
	r := onTerminal(t, env, "ls")
	code, lines := r.wait(t), strings.Split(strings.TrimSpace(r.out.String()), "\r\n")
	if code != 0 || !strings.HasPrefix(lines[0], bold+"KIND") {
		t.Errorf("exit code %d, first line %q", code, lines[0])
	}
	cut := false
	for _, line := range lines {
		line = regexp.MustCompile(`\x1b\[\d*m`).ReplaceAllString(line, "")
		if n := utf8.RuneCountInString(line); n > 80 {
			t.Errorf("%d characters: %q", n, line)
		}
		cut = cut || strings.HasSuffix(line, "a…")
	}
	if !cut {
		t.Errorf("no line is cut:\n%s", r.out)
	}
	for _, plain := range []string{"NO_COLOR=1", "TERM=dumb"} {
		r := onTerminal(t, append(env, plain), "ls")
		if r.wait(t); strings.Contains(r.out.String(), "\x1b") {
			t.Errorf("with %s the terminal gets %q", plain, r.out)
		}
	}
}

func TestTerminalShowsTheRunningRefresh(t *testing.T) {
	t.Parallel()
	_, env := shop(t)
	r := onTerminal(t, env, "refresh", "daily_sales")
	code := r.wait(t)
	out := r.out.String()
	if code != 0 || !strings.Contains(out, "\r\x1b[K[0/1] refreshing public.daily_sales\r\x1b[K[1/1] public.daily_sales refreshed") {
		t.Errorf("exit code %d: %q", code, out)
	}
}

func TestTextsOfTheDatabaseCannotControlTheTerminal(t *testing.T) {
	t.Parallel()
	database, env := shop(t)
	database.Exec(t, `CREATE MATERIALIZED VIEW "a`+"\x1b"+`[2Jb" AS SELECT 1 AS "c`+"\x1b"+`[31m";
		CREATE TYPE odd AS ENUM ('x`+"\x1b"+`]0;title`+"\x07"+`'); COMMENT ON TYPE odd IS 'y`+"\u009b"+`31m'`)
	for _, args := range []string{"ls", "show odd", "doctor", "graph", "graph --dot", "graph --mermaid", "refresh", "refresh --dry-run", "enums ls",
		"enums add odd new", "ls a\x1b[2J"} {
		out, errs, _ := massiveRuns(t, env, strings.Fields(args)...)
		if strings.ContainsAny(out+errs, "\x1b\u009b\x07") {
			t.Errorf("massive %s prints %q", args, out+errs)
		}
	}
	out, _, _ := massiveRuns(t, env, "show", "public.\"a\x1b[2Jb\"")
	if strings.Contains(out, "\x1b") || !strings.Contains(out, `c\x1b[31m`) {
		t.Errorf("show prints %q", out)
	}
}

func TestDoctorFixesWhatTheUserAgreesTo(t *testing.T) {
	t.Parallel()
	database, env := shop(t)
	r := onTerminal(t, append(env, "NO_COLOR=1"), "doctor", "--fix")
	answers := "n\ny\ny\n"
	if _, err := r.terminal.WriteString(answers); err != nil {
		t.Fatal(err)
	}
	if code := r.wait(t); code != exitFindings || !strings.Contains(r.out.String(), "2 findings left, 2 fixed") {
		t.Errorf("exit code %d:\n%s", code, r.out)
	}
	var indexes, next int
	db := database.Open(t, "pgx")
	if err := db.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM pg_indexes WHERE tablename = 'weekly_sales'),
		nextval('orders_id_seq') + (SELECT count(*) FROM best_week) - 1`).Scan(&indexes, &next); err != nil {
		t.Fatal(err)
	}
	if indexes != 0 || next != 7 {
		t.Errorf("%d indexes on weekly_sales, want 0; the next id is %d, want 7", indexes, next)
	}
	_, errs, code := massiveRuns(t, env, "doctor", "--fix")
	if code != exitUsage || !strings.Contains(errs, "--yes answers") {
		t.Errorf("without a terminal: exit code %d, %s", code, errs)
	}
	out, errs, code := massiveRuns(t, env, "doctor", "--yes", "--skip", "runs-out")
	if code != exitOK || !strings.Contains(out, "no findings left, 1 fixed") {
		t.Errorf("with --yes: exit code %d\n%s%s", code, out, errs)
	}
}

func TestDoctorReportsInvalidIndexesThatAreNotUnique(t *testing.T) {
	t.Parallel()
	database, env := shop(t)
	database.Exec(t, `CREATE INDEX plain ON daily_sales (total); CREATE INDEX healthy ON daily_sales (total);
		UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'plain'::regclass`)
	skip := "index,populated,runs-out,behind"
	out, errs, code := massiveRuns(t, env, "doctor", "--skip", skip)
	want := `public.daily_sales: index public.plain: it is invalid (its build failed or is still running)
  REINDEX INDEX "public"."plain"
1 finding in 3 materialized views and 3 sequences
`
	if code != exitFindings || out != want {
		t.Errorf("exit code %d, printed\n%s%s\nwant\n%s", code, out, errs, want)
	}
	out, _, _ = massiveRuns(t, env, "show", "daily_sales")
	if !strings.Contains(out, "not usable: it is invalid") {
		t.Errorf("show prints\n%s", out)
	}
	out, errs, code = massiveRuns(t, env, "doctor", "--yes", "--skip", skip)
	if code != exitOK || !strings.Contains(out, "no findings left, 1 fixed") {
		t.Errorf("with --yes: exit code %d\n%s%s", code, out, errs)
	}
}

func TestShowPrintsEachStructureOfTheName(t *testing.T) {
	t.Parallel()
	database, env := shop(t)
	database.Exec(t, `CREATE SCHEMA other; CREATE TYPE other.daily_sales AS ENUM ('many', 'few');
		DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = other, public', current_database()); END $$`)
	out, errs, code := massiveRuns(t, env, "show", "daily_sales")
	view, enum := strings.Index(out, "materialized view public.daily_sales\n"), strings.Index(out, "\n\nenum other.daily_sales\n")
	if code != exitOK || view != 0 || enum < 0 {
		t.Errorf("exit code %d; want the view and the enum; printed\n%s%s", code, out, errs)
	}
	out, errs, code = massiveRuns(t, env, "show", "daily_sales", "--json")
	var j struct {
		Structures []struct {
			Kind, Name string
			SizeBytes  int64 `json:"size_bytes"`
		}
	}
	err := json.Unmarshal([]byte(out), &j)
	if err != nil || code != exitOK || len(j.Structures) != 2 || j.Structures[0].Name != "public.daily_sales" ||
		j.Structures[0].SizeBytes == 0 || j.Structures[1].Kind != "enum" || j.Structures[1].Name != "other.daily_sales" {
		t.Errorf("exit code %d, error %v; want the view with its size, and the enum; printed\n%s%s", code, err, out, errs)
	}
	out, _, code = massiveRuns(t, env, "show", "other.daily_sales")
	if code != exitOK || !strings.HasPrefix(out, "enum other.daily_sales\n") {
		t.Errorf("a qualified name: exit code %d, printed\n%s", code, out)
	}
}

func TestShowDoesNotWaitForALockedView(t *testing.T) {
	t.Parallel()
	long(t)
	database, env := shop(t)
	tx, err := database.Open(t, "pgx").BeginTx(t.Context(), nil)
	noError(t, err)
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), "REFRESH MATERIALIZED VIEW daily_sales"); err != nil {
		t.Fatal(err)
	}
	out, errs, code := massiveRuns(t, env, "show", "daily_sales")
	if code != exitOK || strings.Contains(out, "  size") || !strings.Contains(out, "daily_sales_day_idx") {
		t.Errorf("exit code %d; want the view without a size; printed\n%s%s", code, out, errs)
	}
}

func TestHumanSize(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[int64]string{
		0: "0 bytes", 1023: "1023 bytes", 8192: "8 KiB", 1536: "1.5 KiB", 5 << 30: "5 GiB", 5000 << 40: "5000 TiB",
	} {
		if got := humanSize(bytes); got != want {
			t.Errorf("humanSize(%d) = %q, want %q", bytes, got, want)
		}
	}
}

func TestResetAsksFirst(t *testing.T) {
	t.Parallel()
	_, env := shop(t)
	for _, c := range []struct {
		answer string
		code   int
		prints string
	}{{"\n", exitFindings, "massive: nothing was changed"}, {"y\n", exitOK, "The next value of public.invoice_no is 7."}, {"\x03", 130, ""}} {
		r := onTerminal(t, env, "sequences", "reset", "invoice_no", "--to", "7")
		question := make([]byte, 1024)
		n, err := r.terminal.Read(question)
		if err != nil || !strings.HasPrefix(string(question[:n]), "Make 7 the next value of public.invoice_no?") {
			t.Fatalf("%v: the question is %q", err, question[:n])
		}
		if _, err := r.terminal.WriteString(c.answer); err != nil {
			t.Fatal(err)
		}
		if code := r.wait(t); code != c.code || !strings.Contains(r.out.String(), c.prints) {
			t.Errorf("after %q the exit code is %d:\n%s", c.answer, code, r.out)
		}
	}
}

func TestWatchPrintsEachChange(t *testing.T) {
	t.Parallel()
	database, env := shop(t)
	r := start(t, env, "watch", "--every", "20ms", "--json")
	eventually(t, "the watch runs", func() bool {
		return strings.Contains(r.err.String(), "watching 3 materialized views, 1 enum and 3 sequences\n")
	})
	database.Exec(t, `ALTER TYPE order_status ADD VALUE 'lost'`)
	eventually(t, "the change is printed", func() bool { return strings.HasSuffix(r.out.String(), "\n") })
	noError(t, r.Process.Signal(syscall.SIGTERM))
	if code := r.wait(t); code != exitOK {
		t.Errorf("exit code %d: %s", code, r.err)
	}
	var e eventJSON
	if err := json.Unmarshal([]byte(r.out.String()), &e); err != nil || len(e.Changes) != 1 ||
		e.Changes[0].Kind != "enum" || e.Changes[0].Name != "public.order_status" || e.Changes[0].Change != "changed" {
		t.Errorf("%v: %s", err, r.out)
	}
}

func TestRoleWithoutRightsSeesWhatItLacks(t *testing.T) {
	t.Parallel()
	database, env := shop(t)
	database.Exec(t, `DROP ROLE IF EXISTS massive_cli_guest; CREATE ROLE massive_cli_guest LOGIN; REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO massive_cli_guest`)
	t.Cleanup(func() { database.Exec(t, `DROP OWNED BY massive_cli_guest; DROP ROLE massive_cli_guest`) })
	env = append(env, "PGOPTIONS=-c role=massive_cli_guest")
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"ls", exitOK, []string{"public.daily_sales    2 columns, no right to refresh\n", "public.order_status"}},
		{"show daily_sales", exitOK, []string{"may refresh  no"}},
		{"refresh", exitRefresh, []string{"permission denied", "2 skipped, 1 failed"}},
		{"doctor --skip index,populated", exitFindings, []string{"not allowed", "public.orders_id_seq: it was not compared with its columns"}},
		{"sequences state invoice_no", exitFindings, []string{"permission denied"}},
		{"sequences catchup --yes", exitFindings, []string{"permission denied"}},
		{"sequences reset invoice_no --yes", exitFindings, []string{"permission denied"}},
		{"enums add order_status lost", exitFindings, []string{"permission denied"}},
	} {
		out, errs, code := massiveRuns(t, env, strings.Fields(c.args)...)
		for _, want := range c.want {
			if code != c.code || !strings.Contains(out+errs, want) {
				t.Errorf("massive %s: exit code %d, want %d and %q:\n%s%s", c.args, code, c.code, want, out, errs)
			}
		}
	}
}

func TestStandbyIsReported(t *testing.T) {
	t.Parallel()
	if os.Getenv("MASSIVE_POSTGRES_URL") != "" {
		t.Skip("an external server can't become a standby")
	}
	server := ownServer(t)
	database, err := server.CreateDatabase(t.Context()) // it ends with the server
	noError(t, err)
	database.Exec(t, page(t).setup)
	db := database.Open(t, "pgx")
	var directory string
	var backend int
	noError(t, db.QueryRowContext(t.Context(), `SELECT current_setting('data_directory'), pg_backend_pid()`).Scan(&directory, &backend))
	// After the crash of a backend the server recovers. With the file it recovers as a
	// standby.
	if _, err := db.ExecContext(t.Context(), `CHECKPOINT; COPY (SELECT '') TO '`+directory+`/standby.signal'`); err != nil {
		t.Fatal(err)
	}
	noError(t, syscall.Kill(backend, syscall.SIGKILL))
	eventually(t, "the server is a standby", func() bool {
		var standby bool
		err := db.QueryRowContext(t.Context(), `SELECT pg_is_in_recovery()`).Scan(&standby)
		return err == nil && standby
	})
	env := []string{"DATABASE_URL=" + database.URL()}
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"ls", exitOK, "public.daily_sales"},
		{"doctor --skip index,populated,runs-out,behind", exitOK, "the server is a standby: refreshes are not checked\n"},
		{"refresh", exitRefresh, "read-only"},
		{"sequences reset invoice_no --yes", exitFindings, "read-only"},
	} {
		out, errs, code := massiveRuns(t, env, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("massive %s: exit code %d, want %d and %q:\n%s%s", c.args, code, c.code, c.want, out, errs)
		}
	}
}

func TestListOfTenThousandStructures(t *testing.T) {
	t.Parallel()
	long(t)
	database, env := shop(t)
	for first := 0; first < 3334; first += 200 { // a transaction has room for few locks
		database.Exec(t, fmt.Sprintf(`DO $$ BEGIN FOR i IN %d..%d LOOP
			EXECUTE format('CREATE TYPE e%%s AS ENUM (''a'', ''b''); CREATE SEQUENCE s%%s; CREATE MATERIALIZED VIEW v%%s AS SELECT 1 AS n', i, i, i);
			END LOOP; END $$`, first, min(first+199, 3333)))
	}
	begin := time.Now()
	out, errs, code := massiveRuns(t, env, "ls")
	t.Logf("ls took %v", time.Since(begin))
	if n := strings.Count(out, "\n"); code != 0 || n != 1+3*3334+7 {
		t.Errorf("exit code %d, %d lines: %s", code, n, errs)
	}
}
