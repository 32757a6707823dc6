package sqltest_test

import (
	"flag"
	"os"
	"testing"
)

// atOnce is how many tests run at a time unless -parallel says otherwise: more than there are processors, since they
// wait, for locks and for servers, more than they work.
const atOnce = "8"

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			panic(err)
		}
	}
	// By default glibc gives back the memory of each statement that is planned, only to ask for it again: 850 page
	// faults a load. A server that pgtest starts inherits this.
	os.Setenv("MALLOC_TOP_PAD_", "16777216")
	os.Exit(m.Run())
}
