package massive_test

import (
	"context"
	"fmt"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// A program starts on a database that is not what it was written for. (The database is a
// fake, as in a unit test.)
func ExampleExpect() {
	fake := sqltest.New(sqltest.Catalog{Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"ok", "sad", "glum"}}}})
	defer fake.DB().Close()
	_, err := massive.Load(context.Background(), fake.DB(), fake,
		massive.Expect(massive.EnumIs("mood", []Mood{Sad, Ok, Happy})))
	fmt.Println(err)
	// Output: massive: load: drift: enum public.mood: missing labels ["happy"]; extra
	// labels ["glum"]; reordered labels ["sad"]; the program has ["sad" "ok" "happy"],
	// the database ["ok" "sad" "glum"]
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
	// Output: true <nil> [sad ok happy] false <nil> [sad ok happy] massive: parse a label
	// of public.mood: label unknown: "hapy" is none of ["sad" "ok" "happy"]; did you mean
	// "happy"?
}

// A field of a struct takes the labels that its type declares.
func ExampleEnumOf() {
	var m massive.EnumOf[Mood]
	fmt.Println(m.Scan("happy"), m.V, m.Valid)
	fmt.Println(m.Scan(nil), m.Valid)
	_, err := massive.EnumArray(Ok, Mood("bored")).Value()
	fmt.Println(err)
	// Output: <nil> happy true <nil> false massive: write a massive_test.Mood: element 2
	// of 2: label unknown: "bored" is none of ["sad" "ok" "happy"]
}

// A Status is an enum of a program that also runs while the database has labels of the
// next version.
type Status string

const (
	Placed Status = "placed"
	Paid   Status = "paid"
)

func (Status) Labels() []Status { return []Status{Placed, Paid} }
func (Status) AllowExtra() bool { return true }

// The old version of a program meets a label that the next version adds.
func ExampleAllowsExtra() {
	ctx := context.Background()
	fake := sqltest.New(sqltest.Catalog{Enums: []sqltest.Enum{{Name: "status", Labels: []string{"placed", "paid"}}}})
	defer fake.DB().Close()
	m, err := massive.Load(ctx, fake.DB(), fake, massive.Expect(massive.EnumIs("status", Status("").Labels())))
	if err != nil {
		fmt.Println(err)
		return
	}
	// The migration of the next version.
	next, err := massive.Load(ctx, fake.DB(), fake)
	if err != nil {
		fmt.Println(err)
		return
	}
	altered, err := massive.BindEnum[string](next, "status")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(altered.EnsureValue(ctx, "packed", massive.Before("paid")))

	fmt.Println(m.Reload(ctx)) // as Watch does
	var status massive.EnumOf[Status]
	fmt.Println(status.Scan("packed"), status)
	switch status.V {
	case Placed, Paid:
		fmt.Println("known")
	default:
		fmt.Println("left to the next version")
	}
	// Output: true <nil> enum public.status changed: labels ["placed" "paid"] → ["placed"
	// "packed" "paid"] <nil> <nil> packed left to the next version
}
