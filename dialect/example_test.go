package dialect_test

import (
	"fmt"

	"github.com/massivedb/massive-go/dialect"
)

func ExampleParseName() {
	for _, text := range []string{"daily", "stats.daily", `"odd.schema"."Odd Name"`, "a.b.c"} {
		n, err := dialect.ParseName(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("schema %q, name %q, as SQL: %s\n", n.Schema, n.Name, n.Quoted())
	}
	// Output:
	// schema "", name "daily", as SQL: "daily"
	// schema "stats", name "daily", as SQL: "stats"."daily"
	// schema "odd.schema", name "Odd Name", as SQL: "odd.schema"."Odd Name"
	// invalid argument: name "a.b.c" has more than two parts; put double quotes around a part that contains a dot
}

func ExampleParsePattern() {
	temporary, err := dialect.ParsePattern("*.tmp_*")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(temporary.Match(dialect.Name{Schema: "stats", Name: "tmp_daily"}))
	fmt.Println(temporary.Match(dialect.Name{Schema: "stats", Name: "daily"}))

	f := dialect.Filter{Exclude: []dialect.Pattern{temporary}}
	why, excluded := f.Excludes(dialect.Name{Schema: "stats", Name: "tmp_daily"})
	fmt.Println(excluded, why)
	// Output:
	// true
	// false
	// true excluded by *.tmp_*
}
