package massive_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/massive"
)

// The documentation shows an example that runs for each function, each method of DB and
// Plan, and each method of a structure that takes an argument.
func TestEveryOperationHasAnExample(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		f, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	pkg, err := doc.NewFromFiles(set, files, "github.com/massivedb/massive-go/massive")
	if err != nil {
		t.Fatal(err)
	}
	check := func(name, suffix string, examples []*doc.Example) {
		for _, e := range examples {
			if e.Suffix == suffix && e.Output != "" {
				return
			}
		}
		t.Errorf("%s has no example with an output", strings.TrimSuffix(name+"_"+suffix, "_"))
	}
	functions := pkg.Funcs
	structures := map[string]reflect.Type{"Matview": reflect.TypeFor[massive.Matview](), "Enum": reflect.TypeFor[massive.Enum](), "Sequence": reflect.TypeFor[massive.Sequence]()}
	for _, typ := range pkg.Types {
		functions = append(functions, typ.Funcs...)
		if typ.Name == "DB" || typ.Name == "Plan" {
			functions = append(functions, typ.Methods...)
		}
		if s, ok := structures[typ.Name]; ok {
			for m := range s.NumMethod() {
				if m := s.Method(m); m.IsExported() && m.Type.NumIn() > 0 {
					check(typ.Name, strings.ToLower(m.Name[:1])+m.Name[1:], typ.Examples)
				}
			}
		}
	}
	for _, f := range functions {
		check(f.Recv+f.Name, "", f.Examples)
	}
}
