// Package odd is generated from schema.sql, which has awkward names and every kind of
// column. The generator's tests use it.
package odd
