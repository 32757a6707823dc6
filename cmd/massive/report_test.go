//go:build unix

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestReportIsOneFileThatNoNameCanChange(t *testing.T) {
	t.Parallel()
	database, env := shop(t)
	database.Exec(t, `CREATE MATERIALIZED VIEW "<script>alert(1)</script>" AS SELECT 1 AS n;
		CREATE MATERIALIZED VIEW """]; v0 [URL=""http://evil""]; x [label=""" AS SELECT * FROM "<script>alert(1)</script>";
		CREATE MATERIALIZED VIEW "\N<b>&amp;" AS SELECT 1 AS n WITH NO DATA;
		CREATE TYPE "<img src=x>" AS ENUM ('<svg onload=alert(1)>'); COMMENT ON TYPE "<img src=x>" IS '</td><script>'`)
	file := filepath.Join(t.TempDir(), "shop.html")
	out, errs, code := massiveRuns(t, env, "report", file)
	if code != exitOK || out != "wrote "+file+"\n" || errs != "" {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	b, err := os.ReadFile(file)
	noError(t, err)
	html := string(b)
	for _, bad := range []string{"<script", "<img", "onload=alert(1)>", "<b>", "href=\"http"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	for _, link := range regexp.MustCompile(`(?:href|src|url)\s*=\s*"([^"]*)"`).FindAllStringSubmatch(html, -1) {
		if !regexp.MustCompile(`^#(graph-)?v\d+$`).MatchString(link[1]) {
			t.Errorf("the page refers to %q", link[1])
		}
	}
	if n := strings.Count(html, `class="node`); n != 7 { // six materialized views, one plain view
		t.Errorf("the graph has %d nodes, want 7", n)
	}
	if n := strings.Count(html, `class="node error"`); n != 2 {
		t.Errorf("%d views are without data, want 2", n)
	}
	for _, want := range []string{"<h1>massive_test_", "ticket_no</strong>: 91.5 % used", "public.orders.status", "&lt;svg onload=alert(1)&gt;"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	start := strings.Index(html, "<svg ")
	svg := xml.NewDecoder(strings.NewReader(html[start : start+strings.Index(html[start:], "</svg>")+6]))
	for {
		if _, err := svg.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the graph is not well-formed: %v", err)
		}
	}
}

func TestReportShowsTheAgeOfData(t *testing.T) {
	t.Parallel()
	_, env := shop(t)
	env = append(env, "MASSIVE_LEDGER=book")
	file := filepath.Join(t.TempDir(), "shop.html")
	for _, c := range []struct {
		args string
		want map[string]int
	}{
		{"ledger create", nil},
		{"refresh daily_sales weekly_sales", nil},
		{"report " + file + " --error-after 1h", map[string]int{"node ok": 2, "node error": 1}},
		{"report " + file + " --warn-after 1ns", map[string]int{"node warn": 2, "node error": 1}},
		{"report " + file + " --json", map[string]int{"node ok": 2, "node error": 1}},
	} {
		if out, errs, code := massiveRuns(t, env, strings.Fields(c.args)...); code != exitOK {
			t.Fatalf("massive %s: exit code %d: %s%s", c.args, code, out, errs)
		}
		html, _ := os.ReadFile(file)
		for class, n := range c.want {
			if got := strings.Count(string(html), `class="`+class+`"`); got != n {
				t.Errorf("massive %s: %d nodes are %s, want %d", c.args, got, class, n)
			}
		}
	}
}
