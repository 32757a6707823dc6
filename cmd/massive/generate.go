package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/format"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
)

// generatedName is the name of the file.
const generatedName = "massive_gen.go"

// A generator has the flags of generate.
type generator struct {
	directory, pkg, kind string
	check                bool
	renames, types       []string // "key=value"
}

func (a *app) generate() *cobra.Command {
	var g generator
	c := &cobra.Command{
		Use:   "generate --out DIR",
		Short: "Generate Go code: constants for enums, structs for materialized views",
		Long: `Write DIR/massive_gen.go: for each enum a string type with a constant for each label, and
for each materialized view a struct for its rows. Its function Expected returns the
expectations for massive.Load, so that the program does not start on another schema.

Bare names are used in the first schema of the search path; types of other schemas begin
with the schema. If two labels lead to the same name, both get a longer name, so a new
label never changes the meaning of a constant. --rename chooses a name: of a type
(public.mood=Feeling), of a constant (public.mood.ok=Fine) or of a field
(public.daily.n=Count).

A column is a pointer, because PostgreSQL does not know whether a view's column can be
NULL; bytea is []byte. Types without a Go type of their own, such as numeric, are text.
--type chooses another: of a column type or of one column.

--check writes nothing. Its exit code is 1 if the file is not as it would be generated.`,
		Example: `  massive generate --out internal/db
  massive generate --out internal/db --check
  massive generate --out internal/db --kind enum --exclude 'audit.*'
  massive generate --out internal/db --type numeric=github.com/shopspring/decimal.NullDecimal`,
		Args: cobra.NoArgs,
		RunE: a.run(func(ctx context.Context, _ []string) error {
			if g.directory == "" {
				return usage("--out is missing")
			}
			if g.pkg == "" {
				path, err := filepath.Abs(g.directory)
				if err != nil {
					return err
				}
				g.pkg = strings.ToLower(regexp.MustCompile(`[^\pL\pN]`).ReplaceAllString(filepath.Base(path), ""))
			}
			if !token.IsIdentifier(g.pkg) {
				return usage("--package: %q is not a name of a package", g.pkg)
			}
			only, err := kindsOf(g.kind)
			if err != nil {
				return err
			}
			if only == nil {
				only = []massive.Kind{massive.KindMatview, massive.KindEnum}
			}
			s, err := a.load(ctx, only...)
			if err != nil {
				return err
			}
			defer s.pool.Close()
			source, err := g.source(s)
			if err != nil {
				return err
			}
			return a.write(g, source)
		}),
	}
	flags := c.Flags()
	flags.StringVar(&g.directory, "out", "", "the `directory` of the package")
	flags.StringVar(&g.pkg, "package", "", "the package's `name` (default the directory's)")
	flags.StringVar(&g.kind, "kind", "", "generate only this `kind`: matview or enum")
	flags.BoolVar(&g.check, "check", false, "only check that the file is up to date")
	flags.StringArrayVar(&g.renames, "rename", nil, "choose a name: `structure[.label]=Name`; repeatable")
	flags.StringArrayVar(&g.types, "type", nil, "choose a column's type: `columntype=import/path.Type`; repeatable")
	return c
}

// write writes the file, or compares it with the source.
func (a *app) write(g generator, source []byte) error {
	path := filepath.Join(g.directory, generatedName)
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	current := bytes.Equal(before, source)
	result := struct {
		File    string `json:"file"`
		Current bool   `json:"current"` // the file was as it is generated
	}{path, current}
	switch {
	case current && !a.json:
		a.out.line(path + " is up to date")
	case g.check && !a.json:
		a.out.painted(red, path+" is not up to date; run massive generate:")
		a.out.lines(difference(string(before), string(source)))
	case !current && !g.check:
		if err := replaceFile(path, source); err != nil {
			return err
		}
		if !a.json {
			a.out.line("wrote " + path)
		}
	}
	if a.json {
		if err := a.out.document(result); err != nil {
			return err
		}
	}
	if g.check && !current {
		return exit{code: exitFindings}
	}
	return nil
}

// replaceFile writes a file so that readers see the old or the new content.
func replaceFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path))
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // fails after the rename
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// difference returns the lines that only one of two texts has, at most twenty of each.
func difference(from, to string) string {
	x, y := strings.Split(from, "\n"), strings.Split(to, "\n")
	var b strings.Builder
	few(&b, "-", without(x, y))
	few(&b, "+", without(y, x))
	if b.Len() == 0 {
		return "the order of lines differs"
	}
	return b.String()
}

// without returns the lines of x that y does not have, as often as y lacks them.
func without(x, y []string) (left []string) {
	has := map[string]int{}
	for _, line := range y {
		has[line]++
	}
	for _, line := range x {
		if has[line]--; has[line] < 0 && strings.TrimSpace(line) != "" {
			left = append(left, line)
		}
	}
	return left
}

func few(b *strings.Builder, sign string, lines []string) {
	const most = 20
	for i, line := range lines {
		if i == most {
			fmt.Fprintf(b, "%s … and %d more lines\n", sign, len(lines)-most)
			return
		}
		fmt.Fprintf(b, "%s %s\n", sign, line)
	}
}

// The data of the template.
type (
	goFile struct {
		Package string
		Std     []string // imports, as they are written
		Imports []string
		Enums   []goEnum
		Views   []goView
	}
	goEnum struct {
		Type, Name, Comment string
		Constants           []goConstant
	}
	goConstant struct{ Name, Label string }
	goView     struct {
		Type, Name, Comment string
		Fields              []goField
	}
	goField struct{ Name, Type, Tag, Column string }
)

var fileTemplate = template.Must(template.New("").Funcs(template.FuncMap{"line": oneLine}).Parse(`// Code generated by massive generate; DO NOT EDIT.

package {{.Package}}

import (
{{- range .Std}}
	{{.}}
{{- end}}

{{- range .Imports}}
	{{.}}
{{- end}}
)

// Expected returns what this file was generated from, for [massive.Expect].
func Expected() []massive.Expectation {
	return []massive.Expectation{
	{{- range .Enums}}
		massive.EnumIs({{printf "%q" .Name}}, {{.Type}}("").Labels()),
	{{- end}}
	{{- range .Views}}
		massive.RowsAre[{{.Type}}]({{printf "%q" .Name}}),
	{{- end}}
	}
}
{{range $e := .Enums}}
// {{.Type}} is the enum {{line .Name}}.{{with .Comment}}
// {{line .}}{{end}}
type {{.Type}} string
{{if .Constants}}
// The labels of {{line .Name}}, in its order.
const (
{{- range .Constants}}
	{{.Name}} {{$e.Type}} = {{printf "%q" .Label}}
{{- end}}
)
{{end}}
// Labels returns the labels of {{line .Name}}, in its order.
func ({{.Type}}) Labels() []{{.Type}} {
	return []{{.Type}}{
	{{- range .Constants}}
		{{.Name}},
	{{- end}}
	}
}
{{end}}
{{- range .Views}}
// {{.Type}} is a row of the materialized view {{line .Name}}.{{with .Comment}}
// {{line .}}{{end}}
type {{.Type}} struct {
{{- range .Fields}}
	{{.Name}} {{.Type}} {{.Tag}} // {{line .Column}}
{{- end}}
}
{{end}}`))

// source returns the content of the file.
func (g generator) source(s session) ([]byte, error) {
	renames, err := pairs("rename", g.renames)
	if err != nil {
		return nil, err
	}
	chosen, err := pairs("type", g.types)
	if err != nil {
		return nil, err
	}
	unusedTypes := maps.Clone(chosen)
	types, err := typeNames(s, renames)
	if err != nil {
		return nil, err
	}
	f := goFile{Package: g.pkg}
	if err := f.enums(s, types, renames); err != nil {
		return nil, err
	}
	imports := map[string]string{"massive": "github.com/massivedb/massive-go/massive"}
	columns := fieldTypes{s, types, chosen, unusedTypes, imports}
	for _, v := range s.Matviews() {
		view := goView{types[v.Name()], v.Name().String(), v.Comment(), nil}
		if view.Fields, err = columns.fields(v, renames); err != nil {
			return nil, err
		}
		f.Views = append(f.Views, view)
	}
	for flag, unused := range map[string]map[string]string{"rename": renames, "type": unusedTypes} {
		for key := range unused {
			return nil, usage("--%s %s=%s: nothing in the database is named so", flag, key, unused[key])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(imports)) {
		line := strconv.Quote(imports[name])
		if !strings.HasSuffix(imports[name], "/"+name) && imports[name] != name {
			line = name + " " + line
		}
		if strings.Contains(imports[name], ".") {
			f.Imports = append(f.Imports, line)
		} else {
			f.Std = append(f.Std, line)
		}
	}
	if len(f.Std) > 0 {
		f.Std = append(f.Std, "")
	}
	var b bytes.Buffer
	if err := fileTemplate.Execute(&b, f); err != nil {
		return nil, err
	}
	return format.Source(b.Bytes())
}

// pairs parses the values of a flag. A key may contain "=", and a value may not.
func pairs(flag string, all []string) (map[string]string, error) {
	m := map[string]string{}
	for _, one := range all {
		i := strings.LastIndex(one, "=")
		if i <= 0 {
			return nil, usage("--%s %s: want key=value", flag, one)
		}
		m[one[:i]] = one[i+1:]
	}
	return m, nil
}

// typeNames names the types of all enums and views. Two structures with the same name need
// a --rename, so that a new structure never changes a type.
func typeNames(s session, renames map[string]string) (map[massive.Name]string, error) {
	home := ""
	if path := s.SearchPath(); len(path) > 0 {
		home = path[0]
	}
	types, owners := map[massive.Name]string{}, map[string]string{"Expected": "the function Expected"}
	add := func(n massive.Name) error {
		t := text{text: n.Name, key: n.String()}
		if n.Schema != home {
			t.text = n.Schema + "." + n.Name
		}
		name := plainName(t)
		if chosen, ok := renames[t.key]; ok {
			name = chosen
			delete(renames, t.key)
		}
		switch {
		case !token.IsIdentifier(name) || !token.IsExported(name):
			return usage("%s: %q is not an exported name of Go; choose another: --rename '%s=Name'", t.key, name, t.key)
		case owners[name] != "":
			return usage("%s and %s both lead to the name %s; choose one: --rename '%s=Name'", owners[name], t.key, name, t.key)
		}
		types[n], owners[name] = name, t.key
		return nil
	}
	for _, e := range s.Enums() {
		if err := add(e.Name()); err != nil {
			return nil, err
		}
	}
	for _, v := range s.Matviews() {
		if err := add(v.Name()); err != nil {
			return nil, err
		}
	}
	return types, nil
}

// enums adds all enums. Constants of all enums share the package's names.
func (f *goFile) enums(s session, types map[massive.Name]string, renames map[string]string) error {
	taken := map[string]string{"Expected": "the function Expected"}
	for n, t := range types {
		taken[t] = n.String()
	}
	of := func(e massive.Enum, label string) text {
		return text{types[e.Name()], label, e.Name().String() + "." + label}
	}
	var labels []text
	for _, e := range s.Enums() {
		for _, l := range e.All() {
			labels = append(labels, of(e, l))
		}
	}
	names, err := goNames(labels, taken, renames)
	if err != nil {
		return err
	}
	for _, e := range s.Enums() {
		enum := goEnum{Type: types[e.Name()], Name: e.Name().String(), Comment: e.Comment()}
		for _, l := range e.All() {
			enum.Constants = append(enum.Constants, goConstant{names[of(e, l)], l})
		}
		f.Enums = append(f.Enums, enum)
	}
	return nil
}

// oneLine returns a text of the database for a comment.
func oneLine(s string) string { return printable(strings.Join(strings.Fields(s), " ")) }

// fieldTypes finds the types of columns.
type fieldTypes struct {
	s       session
	types   map[massive.Name]string
	chosen  map[string]string // by the user
	unused  map[string]string // of chosen
	imports map[string]string // import paths by name
}

// columnTypes are the Go types of column types. Other types are text.
var columnTypes = map[string]string{
	"boolean": "*bool", "smallint": "*int16", "integer": "*int32", "bigint": "*int64",
	"real": "*float32", "double precision": "*float64", "bytea": "[]byte", "oid": "*uint32",
	"date": "*time.Time", "timestamp with time zone": "*time.Time", "timestamp without time zone": "*time.Time",
}

var modifier = regexp.MustCompile(`\([^)]*\)`)

func (t fieldTypes) fields(v massive.Matview, renames map[string]string) ([]goField, error) {
	view := v.Name().String()
	of := func(c dialect.Column) text { return text{"", c.Name, view + "." + c.Name} }
	var columns []text
	for _, c := range v.Columns() {
		if c.Name == "-" || strings.ContainsAny(c.Name, ",.") { // these have a meaning in tags
			return nil, usage("the column %q of %s can't be a field's tag; exclude the view: --exclude '%s'", c.Name, view, view)
		}
		columns = append(columns, of(c))
	}
	names, err := goNames(columns, nil, renames)
	if err != nil {
		return nil, err
	}
	var fields []goField
	for _, c := range v.Columns() {
		goType, err := t.of(view, c)
		if err != nil {
			return nil, err
		}
		tag := "db:" + strconv.Quote(c.Name)
		if strconv.CanBackquote(tag) {
			tag = "`" + tag + "`"
		} else {
			tag = strconv.Quote(tag)
		}
		fields = append(fields, goField{names[of(c)], goType, tag, c.Type})
	}
	return fields, nil
}

// of returns the Go type of a column.
func (t fieldTypes) of(view string, c dialect.Column) (string, error) {
	base := modifier.ReplaceAllString(c.Type, "")
	for _, key := range []string{view + "." + c.Name, c.Type, base} {
		if chosen, ok := t.chosen[key]; ok {
			delete(t.unused, key)
			return t.imported(key, chosen)
		}
	}
	if goType, ok := columnTypes[base]; ok {
		if strings.HasSuffix(goType, "time.Time") {
			return goType, t.add("time", "time")
		}
		return goType, nil
	}
	element, array := strings.CutSuffix(c.Type, "[]")
	if e, err := t.s.Enum(element); err == nil && t.types[e.Name()] != "" {
		if array {
			return "massive.EnumArrayOf[" + t.types[e.Name()] + "]", nil
		}
		return "massive.EnumOf[" + t.types[e.Name()] + "]", nil
	}
	return "*string", nil
}

var importVersion = regexp.MustCompile(`^v\d+$`)

// imported returns the text of a type that the user chose: "int64", "*string",
// "path/of/package.Type".
func (t fieldTypes) imported(key, chosen string) (string, error) {
	pointer := chosen[:len(chosen)-len(strings.TrimLeft(chosen, "*[]"))]
	path := chosen[len(pointer):]
	dot := strings.LastIndex(path, ".")
	if dot < 0 || dot < strings.LastIndex(path, "/") {
		if !token.IsIdentifier(path) {
			return "", usage("--type %s=%s: %q is not a type of Go", key, chosen, path)
		}
		return chosen, nil
	}
	path, name := path[:dot], path[dot+1:]
	parts := strings.Split(path, "/")
	last := parts[len(parts)-1]
	if importVersion.MatchString(last) && len(parts) > 1 {
		last = parts[len(parts)-2]
	}
	pkg := regexp.MustCompile(`[^\pL\pN]`).ReplaceAllString(strings.TrimPrefix(last, "go-"), "")
	if !token.IsIdentifier(pkg) || !token.IsIdentifier(name) || !token.IsExported(name) {
		return "", usage("--type %s=%s: want import/path.Type", key, chosen)
	}
	return pointer + pkg + "." + name, t.add(pkg, path)
}

// add adds an import.
func (t fieldTypes) add(name, path string) error {
	if other := t.imports[name]; other != "" && other != path {
		return usage("--type: %s and %s have the same name %s", other, path, name)
	}
	t.imports[name] = path
	return nil
}
