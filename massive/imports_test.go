package massive_test

import (
	goexec "os/exec"
	"strings"
	"testing"
)

// The library's core imports only this module, sqlx and the standard library.
func TestCoreImportsOnlySqlx(t *testing.T) {
	t.Parallel()
	const module = "github.com/massivedb/massive-go"
	packages := []string{module + "/massive", module + "/registry", module + "/dialect", module + "/dialect/postgres"}
	out, err := goexec.CommandContext(t.Context(), "go",
		append([]string{"list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}"}, packages...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	seen := map[string]bool{}
	for _, p := range strings.Fields(string(out)) {
		seen[p] = true
		switch {
		case p == "github.com/jmoiron/sqlx", strings.HasPrefix(p, "github.com/jmoiron/sqlx/"):
		case strings.HasPrefix(p, module+"/") && !strings.Contains(p, "sqltest") && !strings.Contains(p, "bench"):
		default:
			t.Errorf("the library's core imports %s", p)
		}
	}
	for _, p := range packages {
		if !seen[p] {
			t.Errorf("go list did not list %s", p)
		}
	}
}
