package main

import (
	"context"
	"errors"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"slices"

	"github.com/spf13/cobra"

	"github.com/massivedb/massive-go/massive"
)

type driftJSON struct {
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	Missing   []string `json:"missing,omitempty"`
	Extra     []string `json:"extra,omitempty"`
	Reordered []string `json:"reordered,omitempty"`
}

func (a *app) enumsDiff() *cobra.Command {
	return &cobra.Command{
		Use:   "diff FILE.go",
		Short: "Compare the constants of a Go file with the enums",
		Long: `Compare the string types of a Go file and their constants, in the order of the file, with the
enums that 'massive generate' would give these names. The exit code is 1 if they differ.`,
		Example: `  massive enums diff internal/shop/status.go`,
		Args:    cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, s session, args []string) error {
			declared, err := constantsOf(args[0])
			if err != nil {
				return err
			}
			names, err := typeNames(s, map[string]string{})
			if err != nil {
				return err
			}
			var expected []massive.Expectation
			list, compared := []driftJSON{}, 0
			t := table{{"TYPE", "ENUM", "LABELS"}}
			for _, e := range s.Enums() {
				labels, ok := declared[names[e.Name()]]
				if !ok {
					continue
				}
				compared++
				expected = append(expected, massive.EnumIs(e.Name().String(), labels))
				t.row(names[e.Name()], e.Name().String(), plural(len(labels), "constant"))
			}
			if compared == 0 {
				return usage("%s has no string type with the name of an enum", args[0])
			}
			err = s.Verify(ctx, expected...)
			var drifts massive.Drifts
			if err != nil && !errors.As(err, &drifts) {
				return err
			}
			for _, d := range drifts {
				list = append(list, driftJSON{d.Name.String(), names[d.Name], d.Missing, d.Extra, d.Reordered})
			}
			switch {
			case a.json:
				if err := a.out.document(struct {
					Compared int         `json:"compared"`
					Drifts   []driftJSON `json:"drifts"`
				}{compared, list}); err != nil {
					return err
				}
			case len(drifts) > 0:
				a.out.lines(drifts.Error())
			default:
				a.out.table(t)
			}
			if len(drifts) > 0 {
				return exit{code: exitFindings}
			}
			return nil
		}, massive.KindEnum),
	}
}

// constantsOf returns the values of the constants of each string type in a Go file, in the
// file's order. Errors of the type checker don't count: the file's imports are not loaded.
func constantsOf(path string) (map[string][]string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, 0)
	if err != nil {
		return nil, exit{exitUsage, err}
	}
	lenient := types.Config{Error: func(error) {}, IgnoreFuncBodies: true, FakeImportC: true}
	pkg, _ := lenient.Check(file.Name.Name, files, []*ast.File{file}, nil)
	var all []*types.Const
	declared := map[string][]string{}
	for _, name := range pkg.Scope().Names() {
		switch o := pkg.Scope().Lookup(name).(type) {
		case *types.TypeName:
			if basic, ok := o.Type().Underlying().(*types.Basic); ok && basic.Kind() == types.String {
				declared[name] = nil
			}
		case *types.Const:
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(x, y *types.Const) int { return int(x.Pos() - y.Pos()) })
	for _, c := range all {
		if named, ok := c.Type().(*types.Named); ok && c.Val().Kind() == constant.String {
			declared[named.Obj().Name()] = append(declared[named.Obj().Name()], constant.StringVal(c.Val()))
		}
	}
	return declared, nil
}
