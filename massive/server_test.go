package massive_test

import (
	"testing"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// A load on a server before PostgreSQL 13 is ErrUnsupported. .ci/run runs this test on
// 12.
func TestOldestMajor(t *testing.T) {
	t.Parallel()
	onDrivers(t, "", func(t *testing.T, e *env) {
		version := one[int](t, e.pool, "SELECT current_setting('server_version_num')::int")
		m, err := massive.Load(t.Context(), e.pool, postgres.New())
		if version >= 130000 {
			noError(t, err)
			same(t, "major", m.Server().Major, version/10000)
			return
		}
		mustBe(t, err, massive.ErrUnsupported, "massive: load: ", "the server is PostgreSQL "+
			one[string](t, e.pool, "SELECT current_setting('server_version')"), "needs 13 or newer")
	})
}
