//go:build !cgo

package duckdb_test

import (
	"os"
	"testing"
)

// Go disables cgo if there is no C compiler.
func TestConformance(t *testing.T) {
	const missing = "NOT RUN: DuckDB's driver needs cgo and a C compiler"
	if os.Getenv("MASSIVE_REQUIRE_DUCKDB") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing + "; MASSIVE_REQUIRE_DUCKDB=1 makes this an error")
}
