// Package testrun is how the project's own tests are run: how many at a time, and how much of what takes long.
package testrun

import (
	"errors"
	"flag"
	"os"
	"testing"
)

// atOnce is how many tests run at a time unless -parallel says otherwise: more than there are processors, since they
// wait, for locks and for servers, more than they work.
const atOnce = "8"

// Set is for a TestMain, before it runs the tests.
func Set() error {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	var err error
	if !given {
		err = flag.Set("test.parallel", atOnce)
	}
	// By default glibc gives back the memory of each statement that is planned, only to ask for it again: 850 page
	// faults a load. A server that pgtest starts inherits this.
	return errors.Join(err, os.Setenv("MALLOC_TOP_PAD_", "16777216"))
}

// variable is set where everything is to be run.
const variable = "MASSIVE_TEST_ALL"

// All tells whether everything is to be run, as in CI, or what is enough for the everyday: each driver once, and no
// servers that are stopped, copied and promoted.
func All() bool { return os.Getenv(variable) != "" }

// Long skips a test that is only for a run of everything.
func Long(t testing.TB) {
	t.Helper()
	if !All() {
		t.Skipf("it takes long, and runs with %s=1 only, as in CI", variable)
	}
}
