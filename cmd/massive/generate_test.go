//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// schemaOf has the database of a directory's schema.sql.
func schemaOf(t *testing.T, directory string) []string {
	t.Helper()
	schema, err := os.ReadFile(filepath.Join(directory, "schema.sql"))
	noError(t, err)
	database := pgtest.NewDatabase(t)
	database.Exec(t, string(schema))
	return []string{"DATABASE_URL=" + database.URL()}
}

// TestGeneratedCodeIsUpToDate compares the generated code of the repository with what is
// generated now. -update writes it.
func TestGeneratedCodeIsUpToDate(t *testing.T) {
	t.Parallel()
	for _, directory := range []string{"internal/odd", "../../examples/enums/db"} {
		t.Run(filepath.Base(directory), func(t *testing.T) {
			t.Parallel()
			env := schemaOf(t, directory)
			args := []string{"generate", "--out", directory}
			if !*update {
				args = append(args, "--check")
			}
			if out, errs, code := massiveRuns(t, env, args...); code != exitOK {
				t.Errorf("exit code %d: %s%s", code, errs, out)
			}
			out, errs, code := massiveRuns(t, env, "enums", "diff", directory+"/massive_gen.go")
			if code != exitOK {
				t.Errorf("enums diff: exit code %d: %s%s", code, errs, out)
			}
		})
	}
}

func TestCheckFailsIfTheDatabaseChanged(t *testing.T) {
	t.Parallel()
	database, env := shop(t)
	directory := t.TempDir()
	file := filepath.Join(directory, "db", generatedName)
	check := func(wantCode int, want ...string) {
		t.Helper()
		out, errs, code := massiveRuns(t, env, "generate", "--out", directory+"/db", "--check")
		for _, w := range want {
			if code != wantCode || !strings.Contains(out, w) || errs != "" {
				t.Errorf("exit code %d, want %d and %q:\n%s%s", code, wantCode, w, out, errs)
			}
		}
	}
	check(exitFindings, "is not up to date", "+ package db\n")
	if _, err := os.Stat(file); err == nil {
		t.Error("--check wrote the file")
	}
	if out, errs, code := massiveRuns(t, env, "generate", "--out", directory+"/db"); code != 0 || out != "wrote "+file+"\n" {
		t.Errorf("exit code %d: %s%s", code, errs, out)
	}
	check(exitOK, "is up to date")
	database.Exec(t, `ALTER TYPE order_status ADD VALUE 'lost'`)
	check(exitFindings, "is not up to date", "massive generate:\n+   OrderStatusLost    OrderStatus = \"lost\"\n+     OrderStatusLost,\n")
	out, _, code := massiveRuns(t, env, "enums", "diff", file)
	if code != exitFindings || !strings.Contains(out, `enum public.order_status: extra labels ["lost"]`) {
		t.Errorf("enums diff: exit code %d: %s", code, out)
	}
	if files, err := os.ReadDir(directory + "/db"); err != nil || len(files) != 1 {
		t.Errorf("%v: it left %v", err, files)
	}
}

func TestGenerateWithChosenNamesAndTypes(t *testing.T) {
	t.Parallel()
	_, env := shop(t)
	directory := t.TempDir()
	_, errs, code := massiveRuns(t, env, "generate", "--out", directory, "--package", "shop", "--exclude", "best_week",
		"--rename", "public.order_status=State", "--rename", "public.order_status.paid=Settled", "--rename", "public.daily_sales.total=Sum",
		"--type", "numeric=example.com/go-decimal/v2.NullDecimal", "--type", "public.weekly_sales.week=string")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	source, err := os.ReadFile(filepath.Join(directory, generatedName))
	noError(t, err)
	text := regexp.MustCompile(` +`).ReplaceAllString(string(source), " ")
	for _, want := range []string{
		"package shop\n", "\tdecimal \"example.com/go-decimal/v2\"\n", "type State string\n", "\tSettled State = \"paid\"\n", "\tStatePlaced State = \"placed\"\n",
		"\tSum decimal.NullDecimal `db:\"total\"` // numeric\n", "\tWeek string `db:\"week\"` // date\n", "\tDay *time.Time `db:\"day\"` // date\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, source)
		}
	}
	if strings.Contains(text, "BestWeek") {
		t.Error("an excluded view is in the code")
	}
}

func TestGenerateRefusesWhatItCannotName(t *testing.T) {
	t.Parallel()
	database, env := shop(t)
	database.Exec(t, `CREATE SCHEMA odd; CREATE MATERIALIZED VIEW odd.dotted AS SELECT 1 AS "a.b"; CREATE SCHEMA twins;
		CREATE TYPE twins.x AS ENUM ('a'); CREATE TYPE twins."X" AS ENUM ('a')`)
	for _, c := range []struct{ args, want string }{
		{"", "--out is missing"},
		{"--out db-1 --package a-b", `"a-b" is not a name of a package`},
		{"--out x --kind table", "want matview, enum or sequence"},
		{"--out x --include odd.*", `the column "a.b" of odd.dotted can't be a field's tag; exclude the view: --exclude 'odd.dotted'`},
		{"--out x --include twins.*", `both lead to the name TwinsX; choose one: --rename 'twins.x=Name'`},
		{"--out x --include public.* --rename public.nothing=X", "--rename public.nothing=X: nothing in the database is named so"},
		{"--out x --include public.* --type money=x.Money", "--type money=x.Money: nothing in the database is named so"},
		{"--out x --include public.* --rename public.order_status=state", `"state" is not an exported name of Go`},
		{"--out x --include public.* --rename public.order_status.paid=OrderStatus", "public.order_status has that name"},
		{"--out x --include public.* --type numeric=a/decimal.D --type date=b/decimal.D", "have the same name decimal"},
		{"--out x --include public.* --type numeric=a/b/c", "is not a type of Go"},
	} {
		out, errs, code := massiveRuns(t, env, append([]string{"generate"}, strings.Fields(c.args)...)...)
		if code != exitUsage || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("generate %s: exit code %d, %q, want %q", c.args, code, errs, c.want)
		}
	}
}

// TestNewLabelsNeverChangeTheMeaningOfAName adds a label to random sets of labels of two
// enums, in any order.
func TestNewLabelsNeverChangeTheMeaningOfAName(t *testing.T) {
	t.Parallel()
	letters := []string{"a", "b", "A", "B", "_", "-", " ", "+", "é", "e\u0301", "1", "Empty", "Plus", "Minus", "Underscore", ""}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
	for range 20000 {
		set := map[text]bool{}
		for range 2 + random.IntN(8) {
			var label string
			for range random.IntN(4) {
				label += letters[random.IntN(len(letters))]
			}
			prefix := []string{"A", "AB"}[random.IntN(2)]
			set[text{prefix, label, prefix + "." + label}] = true
		}
		var all []text
		for one := range set {
			all = append(all, one)
		}
		taken := map[string]string{"A": "A", "AB": "AB"}
		before, err := goNames(all[1:], taken, nil)
		noError(t, err)
		after, err := goNames(all, taken, nil)
		noError(t, err)
		slices.Reverse(all)
		if again, err := goNames(all, taken, nil); err != nil || fmt.Sprint(again) != fmt.Sprint(after) {
			t.Fatalf("%v: names depend on the order: %q and %q", err, again, after)
		}
		meaning := map[string]text{}
		for one, name := range before {
			meaning[name] = one
		}
		seen := map[string]bool{}
		for one, name := range after {
			if old, ok := meaning[name]; ok && old != one {
				t.Fatalf("with %q, %s means %q, and meant %q", all[len(all)-1].text, name, one.key, old.key)
			}
			if seen[name] {
				t.Fatalf("two labels of %q are %s", all, name)
			}
			seen[name] = true
		}
	}
}

func TestConstantsOfHandwrittenFiles(t *testing.T) {
	t.Parallel()
	_, env := shop(t)
	file := filepath.Join(t.TempDir(), "status.go")
	source := `package shop
import "example.com/unknown"
type OrderStatus string
type Other int
const prefix = "pa"
const (
	Shipped OrderStatus = "ship" + "ped"
	Paid                = OrderStatus(prefix + "id")
	Number  Other       = 1
	Lost    OrderStatus = "lost"
)
var _ = unknown.X`
	noError(t, os.WriteFile(file, []byte(source), 0o600))
	out, errs, code := massiveRuns(t, env, "enums", "diff", file)
	if code != exitFindings || errs != "" || !strings.HasPrefix(out, `drift: enum public.order_status: missing labels ["lost"]; extra labels ["placed"]`) {
		t.Errorf("exit code %d: %s%s", code, errs, out)
	}
	if out, _, code := massiveRuns(t, env, "enums", "diff", file, "--json"); code != exitFindings || !strings.Contains(out, `"type": "OrderStatus"`) {
		t.Errorf("exit code %d: %s", code, out)
	}
	if _, errs, code := massiveRuns(t, env, "enums", "diff", "app.go"); code != exitUsage || !strings.Contains(errs, "no string type with the name of an enum") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

func TestGeneratedCodeVets(t *testing.T) {
	t.Parallel()
	if out, err := exec.CommandContext(t.Context(), "go", "vet", "./internal/odd").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
