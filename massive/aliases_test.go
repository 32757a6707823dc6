package massive_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/massive"
)

// aliased has the types of other packages that package massive aliases.
var aliased = map[string]reflect.Type{
	"Matview": reflect.TypeFor[massive.Matview](), "Enum": reflect.TypeFor[massive.Enum](), "Sequence": reflect.TypeFor[massive.Sequence](),
	"Registry": reflect.TypeFor[*massive.Registry](), "Changes": reflect.TypeFor[massive.Changes](), "Querier": reflect.TypeFor[massive.Querier](),
	"Name": reflect.TypeFor[massive.Name](), "Kind": reflect.TypeFor[massive.Kind](),
	"Error": reflect.TypeFor[*massive.Error](), "NotFoundError": reflect.TypeFor[*massive.NotFoundError](), "LabelError": reflect.TypeFor[*massive.LabelError](),
	"RefreshOption": reflect.TypeFor[massive.RefreshOption](), "RefreshResult": reflect.TypeFor[massive.RefreshResult](),
	"RefreshMode": reflect.TypeFor[massive.RefreshMode](), "Blockers": reflect.TypeFor[massive.Blockers](),
}

// forwarding has the functions that only call package registry: constructors of its
// options.
var forwarding = []string{"Analyze", "Concurrently", "ConcurrentlyIfPossible", "InBlocks", "LockTimeout", "SkipIfBusy", "WithNoData"}

// go doc shows no methods of an alias. So aliases are few, and their comments name the
// methods.
func TestAliasesAreFewAndNameTheirMethods(t *testing.T) {
	t.Parallel()
	files := token.NewFileSet()
	sources, err := filepath.Glob("*.go")
	noError(t, err)
	var types, functions []string
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(files, source, nil, parser.ParseComments)
		noError(t, err)
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.IsExported() && forwards(d) {
					functions = append(functions, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					s, ok := s.(*ast.TypeSpec)
					if !ok || s.Assign == token.NoPos || !s.Name.IsExported() {
						continue
					}
					types = append(types, s.Name.Name)
					of, ok := aliased[s.Name.Name]
					if !ok {
						t.Errorf("alias %s is not in this test's list", s.Name.Name)
						continue
					}
					doc := s.Doc.Text() + d.Doc.Text()
					for i := range of.NumMethod() {
						if m := of.Method(i); m.IsExported() && !strings.Contains(doc, m.Name) && !slices.Contains(internalMethods[s.Name.Name], m.Name) {
							t.Errorf("the comment of %s does not name its method %s", s.Name.Name, m.Name)
						}
					}
				}
			}
		}
	}
	if len(types) > 15 {
		t.Errorf("%d aliases; want at most 15: %v", len(types), types)
	}
	slices.Sort(functions)
	equal(t, "functions that only forward", functions, forwarding)
}

// internalMethods has the methods that only package massive uses, not programs.
var internalMethods = map[string][]string{
	"Registry": {
		"AddEnumLabel", "AppendLocalLabels", "DropLabels", "ExplainEnum", "Find", "KeepLabels", "Knows", "Lags", "On", "RenameEnumLabel", "Sign", "Suggest",
		"Views",
	},
}

// forwards reports whether a function is one call of package registry.
func forwards(f *ast.FuncDecl) bool {
	if len(f.Body.List) != 1 {
		return false
	}
	r, ok := f.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(r.Results) != 1 {
		return false
	}
	call, ok := r.Results[0].(*ast.CallExpr)
	if !ok {
		return false
	}
	fun := call.Fun
	if index, ok := fun.(*ast.IndexExpr); ok {
		fun = index.X
	}
	s, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == "registry"
}
