package massive_test

import (
	"context"
	"fmt"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// A program starts on a database that is not what it was written for. (The database is a fake, as in a unit test.)
func ExampleExpect() {
	fake := sqltest.New(sqltest.Catalog{Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"ok", "sad", "glum"}}}})
	defer fake.DB().Close()
	_, err := massive.Load(context.Background(), fake.DB(), fake,
		massive.Expect(massive.EnumIs("mood", []Mood{Sad, Ok, Happy})))
	fmt.Println(err)
	// Output:
	// massive: load: drift: enum public.mood: missing labels ["happy"]; extra labels ["glum"]; reordered labels ["sad"]; the program has ["sad" "ok" "happy"], the database ["ok" "sad" "glum"]
}

// An enum as a type of the program's own, altered in the database.
func ExampleBindEnum() {
	ctx := context.Background()
	fake := sqltest.New(sqltest.Catalog{Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"sad", "happy"}}}})
	defer fake.DB().Close()
	m, err := massive.Load(ctx, fake.DB(), fake)
	if err != nil {
		fmt.Println(err)
		return
	}
	mood, err := massive.BindEnum[Mood](m, "mood")
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		added, err := mood.EnsureValue(ctx, Ok, massive.Before(Happy))
		fmt.Println(added, err, mood.Values())
	}
	_, err = mood.Parse("hapy")
	fmt.Println(err)
	// Output:
	// true <nil> [sad ok happy]
	// false <nil> [sad ok happy]
	// massive: parse a label of public.mood: label unknown: "hapy" is none of ["sad" "ok" "happy"]; did you mean "happy"?
}

// A field of a struct takes the labels that its type declares.
func ExampleEnumOf() {
	var m massive.EnumOf[Mood]
	fmt.Println(m.Scan("happy"), m.V, m.Valid)
	fmt.Println(m.Scan(nil), m.Valid)
	_, err := massive.EnumArray(Ok, Mood("bored")).Value()
	fmt.Println(err)
	// Output:
	// <nil> happy true
	// <nil> false
	// massive: write a massive_test.Mood: element 2 of 2: label unknown: "bored" is none of ["sad" "ok" "happy"]
}
