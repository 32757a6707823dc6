package conformance_test

import (
	"os"
	"testing"

	"github.com/massivedb/massive-go/internal/testrun"
)

func TestMain(m *testing.M) {
	if err := testrun.Set(); err != nil {
		panic(err)
	}
	os.Exit(testrun.Run{M: m}.Run())
}
