package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/massivedb/massive-go/massive"
)

func (a *app) enums() *cobra.Command {
	c := &cobra.Command{Use: "enums", Short: "List enums, add labels, compare constants", Args: cobra.NoArgs}
	c.AddCommand(a.enumsLs(), a.enumsAdd(), a.enumsDiff())
	return group(c)
}

func (a *app) enumsLs() *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Short:   "List enums with their labels",
		Example: `  massive enums ls --json | jq -r '.enums[].labels[]'`,
		Args:    cobra.NoArgs,
		RunE: a.with(func(_ context.Context, s session, _ []string) error {
			list := []enumJSON{}
			t := table{{"ENUM", "LABELS"}}
			for _, e := range s.Enums() {
				list = append(list, asEnum(e))
				t.row(e.Name().String(), strings.Join(e.Values(), ", "))
			}
			if a.json {
				return a.out.document(struct {
					Enums []enumJSON `json:"enums"`
				}{list})
			}
			if len(list) > 0 {
				a.out.table(t)
			}
			return nil
		}, massive.KindEnum),
	}
}

func (a *app) enumsAdd() *cobra.Command {
	var before, after string
	var ifNotExists bool
	var c *cobra.Command
	c = &cobra.Command{
		Use:   "add ENUM LABEL",
		Short: "Add a label to an enum",
		Long: `Add a label to an enum, at its end or at the given place. PostgreSQL can't remove a label
again.`,
		Example: `  massive enums add order_status returned --after shipped
  massive enums add order_status returned --if-not-exists`,
		Args: cobra.ExactArgs(2),
		RunE: a.with(func(ctx context.Context, s session, args []string) error {
			e, err := massive.BindEnum[string](s.DB, args[0])
			if err != nil {
				return err
			}
			var at []massive.Place
			switch {
			case c.Flags().Changed("before"):
				at = append(at, massive.Before(before))
			case c.Flags().Changed("after"):
				at = append(at, massive.After(after))
			}
			added := true
			if ifNotExists {
				added, err = e.EnsureValue(ctx, args[1], at...)
			} else {
				err = e.AddValue(ctx, args[1], at...)
			}
			if err != nil {
				return err
			}
			enum, err := e.Enum()
			if err != nil {
				return err
			}
			if a.json {
				return a.out.document(struct {
					Added bool `json:"added"`
					enumJSON
				}{added, asEnum(enum)})
			}
			text := "added " + strconv.Quote(args[1]) + " to "
			if !added {
				text = strconv.Quote(args[1]) + " exists already in "
			}
			a.out.line(text + enum.Name().String() + ": " + strings.Join(enum.Values(), ", "))
			return nil
		}, massive.KindEnum),
	}
	c.Flags().StringVar(&before, "before", "", "add it before this `label`")
	c.Flags().StringVar(&after, "after", "", "add it after this `label`")
	c.Flags().BoolVar(&ifNotExists, "if-not-exists", false, "succeed if the enum already has the label")
	c.MarkFlagsMutuallyExclusive("before", "after")
	return c
}
