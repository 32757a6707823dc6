package docs_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"

	// A change of these runs the test again, in spite of Go's cache of tests.
	_ "github.com/massivedb/massive-go/dialect/postgres/pgxwake"
	_ "github.com/massivedb/massive-go/dialect/postgres/pqwake"
	_ "github.com/massivedb/massive-go/sqltest/conformance"
	_ "github.com/massivedb/massive-go/sqltest/pgtest"
)

// variables are declared for every block, which may declare them again.
const variables = `package page
import ("context"; "database/sql"; "testing"; "github.com/massivedb/massive-go/massive")
var ctx context.Context; var err error; var t *testing.T; var dsn string
var sqlDB *sql.DB; var conn *sql.Conn; var tx *sql.Tx; var db *massive.DB`

// packages are what a block may use without an import.
var packages = strings.Fields(strings.ReplaceAll(`context database/sql encoding/json errors fmt io iter log log/slog maps
	net net/http os slices strings sync syscall testing time github.com/jmoiron/sqlx github.com/lib/pq
	github.com/jackc/pgx/v5 github.com/jackc/pgx/v5/pgxpool github.com/jackc/pgx/v5/stdlib M/dialect M/dialect/postgres M/dialect/postgres/pgxwake M/dialect/postgres/pqwake
	M/massive M/registry M/replace M/sqltest M/sqltest/conformance M/sqltest/pgtest`, "M/", "github.com/massivedb/massive-go/"))

var (
	goBlock   = regexp.MustCompile("(?ms)^([ \t]*)```go\n(.*?)^[ \t]*```$")
	ownClause = regexp.MustCompile(`(?m)^(package|import) `)
	functions = regexp.MustCompile(`(?m)^func (\(\w+ [^)]*\) )?\w`)
)

// TestGoBlocksCompile type-checks the Go blocks of all Markdown files. The blocks of a page are one package, so a block
// may use a type that another one declares. A block with a package clause is a package of its own. A block of
// statements becomes a function, and may leave variables unused.
func TestGoBlocksCompile(t *testing.T) {
	t.Parallel()
	repository, pages := os.DirFS(".."), map[string]string{}
	err := fs.WalkDir(repository, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && (e.Name() == ".git" || e.Name() == "node_modules") {
			return fs.SkipDir
		}
		if err != nil || path.Ext(name) != ".md" || name == "docs/orms.md" { // examples/orms tests its blocks
			return err
		}
		text, err := fs.ReadFile(repository, name)
		pages[name] = string(text)
		return err
	})
	if err != nil || !strings.Contains(pages["README.md"], "```go\n") {
		t.Fatalf("README.md has no Go block, or %v", err)
	}
	for _, err := range checkPages(t, pages) {
		t.Error(err)
	}
}

func TestBrokenBlocksAreFound(t *testing.T) {
	t.Parallel()
	for block, want := range map[string]string{
		"s := db.Sequenze(\"x\")":                    "page.md:3:9: db.Sequenze undefined",
		"x := 1\n\nreturn y":                         "page.md:5:8: undefined: y",
		"func f() { …":                               "page.md:3:12: illegal character",
		"package main\n\nfunc main() {\n\tx := 1\n}": "page.md:6:2: declared and not used: x",
		"v := 1\nreturn nil":                         "", // v is unused
	} {
		got := fmt.Sprint(errors.Join(checkPages(t, map[string]string{"page.md": "Text.\n```go\n" + block + "\n```\n"})...))
		if want == "" && got != "<nil>" || !strings.Contains(got, want) {
			t.Errorf("%q: got %s, want %q", block, got, want)
		}
	}
}

// checkPages returns what the compiler says of the Go blocks of the pages, which it gets by name.
func checkPages(t *testing.T, pages map[string]string) (errs []error) {
	t.Helper()
	fset, files := token.NewFileSet(), map[string][]*ast.File{}
	list := append([]string{"list", "-e", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}"}, packages...)
	for page, text := range pages {
		for _, at := range goBlock.FindAllStringSubmatchIndex(text, -1) {
			where := fmt.Sprintf("%s:%d", page, 1+strings.Count(text[:at[4]], "\n"))
			block := strings.ReplaceAll("\n"+text[at[4]:at[5]], "\n"+text[at[2]:at[3]], "\n") // without its indentation
			file, err := parseBlock(fset, "\n//line "+where+":1"+block)
			switch {
			case err != nil:
				errs = append(errs, err)
			case file.Name.Name == "page":
				files[page] = append(files[page], file)
			default:
				files[where] = append(files[where], file)
			}
			for _, i := range file.Imports {
				list = append(list, strings.Trim(i.Path.Value, `"`))
			}
		}
	}
	out, err := exec.CommandContext(t.Context(), "go", list...).Output()
	if err != nil {
		t.Fatal(err)
	}
	imports := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		_, export, _ := strings.Cut("\n"+string(out), "\n"+path+"=")
		return os.Open(strings.SplitN(export, "\n", 2)[0])
	})
	for where, blocks := range files {
		onPage := blocks[0].Name.Name == "page"
		if vars, _ := parser.ParseFile(fset, "", variables, 0); onPage {
			blocks = append(blocks, vars)
		}
		conf := types.Config{Importer: imports, Error: func(err error) {
			if e := (types.Error{}); !onPage || !errors.As(err, &e) || !e.Soft { // soft: unused variables and imports
				errs = append(errs, err)
			}
		}}
		conf.Check(where, fset, blocks, nil) // its error is the first that conf.Error gets
	}
	return errs
}

// parseBlock returns the block as a file, which is of package page unless the block says otherwise.
func parseBlock(fset *token.FileSet, block string) (*ast.File, error) {
	clause := ownClause.FindString(block)
	if clause == "package " {
		return parser.ParseFile(fset, "", block, 0)
	}
	head := "package page\n"
	for _, p := range packages {
		if clause == "" && regexp.MustCompile(`\b`+path.Base(strings.TrimSuffix(p, "/v5"))+`\.`).MatchString(block) {
			head += fmt.Sprintf("import %q\n", p)
		}
	}
	file, err := parser.ParseFile(fset, "", head+block, 0)
	if err == nil || functions.MatchString(block) {
		return file, err
	}
	return parser.ParseFile(fset, "", head+"func _() (_ error) {"+block+"\nreturn }", 0)
}
