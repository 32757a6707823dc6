// Package testrun configures runs of this project's tests: how many run in parallel, and
// if slow tests run.
package testrun

import (
	"errors"
	"flag"
	"os"
	"testing"
)

// atOnce is the default of -parallel. It exceeds the number of processors, because tests
// mostly wait for locks and servers.
const atOnce = "8"

// Set configures a run. TestMain calls it before it runs the tests.
func Set() error {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	var err error
	if !given {
		err = flag.Set("test.parallel", atOnce)
	}
	// Servers that pgtest starts inherit this. By default glibc returns memory to the
	// system after each statement and requests it again, which costs 850 page faults per
	// load.
	return errors.Join(err, os.Setenv("MALLOC_TOP_PAD_", "16777216"))
}

// variable is set to run all tests.
const variable = "MASSIVE_TEST_ALL"

// All reports whether all tests run, as in CI. Otherwise tests run once per driver, and
// tests that stop, copy and promote servers don't run.
func All() bool { return os.Getenv(variable) != "" }

// Long skips a slow test unless all tests run.
func Long(t testing.TB) {
	t.Helper()
	if !All() {
		t.Skipf("a slow test, which runs only with %s=1, as in CI", variable)
	}
}
