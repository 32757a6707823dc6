package sqltest_test

import (
	"os"
	"testing"

	"github.com/massivedb/massive-go/internal/testrun"
)

func TestMain(m *testing.M) {
	testrun.Set()
	os.Exit(m.Run())
}
